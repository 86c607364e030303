#include <sanitizer/asan_interface.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "host/scouting/formats/decoder.h"
#include "host/scouting/formats/isa.h"
#include "tests/fuzz/scouting_packets.h"

/// One framing's decoders (STROBE_FUZZ_FORMATS, comma-separated). An input is a few choices: format, options, the size
/// of the pieces in which the stream comes, then either the stream's bytes themselves or what is chosen in making some
/// hundred small packets and damaging some of them. Every byte must be consumed, every orbit must keep its promises,
/// pieces (but of DMA packets) and instruction sets must give what the whole gives. At the end the packets of each
/// format are counted.
namespace strobe::scouting {
namespace {

void require(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "broken: %s\n", what);
  std::abort();
}

uint64_t sum_of(const FaultCounts& faults) {
  uint64_t sum = 0;
  for (const uint64_t count : faults) sum += count;
  return sum;
}

void check(const SourceOrbit& orbit, const DecoderOptions& options) {
  for (size_t i = 0; i < orbit.crossings.size(); ++i) {
    require(orbit.crossings[i] <= kHighestCrossing, "a crossing above 3564");
    require(i == 0 || orbit.crossings[i] > orbit.crossings[i - 1], "crossings that do not ascend");
  }
  require(orbit.crossings_in == orbit.crossings.size() + sum_of(orbit.crossing_faults), "in = out + dropped");
  for (const Collection& collection : orbit.collections) {
    if (!options.columns) break;
    require(collection.first.size() == orbit.crossings.size() + 1, "a crossing table's length");
    for (size_t i = 1; i < collection.first.size(); ++i) {
      require(collection.first[i] >= collection.first[i - 1], "a crossing table that descends");
    }
    for (size_t word = 0; word < collection.format->word_bits.size(); ++word) {
      const bool wide = collection.format->word_bits[word] == 64;
      const size_t size = wide ? collection.wide[word].size() : collection.narrow[word].size();
      require(size == collection.objects(), "a column's length");
    }
  }
  if (options.payload && orbit.format->framing != Framing::kPatternText) {
    require(orbit.payload_first.size() == orbit.crossings.size() + 1, "the payload's crossing table");
    require(orbit.payload_first.back() == orbit.payload.size(), "the payload's end");
  }
}

/// Bytes of which a reader may see no more than have come: sanitizers report it if it looks further.
class Window {
 public:
  explicit Window(const Bytes& bytes) : bytes_(bytes) { ASAN_POISON_MEMORY_REGION(bytes_.data(), bytes_.size()); }
  ~Window() { ASAN_UNPOISON_MEMORY_REGION(bytes_.data(), bytes_.size()); }
  size_t size() const { return bytes_.size(); }
  void show(size_t end) { ASAN_UNPOISON_MEMORY_REGION(bytes_.data(), end); }
  std::span<const std::byte> between(size_t begin, size_t end) const {
    return std::span(bytes_).subspan(begin, end - begin);
  }

 private:
  const Bytes bytes_;
};

/// Decodes what comes in pieces of `piece` bytes; a digest of all that was said.
uint64_t run(Decoder& decoder, const DecoderOptions& options, const Bytes& bytes, size_t piece) {
  static SourceOrbit orbit;  // its memory is kept, as in the pipeline
  static const bool traces = std::getenv("STROBE_FUZZ_TRACE") != nullptr;
  Window window(bytes);
  uint64_t digest = 0;
  const auto add = [&digest](uint64_t value) { digest = (digest ^ value) * 0x9E3779B97F4A7C15 + (digest >> 29); };
  for (size_t begin = 0, end = std::min(piece, bytes.size()); begin < bytes.size();) {
    const bool at_end = end == bytes.size();
    window.show(end);
    const Decoded decoded = decoder.decode(window.between(begin, end), at_end, orbit);
    if (decoded.kind == Decoded::Kind::kNeedMore) {
      require(decoded.consumed == 0, "more is needed, and something consumed");
      require(!at_end, "more is needed at the end");
      decoder.expect_more();
      end = std::min(end + piece, bytes.size());
      continue;
    }
    require(decoded.consumed > 0, "no progress");
    require(decoded.consumed <= end - begin, "more consumed than there was");
    if (traces) {
      std::fprintf(stderr, "%zu+%zu of %zu: kind %d fault %d orbit %u, %zu crossings: %s\n", begin, decoded.consumed,
                   end - begin, static_cast<int>(decoded.kind), static_cast<int>(decoded.fault), orbit.number,
                   orbit.crossings.size(), decoded.detail.c_str());
    }
    begin += decoded.consumed;
    end = std::max(end, std::min(begin + piece, bytes.size()));
    if (decoded.kind == Decoded::Kind::kNothing) continue;  // zeros may be skipped in one go or in several
    add(static_cast<uint64_t>(decoded.kind));
    add(begin);
    if (decoded.kind == Decoded::Kind::kBad) add(static_cast<uint64_t>(decoded.fault));
    if (decoded.kind != Decoded::Kind::kOrbit) continue;
    check(orbit, options);
    require(orbit.input_bytes == decoded.consumed, "an orbit's bytes");
    add(orbit.number);
    for (const uint16_t crossing : orbit.crossings) add(crossing);
    for (const uint64_t dropped : orbit.crossing_faults) add(dropped);
    for (const Collection& collection : orbit.collections) {
      for (const auto& column : collection.narrow) {
        for (const uint32_t word : column) add(word);
      }
      for (const auto& column : collection.wide) {
        for (const uint64_t word : column) add(word);
      }
    }
    for (const std::byte byte : orbit.payload) add(static_cast<uint64_t>(byte));
  }
  return digest;
}

/// Packets decoded, by format.
class Counts {
 public:
  ~Counts() {
    for (const auto& [format, counts] : counts_) {
      std::fprintf(stderr, "%s: %llu packets, %llu of them damaged\n", format.c_str(), counts.first, counts.second);
    }
  }
  void add(std::string_view format, bool is_damaged) {
    auto& counts = counts_[std::string(format)];
    ++counts.first;
    counts.second += is_damaged;
  }

