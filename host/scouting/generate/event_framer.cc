#include "host/scouting/generate/event_framer.h"

#include <algorithm>
#include <array>

#include "host/scouting/generate/bytes.h"
#include "host/scouting/generate/frame_layout.h"

namespace strobe::scouting {
namespace {

constexpr uint64_t kMarker = uint64_t{2} << 62, kRun = uint64_t{1} << 56;
constexpr int kOrbitAt = 24, kCrossingAt = 12;
constexpr uint64_t kOrbitBits = uint64_t{0xffffffff} << kOrbitAt;

uint64_t event_header(uint32_t orbit, uint32_t crossing, uint64_t words) {
  return uint64_t{orbit} << kOrbitAt | uint64_t{crossing} << kCrossingAt | words;
}

void put_candidates(const GeneratedOrbit& orbit, size_t c, Buffer<std::byte>& bytes) {
  const Collection& objects = orbit.data.collections[0];
  const uint32_t first = objects.first[c], count = objects.first[c + 1] - first;
  put(kMarker | kRun | event_header(orbit.data.number, orbit.data.crossings[c], count), bytes);
  bytes.append(std::as_bytes(objects.wide[0].view().subspan(first, count)));
}

/// Muons of 96 bit, two of them in three words: low parts whole, high parts side by side in between.
void put_track_muons(const GeneratedOrbit& orbit, size_t c, Buffer<std::byte>& bytes) {
  const Collection& muons = orbit.data.collections[0];
  const uint32_t first = muons.first[c], count = muons.first[c + 1] - first;
  put(event_header(orbit.data.number, orbit.data.crossings[c], (3 * count + 1) / 2), bytes);
  for (uint32_t i = 0; i < count; i += 2) {
    const bool has_odd = i + 1 < count;
    put(muons.wide[0][first + i], bytes);
    const uint64_t odd_high = has_odd ? muons.narrow[1][first + i + 1] : 0;
    put(odd_high << 32 | muons.narrow[1][first + i], bytes);
    if (has_odd) put(muons.wide[0][first + i + 1], bytes);
  }
}

using PutEvent = void (*)(const GeneratedOrbit&, size_t, Buffer<std::byte>&);

PutEvent put_event_of(const SourceFormat& format) {
  return block_kind(format) == BlockKind::kTrackMuons ? put_track_muons : put_candidates;
}

class EventFramer : public Framer {
 public:
  explicit EventFramer(PutEvent put_event) : put_event_(put_event) {}

  void append(const GeneratedOrbit& orbit, Packet& packet) const override {
    OrbitPlace place{.number = orbit.data.number, .begin = packet.bytes.size()};
    for (size_t c = 0; c < orbit.data.crossings.size(); ++c) {
      place.blocks.push_back(static_cast<uint32_t>(packet.bytes.size()));
      put_event_(orbit, c, packet.bytes);
    }
    place.blocks.push_back(static_cast<uint32_t>(packet.bytes.size()));
    place.end = packet.bytes.size();
    packet.orbits.push_back(std::move(place));
  }

  void renumber(size_t index, uint32_t number, Packet& packet) const override {
    OrbitPlace& place = packet.orbits[index];
    place.number = number;
    for (size_t c = 0; c + 1 < place.blocks.size(); ++c) {
      const auto header = get_at<uint64_t>(place.blocks[c], packet.bytes.view());
      put_at(place.blocks[c], (header & ~kOrbitBits) | uint64_t{number} << kOrbitAt, packet.bytes);
    }
  }

 private:
  PutEvent put_event_;
};

class DthFramer : public Framer {
 public:
  void append(const GeneratedOrbit& orbit, Packet& packet) const override {
    // Events first, then cut into blocks.
    Packet events;
    events_.append(orbit, events);
    while (events.bytes.size() % kUnitBytes != 0 || events.bytes.empty()) put(uint64_t{0}, events.bytes);
    OrbitPlace place{.number = orbit.data.number, .begin = packet.bytes.size()};
    for (const uint32_t at : events.orbits[0].blocks) {
      const size_t block = at / kPayloadBytes;
      place.blocks.push_back(static_cast<uint32_t>(place.begin + (block + 1) * kHeaderBytes + at));
    }
    const auto payload = events.bytes.view();
    for (size_t at = 0; at < payload.size(); at += kPayloadBytes) {
      const size_t size = std::min(payload.size() - at, kPayloadBytes);
      put_header(at / kPayloadBytes, size / kUnitBytes, at + size == payload.size(), payload, packet.bytes);
      packet.bytes.append(payload.subspan(at, size));
    }
    place.end = packet.bytes.size();
    packet.orbits.push_back(std::move(place));
  }

  void renumber(size_t index, uint32_t number, Packet& packet) const override {
    events_.renumber(index, number, packet);
    const OrbitPlace& place = packet.orbits[index];
    const auto first = get_at<uint64_t>(place.begin + kHeaderBytes, packet.bytes.view());
    for (size_t at = place.begin; at < place.end; at += kHeaderBytes + kPayloadBytes) {
      put_at(at + kFirstEventAt, first, packet.bytes);
    }
  }

 private:
  static constexpr size_t kHeaderBytes = 32, kUnitBytes = 32, kPayloadBytes = 255 * kUnitBytes, kFirstEventAt = 16;

  static void put_header(size_t number, size_t units, bool is_last, std::span<const std::byte> payload,
                         Buffer<std::byte>& bytes) {
    constexpr uint8_t kStart = 0x80, kEnd = 0x40;
    std::array<uint8_t, kHeaderBytes> header{0x47, 0x5a, static_cast<uint8_t>(number),
                                             static_cast<uint8_t>(number >> 8)};
    header[5] = static_cast<uint8_t>((number == 0 ? kStart : 0) | (is_last ? kEnd : 0));
    header[6] = static_cast<uint8_t>(units);
    std::memcpy(header.data() + kFirstEventAt, payload.data(), sizeof(uint64_t));
    put(header, bytes);
  }

  EventFramer events_{put_candidates};
};

}  // namespace

std::unique_ptr<Framer> make_event_framer(const SourceFormat& format) {
  return std::make_unique<EventFramer>(put_event_of(format));
}

std::unique_ptr<Framer> make_dth_framer(const SourceFormat&) { return std::make_unique<DthFramer>(); }

}  // namespace strobe::scouting
