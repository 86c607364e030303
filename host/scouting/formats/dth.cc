#include <cstring>

#include "host/scouting/formats/events.h"
#include "host/scouting/formats/framings.h"
#include "host/scouting/formats/tables.h"

namespace strobe::scouting {
namespace {

constexpr size_t kHeaderBytes = 32, kLengthUnit = 32;
constexpr uint32_t kFullLength = 255;
constexpr size_t kMostBlocks = 1024;  ///< 8 MB of one orbit
constexpr size_t kLongestOrbit = kMostBlocks * (kHeaderBytes + kFullLength * kLengthUnit);

/// A block's header: 47 5a, number, flags, length in 32-byte words, zeros; the first event's header at byte 16.
struct Block {
  uint32_t number = 0;
  bool starts = false, ends = false;
  size_t payload_bytes = 0;
  const std::byte* payload = nullptr;
  size_t bytes() const { return kHeaderBytes + payload_bytes; }
};

std::optional<Block> read_block(const std::byte* at) {
  const auto byte = [at](size_t i) { return static_cast<uint32_t>(at[i]); };
  if (byte(0) != 0x47 || byte(1) != 0x5A) return std::nullopt;
  for (const size_t zero : {7, 8, 9, 10, 11, 12, 13, 14, 15}) {
    if (byte(zero) != 0) return std::nullopt;
  }
  const Block block{byte(2) | byte(3) << 8 | byte(4) << 16, (byte(5) & 0x80) != 0, (byte(5) & 0x40) != 0,
                    byte(6) * kLengthUnit, at + kHeaderBytes};
  if ((byte(5) & 0x3F) != 0 || block.starts != (block.number == 0)) return std::nullopt;
  if (!block.ends && byte(6) != kFullLength) return std::nullopt;
  return block;
}

/// Puts the blocks of an orbit together and decodes the events in them.
class DthDecoder final : public Decoder {
 public:
  DthDecoder(const SourceFormat& format, const DecoderOptions& options, Isa isa)
      : format_(format), reader_(format, options, isa) {}

  const SourceFormat& format() const override { return format_; }
  /// Twice the longest orbit: where a block is lost, the next orbit's first one is looked for.
  size_t longest_bytes() const override { return 2 * kLongestOrbit; }

  Decoded decode(std::span<const std::byte> bytes, bool at_end, SourceOrbit& orbit) override {
    begin_orbit(format_, orbit);
    content_.clear();
    size_t taken = 0;
    std::string wrong;
    for (uint32_t number = 0;; ++number) {
      const auto rest = bytes.subspan(taken);
      if (rest.size() < kHeaderBytes && !at_end) return need_more();
      const auto block = rest.size() < kHeaderBytes ? std::nullopt : read_block(rest.data());
      if (!block || block->number != number) {
        wrong = !block ? absl::StrCat("no header of block ", number)
                       : absl::StrCat("block ", block->number, " where block ", number, " was expected");
        break;
      }
      if (rest.size() < block->bytes()) {
        if (!at_end) return need_more();
        wrong = absl::StrCat("the stream ends in block ", number, ", after ", rest.size() - kHeaderBytes, " of ",
                             block->payload_bytes, " bytes");
        break;
      }
      content_.append({block->payload, block->payload_bytes});
      taken += block->bytes();
      if (block->ends) return decode_content(bytes.first(taken), orbit);
      if (number + 1 == kMostBlocks) {
        wrong = absl::StrCat("an orbit of more than ", kMostBlocks, " blocks");
        break;
      }
    }
    return lost(bytes, at_end, taken, wrong);
  }

 private:
  /// The first block of an orbit, at any byte from `from`; without an answer where that takes more bytes.
  static std::optional<size_t> find_start(std::span<const std::byte> bytes, size_t from, bool at_end) {
    static constexpr unsigned char kMarker[2] = {0x47, 0x5A};
    while (from + kHeaderBytes <= bytes.size()) {
      const void* const found = memmem(bytes.data() + from, bytes.size() - from, kMarker, sizeof(kMarker));
      if (found == nullptr) return std::nullopt;
      from = static_cast<size_t>(static_cast<const std::byte*>(found) - bytes.data());
      if (from + kHeaderBytes > bytes.size()) return std::nullopt;
      if (const auto block = read_block(bytes.data() + from); block && block->starts) {
        const size_t next = from + block->bytes();
        // Behind it another block, as far as there are bytes.
        if (next + kHeaderBytes > bytes.size()) return at_end ? std::optional(from) : std::nullopt;
        if (read_block(bytes.data() + next)) return from;
      }
      ++from;
    }
    return std::nullopt;
  }

