#include "host/scouting/generate/packet_stream.h"

#include <algorithm>
#include <string>

#include "absl/strings/str_cat.h"

namespace strobe::scouting {
namespace {

constexpr size_t kKept = 32;  ///< packets that a sender may gather
constexpr size_t kMostPoolBytes = size_t{8} << 30;

}  // namespace

absl::StatusOr<PacketStream> PacketStream::create(OrbitMaker maker, const StreamOptions& options) {
  PacketStream stream(std::move(maker), options);
  stream.framer_ = make_framer(stream.maker_.format());
  if (options.packet_orbits < 1 || (options.packet_orbits > 1 && !stream.framer_->takes_several())) {
    return absl::InvalidArgumentError(absl::StrCat("--packet-orbits ", options.packet_orbits, ": format ",
                                                   std::string(stream.maker_.format().name),
                                                   " has no packets of several orbits"));
  }
  if (options.pool > 0 && !stream.framer_->renumbers()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "--pool: packets of format ", std::string(stream.maker_.format().name), " cannot be numbered anew"));
  }
  stream.framer_->preamble(stream.preamble_);
  stream.packets_.resize(options.pool > 0 ? options.pool : kKept);
  size_t bytes = 0;
  for (uint32_t i = 0; i < options.pool; ++i) {
    stream.fill(uint64_t{i} * options.packet_orbits, options.packet_orbits, stream.packets_[i]);
    bytes += stream.packets_[i].bytes.capacity();
    if (bytes > kMostPoolBytes) {
      return absl::InvalidArgumentError(
          absl::StrCat("--pool ", options.pool, ": ", i, " packets take more than 8 GiB"));
    }
  }
  return stream;
}

void PacketStream::fill(uint64_t first_index, uint32_t count, Packet& packet) {
  packet.clear();
  for (uint32_t i = 0; i < count; ++i) {
    maker_.make(first_index + i, options_.first_orbit + static_cast<uint32_t>(first_index + i), orbit_);
    framer_->append(orbit_, packet);
  }
  framer_->finish(packet);
}

Piece PacketStream::next() {
  const uint64_t left = options_.orbits == 0 ? ~uint64_t{0} : options_.orbits - sent_orbits_;
  const auto count = static_cast<uint32_t>(std::min<uint64_t>(left, options_.packet_orbits));
  if (count == 0) return {};
  Packet& packet = packets_[sent_packets_ % packets_.size()];
  if (options_.pool == 0 || count < options_.packet_orbits) {
    fill(sent_orbits_, count, packet);
  } else {
    for (uint32_t i = 0; i < count; ++i) {
      const auto number = options_.first_orbit + static_cast<uint32_t>(sent_orbits_ + i);
      if (packet.orbits[i].number != number) framer_->renumber(i, number, packet);
    }
  }
  sent_orbits_ += count;
  ++sent_packets_;
  return {packet.bytes.view(), count};
}

}  // namespace strobe::scouting
