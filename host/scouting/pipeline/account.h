#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "host/scouting/core/faults.h"
#include "host/scouting/pipeline/guarded.h"
#include "host/scouting/pipeline/histogram.h"
#include "host/scouting/pipeline/quarantine.h"
#include "host/scouting/selection/selection.h"
#include "host/scouting/sinks/sink.h"

namespace strobe::scouting {

/// Things of one kind on their way through one stage. At every moment in = out + rejected + dropped + held.
struct Flow {
  uint64_t in = 0, out = 0;
  uint64_t rejected = 0;  ///< by what the user asked for: a cut, a prescale
  FaultCounts dropped{};
  uint64_t held = 0;  ///< in the stage now

  void enter(uint64_t count = 1) {
    in += count;
    held += count;
  }
  void leave(uint64_t count = 1) {
    out += count;
    held -= count;
  }
  void reject(uint64_t count) {
    rejected += count;
    held -= count;
  }
  void drop(Fault fault, uint64_t count = 1) {
    dropped[static_cast<size_t>(fault)] += count;
    held -= count;
  }
  /// Of what had left: it is lost all the same.
  void take_back(Fault fault, uint64_t count = 1) {
    dropped[static_cast<size_t>(fault)] += count;
    out -= count;
  }
  uint64_t lost() const;
  bool adds_up() const { return in == out + rejected + lost() + held; }
};

/// What came from one source.
struct SourceAccount {
  std::string name, format, address;
  bool is_file = false;  ///< all of it is there at once: an orbit arrives when it is its turn
  /// Received bytes; out: those of whole orbits and what stands between them.
  Flow bytes;
  /// Recognised orbits, whole or not; out: handed on.
  Flow orbits;
  /// Crossings of whole orbits; out: handed on.
  Flow crossings;
  uint64_t objects = 0;  ///< in the crossings handed on
  uint64_t missing = 0;  ///< gaps in the orbit numbers: never came, or dropped
  uint64_t breaks = 0;   ///< senders that went
  FaultCounts faults{};  ///< how often each was found: in bytes, orbits or crossings
  uint32_t last_orbit = 0;
};

/// Where the sources of an orbit meet.
struct JoinAccount {
  Flow orbits;
  uint64_t complete = 0, incomplete = 0;  ///< of those that went on
  std::vector<uint64_t> lacking;          ///< by source: orbits that went on without it
};

/// From the arrival of an orbit's last byte to its scores.
struct Latency {
  static constexpr size_t kBuckets = 96;
  static constexpr double kFirstUs = 1;  ///< upper limit of the first bucket
  std::array<uint64_t, kBuckets> counts{};
  uint64_t total = 0;
  double sum_us = 0, largest_us = 0;

  void add(double us);
  /// Upper limit of bucket `b`: four a doubling.
  static double limit_us(size_t b);
  /// The latency that `fraction` of the orbits do not exceed, to a bucket's limit. 0 where there are none.
  double quantile_us(double fraction) const;
};

struct ModelAccount {
  std::string name, device;
  Flow rows;
  uint64_t batches = 0, retries = 0;
};

/// Where a shadow model differs from the one it shadows.
struct ShadowAccount {
  std::string model, shadow;
  uint64_t rows = 0, rows_differ = 0;                              ///< in any bit
  uint64_t decisions_differ = 0, only_model = 0, only_shadow = 0;  ///< crossings kept by one and not by the other
  double largest_difference = 0;
};

/// Orbits from the join to the sinks.
struct WorkAccount {
  Flow select;           ///< crossings; rejected: by `require`
  TensorCounts tensors;  ///< values that the models' inputs could not take as they were
  std::vector<ModelAccount> models;
  Flow keep;               ///< crossings; rejected: by `keep`
  uint64_t prescaled = 0;  ///< of those kept: by the prescale alone
  Flow write_orbits, write_crossings;
  std::vector<ShadowAccount> shadows;
  Latency latency;
  uint64_t input_bytes = 0;  ///< of the orbits written, as received
};

struct SinkAccount {
  std::string name;
  SinkCounts counts;
  uint64_t retries = 0;
};

struct QueueDepth {
  std::string name;
  size_t depth = 0, capacity = 0;
};

/// All of it at one moment.
struct Account {
  std::string state, error;
  uint32_t run = 0;
  double seconds = 0;  ///< since the start
  std::vector<SourceAccount> sources;
  JoinAccount join;
  WorkAccount work;
  std::vector<SinkAccount> sinks;
  std::vector<QueueDepth> queues;
  Quarantine::Counts quarantine;
  std::vector<Histogram> histograms;

  /// What does not add up: within a stage at any moment, and, with `at_rest`, between stages and in what is held.
  std::vector<std::string> mistakes(bool at_rest) const;
};

/// What `WorkAccount::latency` is the time of, for people: "last byte to scores", or from a file "decoded to scores".
std::string latency_label(const Account& account);

/// As a table for people, as JSON, and as Prometheus' text.
std::string account_text(const Account& account);
std::string account_json(const Account& account);
std::string account_metrics(const Account& account);

}  // namespace strobe::scouting
