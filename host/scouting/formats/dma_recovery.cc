#include "host/scouting/formats/dma_decoder.h"

/// The slow way through damaged packets. An orbit is recognised by its trailer's marker, and from there backwards.
namespace strobe::scouting::dma {

Decoded PacketDecoder::recover(std::span<const std::byte> bytes, bool at_end, SourceOrbit& orbit) {
  const std::byte* const begin = bytes.data();
  const std::byte* const end = begin + bytes.size();
  const std::byte* trailer = find_marker(begin, end);
  if (bytes.size() >= kHeaderBytes) {
    const std::byte* const damaged = find_damaged_marker(begin + kHeaderBytes, trailer);
    if (damaged != trailer) trailer = damaged;
  }
  if (trailer == end) return without_trailer(bytes, at_end);
  const bool all_seen = at_end || bytes.size() >= longest_bytes();
  if (end - trailer < static_cast<ptrdiff_t>(kOrbitTrailerBytes + kPacketTrailerBytes) && !at_end) {
    return all_seen ? without_trailer(bytes, at_end) : need_more();
  }
  if (end - trailer < static_cast<ptrdiff_t>(kOrbitTrailerBytes)) {
    return lost(begin, end, "the stream ends in an orbit trailer");
  }
  const std::byte* const start = find_start(begin, trailer);
  if (start != nullptr && start > begin) {
    return lost(begin, start,
                absl::StrCat("an orbit that ends before its trailer; the next begins after ", start - begin, " bytes"));
  }
  const uint32_t number = trailer - begin >= static_cast<ptrdiff_t>(kHeaderBytes) ? orbit_number(begin) : uint32_t{0};
  const Tail after = tail(trailer, end, all_seen, number);
  if (after.kind == Tail::Kind::kNeedMore) return need_more();
  if (after.kind == Tail::Kind::kCut) {
    return lost(begin, after.end, absl::StrCat("a packet cut after ", after.end - begin, " bytes, in its trailer"));
  }
  return recover_orbit(begin, trailer, after, orbit);
}

/// [begin, trailer) is one orbit, perhaps without some of its bytes.
Decoded PacketDecoder::recover_orbit(const std::byte* begin, const std::byte* trailer, const Tail& tail,
                                     SourceOrbit& orbit) {
  const size_t bytes = static_cast<size_t>(tail.end - begin);
  const ptrdiff_t before = trailer - begin - static_cast<ptrdiff_t>(kHeaderBytes);
  if (before < 0 || static_cast<size_t>(before) % kBlockBytes != 0) {
    const std::string detail =
        absl::StrCat("an orbit with ", trailer - begin, " bytes before its trailer, which is not a header of ",
                     kHeaderBytes, " and blocks of ", kBlockBytes);
    if (before < 0) return bad(bytes, Fault::kTruncated, detail);
    return bad_orbit(bytes, Fault::kTruncated, orbit_number(begin), detail);
  }
  const Span blocks{begin + kHeaderBytes, trailer};
  const uint32_t number = believed_number(begin, blocks);
  Decoded answer = careful(blocks, number, orbit);
  answer.consumed = bytes;
  if (answer.kind != Decoded::Kind::kOrbit) return answer;
  orbit.number = number;
  orbit.input_bytes = bytes;
  if (number != orbit_number(begin)) keep_bad(orbit, Fault::kBadHeader, begin, begin + kHeaderBytes);
  if (!is_marker(trailer)) keep_bad(orbit, Fault::kBadHeader, trailer, trailer + kMarkerBytes);
  if (tail.damaged) keep_bad(orbit, Fault::kBadHeader, tail.end - kPacketTrailerBytes, tail.end);
  return answer;
}

Decoded PacketDecoder::without_trailer(std::span<const std::byte> bytes, bool at_end) const {
  const std::byte* const begin = bytes.data();
  if (at_end) return lost(begin, begin + bytes.size(), "the stream ends before an orbit's trailer");
  if (bytes.size() < longest_bytes()) return need_more();
  return bad(kLongestOrbit, Fault::kLostSync, absl::StrCat("no orbit trailer within ", bytes.size(), " bytes"));
}

/// Bytes that are no whole orbit: the front of one if they begin like one, else nothing that can be named.
Decoded PacketDecoder::lost(const std::byte* begin, const std::byte* end, const std::string& detail) const {
  const size_t bytes = static_cast<size_t>(end - begin);
  if (bytes >= kHeaderBytes) {
    const uint32_t number = orbit_number(begin);
    // The orbit before it is not known here; one less is as good a guess as any.
    const Start start = starts_at(begin, end, number - 1);
    if (start != Start::kNo && !is_packet_trailer(begin)) return bad_orbit(bytes, Fault::kTruncated, number, detail);
  }
  return bad(bytes, bytes < kHeaderBytes ? Fault::kTruncated : Fault::kLostSync, detail);
}

}  // namespace strobe::scouting::dma
