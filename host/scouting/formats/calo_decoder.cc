#include "host/scouting/formats/calo_objects.h"
#include "host/scouting/formats/dma_decoder.h"
#include "host/scouting/formats/tables.h"

namespace strobe::scouting::dma {
namespace {

/// Orbits further apart than this are taken for damage at first.
constexpr uint32_t kNearOrbits = 1 << 16;

/// Calorimeter blocks carry neither crossing nor orbit: both come from the orbit's header and bitmap alone.
class CaloDecoder final : public PacketDecoder {
 public:
  explicit CaloDecoder(const DecoderOptions& options) : PacketDecoder(kCaloDma, options) {}

 protected:
  const std::byte* fast(const std::byte* begin, const std::byte* end, size_t done, uint32_t number,
                        SourceOrbit&) override {
    const std::byte* at = begin + done;
    // Where the stream was cut, no marker lies at a block's distance: what follows the longest orbit is for `recover`.
    const std::byte* const stop = end - begin > kMostBytes ? begin + kMostBytes : end;
    while (stop - at >= static_cast<ptrdiff_t>(kBlockBytes) && load<uint32_t>(at) != kMarker) at += kBlockBytes;
    blocks_ = {begin, at};
    number_ = number;
    return at;
  }

  bool finish_fast(const std::byte* trailer, SourceOrbit& orbit) override {
    if (population(trailer) != blocks_.blocks()) return false;
    const std::vector<uint32_t> crossings = bitmap_crossings(trailer);
    if (!crossings.empty() && crossings.back() > kHighestCrossing) return false;
    write(blocks_, crossings, number_, orbit);
    return true;
  }

  Decoded careful(Span blocks, uint32_t number, SourceOrbit& orbit) override {
    std::vector<uint32_t> crossings = bitmap_crossings(blocks.end);
    if (crossings.size() != blocks.blocks()) {
      return bad_orbit(0, Fault::kBitmapMismatch, number,
                       absl::StrCat("orbit ", number, " has ", blocks.blocks(), " blocks and a bitmap of ",
                                    crossings.size(), " crossings: no block's crossing can be told"));
    }
    orbit.crossings_in = crossings.size();
    const std::byte* end = blocks.end;
    for (; !crossings.empty() && crossings.back() > kHighestCrossing; crossings.pop_back(), end -= kBlockBytes) {
      ++orbit.crossing_faults[static_cast<size_t>(Fault::kBadCrossing)];
      keep_bad(orbit, Fault::kBadCrossing, end - kBlockBytes, end);
    }
    write({blocks.begin, end}, crossings, number, orbit);
    return whole_orbit(0, orbit);
  }

  Start starts_at(const std::byte* at, const std::byte* end, uint32_t previous) const override {
    if (end - at < 8) return Start::kUnknown;
    if (is_packet_trailer(at)) return Start::kYes;
    if (end - at < static_cast<ptrdiff_t>(kHeaderBytes + kMarkerBytes)) return Start::kUnknown;
    if (is_marker(at + kHeaderBytes)) return is_empty(at + kHeaderBytes, end);
    return is_near(previous, orbit_number(at)) ? Start::kYes : Start::kNo;
  }

  const std::byte* find_start(const std::byte* begin, const std::byte* trailer) const override {
    const size_t bytes = kHeaderBytes + population(trailer) * kBlockBytes;
    if (static_cast<size_t>(trailer - begin) < bytes) return nullptr;
    const std::byte* const start = trailer - bytes;
    // One bit of the bitmap lost would look like an orbit after a stub of one block: the number tells.
    if (start == begin + kBlockBytes && !is_near(orbit_number(begin), orbit_number(start))) return nullptr;
    return start;
  }

  uint32_t believed_number(const std::byte* header, Span) const override { return orbit_number(header); }

 private:
  static bool is_near(uint32_t previous, uint32_t number) {
    const uint32_t distance = (number - previous) & kOrbitMask;
    return distance > 0 && distance < kNearOrbits;
  }

  void write(Span blocks, const std::vector<uint32_t>& crossings, uint32_t number, SourceOrbit& orbit) const {
    orbit.crossings.reserve(crossings.size());
    if (options_.columns) reserve_calo(orbit, crossings.size());
    if (options_.payload) {
      orbit.payload.reserve(4 + crossings.size() * 4 * kCaloPayloadWords);
      orbit.payload.append(std::as_bytes(std::span(&format_.source_id, 1)));
    }
    CaloWords words;
    for (size_t i = 0; i < crossings.size(); ++i) {
      const std::byte* const block = blocks.begin + i * kBlockBytes;
      for (size_t link = 0; link < kCaloLinks; ++link) {
        for (size_t word = 0; word < kCaloWordsPerLink; ++word) {
          words[link][word] = load<uint32_t>(block + 4 * (kCaloLinks * word + link));
        }
      }
      orbit.crossings.push_back(static_cast<uint16_t>(crossings[i]));
      if (options_.columns) append_calo(words, orbit);
      if (options_.payload) append_payload(words, crossings[i], number, orbit);
    }
    if (options_.columns) finish_calo(orbit);
    if (options_.payload) orbit.payload_first.push_back(static_cast<uint32_t>(orbit.payload.size()));
  }

  static void append_payload(const CaloWords& words, uint32_t crossing, uint32_t number, SourceOrbit& orbit) {
    std::array<uint32_t, kCaloPayloadWords> block = {0, crossing, number};
    for (uint32_t link = 0, at = 3; link < kCaloLinks; ++link) {
      block[at++] = link;
      for (const uint32_t word : words[link]) block[at++] = word;
    }
    orbit.payload_first.push_back(static_cast<uint32_t>(orbit.payload.size()));
    orbit.payload.append(std::as_bytes(std::span(block)));
  }

  /// Of blocks, and the marker behind them.
  static constexpr ptrdiff_t kMostBytes = (kMostCrossings + 1) * kBlockBytes;

  Span blocks_{};
  uint32_t number_ = 0;
};

}  // namespace

std::unique_ptr<Decoder> make_calo_decoder(const DecoderOptions& options) {
  return std::make_unique<CaloDecoder>(options);
}

}  // namespace strobe::scouting::dma
