#include "host/scouting/formats/dma_decoder.h"

#include <utility>

#include "host/scouting/formats/framings.h"
#include "host/scouting/formats/tables.h"

namespace strobe::scouting {
namespace dma {

Decoded PacketDecoder::decode(std::span<const std::byte> bytes, bool at_end, SourceOrbit& orbit) {
  begin_orbit(format_, orbit);
  const size_t last_done = std::exchange(done_, 0), done = std::exchange(goes_on_, false) ? last_done : 0;
  const std::byte* const begin = bytes.data();
  const std::byte* const end = begin + bytes.size();
  if (bytes.size() < kHeaderBytes) {
    if (!at_end || bytes.empty()) return need_more();
    return bad(bytes.size(), Fault::kTruncated,
               absl::StrCat("the stream ends with ", bytes.size(), " bytes of a header"));
  }
  if (is_packet_trailer(begin)) return nothing(kPacketTrailerBytes);

  const uint32_t number = orbit_number(begin);
  const std::byte* const stop = fast(begin + kHeaderBytes, end, done, number, orbit);
  const size_t left = static_cast<size_t>(end - stop);
  const bool at_trailer = left >= kMarkerBytes && is_marker(stop);
  if (!at_end && left < (at_trailer ? kOrbitTrailerBytes : kBlockBytes)) {
    done_ = static_cast<size_t>(stop - begin) - kHeaderBytes;
    return need_more();
  }
  if (at_trailer && left >= kOrbitTrailerBytes && finish_fast(stop, orbit)) {
    const Tail after = tail(stop, end, at_end, number);
    if (after.kind == Tail::Kind::kNeedMore) return need_more();
    if (after.kind == Tail::Kind::kWhole && !after.damaged) {
      orbit.number = number;
      orbit.crossings_in = orbit.crossings.size();
      return whole_orbit(static_cast<size_t>(after.end - begin), orbit);
    }
  }
  orbit.clear();
  return recover(bytes, at_end, orbit);
}

PacketDecoder::Tail PacketDecoder::tail(const std::byte* trailer, const std::byte* end, bool at_end,
                                        uint32_t number) const {
  const std::byte* const after = trailer + kOrbitTrailerBytes;
  if (end - after < static_cast<ptrdiff_t>(kPacketTrailerBytes)) {
    return {at_end ? Tail::Kind::kCut : Tail::Kind::kNeedMore, end};
  }
  if (is_packet_trailer(after) || (is_like_packet_trailer(after) && starts_at(after, end, number) != Start::kYes)) {
    const bool damaged = !is_packet_trailer(after);
    const std::byte* const whole = after + kPacketTrailerBytes;
    switch (starts_at(whole, end, number)) {
      case Start::kYes:
        return {Tail::Kind::kWhole, whole, damaged};
      case Start::kUnknown:
        // A trailer that is right in itself need not wait for what follows it. Where the packet was cut in its trailer,
        // the next one's header fills it up.
        if (!at_end && (damaged || !has_sound_counts(after))) return {Tail::Kind::kNeedMore, end};
        return {Tail::Kind::kWhole, whole, damaged};
      case Start::kNo:
        return look_for_cut(trailer, {Tail::Kind::kWhole, whole, damaged}, end, at_end);
    }
  }
  // Another orbit of the same packet, or a packet that was cut here and the next one after it.
  if (starts_at(after, end, number) == Start::kYes) return {Tail::Kind::kWhole, after};
  return look_for_cut(trailer, {Tail::Kind::kWhole, after}, end, at_end);
}

/// No orbit starts at the end of `whole`. If one starts within the trailers, this packet was cut there; that orbit's
/// own trailer tells.
PacketDecoder::Tail PacketDecoder::look_for_cut(const std::byte* trailer, const Tail& whole, const std::byte* end,
                                                bool at_end) const {
  const std::byte* const next = find_marker(trailer + kMarkerBytes, end);
  if (end - next < static_cast<ptrdiff_t>(kOrbitTrailerBytes)) {
    const bool may_come = !at_end && static_cast<size_t>(end - trailer) < kLongestOrbit;
    return may_come ? Tail{Tail::Kind::kNeedMore, end} : whole;
  }
  const std::byte* const start = find_start(trailer + 1, next);
  const std::byte* const trailers_end = trailer + kOrbitTrailerBytes + kPacketTrailerBytes;
  if (start != nullptr && start < trailers_end && start != whole.end) return {Tail::Kind::kCut, start};
  return whole;
}

}  // namespace dma

std::unique_ptr<Decoder> make_dma_decoder(const SourceFormat& format, const DecoderOptions& options, Isa isa) {
  if (&format == &kCaloDma) return dma::make_calo_decoder(options);
  const auto blocks = isa == Isa::kAvx512 ? gmt_blocks_avx512 : isa == Isa::kAvx2 ? gmt_blocks_avx2 : gmt_blocks_scalar;
  return dma::make_gmt_decoder(options, blocks(options.columns, options.payload));
}

}  // namespace strobe::scouting
