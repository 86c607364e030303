#include <bit>

#include "host/scouting/formats/events.h"
#include "host/scouting/formats/longest_ascending.h"

/// The slow way through damaged events. Nothing marks them: a header is believed if another one stands where it says.
namespace strobe::scouting {
namespace {

constexpr size_t kWord = sizeof(uint64_t);
/// Whether one flipped bit of the event's count would hide what stands between it and `next`.
bool explains(const Event& event, const std::byte* next) {
  const auto bytes = static_cast<size_t>(next - event.begin());
  return bytes % kWord == 0 && std::popcount((bytes / kWord) ^ event.words) == 1;
}

void drop(SourceOrbit& orbit, Fault fault, const std::byte* begin, const std::byte* end) {
  ++orbit.crossing_faults[static_cast<size_t>(fault)];
  keep_bad(orbit, fault, begin, end);
}

}  // namespace

/// Whether the word at `at` may have been a header before some bit of it flipped: its orbit is that of `number` or
/// `next`, or its count leads to `next`.
bool EventReader::was_header(const std::byte* at, uint32_t number, const Event& next) {
  const auto bytes = static_cast<size_t>(next.at - at);
  if (bytes < kWord) return false;
  const uint64_t word = load<uint64_t>(at);
  const auto orbit = static_cast<uint32_t>(word >> 24);
  return is_near(orbit, number) || std::popcount(orbit ^ number) <= 1 || std::popcount(orbit ^ next.orbit) <= 1 ||
         (bytes % kWord == 0 && (word & 0xFFF) == bytes / kWord - 1);
}

/// Whether the sender says that it gave an orbit up: `11`, the error bit, the orbit, and no words.
bool EventReader::is_truncated_orbit(const std::byte* at) const {
  const uint64_t word = load<uint64_t>(at);
  return has_marker_ && word >> 61 == 7 && (word & 0xFFFFFF) == 0;
}

/// The header at `at`, or null where it is none or there are not enough bytes.
std::optional<Event> EventReader::header_within(const std::byte* at, const Stretch& bytes) const {
  if (bytes.end - at < static_cast<ptrdiff_t>(kWord)) return std::nullopt;
  return header(at);
}

/// Whether what stands at `at` may follow an event of orbit `number`: the same orbit, one that is near or, behind an
/// event that is `sure`, two events that agree on another one.
EventReader::Belief EventReader::may_follow(const std::byte* at, uint32_t number, bool sure,
                                            const Stretch& bytes) const {
  const ptrdiff_t left = bytes.end - at;
  if (left < static_cast<ptrdiff_t>(kWord)) {
    if (!bytes.at_end) return Belief::kUnknown;
    return left == 0 ? Belief::kYes : Belief::kNo;
  }
  if (is_padding(at)) return Belief::kYes;
  if (is_truncated_orbit(at)) return Belief::kYes;
  const std::optional<Event> event = header(at);
  if (!event) return Belief::kNo;
  if (event->orbit == number) return Belief::kYes;
  if (event->crossing > kHighestCrossing) return Belief::kNo;
  if (is_near(event->orbit, number)) return Belief::kYes;
  return sure ? agrees_with_next(*event, bytes) : Belief::kNo;
}

/// Whether the event behind `event` is of the same orbit.
EventReader::Belief EventReader::agrees_with_next(const Event& event, const Stretch& bytes) const {
  if (bytes.end - event.begin() < static_cast<ptrdiff_t>((event.words + 1) * kWord)) {
    return bytes.at_end ? Belief::kNo : Belief::kUnknown;
  }
  const std::optional<Event> next = header(event.end());
  return next && next->orbit == event.orbit && next->crossing > event.crossing ? Belief::kYes : Belief::kNo;
}

/// Whether `event` holds no other event of its orbit or one near it, and something that may follow it does. `sure`: its
/// orbit is known already.
EventReader::Belief EventReader::believe(const Event& event, bool sure, const Stretch& bytes) const {
  const uint32_t number = event.orbit;
  if (bytes.end - event.begin() < static_cast<ptrdiff_t>(event.words * kWord)) {
    return bytes.at_end ? Belief::kNo : Belief::kUnknown;
  }
  for (const std::byte* at = event.begin(); at != event.end(); at += kWord) {
    const std::optional<Event> held = header(at);
    if (!held || !is_near(held->orbit, number) || held->crossing > kHighestCrossing) continue;
    if (held->orbit == event.orbit && held->crossing <= event.crossing) continue;
    if (bytes.end - held->begin() < static_cast<ptrdiff_t>(held->words * kWord)) continue;
    if (may_follow(held->end(), held->orbit, true, bytes) == Belief::kYes) return Belief::kNo;
  }
  return may_follow(event.end(), number, sure, bytes);
}

/// The first event from `begin`, at any byte, of an orbit near `number`.
std::optional<Event> EventReader::find_near(const std::byte* begin, uint32_t number, const Stretch& bytes) const {
  for (const std::byte* at = begin; bytes.end - at >= static_cast<ptrdiff_t>(kWord); ++at) {
    const std::optional<Event> event = possible_event(at);
    if (event && is_near(event->orbit, number) && believe(*event, true, bytes) == Belief::kYes) return event;
  }
  return std::nullopt;
}

/// The first event from `begin`, at any byte, of any orbit: the event behind it agrees with it or is of an orbit near.
std::optional<Event> EventReader::find_any(const std::byte* begin, const Stretch& bytes) const {
  for (const std::byte* at = begin; bytes.end - at >= static_cast<ptrdiff_t>(kWord); ++at) {
    const std::optional<Event> event = possible_event(at);
    if (!event) continue;
    if (agrees_with_next(*event, bytes) == Belief::kYes) return event;
    // Without a marker, two headers of near orbits are found in words that are none.
    if (has_marker_ && event->end() < bytes.end && believe(*event, false, bytes) == Belief::kYes) return event;
  }
  return std::nullopt;
}

std::optional<Event> EventReader::find_next(const std::byte* begin, uint32_t number, const Stretch& bytes) const {
  const std::optional<Event> near = find_near(begin, number, bytes);
  return near ? near : find_any(begin, bytes);
}

/// The header at `at`, if it can be one that is looked for.
std::optional<Event> EventReader::possible_event(const std::byte* at) const {
  const std::optional<Event> event = header(at);
  if (!event || event->crossing > kHighestCrossing) return std::nullopt;
  // Where no bits mark a header, zeros would do for a whole row of them.
  if (!has_marker_ && load<uint64_t>(at) == 0) return std::nullopt;
  return event;
}

/// Whether the orbit that was collected so far begins again with `event`: it was sent twice.
bool EventReader::starts_again(const Event& event, const Stretch& bytes) const {
  if (events_.size() < 2 || event.crossing != events_.front().crossing) return false;
  const std::optional<Event> after = header_within(event.end(), bytes);
  return after && after->orbit == event.orbit && after->crossing == events_[1].crossing;
}

/// No event can be believed at the front.
Decoded EventReader::no_event(const Stretch& bytes) const {
  const size_t size = static_cast<size_t>(bytes.end - bytes.begin);
  if (is_padding(bytes.begin)) {
    size_t zeros = kWord;
    while (zeros + kWord <= size && is_padding(bytes.begin + zeros)) zeros += kWord;
    return nothing(zeros);
  }
  // Of a damaged header the orbit is mostly still right.
  const auto number = static_cast<uint32_t>(load<uint64_t>(bytes.begin) >> 24);
  if (is_truncated_orbit(bytes.begin)) {
    return bad_orbit(kWord, Fault::kTruncated, number, absl::StrCat("orbit ", number, " was truncated by the sender"));
  }
  if (const std::optional<Event> next = find_next(bytes.begin + 1, number, bytes)) {
    const auto skipped = static_cast<size_t>(next->at - bytes.begin);
    const Fault fault = was_header(bytes.begin, next->orbit, *next) ? Fault::kBadHeader : Fault::kLostSync;
    return bad(skipped, fault, absl::StrCat("no event header; ", skipped, " bytes to the next one"));
  }
  if (bytes.at_end) return bad(size, Fault::kLostSync, "no event header up to the end of the stream");
  if (size < kLongestBytes) return need_more();
  return bad(size / 2, Fault::kLostSync, absl::StrCat("no event header within ", size, " bytes"));
}

/// The first event's orbit, or that of the two after it if they agree and the first one's place speaks for them.
std::optional<uint32_t> EventReader::believed_number(const Event& first, const Stretch& bytes) const {
  if (static_cast<size_t>(bytes.end - first.begin()) < (first.words + 1) * kWord) {
    return bytes.at_end ? std::optional(first.orbit) : std::nullopt;
  }
  const std::optional<Event> second = header(first.end());
  if (!second || second->orbit == first.orbit || second->crossing <= first.crossing) return first.orbit;
  if (static_cast<size_t>(bytes.end - second->begin()) < (second->words + 1) * kWord) {
    return bytes.at_end ? std::optional(first.orbit) : std::nullopt;
  }
  const std::optional<Event> third = header(second->end());
  return third && third->orbit == second->orbit && third->crossing > second->crossing ? second->orbit : first.orbit;
}

/// What a stretch of the stream says whose rest is not known. The answer for more of the stream is the same, or needs
/// no more than the next larger stretch: so it does not depend on how the bytes come.
Decoded EventReader::careful_in_steps(const Stretch& bytes, SourceOrbit& orbit) {
  const auto size = static_cast<size_t>(bytes.end - bytes.begin);
  for (size_t step = kShortestStep; step <= size && step <= kLongestBytes; step *= 2) {
    Decoded decoded = careful({bytes.begin, bytes.begin + step, false}, orbit);
    if (decoded.kind != Decoded::Kind::kNeedMore) return decoded;
    orbit.clear();
  }
  return bytes.at_end ? careful(bytes, orbit) : need_more();
}

Decoded EventReader::careful(const Stretch& bytes, SourceOrbit& orbit) {
  const size_t size = static_cast<size_t>(bytes.end - bytes.begin);
  const bool too_long = size >= kLongestBytes;
  const std::optional<Event> first = header(bytes.begin);
  if (!first || is_padding(bytes.begin)) return no_event(bytes);
  const std::optional<uint32_t> number = believed_number(*first, bytes);
  const Stretch near = {bytes.begin, std::min(bytes.end, bytes.begin + kNeighbourhood), false};
  if (number && *number == first->orbit && believe(*first, false, bytes) == Belief::kNo &&
      !find_near(bytes.begin + 1, *number, near) && find_any(bytes.begin + 1, bytes)) {
    return no_event(bytes);
  }
  events_.clear();
  const std::byte* at = bytes.begin;
  if (!number || collect(bytes, *number, orbit, at) == Stop::kNeedMore) {
    orbit.clear();
    if (!too_long) return need_more();
    return bad(size / 2, Fault::kLostSync, absl::StrCat("an orbit that does not end within ", size, " bytes"));
  }
  if (at == bytes.begin) return no_event({bytes.begin, bytes.end, true});
  std::vector<uint32_t> crossings;
  for (const Event& event : events_) crossings.push_back(event.crossing);
  const std::vector<uint32_t> chosen = longest_ascending(crossings);
  for (size_t i = 0, next = 0; i < events_.size(); ++i) {
    if (next < chosen.size() && chosen[next] == i) {
      append(events_[i], orbit);
      ++next;
    } else {
      drop(orbit, Fault::kBadCrossing, events_[i].at, events_[i].end());
    }
  }
  finish(orbit);
  orbit.number = *number;
  orbit.crossings_in = orbit.crossings.size();
  for (const uint64_t dropped : orbit.crossing_faults) orbit.crossings_in += dropped;
  return whole_orbit(static_cast<size_t>(at - bytes.begin), orbit);
}

/// Takes the orbit's sound events into `events_`, up to `at`, where another orbit begins or the stream ends.
EventReader::Stop EventReader::collect(const Stretch& bytes, uint32_t number, SourceOrbit& orbit,
                                       const std::byte*& at) {
  while (at != bytes.end) {
    if (bytes.end - at < static_cast<ptrdiff_t>(kWord)) {
      if (!bytes.at_end) return Stop::kNeedMore;
      drop(orbit, Fault::kTruncated, at, bytes.end);
      at = bytes.end;
      break;
    }
    if (is_padding(at) && !events_.empty()) {
      at += kWord;
      continue;
    }
    if (is_truncated_orbit(at)) return Stop::kOrbitEnds;
    const std::optional<Event> event = header(at);
    Stop stop = Stop::kDoubt;
    if (event)
      stop = event->orbit == number ? take_own(*event, bytes, orbit, at) : meet(*event, number, bytes, orbit, at);
    if (stop == Stop::kDoubt) stop = resynchronise(bytes, number, orbit, at);
    if (stop != Stop::kGoesOn) return stop;
  }
  return bytes.at_end ? Stop::kOrbitEnds : Stop::kNeedMore;
}

/// An event of the orbit at `at`. Goes on behind it, or leaves the doubt to `resynchronise`.
EventReader::Stop EventReader::take_own(const Event& event, const Stretch& bytes, SourceOrbit& orbit,
                                        const std::byte*& at) {
  const Belief belief = believe(event, !events_.empty(), bytes);
  if (belief == Belief::kUnknown) return Stop::kNeedMore;
  if (belief == Belief::kNo) {
    const std::optional<Event> next = find_next(at + 1, event.orbit, bytes);
    if (!next && !bytes.at_end) return Stop::kNeedMore;
    if (!is_sound_up_to(event, next, bytes)) return Stop::kDoubt;
  }
  if (starts_again(event, bytes)) return Stop::kOrbitEnds;
  if (event.crossing > kHighestCrossing) {
    drop(orbit, Fault::kBadCrossing, at, event.end());
  } else if (event.error) {
    drop(orbit, event.words == 0 ? Fault::kTruncated : Fault::kBadObject, at, event.end());
  } else if (!is_sound(event)) {
    drop(orbit, Fault::kBadObject, at, event.end());
  } else {
    events_.push_back(event);
  }
  at = event.end();
  return Stop::kGoesOn;
}

/// Nothing that may follow `event` stands behind it, up to `next`: whether that is what is damaged, and not the event.
bool EventReader::is_sound_up_to(const Event& event, const std::optional<Event>& next, const Stretch& bytes) const {
  if (bytes.end - event.begin() < static_cast<ptrdiff_t>(event.words * kWord)) return false;
  if (!next) return is_sound(event);
  if (next->at < event.end()) return false;
  return was_header(event.end(), event.orbit, *next) || !explains(event, next->at);
}

/// An event of another orbit at `at`: that one begins, unless this one goes on behind it; then its number is damaged.
EventReader::Stop EventReader::meet(const Event& event, uint32_t number, const Stretch& bytes, SourceOrbit& orbit,
                                    const std::byte*& at) {
  if (bytes.end - event.begin() < static_cast<ptrdiff_t>((event.words + 1) * kWord)) {
    if (!bytes.at_end) return Stop::kNeedMore;
    return is_near(event.orbit, number) || event.end() == bytes.end ? Stop::kOrbitEnds : Stop::kDoubt;
  }
  const std::optional<Event> after = header(event.end());
  const bool later = events_.empty() || event.crossing > events_.back().crossing;
  const bool goes_on =
      after && after->orbit == number && (events_.empty() || after->crossing > events_.back().crossing);
  // Or it is this orbit's last one: alone with its number, which is not between those around it.
  const bool is_last = after && !events_.empty() && later && after->orbit != event.orbit &&
                       after->crossing < event.crossing && is_near(after->orbit, number) &&
                       event.orbit - number >= after->orbit - number;
  if (goes_on || is_last) {
    drop(orbit, Fault::kOrbitMismatch, at, event.end());
    at = event.end();
    return Stop::kGoesOn;
  }
  const bool known =
      is_near(event.orbit, number) || (after && (after->orbit == event.orbit || is_near(after->orbit, number)));
  return known ? Stop::kOrbitEnds : Stop::kDoubt;
}

/// No event can be believed at `at`: goes on at the next one that can, or ends the orbit where another one begins
/// there.
EventReader::Stop EventReader::resynchronise(const Stretch& bytes, uint32_t number, SourceOrbit& orbit,
                                             const std::byte*& at) {
  const std::optional<Event> damaged = header(at);
  const std::optional<Event> next = find_next(at + 1, number, bytes);
  if (!next) {
    if (!bytes.at_end) return Stop::kNeedMore;
    drop(orbit, Fault::kTruncated, at, bytes.end);
    at = bytes.end;
    return Stop::kGoesOn;
  }
  const bool own = damaged && damaged->orbit == number, rest = next->at - at < static_cast<ptrdiff_t>(kWord);
  // What stands between two orbits belongs to neither.
  if (next->orbit != number && !own && !rest && !events_.empty()) return Stop::kOrbitEnds;
  drop(orbit, next->orbit != number && (own || rest) ? Fault::kTruncated : Fault::kBadHeader, at, next->at);
  at = next->at;
  return Stop::kGoesOn;
}

}  // namespace strobe::scouting
