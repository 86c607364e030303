#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "host/scouting/config/config.h"
#include "host/scouting/pipeline/account.h"
#include "host/scouting/pipeline/models.h"
#include "host/scouting/sources/source.h"

namespace strobe::scouting {

/// Sources, join, selection, models, filter and sinks, wired as a configuration says, for one run.
///
/// Threads: one a source (`Receiver`); selection and models on the receiver's, or on one of their own where there are
/// several sources or the configuration says so; filter and sinks on one of their own, or behind the models on theirs.
/// Between them are bounded queues, so that memory is bounded whatever is slow.
class Pipeline {
 public:
  struct Surroundings {
    ModelOpener open_model;
    std::function<void(const std::string&)> log;  ///< lines for people; from any thread
    std::string version;                          ///< of the program, for files' metadata
    bool check_only = false;  ///< it will not run: no file and no folder is made, completed or begun
    /// Opens sources; empty: `scouting::open_source`. For tests and benchmarks that have their bytes in memory.
    std::function<absl::StatusOr<std::unique_ptr<ByteSource>>(const std::string&, const SourceOptions&)> open_source;
  };
  /// Opens everything, receives nothing yet. Errors: what is wrong with the configuration (with its line), a source, a
  /// model, a sink.
  static absl::StatusOr<std::unique_ptr<Pipeline>> open(const Config& config, const Surroundings& surroundings);
  virtual ~Pipeline() = default;

  virtual void start() = 0;
  /// Paused: nothing is received; senders wait.
  virtual void pause(bool paused) = 0;
  /// Ends receiving; what is inside goes to its end, and files are closed at an orbit's border.
  virtual void stop() = 0;
  /// Waits until all sources have ended (or `stop`) and everything is written. The first error, if there was one.
  virtual absl::Status wait() = 0;
  /// At this moment; `state` and `run` are the caller's.
  virtual Account account() const = 0;
};

}  // namespace strobe::scouting
