#include "host/scouting/generate/packet_stream.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"

namespace strobe::scouting {
namespace {

constexpr size_t kKept = 32;  ///< packets that a sender may gather
constexpr size_t kMostPoolBytes = size_t{8} << 30;
constexpr uint64_t kNoOrbit = ~uint64_t{0};

std::shared_ptr<Packet> copy_of(const Packet& packet) {
  auto copy = std::make_shared<Packet>();
  copy->bytes.append(packet.bytes.view());
  copy->orbits = packet.orbits;
  return copy;
}

uint32_t firing_faults(uint8_t label) {
  return ((label & kPreFired) != 0 ? bit_of(Injected::kPreFiring) : 0) |
         ((label & kPostFired) != 0 ? bit_of(Injected::kPostFiring) : 0);
}

}  // namespace

PacketStream::PacketStream(OrbitMaker maker, const StreamOptions& options)
    : maker_(std::move(maker)),
      options_(options),
      framer_(make_framer(maker_.format())),
      injector_(maker_.format(), options.faults, options.seed) {}

absl::StatusOr<PacketStream> PacketStream::create(OrbitMaker maker, const StreamOptions& options) {
  const std::string format(maker.format().name);
  if (absl::Status s = check_faults(maker.format(), options.faults); !s.ok()) return s;
  PacketStream stream(std::move(maker), options);
  if (options.packet_orbits < 1 || (options.packet_orbits > 1 && !stream.framer_->takes_several())) {
    return absl::InvalidArgumentError(absl::StrCat("--packet-orbits ", options.packet_orbits, ": format ", format,
                                                   " has no packets of several orbits"));
  }
  if (options.pool > 0 && !stream.framer_->renumbers()) {
    return absl::InvalidArgumentError(absl::StrCat("--pool: packets of format ", format, " cannot be numbered anew"));
  }
  if (options.truth != nullptr) options.truth->format = &stream.maker_.format();
  stream.framer_->preamble(stream.preamble_);
  stream.offset_ = stream.preamble_.size();
  stream.packets_.resize(options.pool > 0 ? options.pool : kKept);
  size_t bytes = 0;
  for (uint32_t i = 0; i < options.pool; ++i) {
    const uint64_t first = uint64_t{i} * options.packet_orbits;
    stream.fill(first, first, options.packet_orbits, stream.packets_[i]);
    bytes += stream.packets_[i].bytes.capacity();
    if (bytes > kMostPoolBytes) {
      return absl::InvalidArgumentError(
          absl::StrCat("--pool ", options.pool, ": ", i, " packets take more than 8 GiB"));
    }
  }
  return stream;
}

/// Orbits with the content of `content` on, numbered as those from `first_index` on.
void PacketStream::fill(uint64_t content, uint64_t first_index, uint32_t count, Packet& packet) {
  packet.clear();
  for (uint32_t i = 0; i < count; ++i) {
    maker_.make(content + i, options_.first_orbit + static_cast<uint32_t>(first_index + i), orbit_);
    framer_->append(orbit_, packet);
  }
  framer_->finish(packet);
}

void PacketStream::renumber(uint64_t first_index, Packet& packet) {
  for (uint32_t i = 0; i < packet.orbits.size(); ++i) {
    const auto number = options_.first_orbit + static_cast<uint32_t>(first_index + i);
    if (packet.orbits[i].number != number) framer_->renumber(i, number, packet);
  }
}

void PacketStream::note(uint64_t content, uint64_t first_index, uint32_t count) {
  if (options_.truth == nullptr) return;
  for (uint32_t i = 0; i < count; ++i) {
    TruthOrbit& orbit = options_.truth->orbits.emplace_back();
    maker_.make(content + i, options_.first_orbit + static_cast<uint32_t>(first_index + i), orbit.generated);
    for (size_t c = 0; c < orbit.generated.labels.size(); ++c) {
      const uint32_t faults = firing_faults(orbit.generated.labels[c]);
      orbit.crossing_faults.push_back(faults);
      orbit.faults |= faults;
      if (faults == 0) continue;
      const Injected kind = (faults & bit_of(Injected::kPreFiring)) != 0 ? Injected::kPreFiring : Injected::kPostFiring;
      options_.truth->faults.push_back(
          {kind, static_cast<uint32_t>(first_index + i), orbit.generated.data.crossings[c], offset_});
    }
  }
}

/// A fault that befell a packet without changing a byte of it.
void PacketStream::note_fault(Injected kind, uint64_t first_orbit, uint32_t orbits) {
  if (options_.truth == nullptr) return;
  for (uint32_t i = 0; i < orbits; ++i) {
    options_.truth->orbits[first_orbit + i].faults |= bit_of(kind);
    options_.truth->faults.push_back({kind, static_cast<uint32_t>(first_orbit + i), TruthFault::kNone, offset_});
  }
}

void PacketStream::note_damage(const Outgoing& outgoing, const Packet& packet) {
  if (options_.truth == nullptr) return;
  for (const Damage& damage : outgoing.damages) {
    const uint64_t index = outgoing.first_orbit + damage.orbit;
    TruthOrbit& orbit = options_.truth->orbits[index];
    TruthFault fault{damage.kind, static_cast<uint32_t>(index), TruthFault::kNone, offset_ + damage.position};
    orbit.faults |= bit_of(damage.kind);
    if (damage.crossing == Damage::kAll) {
      orbit.damaged = true;
    } else if (damage.crossing + 1 < packet.orbits[damage.orbit].blocks.size()) {
      orbit.crossing_faults[damage.crossing] |= bit_of(damage.kind);
      fault.crossing = orbit.generated.data.crossings[damage.crossing];
    }
    options_.truth->faults.push_back(fault);
  }
}

void PacketStream::note_beside(uint64_t orbit) {
  if (options_.truth != nullptr && orbit != kNoOrbit) options_.truth->orbits[orbit].beside = true;
}

bool PacketStream::next(std::vector<Piece>& pieces, bool left_out) {
  const uint64_t left = options_.orbits == 0 ? kNoOrbit : options_.orbits - passed_orbits_;
  const auto count = static_cast<uint32_t>(std::min<uint64_t>(left, options_.packet_orbits));
  if (count == 0 && late_.empty()) return false;
  if (count > 0) take_turn(count, left_out, pieces);
  passed_orbits_ += count;
  ++turn_;
  send_late(pieces);
  return true;
}

void PacketStream::take_turn(uint32_t count, bool left_out, std::vector<Piece>& pieces) {
  const uint64_t first = passed_orbits_;
  // A pool's content follows the slot, so that a packet left out does not shift what may still be waiting to be
  // written.
  const size_t slot = slots_used_ % packets_.size();
  const uint64_t content = options_.pool > 0 ? slot * options_.packet_orbits : first;
  note(content, first, count);
  const bool missing = injector_.hits(Injected::kMissingOrbit);
  if (missing) note_fault(Injected::kMissingOrbit, first, count);
  if (left_out) note_fault(Injected::kMissingSource, first, count);
  if (missing || left_out) return;

  ++slots_used_;
  Packet& packet = packets_[slot];
  if (options_.pool == 0 || packet.orbits.size() != count) {
    fill(content, first, count, packet);
  } else {
    renumber(first, packet);
  }
  if (injector_.hits(Injected::kGarbage)) {
    note_fault(Injected::kGarbage, first, 1);
    emit_garbage(pieces);
  }
  Outgoing outgoing{.first_orbit = first, .orbits = count};
  if (const std::vector<Injected> kinds = injector_.draw_damage(); !kinds.empty()) {
    outgoing.copy = copy_of(packet);
    outgoing.damages = injector_.damage(kinds, *outgoing.copy);
    outgoing.is_cut = outgoing.copy->bytes.size() < packet.bytes.size();
  }
  const Packet& sent = outgoing.copy != nullptr ? *outgoing.copy : packet;
  if (injector_.hits(Injected::kDuplicate)) {
    note_fault(Injected::kDuplicate, first, count);
    Outgoing again = outgoing;
    again.copy = copy_of(sent);
    again.due = turn_ + injector_.delay();
    late_.push_back(std::move(again));
  }
  const bool stalls = injector_.hits(Injected::kStall);
  if (stalls) note_fault(Injected::kStall, first, count);
  if (injector_.hits(Injected::kOutOfSequence)) {
    note_fault(Injected::kOutOfSequence, first, count);
    if (outgoing.copy == nullptr) outgoing.copy = copy_of(packet);
    outgoing.due = turn_ + 1 + injector_.delay();
    late_.push_back(std::move(outgoing));
    return;
  }
  emit(outgoing, sent, pieces);
  if (stalls) pieces.back().stall_seconds = options_.stall_seconds;
}

void PacketStream::send_late(std::vector<Piece>& pieces) {
  const bool at_end = options_.orbits > 0 && passed_orbits_ == options_.orbits;
  for (auto each = late_.begin(); each != late_.end();) {
    if (!at_end && each->due > turn_) {
      ++each;
      continue;
    }
    emit(*each, *each->copy, pieces);
    each = late_.erase(each);
  }
}

void PacketStream::emit(const Outgoing& outgoing, const Packet& packet, std::vector<Piece>& pieces) {
  note_damage(outgoing, packet);
  if (after_cut_) note_beside(outgoing.first_orbit);
  if (options_.truth != nullptr) {
    for (uint32_t i = 0; i < outgoing.orbits; ++i) ++options_.truth->orbits[outgoing.first_orbit + i].sent;
  }
  after_cut_ = outgoing.is_cut;
  last_orbit_ = outgoing.first_orbit + outgoing.orbits - 1;
  offset_ += packet.bytes.size();
  Piece piece{packet.bytes.view(), outgoing.orbits};
  if (outgoing.copy != nullptr) piece.owner = {outgoing.copy, &outgoing.copy->bytes};
  pieces.push_back(std::move(piece));
}

void PacketStream::emit_garbage(std::vector<Piece>& pieces) {
  const auto bytes = std::make_shared<const Buffer<std::byte>>(injector_.garbage());
  note_beside(last_orbit_);
  after_cut_ = true;
  offset_ += bytes->size();
  pieces.push_back({bytes->view(), 0, 0, bytes});
}

}  // namespace strobe::scouting
