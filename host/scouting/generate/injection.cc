#include "host/scouting/generate/injection.h"

#include <algorithm>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "host/scouting/core/orbit.h"
#include "host/scouting/generate/bytes.h"
#include "host/scouting/generate/frame_layout.h"

namespace strobe::scouting {
namespace {

constexpr std::string_view kNames[kInjectedKinds] = {
    "missing-orbit", "missing-source", "flip-crossing", "flip-orbit",   "flip-bitmap", "flip-payload",
    "flip-header",   "flip-trailer",   "truncation",    "bad-crossing", "duplicate",   "out-of-sequence",
    "stall",         "garbage",        "pre-firing",    "post-firing"};

/// What a framing has that a fault could hit.
bool can_hit(const SourceFormat& format, Injected kind) {
  const bool text = format.framing == Framing::kPatternText, dma = format.framing == Framing::kDmaPacket;
  switch (kind) {
    case Injected::kFlipBitmap:
      return dma;
    case Injected::kFlipTrailer:
      return dma;
    case Injected::kFlipCrossing:
    case Injected::kFlipOrbit:
      return !text && numbers_of(format).has_value();
    case Injected::kBadCrossing:
    case Injected::kFlipPayload:
    case Injected::kFlipHeader:
      return !text;
    case Injected::kPreFiring:
    case Injected::kPostFiring:
      return format.framing != Framing::kEvents && format.framing != Framing::kDthBlocks;
    default:
      return true;
  }
}

}  // namespace

std::string_view name_of(Injected kind) { return kNames[static_cast<size_t>(kind)]; }

std::string injected_names() {
  std::string names;
  for (const std::string_view name : kNames) absl::StrAppend(&names, names.empty() ? "" : ", ", std::string(name));
  return names;
}

absl::Status add_fault_rate(const std::string& text, FaultRates& rates) {
  const size_t equals = text.find('=');
  const std::string name = text.substr(0, equals);
  const auto* const found = std::find(std::begin(kNames), std::end(kNames), name);
  if (found == std::end(kNames)) {
    return absl::InvalidArgumentError(
        absl::StrCat("--fault ", text, ": KIND=RATE was expected, KIND being one of ", injected_names()));
  }
  double rate = 0;
  if (equals == std::string::npos || !absl::SimpleAtod(text.substr(equals + 1), &rate) || !(rate >= 0 && rate <= 1)) {
    return absl::InvalidArgumentError(
        absl::StrCat("--fault ", text, ": ", name, "= and a share from 0 to 1 was expected"));
  }
  rates[static_cast<size_t>(found - std::begin(kNames))] = rate;
  return absl::OkStatus();
}

absl::Status check_faults(const SourceFormat& format, const FaultRates& rates) {
  for (size_t k = 0; k < kInjectedKinds; ++k) {
    const auto kind = static_cast<Injected>(k);
    if (rates[k] > 0 && !can_hit(format, kind)) {
      return absl::InvalidArgumentError(absl::StrCat("--fault ", std::string(name_of(kind)), ": format ",
                                                     std::string(format.name), " has nothing that it could hit"));
    }
  }
  return absl::OkStatus();
}

std::vector<Injected> Injector::draw_damage() {
  std::vector<Injected> kinds;
  for (const Injected kind :
       {Injected::kFlipCrossing, Injected::kFlipOrbit, Injected::kFlipPayload, Injected::kBadCrossing,
        Injected::kFlipBitmap, Injected::kFlipHeader, Injected::kFlipTrailer, Injected::kTruncation}) {
    if (hits(kind)) kinds.push_back(kind);
  }
  return kinds;
}

std::vector<Damage> Injector::damage(std::span<const Injected> kinds, Packet& packet) {
  Damages damages;
  for (const Injected kind : kinds) {
    if (kind == Injected::kFlipCrossing || kind == Injected::kFlipOrbit) flip_in_block(kind, packet, damages);
    if (kind == Injected::kFlipPayload) flip_object(packet, damages);
    if (kind == Injected::kBadCrossing) spoil_crossing(packet, damages);
    if (kind == Injected::kFlipBitmap) flip_bitmap(packet, damages);
    if (kind == Injected::kFlipHeader || kind == Injected::kFlipTrailer) flip_frame(kind, packet, damages);
    if (kind == Injected::kTruncation) truncate(packet, damages);
  }
  return damages;
}

uint32_t Injector::any_crossing(const OrbitPlace& place) {
  const auto crossings = static_cast<uint32_t>(place.blocks.size() - 1);
  return crossings == 0 ? Damage::kAll : random_.below(crossings);
}

/// Flips one of `bits` bits from the lowest on, in the little-endian value at `byte`.
void Injector::flip(Packet& packet, size_t byte, uint32_t lowest_bit, uint32_t bits, Damage damage, Damages& damages) {
  const uint32_t bit = lowest_bit + random_.below(bits);
  damage.position = byte + bit / 8;
  packet.bytes[damage.position] ^= static_cast<std::byte>(1u << bit % 8);
  damages.push_back(damage);
}

/// Where the checksum covers a block, or another orbit's number would part the orbit, all of it is lost.
void Injector::flip_in_block(Injected kind, Packet& packet, Damages& damages) {
  const uint32_t orbit = random_.below(static_cast<uint32_t>(packet.orbits.size()));
  const OrbitPlace& place = packet.orbits[orbit];
  const uint32_t crossing = any_crossing(place);
  if (crossing == Damage::kAll) return;
  const BlockNumbers numbers = *numbers_of(*format_);
  const NumberPlace& at = kind == Injected::kFlipCrossing ? numbers.crossing : numbers.orbit;
  const size_t byte = place.blocks[crossing] + at.byte + 4 * random_.below(at.copies);
  const bool alone = format_->framing == Framing::kDmaPacket;
  flip(packet, byte, at.lowest_bit, at.bits, {kind, orbit, alone ? crossing : Damage::kAll}, damages);
}

void Injector::flip_object(Packet& packet, Damages& damages) {
  const uint32_t orbit = random_.below(static_cast<uint32_t>(packet.orbits.size()));
  const OrbitPlace& place = packet.orbits[orbit];
  const uint32_t crossing = any_crossing(place);
  if (crossing == Damage::kAll) return;
  const size_t first = place.blocks[crossing] + objects_at(*format_);
  const size_t end = end_of_block(*format_, place, crossing);
  if (first >= end) return;
  const bool checked = format_->framing == Framing::kRawOrbit;
  flip(packet, first, 0, static_cast<uint32_t>(8 * (end - first)),
       {Injected::kFlipPayload, orbit, checked ? Damage::kAll : crossing}, damages);
}

void Injector::flip_bitmap(Packet& packet, Damages& damages) {
  const uint32_t orbit = random_.below(static_cast<uint32_t>(packet.orbits.size()));
  const OrbitPlace& place = packet.orbits[orbit];
  const uint32_t number = random_.below(kCrossingsPerOrbit);
  // Muons' blocks carry their crossings; others are told by the bitmap alone.
  Damage damage{Injected::kFlipBitmap, orbit, Damage::kAll};
  if (numbers_of(*format_).has_value()) {
    const auto none = static_cast<uint32_t>(place.blocks.size() - 1);
    damage.crossing = index_in_bitmap(packet, place, number).value_or(none);
  }
  flip(packet, place.bitmap, number, 1, damage, damages);
}

void Injector::flip_frame(Injected kind, Packet& packet, Damages& damages) {
  const uint32_t orbit = random_.below(static_cast<uint32_t>(packet.orbits.size()));
  const OrbitPlace& place = packet.orbits[orbit];
  const bool trailer = kind == Injected::kFlipTrailer;
  const uint32_t bits = trailer ? 8 * kMarkerBytes : header_bits(*format_);
  flip(packet, trailer ? place.trailer : place.begin, 0, bits, {kind, orbit, Damage::kAll}, damages);
}

void Injector::spoil_crossing(Packet& packet, Damages& damages) {
  const uint32_t orbit = random_.below(static_cast<uint32_t>(packet.orbits.size()));
  const OrbitPlace& place = packet.orbits[orbit];
  if (place.blocks.size() < 2) return;
  const auto last = static_cast<uint32_t>(place.blocks.size() - 2);
  if (const auto numbers = numbers_of(*format_)) {
    const uint32_t crossing = any_crossing(place);
    const uint32_t highest = numbers->crossing.bits < 13 ? 4095 : 8191;
    const uint32_t number = kHighestCrossing + 1 + random_.below(highest - kHighestCrossing);
    for (uint32_t copy = 0; copy < numbers->crossing.copies; ++copy) {
      set_number(numbers->crossing, place.blocks[crossing] + 4 * copy, number, packet.bytes);
    }
    damages.push_back({Injected::kBadCrossing, orbit, crossing, place.blocks[crossing] + numbers->crossing.byte});
    seal(*format_, place, packet.bytes);
    return;
  }
  // Only the bitmap says which crossing a block is of: the last one goes past the orbit's end.
  constexpr uint32_t kPastOrbit = 3565, kBitmapBits = 3584;
  const uint32_t number = kPastOrbit + random_.below(kBitmapBits - kPastOrbit);
  const uint32_t was = last_in_bitmap(packet, place);
  for (const uint32_t bit : {was, number}) {
    packet.bytes[place.bitmap + bit / 8] ^= static_cast<std::byte>(1u << bit % 8);
  }
  damages.push_back({Injected::kBadCrossing, orbit, last, place.bitmap + number / 8});
}

void Injector::truncate(Packet& packet, Damages& damages) {
  const auto kept = 1 + random_.below(static_cast<uint32_t>(packet.bytes.size() - 1));
  for (uint32_t orbit = 0; orbit < packet.orbits.size(); ++orbit) {
    const bool is_last = orbit + 1 == packet.orbits.size();
    if (packet.orbits[orbit].end > kept || is_last) {
      damages.push_back({Injected::kTruncation, orbit, Damage::kAll, kept});
    }
  }
  packet.bytes.resize(kept);
}

Buffer<std::byte> Injector::garbage() {
  constexpr uint32_t kMost = 4096;
  Buffer<std::byte> bytes;
  bytes.resize(1 + random_.below(kMost));
  for (std::byte& byte : bytes) byte = static_cast<std::byte>(random_.below(256));
  return bytes;
}

}  // namespace strobe::scouting
