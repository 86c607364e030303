#include <bit>

#include "host/scouting/formats/events.h"
#include "host/scouting/formats/longest_ascending.h"

/// The slow way through damaged events. Nothing marks them: a header is believed if another one stands where it says.
namespace strobe::scouting {
namespace {

constexpr size_t kWord = sizeof(uint64_t);
/// Orbits that may follow each other in one stream, for belief in a header.
constexpr uint32_t kNearOrbits = 64;

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

/// Whether the next header stands where `event` says, or the stream ends there.
bool EventReader::leads_on(const Event& event, const Stretch& bytes) const {
  const size_t left = static_cast<size_t>(bytes.end - event.begin());
  if (left < event.words * kWord) return false;
  const std::byte* const next = event.end();
  if (next == bytes.end) return true;
  if (bytes.end - next < static_cast<ptrdiff_t>(kWord)) return false;
  if (is_padding(next)) return true;
  const std::optional<Event> after = header(next);
  if (!after) return false;
  if (after->orbit == event.orbit) return after->crossing > event.crossing;
  return after->orbit - event.orbit < kNearOrbits;
}

/// The first believable event from `begin` at every `step`-th byte: of orbit `number` or soon after it, where given.
const std::byte* EventReader::find_event(const std::byte* begin, size_t step, const Stretch& bytes,
                                         std::optional<uint32_t> number) const {
  for (; bytes.end - begin >= static_cast<ptrdiff_t>(kWord); begin += step) {
    const std::optional<Event> event = header(begin);
    if (!event || event->crossing > kHighestCrossing || (number && event->orbit - *number >= kNearOrbits)) continue;
    // Where no bits mark a header, zeros would do for a whole row of them.
    if (!has_marker_ && !number && load<uint64_t>(begin) == 0) continue;
    // Without a number to go by, the end of the bytes proves nothing.
    if (leads_on(*event, bytes) && (number || event->end() != bytes.end)) return begin;
  }
  return nullptr;
}

/// Whether the orbit that was collected so far begins again with `event`: it was sent twice.
bool EventReader::starts_again(const Event& event, const Stretch& bytes) const {
  if (events_.size() < 2 || event.crossing != events_.front().crossing) return false;
  if (bytes.end - event.end() < static_cast<ptrdiff_t>(kWord)) return false;
  const std::optional<Event> after = header(event.end());
  return after && after->orbit == event.orbit && after->crossing == events_[1].crossing;
}

/// The first event that stands among the words of `event`; null if there is none.
const std::byte* EventReader::held_header(const Event& event, const Stretch& bytes) const {
  const std::byte* const next = event.end();
  const bool is_last =
      bytes.end - next >= static_cast<ptrdiff_t>(kWord) && header(next) && header(next)->orbit != event.orbit;
  if (!may_hold_header(event, event.orbit) && !(is_last && may_hold_header(event, header(next)->orbit))) return nullptr;
  for (const std::byte* at = event.begin(); at != event.end(); at += kWord) {
    const std::optional<Event> held = header(at);
    if (!held || held->orbit - event.orbit >= kNearOrbits || !leads_on(*held, bytes)) continue;
    if (held->orbit != event.orbit || held->crossing > event.crossing) return at;
  }
  return nullptr;
}

/// Whether an event at the front may be the start of an orbit: something of that orbit or soon after it follows, or
/// nothing else is known. Without marks, any words would do for something else.
bool EventReader::is_believable(const Event& event, const Stretch& bytes) const {
  const auto left = static_cast<size_t>(bytes.end - event.begin());
  if (!has_marker_ || left < (event.words + 1) * kWord || leads_on(event, bytes)) return true;
  return find_event(event.begin(), 1, bytes, event.orbit) != nullptr ||
         find_event(event.at + 1, 1, bytes, std::nullopt) == nullptr;
}

Decoded EventReader::no_event(const Stretch& bytes) const {
  const size_t size = static_cast<size_t>(bytes.end - bytes.begin);
  if (is_padding(bytes.begin)) {
    size_t zeros = kWord;
    while (zeros + kWord <= size && is_padding(bytes.begin + zeros)) zeros += kWord;
    return nothing(zeros);
  }
  const uint64_t word = load<uint64_t>(bytes.begin);
  if (has_marker_ && word >> 62 == 3) {
    const auto number = static_cast<uint32_t>(word >> 24);
    return bad_orbit(kWord, Fault::kTruncated, number, absl::StrCat("orbit ", number, " was truncated by the sender"));
  }
  const std::byte* const next = find_event(bytes.begin + 1, 1, bytes, std::nullopt);
  if (next != nullptr) {
    const auto skipped = static_cast<size_t>(next - bytes.begin);
    return bad(skipped, Fault::kLostSync, absl::StrCat("no event header; ", skipped, " bytes to the next one"));
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

Decoded EventReader::careful(const Stretch& bytes, SourceOrbit& orbit) {
  const std::optional<Event> first = header(bytes.begin);
  if (!first || !is_believable(*first, bytes)) return no_event(bytes);
  const size_t size = static_cast<size_t>(bytes.end - bytes.begin);
  const bool too_long = size >= kLongestBytes;
  const std::optional<uint32_t> number = believed_number(*first, bytes);
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
    const auto left = static_cast<size_t>(bytes.end - at);
    if (left < kWord) {
      if (!bytes.at_end) return Stop::kNeedMore;
      drop(orbit, Fault::kTruncated, at, bytes.end);
      at = bytes.end;
      break;
    }
    if (is_padding(at) && !events_.empty()) {
      at += kWord;
      continue;
    }
    const std::optional<Event> event = header(at);
    if (!event) {
      if (has_marker_ && load<uint64_t>(at) >> 62 == 3) return Stop::kOrbitEnds;
      if (!resynchronise(bytes, number, orbit, at)) return Stop::kNeedMore;
      continue;
    }
    const bool complete = left >= (1 + event->words) * kWord;
    if (!complete && !bytes.at_end) return Stop::kNeedMore;
    if (event->orbit != number) {
      // Another orbit begins, unless this one goes on behind it: then its header is damaged.
      const bool seen = complete && left >= (2 + event->words) * kWord;
      if (!seen && !bytes.at_end) return Stop::kNeedMore;
      const std::optional<Event> after = seen ? header(event->end()) : std::nullopt;
      const bool goes_on =
          after && after->orbit == number && (events_.empty() || after->crossing > events_.back().crossing);
      if (!goes_on) return Stop::kOrbitEnds;
      drop(orbit, Fault::kOrbitMismatch, at, event->end());
    } else if (!complete) {
      // A count that is too high, or the end of what was sent.
      if (!resynchronise(bytes, number, orbit, at)) return Stop::kNeedMore;
      continue;
    } else if (const std::byte* const held = held_header(*event, bytes)) {
      drop(orbit, Fault::kBadHeader, at, held);
      at = held;
      continue;
    } else if (starts_again(*event, bytes)) {
      return Stop::kOrbitEnds;
    } else if (event->crossing > kHighestCrossing) {
      drop(orbit, Fault::kBadCrossing, at, event->end());
    } else if (event->error) {
      drop(orbit, event->words == 0 ? Fault::kTruncated : Fault::kBadObject, at, event->end());
    } else if (!is_sound(*event)) {
      if (!leads_on(*event, bytes)) {
        if (!resynchronise(bytes, number, orbit, at)) return Stop::kNeedMore;
        continue;
      }
      drop(orbit, Fault::kBadObject, at, event->end());
    } else {
      events_.push_back(*event);
    }
    at = event->end();
  }
  return bytes.at_end ? Stop::kOrbitEnds : Stop::kNeedMore;
}

/// No event stands at `at`: either its header is damaged, or the count of the event before it. Drops the one of which
/// that is likelier, and goes on at the next believable event. False if more bytes are needed for that.
bool EventReader::resynchronise(const Stretch& bytes, uint32_t number, SourceOrbit& orbit, const std::byte*& at) {
  const bool follows = !events_.empty() && events_.back().end() == at;
  // Whole words first: bits are wrong more often than bytes are missing.
  const std::byte* const from = follows ? events_.back().at : at;
  const std::byte* next = find_event(from + kWord, kWord, bytes, number);
  const ptrdiff_t longest_event = static_cast<ptrdiff_t>((has_marker_ ? 256 : 4096) * kWord);
  if (next == nullptr || next == at || next - at > longest_event) {
    const std::byte* const nearer = find_event(at + 1, 1, bytes, number);
    if (nearer != nullptr) next = nearer;
  }
  if (next == at) next = nullptr;
  if (next == nullptr) {
    if (!bytes.at_end) return false;
    next = bytes.end;
    drop(orbit, Fault::kTruncated, at, next);
    at = next;
    return true;
  }
  bool before_is_damaged = next < at;
  if (follows && next > at) {
    // Of a damaged header most parts are still right: orbit, and the count that leads to the next event.
    const uint64_t word = load<uint64_t>(at);
    const auto words = static_cast<uint64_t>(next - at) / kWord - 1;
    const auto orbit_of_word = static_cast<uint32_t>(word >> 24);
    const bool right_orbit = orbit_of_word - number < kNearOrbits || std::popcount(orbit_of_word ^ number) <= 1;
    const bool right_count = (word & 0xFFF) == words;
    before_is_damaged = !right_orbit && !right_count && explains(events_.back(), next);
  }
  const std::byte* const begin = before_is_damaged ? events_.back().at : at;
  if (before_is_damaged) events_.pop_back();
  drop(orbit, Fault::kBadHeader, begin, next);
  at = next;
  return true;
}

}  // namespace strobe::scouting
