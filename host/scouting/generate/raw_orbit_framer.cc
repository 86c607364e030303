#include "host/scouting/generate/raw_orbit_framer.h"

#include <algorithm>
#include <array>

#include "host/scouting/core/cmssw_raw.h"
#include "host/scouting/generate/bytes.h"
#include "host/scouting/generate/calo_slots.h"
#include "host/scouting/generate/frame_layout.h"
#include "host/scouting/generate/global_muons.h"

namespace strobe::scouting {
namespace {

constexpr uint32_t kRun = 1;

/// `header, bx, orbit` and the muons; both match bytes say that all links agree.
void put_muons(const GeneratedOrbit& orbit, size_t c, Buffer<std::byte>& bytes) {
  const Collection& muons = orbit.data.collections[0];
  uint32_t first = 0, second = 0;
  for (size_t i = muons.first[c]; i < muons.first[c + 1]; ++i) ++(orbit.slots[0][i] < kMuonLinks ? first : second);
  put(std::array<uint32_t, 3>{0xff00ff00u | first << 16 | second, orbit.data.crossings[c], orbit.data.number}, bytes);
  for (size_t i = muons.first[c]; i < muons.first[c + 1]; ++i) {
    put(std::array<uint32_t, 3>{muons.narrow[0][i], muons.narrow[1][i], muons.narrow[2][i]}, bytes);
  }
}

/// `header, bx, orbit`, then each link's number and six words.
void put_calo(const GeneratedOrbit& orbit, size_t c, Buffer<std::byte>& bytes) {
  constexpr size_t kHeaderWords = 3, kLinkWords = 1 + kCaloFrames;
  std::array<uint32_t, kHeaderWords + kCaloLinks * kLinkWords> block{};
  block[1] = orbit.data.crossings[c];
  block[2] = orbit.data.number;
  for (uint32_t link = 0; link < kCaloLinks; ++link) block[kHeaderWords + link * kLinkWords] = link;
  for (size_t k = 0; k < orbit.data.collections.size(); ++k) {
    const Collection& objects = orbit.data.collections[k];
    for (size_t i = objects.first[c]; i < objects.first[c + 1]; ++i) {
      const uint8_t slot = orbit.slots[k][i];
      block[kHeaderWords + slot / kCaloFrames * kLinkWords + 1 + slot % kCaloFrames] = objects.narrow[0][i];
    }
  }
  put(block, bytes);
}

/// `bx, orbit`, then one word of each sum.
void put_sums(const GeneratedOrbit& orbit, size_t c, Buffer<std::byte>& bytes) {
  put(std::array<uint32_t, 2>{orbit.data.crossings[c], orbit.data.number}, bytes);
  for (const Collection& sum : orbit.data.collections) put(sum.narrow[0][sum.first[c]], bytes);
}

/// `count, bx, orbit` and the words.
void put_counted(const GeneratedOrbit& orbit, size_t c, Buffer<std::byte>& bytes) {
  const Collection& objects = orbit.data.collections[0];
  const uint32_t first = objects.first[c], count = objects.first[c + 1] - first;
  put(std::array<uint32_t, 3>{count, orbit.data.crossings[c], orbit.data.number}, bytes);
  if (objects.format->word_bits[0] == 64) {
    bytes.append(std::as_bytes(objects.wide[0].view().subspan(first, count)));
  } else {
    bytes.append(std::as_bytes(objects.narrow[0].view().subspan(first, count)));
  }
}

using PutBlock = void (*)(const GeneratedOrbit&, size_t, Buffer<std::byte>&);

PutBlock put_block_of(BlockKind kind) {
  switch (kind) {
    case BlockKind::kMuons:
      return put_muons;
    case BlockKind::kCalo:
      return put_calo;
    case BlockKind::kSums:
      return put_sums;
    default:
      return put_counted;
  }
}

class RawOrbitFramer : public Framer {
 public:
  RawOrbitFramer(uint32_t source_id, PutBlock put_block, size_t number_at)
      : source_id_(source_id), put_block_(put_block), number_at_(number_at) {}

  void append(const GeneratedOrbit& orbit, Packet& packet) const override {
    Buffer<std::byte>& bytes = packet.bytes;
    OrbitPlace place{.number = orbit.data.number, .begin = bytes.size()};
    bytes.resize(bytes.size() + sizeof(RawOrbitHeader));
    put(source_id_, bytes);
    for (size_t c = 0; c < orbit.data.crossings.size(); ++c) {
      place.blocks.push_back(static_cast<uint32_t>(bytes.size()));
      put_block_(orbit, c, bytes);
    }
    place.blocks.push_back(static_cast<uint32_t>(bytes.size()));
    place.end = bytes.size();
    write_header(place, bytes);
    packet.orbits.push_back(std::move(place));
  }

  void renumber(size_t index, uint32_t number, Packet& packet) const override {
    OrbitPlace& place = packet.orbits[index];
    place.number = number;
    for (size_t c = 0; c + 1 < place.blocks.size(); ++c) put_at(place.blocks[c] + number_at_, number, packet.bytes);
    write_header(place, packet.bytes);
  }

 private:
  static void write_header(const OrbitPlace& place, Buffer<std::byte>& bytes) {
    const size_t begin = place.begin + sizeof(RawOrbitHeader);
    const std::span<const std::byte> payload = bytes.view().subspan(begin, place.end - begin);
    put_at(place.begin, raw_orbit_header(kRun, place.number, payload), bytes);
  }

  uint32_t source_id_;
  PutBlock put_block_;
  size_t number_at_;  ///< of the orbit's number in a block
};

}  // namespace

std::unique_ptr<Framer> make_raw_orbit_framer(const SourceFormat& format) {
  return std::make_unique<RawOrbitFramer>(format.source_id, put_block_of(block_kind(format)),
                                          numbers_of(format)->orbit.byte);
}

}  // namespace strobe::scouting
