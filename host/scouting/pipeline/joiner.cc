#include "host/scouting/pipeline/joiner.h"

#include <algorithm>
#include <limits>
#include <utility>

namespace strobe::scouting {

Joiner::Joiner(JoinOptions options, GoOn go_on)
    : options_(options), go_on_(std::move(go_on)), latest_(options.sources, -1) {
  account_.lacking.resize(options.sources);
}

bool Joiner::take(size_t source, SourceOrbitPtr orbit, int64_t now_ns) {
  const uint32_t number = orbit->number;
  latest_[source] = std::max<int64_t>(latest_[source], number);
  if (number <= released_) return false;
  if (options_.sources == 1) {
    account_.orbits.enter();
    let_go({{number, true, {std::move(orbit)}}, 1, now_ns});
    return true;
  }
  auto [place, is_new] = waiting_.try_emplace(number);
  Waiting& waiting = place->second;
  if (is_new) {
    waiting.orbit.number = number;
    waiting.orbit.parts.resize(options_.sources);
    waiting.since_ns = now_ns;
    account_.orbits.enter();
  }
  waiting.orbit.parts[source] = std::move(orbit);
  ++waiting.parts;
  release(now_ns);
  return true;
}

void Joiner::finish(size_t source) {
  latest_[source] = std::numeric_limits<int64_t>::max();
  release(0);
}

void Joiner::check_time(int64_t now_ns) { release(now_ns); }

/// Whether a source may still bring its part of the orbit.
bool Joiner::awaits(const Waiting& waiting, size_t source) const {
  return waiting.orbit.parts[source] == nullptr && latest_[source] <= int64_t{waiting.orbit.number};
}

bool Joiner::decided(const Waiting& waiting) const {
  if (waiting.parts == options_.sources) return true;
  for (size_t s = 0; s < options_.sources; ++s) {
    if (awaits(waiting, s)) return false;
  }
  return true;
}

/// Whether no source that the orbit waits for is one that is never late.
bool Joiner::can_be_late(const Waiting& waiting) const {
  for (size_t s = 0; s < options_.never_late.size(); ++s) {
    if (options_.never_late[s] && awaits(waiting, s)) return false;
  }
  return true;
}

void Joiner::release(int64_t now_ns) {
  while (!waiting_.empty()) {
    const auto oldest = waiting_.begin();
    const bool late = now_ns - options_.timeout_ns >= oldest->second.since_ns && can_be_late(oldest->second);
    if (!decided(oldest->second) && !late && waiting_.size() <= options_.most_waiting) return;
    Waiting waiting = std::move(oldest->second);
    waiting_.erase(oldest);
    let_go(std::move(waiting));
  }
}

void Joiner::let_go(Waiting waiting) {
  released_ = waiting.orbit.number;
  waiting.orbit.complete = waiting.parts == options_.sources;
  if (!waiting.orbit.complete && !options_.keep_incomplete) {
    account_.orbits.drop(Fault::kIncomplete);
    return;
  }
  for (size_t s = 0; s < options_.sources; ++s) {
    if (waiting.orbit.parts[s] == nullptr) ++account_.lacking[s];
  }
  ++(waiting.orbit.complete ? account_.complete : account_.incomplete);
  account_.orbits.leave();
  go_on_(std::move(waiting.orbit));
}

}  // namespace strobe::scouting
