#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "host/scouting/pipeline/account.h"
#include "host/scouting/pipeline/batch.h"
#include "host/scouting/pipeline/histogram.h"
#include "host/scouting/pipeline/orbit_log.h"
#include "host/scouting/pipeline/patience.h"
#include "host/scouting/pipeline/results.h"
#include "host/scouting/pipeline/shadows.h"
#include "host/scouting/sinks/sink.h"

namespace strobe::scouting {

/// Takes batches in their order, waits for the models, filters, and writes to the sinks. Used by one thread.
class Writer {
 public:
  struct Setup {
    const Config& config;
    const Selection& selection;
    const std::vector<std::unique_ptr<Model>>& models;
    std::vector<std::unique_ptr<Sink>> sinks;
    BatchQueue& free;  ///< where done batches go
    Guarded<WorkAccount>& account;
    Patience& patience;
    std::unique_ptr<OrbitLog> orbit_log;   ///< may be null
    std::vector<size_t> histogram_values;  ///< by histogram of the configuration: the value
    /// A model or a sink that does not come back: receiving is to end. Called once.
    std::function<void(const absl::Status&)> fail;
  };
  explicit Writer(Setup setup);

  /// On a thread of its own: until `in` is drained; then the sinks are closed. The first failure.
  absl::Status run(BatchQueue& in);
  /// Or on the worker's: each started batch, then `finish`. The batch is free again when this returns.
  void take(BatchPtr batch);
  absl::Status finish();
  std::vector<SinkAccount> sinks() const { return sink_accounts_.get(); }
  std::vector<Histogram> histograms() const { return histograms_.get(); }

 private:
  void finish_orbit(WorkOrbit& orbit);
  void settle(const WorkOrbit& orbit, size_t kept, std::optional<Fault> fault, double latency_us);
  absl::Status patiently(size_t sink, const std::function<absl::Status(Sink&)>& action);
  void close(size_t sink);
  void drop(const WorkOrbit& orbit, Fault fault);
  void fill_histograms(const WorkOrbit& orbit);
  void fail(const absl::Status& status);
  void count_sinks();

  Setup setup_;
  Workspace workspace_;
  Results results_;
  Shadows shadows_;
  absl::Status failure_;
  bool sink_failed_ = false;      ///< for good: nothing more is offered to any
  std::set<uint32_t> not_whole_;  ///< orbits counted as dropped that some of the sinks have taken
  int64_t scored_ns_ = 0;         ///< when the batch's scores were there
  Guarded<std::vector<SinkAccount>> sink_accounts_;
  Guarded<std::vector<Histogram>> histograms_;
};

}  // namespace strobe::scouting
