#include <cstring>
#include <optional>

#include "host/scouting/core/cmssw_raw.h"
#include "host/scouting/core/crc32c.h"
#include "host/scouting/formats/answers.h"
#include "host/scouting/formats/framings.h"
#include "host/scouting/formats/gmt_blocks.h"
#include "host/scouting/formats/tables.h"
#include "host/scouting/formats/zero_suppressed.h"

namespace strobe::scouting {
namespace {

constexpr size_t kFileHeaderBytes = sizeof(RawFileHeader), kOrbitHeaderBytes = sizeof(RawOrbitHeader);
constexpr size_t kSourceIdBytes = 4;
constexpr uint32_t kHighestSourceId = 255;  ///< CMS's go to 32

bool is_file_header(std::span<const std::byte> bytes) {
  return bytes.size() >= kRawFileMagic.size() &&
         std::memcmp(bytes.data(), kRawFileMagic.data(), kRawFileMagic.size()) == 0;
}

/// CMSSW's raw file, or the same orbits without it, as a TCP sink sends them.
class RawOrbitDecoder final : public Decoder {
 public:
  RawOrbitDecoder(const SourceFormat& format, const DecoderOptions& options)
      : format_(format), options_(options), layout_(zero_suppressed_layout(format)) {}

  const SourceFormat& format() const override { return format_; }
  /// Twice the longest orbit: a damaged one is told from the one behind it.
  size_t longest_bytes() const override { return 2 * (kOrbitHeaderBytes + layout_.longest_payload); }

  Decoded decode(std::span<const std::byte> bytes, bool at_end, SourceOrbit& orbit) override {
    begin_orbit(format_, orbit);
    if (is_file_header(bytes)) {
      if (bytes.size() >= kFileHeaderBytes) return file_header(bytes.data());
      return at_end ? bad(bytes.size(), Fault::kTruncated, "the stream ends in a file header") : need_more();
    }
    if (bytes.size() < kOrbitHeaderBytes) {
      if (!at_end || bytes.empty()) return need_more();
      return bad(bytes.size(), Fault::kTruncated,
                 absl::StrCat("the stream ends with ", bytes.size(), " bytes of an orbit header"));
    }
    if (!may_start(bytes)) return resynchronise(bytes, at_end);
    const auto header = load<RawOrbitHeader>(bytes.data());
    const size_t size = kOrbitHeaderBytes + header.payload_bytes;
    if (bytes.size() < size) return at_end ? resynchronise(bytes, at_end) : need_more();
    const auto payload = bytes.subspan(kOrbitHeaderBytes, header.payload_bytes);
    if (const uint32_t found = crc32c(payload); found != header.checksum) return damaged(header, found, bytes, at_end);
    return decode_payload(header, payload, orbit);
  }

 private:
  /// An orbit whose checksum is not right. The length leads to the next orbit if it is right; if it is not, or the
  /// orbit was cut, another one begins inside.
  Decoded damaged(const RawOrbitHeader& header, uint32_t found, std::span<const std::byte> bytes, bool at_end) const {
    const size_t size = kOrbitHeaderBytes + header.payload_bytes;
    const Search inside = next_orbit(bytes.first(size), bytes, at_end);
    if (inside.needs_more) return need_more();
    if (inside.at) return skipped(bytes, *inside.at);
    if (!at_end && bytes.size() < size + kOrbitHeaderBytes + kSourceIdBytes) return need_more();
    if (!leads_on(bytes.subspan(size))) return resynchronise(bytes, at_end);
    return bad_orbit(size, Fault::kBadChecksum, header.number,
                     absl::StrCat("orbit ", header.number, ": CRC-32C of the payload is 0x", absl::Hex(found),
                                  ", the header says 0x", absl::Hex(header.checksum)));
  }

  Decoded file_header(const std::byte* at) const {
    const auto header = load<RawFileHeader>(at);
    if (header.header_bytes == kFileHeaderBytes && header.type == kRawFileType) return nothing(kFileHeaderBytes);
    return bad(kFileHeaderBytes, Fault::kBadHeader,
               absl::StrCat("a file header of ", header.header_bytes, " bytes and type ", header.type, ", expected ",
                            kFileHeaderBytes, " and ", kRawFileType));
  }

