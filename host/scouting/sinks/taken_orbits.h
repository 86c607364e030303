#pragma once

#include <algorithm>
#include <vector>

#include "host/scouting/sinks/sink.h"

namespace strobe::scouting {

/// What a sink of files has taken: in all, and one by one what stands in the files that are not complete yet, for what
/// these lose at their end must be told. At most a section's orbits, 4 MB.
class TakenOrbits {
 public:
  const SinkCounts& counts() const { return counts_; }
  void add(const TakenOrbit& orbit) {
    open_.push_back(orbit);
    ++counts_.orbits;
    counts_.crossings += orbit.crossings;
    counts_.objects += orbit.objects;
    counts_.bytes += orbit.bytes;
  }
  /// A file bears its name.
  void count_file() { ++counts_.files; }
  /// All files are complete.
  void all_complete() { open_.clear(); }
  /// Of the open files' orbits only the first `saved` are in a file with a name: the others count no more.
  std::vector<TakenOrbit> lose_behind(uint64_t saved) {
    const std::vector<TakenOrbit> lost(
        open_.begin() + static_cast<std::ptrdiff_t>(std::min<uint64_t>(saved, open_.size())), open_.end());
    for (const TakenOrbit& orbit : lost) {
      --counts_.orbits;
      counts_.crossings -= orbit.crossings;
      counts_.objects -= orbit.objects;
      counts_.bytes -= orbit.bytes;
    }
    open_.clear();
    return lost;
  }

 private:
  std::vector<TakenOrbit> open_;
  SinkCounts counts_;
};

}  // namespace strobe::scouting