  /// An orbit of which a block is missing or cut, up to the next orbit's first block.
  Decoded lost(std::span<const std::byte> bytes, bool at_end, size_t taken, const std::string& wrong) const {
    if (bytes.empty()) return need_more();
    if (bytes.size() > longest_bytes()) {  // however the bytes come: no more than that is looked at
      bytes = bytes.first(longest_bytes());
      at_end = false;
    }
    const std::optional<size_t> next = find_start(bytes, 1, at_end);
    if (!next && !at_end && bytes.size() < longest_bytes()) return need_more();
    const size_t size = next ? *next : at_end ? bytes.size() : bytes.size() / 2;
    const auto block = bytes.size() < kHeaderBytes ? std::nullopt : read_block(bytes.data());
    const std::string detail = absl::StrCat(wrong, "; ", size, " bytes to the next orbit");
    if (!block)
      return bad(size, taken == 0 && bytes.size() >= kHeaderBytes ? Fault::kLostSync : Fault::kTruncated, detail);
    Decoded answer = bad(size, Fault::kTruncated, detail);
    answer.orbits = 1;
    if (const auto event = reader_.header(bytes.data() + 16)) {
      answer.orbit = event->orbit;
      answer.knows_orbit = true;
    }
    return answer;
  }

  Decoded decode_content(std::span<const std::byte> bytes, SourceOrbit& orbit) {
    std::span<const std::byte> content = content_.view();
    std::vector<BadBytes> before;
    FaultCounts faults{};
    while (!content.empty()) {
      const Decoded decoded = reader_.decode_all(content, orbit);
      if (decoded.kind == Decoded::Kind::kOrbit) {
        for (size_t i = 0; i < kFaults; ++i) orbit.crossing_faults[i] += faults[i];
        for (BadBytes& each : before) orbit.bad.push_back(std::move(each));
        keep_rest(content.subspan(decoded.consumed), orbit);
        orbit.crossings_in = orbit.crossings.size();
        for (const uint64_t dropped : orbit.crossing_faults) orbit.crossings_in += dropped;
        return whole_orbit(bytes.size(), orbit);
      }
      if (decoded.kind == Decoded::Kind::kBad) {
        if (decoded.knows_orbit) {
          return bad_orbit(bytes.size(), decoded.fault, decoded.orbit, decoded.detail);
        }
        ++faults[static_cast<size_t>(decoded.fault)];
        before.push_back(
            {decoded.fault, {content.begin(), content.begin() + static_cast<ptrdiff_t>(decoded.consumed)}});
      }
      content = content.subspan(decoded.consumed);
      orbit.clear();
    }
    Decoded answer = bad(bytes.size(), Fault::kBadHeader, "an orbit's blocks without an event");
    answer.orbits = 1;
    return answer;
  }

  /// What follows the orbit's events in its last block: zeros, or something that does not belong there.
  static void keep_rest(std::span<const std::byte> rest, SourceOrbit& orbit) {
    for (const std::byte byte : rest) {
      if (byte == std::byte{0}) continue;
      ++orbit.crossing_faults[static_cast<size_t>(Fault::kOrbitMismatch)];
      keep_bad(orbit, Fault::kOrbitMismatch, rest.data(), rest.data() + rest.size());
      return;
    }
  }

  const SourceFormat& format_;
  EventReader reader_;
  Buffer<std::byte> content_;
};

}  // namespace

std::unique_ptr<Decoder> make_dth_decoder(const SourceFormat& format, const DecoderOptions& options, Isa isa) {
  return std::make_unique<DthDecoder>(format, options, isa);
}

}  // namespace strobe::scouting