  /// Whether bytes can be the start of an orbit or file, as far as they go.
  bool may_start(std::span<const std::byte> bytes) const {
    if (bytes.empty() || is_file_header(bytes)) return true;
    if (bytes.size() >= 2 && load<uint16_t>(bytes.data()) != kRawOrbitVersion) {
      return bytes.size() < kRawFileMagic.size() && std::memcmp(bytes.data(), kRawFileMagic.data(), bytes.size()) == 0;
    }
    if (bytes.size() < kOrbitHeaderBytes) return true;
    const uint32_t payload = load<RawOrbitHeader>(bytes.data()).payload_bytes;
    return payload >= kSourceIdBytes && payload <= layout_.longest_payload;
  }

  /// Whether what follows an orbit says that its length is right.
  bool leads_on(std::span<const std::byte> rest) const {
    if (rest.empty() || is_file_header(rest)) return true;
    if (rest.size() < kOrbitHeaderBytes + kSourceIdBytes) return false;
    return may_start(rest) && load<uint32_t>(rest.data() + kOrbitHeaderBytes) <= kHighestSourceId;
  }

  /// Whether a payload that starts in `rest` says that it is this format's: words of objects often look like headers.
  bool is_own(std::span<const std::byte> rest) const {
    if (rest.size() < kOrbitHeaderBytes + kSourceIdBytes) return false;
    const uint32_t id = load<uint32_t>(rest.data() + kOrbitHeaderBytes);
    const SourceIds ids = source_ids(format_);
    return id >= ids.first && id <= ids.last;
  }

  struct Search {
    std::optional<size_t> at;
    bool needs_more = false;  ///< what comes first may be one, once it is there
  };
  /// Behind the first byte of `bytes`, but within `where`: a file header or an orbit whose checksum is right.
  Search next_orbit(std::span<const std::byte> where, std::span<const std::byte> bytes, bool at_end) const {
    // Checksums over damaged sizes cost time; beyond this, headers that look right must do.
    size_t budget = longest_bytes();
    for (size_t at = 1; at < where.size(); ++at) {
      const auto rest = bytes.subspan(at);
      if (rest.size() < kOrbitHeaderBytes + kSourceIdBytes) return {std::nullopt, !at_end};
      if (is_file_header(rest)) return {at};
      if (load<uint16_t>(rest.data()) != kRawOrbitVersion || !may_start(rest) || !is_own(rest)) continue;
      const auto header = load<RawOrbitHeader>(rest.data());
      if (rest.size() - kOrbitHeaderBytes < header.payload_bytes) {
        if (!at_end) return {std::nullopt, true};
        continue;
      }
      if (budget < header.payload_bytes) return {at};
      budget -= header.payload_bytes;
      if (crc32c(rest.subspan(kOrbitHeaderBytes, header.payload_bytes)) == header.checksum) return {at};
    }
    return {};
  }

  /// The same answer whatever the pieces in which the bytes come: what is beyond the longest is not looked at.
  Decoded resynchronise(std::span<const std::byte> bytes, bool at_end) const {
    if (bytes.size() > longest_bytes()) {
      bytes = bytes.first(longest_bytes());
      at_end = false;
    }
    if (const Search found = next_orbit(bytes, bytes, at_end); found.at) return skipped(bytes, *found.at);
    if (at_end) return skipped(bytes, bytes.size());
    if (bytes.size() < longest_bytes()) return need_more();
    return skipped(bytes, longest_bytes() / 2);
  }

  Decoded skipped(std::span<const std::byte> bytes, size_t size) const {
    if (!may_start(bytes)) {
      return bad(size, Fault::kBadHeader,
                 absl::StrCat("no orbit header of version ", kRawOrbitVersion, "; ", size, " bytes to the next one"));
    }
    const auto header = load<RawOrbitHeader>(bytes.data());
    return bad_orbit(size, Fault::kTruncated, header.number,
                     absl::StrCat("orbit ", header.number, ": the header announces ", header.payload_bytes,
                                  " bytes of payload, another orbit begins or the stream ends after ",
                                  size < kOrbitHeaderBytes ? 0 : size - kOrbitHeaderBytes));
  }

