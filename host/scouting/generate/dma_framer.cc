#include "host/scouting/generate/dma_framer.h"

#include <array>

#include "host/scouting/generate/bytes.h"
#include "host/scouting/generate/calo_slots.h"
#include "host/scouting/generate/frame_layout.h"
#include "host/scouting/generate/global_muons.h"

namespace strobe::scouting {
namespace {

constexpr size_t kLinks = 8, kFrames = 6, kBitmapWords = 112;
constexpr size_t kHeaderBytes = 32, kBlockBytes = 4 * kLinks * kFrames;
using Block = std::array<uint32_t, kLinks * kFrames>;

/// Groups of eight: orbit, crossing, first muons' f and s, second muons' f and s.
Block muon_block(const GeneratedOrbit& orbit, size_t c) {
  Block block{};
  for (size_t link = 0; link < kLinks; ++link) {
    block[link] = orbit.data.number;
    block[kLinks + link] = orbit.data.crossings[c];
  }
  const Collection& muons = orbit.data.collections[0];
  constexpr uint32_t kCrossingBits = 0x1fff;
  for (size_t i = muons.first[c]; i < muons.first[c + 1]; ++i) {
    const size_t link = orbit.slots[0][i] % kMuonLinks, second = orbit.slots[0][i] / kMuonLinks;
    block[kLinks + link] = (muons.narrow[2][i] & ~kCrossingBits) | orbit.data.crossings[c];
    block[(2 + 2 * second) * kLinks + link] = muons.narrow[0][i];
    block[(3 + 2 * second) * kLinks + link] = muons.narrow[1][i];
  }
  return block;
}

/// Six frames a link, each of eight words.
Block calo_block(const GeneratedOrbit& orbit, size_t c) {
  Block block{};
  for (size_t k = 0; k < orbit.data.collections.size(); ++k) {
    const Collection& objects = orbit.data.collections[k];
    for (size_t i = objects.first[c]; i < objects.first[c + 1]; ++i) {
      const uint8_t slot = orbit.slots[k][i];
      block[(slot % kCaloFrames) * kLinks + slot / kCaloFrames] = objects.narrow[0][i];
    }
  }
  return block;
}

class DmaFramer : public Framer {
 public:
  explicit DmaFramer(bool muons) : muons_(muons) {}

  void append(const GeneratedOrbit& orbit, Packet& packet) const override {
    Buffer<std::byte>& bytes = packet.bytes;
    OrbitPlace place{.number = orbit.data.number, .begin = bytes.size()};
    put(std::array<uint32_t, 8>{orbit.data.number}, bytes);
    std::array<uint32_t, kBitmapWords> bitmap{};
    for (size_t c = 0; c < orbit.data.crossings.size(); ++c) {
      place.blocks.push_back(static_cast<uint32_t>(bytes.size()));
      put(muons_ ? muon_block(orbit, c) : calo_block(orbit, c), bytes);
      const uint32_t crossing = orbit.data.crossings[c];
      bitmap[crossing / 32] |= 1u << crossing % 32;
    }
    place.blocks.push_back(static_cast<uint32_t>(bytes.size()));
    place.trailer = bytes.size();
    std::array<uint32_t, 8> marker;
    marker.fill(0xbeefdead);
    put(marker, bytes);
    place.bitmap = bytes.size();
    put(bitmap, bytes);
    put(std::array<uint32_t, 16>{}, bytes);
    place.end = bytes.size();
    packet.orbits.push_back(std::move(place));
  }

  void finish(Packet& packet) const override {
    constexpr uint64_t kMarker = 0xdeadbeefdeadbeef;
    put(std::array<uint64_t, 4>{kMarker, 0, 0, packet.orbits.size()}, packet.bytes);
  }

  void renumber(size_t index, uint32_t number, Packet& packet) const override {
    OrbitPlace& place = packet.orbits[index];
    place.number = number;
    put_at(place.begin, number, packet.bytes);
    if (!muons_) return;
    std::array<uint32_t, kLinks> words;
    words.fill(number);
    for (size_t at = place.begin + kHeaderBytes; at < place.trailer; at += kBlockBytes) put_at(at, words, packet.bytes);
  }

  bool takes_several() const override { return true; }

 private:
  bool muons_;
};

}  // namespace

std::unique_ptr<Framer> make_dma_framer(const SourceFormat& format) {
  return std::make_unique<DmaFramer>(block_kind(format) == BlockKind::kMuons);
}

}  // namespace strobe::scouting
