#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <vector>

#include "absl/container/inlined_vector.h"
#include "host/scouting/pipeline/account.h"
#include "host/scouting/pipeline/receiver.h"

namespace strobe::scouting {

/// The same orbit as several sources saw it.
struct JoinedOrbit {
  uint32_t number = 0;
  bool complete = true;
  absl::InlinedVector<SourceOrbitPtr, 2> parts;  ///< by source; null where one lacks it
};

struct JoinOptions {
  size_t sources = 1;
  int64_t timeout_ns = 100'000'000;  ///< from an orbit's first part to its going on without the others
  bool keep_incomplete = true;       ///< false: dropped, and counted as such
  size_t most_waiting = 4096;        ///< orbits that wait for parts; the oldest then goes on as if its time were over
  /// By source: true for one that is never late, as a file, which is there whenever its turn comes. Empty: none.
  std::vector<bool> never_late;
};

/// Joins the sources' orbits by number and lets them go on in ascending order: a barrier with a timeout. An orbit goes
/// on when all sources have brought it, or when those that lack it have brought a later one or ended: nobody waits for
/// what cannot come. Not thread-safe; time is the caller's.
class Joiner {
 public:
  using GoOn = std::function<void(JoinedOrbit)>;
  Joiner(JoinOptions options, GoOn go_on);

  /// False: too late, the orbit has gone on without it.
  bool take(size_t source, SourceOrbitPtr orbit, int64_t now_ns);
  void finish(size_t source);
  /// Lets go on what has waited too long.
  void check_time(int64_t now_ns);
  const JoinAccount& account() const { return account_; }
  /// Orbits that wait for parts.
  size_t waiting() const { return waiting_.size(); }

 private:
  struct Waiting {
    JoinedOrbit orbit;
    size_t parts = 0;
    int64_t since_ns = 0;
  };

  bool awaits(const Waiting& waiting, size_t source) const;
  bool decided(const Waiting& waiting) const;
  bool can_be_late(const Waiting& waiting) const;
  void release(int64_t now_ns);
  void let_go(Waiting waiting);

  const JoinOptions options_;
  const GoOn go_on_;
  std::map<uint32_t, Waiting> waiting_;
  std::vector<int64_t> latest_;  ///< by source: the highest number that it brought; -1: none yet
  int64_t released_ = -1;        ///< highest number that went on
  JoinAccount account_;
};

}  // namespace strobe::scouting