  Decoded decode_payload(const RawOrbitHeader& header, std::span<const std::byte> payload, SourceOrbit& orbit) const {
    const size_t size = kOrbitHeaderBytes + payload.size();
    const uint32_t id = load<uint32_t>(payload.data());
    const SourceIds ids = source_ids(format_);
    if (id < ids.first || id > ids.last) {
      return bad_orbit(size, Fault::kBadHeader, header.number,
                       absl::StrCat("orbit ", header.number, ": source id ", id, ", expected ", ids.first,
                                    ids.first == ids.last ? "" : absl::StrCat(" to ", ids.last), " for format ",
                                    std::string(format_.name)));
    }
    orbit.number = believed_number(header.number, payload.subspan(kSourceIdBytes));
    if (orbit.number != (header.number & kOrbitMask)) {
      keep_bad(orbit, Fault::kBadHeader, payload.data() - kOrbitHeaderBytes, payload.data());
    }
    if (options_.payload) orbit.payload.append(payload.first(kSourceIdBytes));
    append_blocks(payload.subspan(kSourceIdBytes), orbit);
    if (options_.columns) layout_.finish(orbit);
    if (options_.payload) orbit.payload_first.push_back(static_cast<uint32_t>(orbit.payload.size()));
    orbit.crossings_in = orbit.crossings.size();
    for (const uint64_t dropped : orbit.crossing_faults) orbit.crossings_in += dropped;
    return whole_orbit(size, orbit);
  }

  /// The checksum does not cover the header: where all blocks agree on another number, theirs is right.
  uint32_t believed_number(uint32_t number, std::span<const std::byte> blocks) const {
    number &= kOrbitMask;
    std::optional<uint32_t> carried;
    while (!blocks.empty()) {
      const auto block = layout_.read(blocks);
      if (!block) return number;
      if (carried && *carried != (block->orbit & kOrbitMask)) return number;
      carried = block->orbit & kOrbitMask;
      blocks = blocks.subspan(block->bytes);
    }
    return carried.value_or(number);
  }

  void append_blocks(std::span<const std::byte> blocks, SourceOrbit& orbit) const {
    const auto drop = [&](Fault fault, size_t bytes) {
      ++orbit.crossing_faults[static_cast<size_t>(fault)];
      keep_bad(orbit, fault, blocks.data(), blocks.data() + bytes);
    };
    while (!blocks.empty()) {
      const auto block = layout_.read(blocks);
      if (!block) {
        drop(Fault::kBadObject, blocks.size());
        return;
      }
      const bool ascends = orbit.crossings.empty() || block->crossing > orbit.crossings.back();
      if (block->crossing > kHighestCrossing || !ascends) {
        drop(Fault::kBadCrossing, block->bytes);
      } else if ((block->orbit & kOrbitMask) != orbit.number) {
        drop(Fault::kOrbitMismatch, block->bytes);
      } else {
        append_block(*block, blocks.first(block->bytes), orbit);
      }
      blocks = blocks.subspan(block->bytes);
    }
  }

  void append_block(const ZeroSuppressedBlock& block, std::span<const std::byte> bytes, SourceOrbit& orbit) const {
    orbit.crossings.push_back(static_cast<uint16_t>(block.crossing));
    if (options_.columns) layout_.append(block, orbit);
    if (options_.payload) {
      orbit.payload_first.push_back(static_cast<uint32_t>(orbit.payload.size()));
      orbit.payload.append(bytes);
    }
  }

  const SourceFormat& format_;
  const DecoderOptions options_;
  const ZeroSuppressedLayout layout_;
};

}  // namespace

std::unique_ptr<Decoder> make_raw_orbit_decoder(const SourceFormat& format, const DecoderOptions& options) {
  return std::make_unique<RawOrbitDecoder>(format, options);
}

}  // namespace strobe::scouting
