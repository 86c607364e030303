#include "host/scouting/formats/events.h"

#include "host/scouting/formats/framings.h"
#include "host/scouting/formats/tables.h"

namespace strobe::scouting {
namespace {

constexpr size_t kWord = sizeof(uint64_t);
constexpr uint32_t kMostNativeWords = 255;
constexpr size_t kPrefetchBytes = 2048;
constexpr ptrdiff_t kStepBytes = 64;

/// Muons of 96 bit, two in three words, the last one alone in two.
size_t muons_in(size_t words) { return 2 * words / 3; }

struct TrackMuonWords {
  uint64_t low;
  uint32_t high;
};

TrackMuonWords track_muon(const std::byte* words, size_t index) {
  const std::byte* const pair = words + 3 * kWord * (index / 2);
  if (index % 2 == 0) return {load<uint64_t>(pair), load<uint32_t>(pair + kWord)};
  return {load<uint64_t>(pair + 2 * kWord), load<uint32_t>(pair + kWord + 4)};
}

/// Copies an event's words, 64 bytes at a time: `to` has room for that, and as many bytes can be read behind `from`.
/// Returns all words' bits, or-ed.
uint64_t copy_words(const std::byte* from, size_t words, uint64_t* to) {
  constexpr size_t kStep = 8;
  static constexpr uint64_t kUsed[2 * kStep] = {~uint64_t{0}, ~uint64_t{0}, ~uint64_t{0}, ~uint64_t{0},
                                                ~uint64_t{0}, ~uint64_t{0}, ~uint64_t{0}, ~uint64_t{0}};
  uint64_t bits[kStep] = {};
  for (size_t i = 0; i < words; i += kStep) {
    uint64_t step[kStep];
    std::memcpy(step, from + i * kWord, sizeof(step));
    std::memcpy(to + i, step, sizeof(step));
    const uint64_t* const used = kUsed + (words - i < kStep ? kStep - (words - i) : 0);
    for (size_t k = 0; k < kStep; ++k) bits[k] |= step[k] & used[k];
  }
  return bits[0] | bits[1] | bits[2] | bits[3] | bits[4] | bits[5] | bits[6] | bits[7];
}

ScanEvents scan_for(Isa isa) {
  return isa == Isa::kAvx512 ? scan_events_avx512() : isa == Isa::kAvx2 ? scan_events_avx2() : nullptr;
}

void append_track_muons(const Event& event, Collection& muons) {
  const size_t size = muons.wide[0].size(), count = muons_in(event.words);
  muons.wide[0].resize(size + count);
  muons.narrow[1].resize(size + count);
  for (size_t i = 0; i < count; ++i) {
    const TrackMuonWords words = track_muon(event.begin(), i);
    muons.wide[0][size + i] = words.low;
    muons.narrow[1][size + i] = words.high;
  }
}

}  // namespace

EventReader::EventReader(const SourceFormat& format, const DecoderOptions& options, Isa isa)
    : format_(format),
      options_(options),
      has_marker_(&format != &kTrackMuon),
      scan_events_(!has_marker_ || !options.columns || options.payload ? nullptr : scan_for(isa)) {}

std::optional<Event> EventReader::header(const std::byte* at) const {
  const uint64_t word = load<uint64_t>(at);
  const Event event{at, static_cast<uint32_t>(word >> 24), static_cast<uint32_t>(word >> 12 & 0xFFF),
                    static_cast<uint32_t>(word & 0xFFF), has_marker_ && (word >> 61 & 1) != 0};
  if (has_marker_) {
    if (word >> 62 != 2 || event.words > kMostNativeWords) return std::nullopt;
  } else if (word >> 56 != 0 || event.words % 3 == 1) {
    return std::nullopt;
  }
  return event;
}

/// What an event says of itself beyond its header.
bool EventReader::is_sound(const Event& event) const {
  if (event.error) return false;
  if (has_marker_) return true;
  const size_t muons = muons_in(event.words);
  for (size_t i = 0; i < muons; ++i) {
    if ((track_muon(event.begin(), i).low & 1) == 0) return false;
  }
  return muons % 2 == 0 || load<uint32_t>(event.end() - 4) == 0;
}

/// Whether a word of the event looks like a header of `orbit`: then the count is damaged, or the event was cut, and
/// hides other events.
bool EventReader::may_hold_header(const Event& event, uint32_t orbit) {
  constexpr uint64_t kMarker = uint64_t{3} << 62, kMarkerAndOrbit = kMarker | uint64_t{0xFFFFFFFF} << 24;
  const uint64_t own = (load<uint64_t>(event.at) & kMarker) | uint64_t{orbit} << 24;
  uint32_t alike = 0;
  for (size_t i = 1; i <= event.words; ++i) {
    alike |= ((load<uint64_t>(event.at + i * kWord) ^ own) & kMarkerAndOrbit) == 0;
  }
  return alike != 0;
}

Decoded EventReader::decode(std::span<const std::byte> bytes, bool at_end, SourceOrbit& orbit) {
  const Stretch stretch{bytes.data(), bytes.data() + bytes.size(), at_end};
  const std::optional<Decoded> decoded = decode_sound(stretch, orbit);
  return decoded ? *decoded : careful_in_steps(stretch, orbit);
}

Decoded EventReader::decode_all(std::span<const std::byte> bytes, SourceOrbit& orbit) {
  const Stretch stretch{bytes.data(), bytes.data() + bytes.size(), true};
  const std::optional<Decoded> decoded = decode_sound(stretch, orbit);
  return decoded ? *decoded : careful(stretch, orbit);
}

/// Nothing where there is any doubt; `orbit` is empty then.
std::optional<Decoded> EventReader::decode_sound(const Stretch& bytes, SourceOrbit& orbit) {
  const auto size = static_cast<size_t>(bytes.end - bytes.begin);
  if (size < kWord) {
    if (!bytes.at_end || size == 0) return need_more();
    return bad(size, Fault::kTruncated, absl::StrCat("the stream ends with ", size, " bytes of a header"));
  }
  if (const std::optional<Event> first = header(bytes.begin)) {
    const std::byte* at = bytes.begin;
    const Stop stop = fast(bytes, *first, orbit, at);
    if (stop == Stop::kOrbitEnds) {
      finish(orbit);
      orbit.number = first->orbit;
      orbit.crossings_in = orbit.crossings.size();
      return whole_orbit(static_cast<size_t>(at - bytes.begin), orbit);
    }
    if (stop == Stop::kNeedMore && size < kLongestBytes) return need_more();
  }
  orbit.clear();
  return std::nullopt;
}

EventReader::Stop EventReader::fast(const Stretch& bytes, const Event& first, SourceOrbit& orbit,
                                    const std::byte*& at) {
  int32_t last = -1;
  Event last_event = first;
  std::optional<Event> scanned;
  if (scan_events_ != nullptr && !first.error) at = scan(bytes, orbit, scanned);
  if (scanned) {
    last_event = *scanned;
    last = static_cast<int32_t>(scanned->crossing);
  }
  while (true) {
    if (bytes.end - at < static_cast<ptrdiff_t>(kWord)) {
      if (!bytes.at_end) return Stop::kNeedMore;
      return at == bytes.end ? Stop::kOrbitEnds : Stop::kDoubt;
    }
    __builtin_prefetch(at + kPrefetchBytes);
    __builtin_prefetch(at + kPrefetchBytes + 64);
    const std::optional<Event> event = header(at);
    if (!event) return Stop::kDoubt;
    if (event->orbit != first.orbit) break;
    if (static_cast<int32_t>(event->crossing) <= last || event->crossing > kHighestCrossing) return Stop::kDoubt;
    if (static_cast<size_t>(bytes.end - event->begin()) < event->words * kWord) {
      return bytes.at_end ? Stop::kDoubt : Stop::kNeedMore;
    }
    if (!is_sound(*event)) return Stop::kDoubt;
    last = static_cast<int32_t>(event->crossing);
    if (has_marker_ && options_.columns && !options_.payload && bytes.end - event->end() >= kStepBytes) {
      Collection& objects = orbit.collections[0];
      const size_t size = objects.wide[0].size();
      orbit.crossings.push_back(static_cast<uint16_t>(event->crossing));
      objects.first.push_back(static_cast<uint32_t>(size));
      objects.wide[0].resize(size + event->words);
      // Only a header has the highest bit.
      const uint64_t bits = copy_words(event->begin(), event->words, objects.wide[0].data() + size);
      if (bits >> 63 != 0 && may_hold_header(*event, first.orbit)) return Stop::kDoubt;
    } else {
      if (may_hold_header(*event, first.orbit)) return Stop::kDoubt;
      append(*event, orbit);
    }
    last_event = *event;
    at = event->end();
  }
  // Another orbit's header, or a damaged one of this orbit: the header after it tells.
  const Event next = *header(at);
  if (orbit.crossings.size() == 1 && next.crossing > first.crossing) return Stop::kDoubt;
  // An event that was cut takes the front of the next orbit for its words.
  if (may_hold_header(last_event, next.orbit)) return Stop::kDoubt;
  if (static_cast<size_t>(bytes.end - next.begin()) < (next.words + 1) * kWord) {
    return bytes.at_end ? Stop::kOrbitEnds : Stop::kNeedMore;
  }
  const std::optional<Event> after = header(next.end());
  const bool agree = after && after->orbit == next.orbit && after->crossing > next.crossing;
  // Words that are no header may look like one, but hardly like two of one orbit.
  if (!agree && !is_near(next.orbit, first.orbit)) return Stop::kDoubt;
  const bool alone = after && after->orbit != next.orbit && next.crossing > last_event.crossing;
  return alone || (after && after->orbit == first.orbit) ? Stop::kDoubt : Stop::kOrbitEnds;
}

EventScan EventReader::scan_words(const Stretch& bytes, Buffer<uint64_t>& objects) {
  constexpr size_t kFirstRoom = 8192;
  objects.reserve(kFirstRoom);
  places_.reserve(kMostEvents + 17);
  const size_t words = static_cast<size_t>(bytes.end - bytes.begin) / kWord;
  const auto header = load<uint64_t>(bytes.begin);
  EventScan scan{objects.data(), objects.capacity(), places_.data()};
  scan_events_(bytes.begin, words, header, scan);
  while (scan.words == scan.room && scan.words < words) {
    objects.resize(scan.words - scan.headers);
    objects.reserve(2 * scan.room);
    scan.objects = objects.data();
    scan.room = objects.capacity();
    scan_events_(bytes.begin, words, header, scan);
  }
  scan.places[scan.headers] = static_cast<uint32_t>(scan.words);
  return scan;
}

const std::byte* EventReader::scan(const Stretch& bytes, SourceOrbit& orbit, std::optional<Event>& last) {
  Collection& objects = orbit.collections[0];
  const EventScan scan = scan_words(bytes, objects.wide[0]);
  orbit.crossings.reserve(scan.headers);
  objects.first.reserve(scan.headers + 1);
  uint16_t* const crossings = orbit.crossings.data();
  uint32_t* const first = objects.first.data();
  uint32_t above = 0, events = 0;
  for (; events < scan.headers; ++events) {
    const uint32_t place = scan.places[events];
    const auto header = load<uint64_t>(bytes.begin + place * kWord);
    const auto crossing = static_cast<uint32_t>(header >> 12 & 0xFFF), count = static_cast<uint32_t>(header & 0xFFF);
    // An event ends where the next one begins, or a closer look must tell why it does not.
    if (place + 1 + count != scan.places[events + 1] || count > kMostNativeWords) break;
    if (crossing < above || crossing > kHighestCrossing) break;
    above = crossing + 1;
    crossings[events] = static_cast<uint16_t>(crossing);
    first[events] = place - events;
  }
  orbit.crossings.resize(events);
  objects.first.resize(events);
  objects.wide[0].resize(scan.places[events] - events);
  if (events > 0) last = header(bytes.begin + scan.places[events - 1] * kWord);
  return bytes.begin + scan.places[events] * kWord;
}

void EventReader::append(const Event& event, SourceOrbit& orbit) const {
  orbit.crossings.push_back(static_cast<uint16_t>(event.crossing));
  if (options_.columns) {
    Collection& objects = orbit.collections[0];
    objects.first.push_back(static_cast<uint32_t>(objects.wide[0].size()));
    if (has_marker_) {
      const size_t size = objects.wide[0].size();
      objects.wide[0].resize(size + event.words);
      if (event.words > 0) std::memcpy(objects.wide[0].data() + size, event.begin(), event.words * kWord);
    } else {
      append_track_muons(event, objects);
    }
  }
  if (options_.payload) {
    if (orbit.payload.empty()) orbit.payload.append(std::as_bytes(std::span(&format_.source_id, 1)));
    orbit.payload_first.push_back(static_cast<uint32_t>(orbit.payload.size()));
    orbit.payload.append({event.at, event.end()});
  }
}

void EventReader::finish(SourceOrbit& orbit) const {
  if (options_.columns) {
    Collection& objects = orbit.collections[0];
    objects.first.push_back(static_cast<uint32_t>(objects.wide[0].size()));
  }
  if (options_.payload) {
    if (orbit.payload.empty()) orbit.payload.append(std::as_bytes(std::span(&format_.source_id, 1)));
    orbit.payload_first.push_back(static_cast<uint32_t>(orbit.payload.size()));
  }
}

namespace {

/// A stream of events and nothing between them.
class EventDecoder final : public Decoder {
 public:
  EventDecoder(const SourceFormat& format, const DecoderOptions& options, Isa isa)
      : format_(format), reader_(format, options, isa) {}

  const SourceFormat& format() const override { return format_; }
  size_t longest_bytes() const override { return EventReader::kLongestBytes; }
  Decoded decode(std::span<const std::byte> bytes, bool at_end, SourceOrbit& orbit) override {
    begin_orbit(format_, orbit);
    return reader_.decode(bytes, at_end, orbit);
  }

 private:
  const SourceFormat& format_;
  EventReader reader_;
};

}  // namespace

std::unique_ptr<Decoder> make_event_decoder(const SourceFormat& format, const DecoderOptions& options, Isa isa) {
  return std::make_unique<EventDecoder>(format, options, isa);
}

}  // namespace strobe::scouting