 private:
  std::map<std::string, std::pair<unsigned long long, unsigned long long>> counts_;
};

/// Some hundred packets, about one in four of them damaged.
Bytes stream_of(std::string_view format, std::span<const uint8_t> data) {
  static Counts counts;
  Choices choices(data);
  PacketMaker maker(format, choices);
  Bytes bytes = maker.preamble(), last;
  const uint32_t packets = 1 + choices.pick(200);
  for (uint32_t i = 0, number = choices.pick(1000); i < packets; ++i) {
    Bytes packet = maker.packet(number);
    number += choices.word() % 16 == 0 ? choices.word() % 4 : 2;
    const uint32_t fate = choices.pick(16);
    if (fate >= 13) damage(packet, choices);
    if (fate == 15) damage(packet, choices);
    if (fate == 12) packet = last;  // sent twice
    if (fate == 14) mend_checksums(packet);
    counts.add(format, fate >= 12);
    append(bytes, packet);
    last = std::move(packet);
  }
  return bytes;
}

void fuzz(std::string_view name, std::span<const uint8_t> data) {
  const SourceFormat& format = *find_format(name);
  const uint8_t mode = data[0];
  Bytes bytes;
  if ((mode & 1) == 0) {
    bytes = stream_of(name, data.subspan(2));
  } else {
    for (const uint8_t byte : data.subspan(2)) bytes.push_back(static_cast<std::byte>(byte));
    if ((mode & 2) != 0) mend_checksums(bytes);
  }
  const DecoderOptions options{(mode & 4) == 0, (mode & 8) == 0};
  const uint64_t whole = run(**make_decoder(format, options, Isa::kScalar), options, bytes, bytes.size());
  for (const Isa isa : {Isa::kAvx2, Isa::kAvx512}) {
    const bool has_vectors = name == "gmt" || format.framing == Framing::kEvents;
    if (!has_isa(isa) || !has_vectors || (isa == Isa::kAvx2) != (data[1] % 2 == 0)) continue;
    const uint64_t digest = run(**make_decoder(format, options, isa), options, bytes, bytes.size());
    require(digest == whole, "an instruction set that says something else");
  }
  const size_t piece = std::max<size_t>(1 + data[1] * size_t{data[1]} / 4, bytes.size() / 256);
  const uint64_t in_pieces = run(**make_decoder(format, options), options, bytes, piece);
  // What a damaged DMA packet is taken for may depend on how much of what follows it has come.
  const bool may_differ = format.framing == Framing::kDmaPacket;
  require(may_differ || in_pieces == whole, "pieces that say something else than the whole");
}

}  // namespace
}  // namespace strobe::scouting

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  std::string_view names = STROBE_FUZZ_FORMATS;
  size_t count = 1;
  for (const char c : names) count += c == ',';
  for (size_t chosen = (data[0] >> 4) % count; chosen > 0; --chosen) names.remove_prefix(names.find(',') + 1);
  strobe::scouting::fuzz(names.substr(0, names.find(',')), {data, size});
  return 0;
}
