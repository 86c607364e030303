#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "host/scouting/pipeline/account.h"
#include "host/scouting/pipeline/pipeline.h"

namespace strobe::scouting {

enum class State : uint8_t { kIdle, kConfigured, kRunning, kPaused, kError };
enum class Command : uint8_t { kConfigure, kStart, kPause, kResume, kStop, kReset };

std::string_view name_of(State state);      ///< "idle"...
std::string_view name_of(Command command);  ///< "configure"...
std::optional<Command> find_command(std::string_view name);

/// The state machine of a data-taking node around one pipeline:
///
///   idle -configure-> configured -start-> running -pause-> paused -resume-> running
///   running, paused -stop-> configured     any -reset-> idle     a failure: -> error
///
/// `start` after a run opens everything anew, with its own account. A run that ends by itself (its sources ended) goes
/// to configured. Commands are carried out on a thread of the controller's, one after the other.
class Controller {
 public:
  /// Reads the configuration and opens a pipeline for run `run` (0: the configuration's).
  using Build = std::function<absl::StatusOr<std::unique_ptr<Pipeline>>(uint32_t run, uint32_t& chosen_run)>;
  /// Hears of each run's end, with its account at rest, before the state changes.
  using Finished = std::function<void(const Account&, const absl::Status&)>;
  Controller(Build build, Finished finished);
  /// Stops what runs and waits for its end.
  ~Controller();

  /// Carried out later; `run` is of `start`. Errors at once: FailedPrecondition where the state does not allow it.
  absl::Status submit(Command command, uint32_t run = 0);
  State state() const;
  /// The account of the run that is on, or of the last one.
  Account account() const;
  /// Waits until all submitted commands are carried out; the last one's error.
  absl::Status settle();
  /// Waits until nothing runs and no command waits.
  void wait_until_rest();

 private:
  struct Order {
    Command command;
    uint32_t run;
  };

  void work();
  absl::Status carry_out(const Order& order);
  absl::Status configure(uint32_t run);
  absl::Status start(uint32_t run);
  void end_run();
  void enter(State state, const absl::Status& status = absl::OkStatus());
  std::shared_ptr<Pipeline> pipeline() const;

  const Build build_;
  const Finished finished_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  State state_ = State::kIdle;
  State expected_ = State::kIdle;  ///< once all orders are carried out
  std::deque<Order> orders_;
  bool carrying_out_ = false, closing_ = false;
  bool ended_ = false;                  ///< the running pipeline is at its end
  absl::Status last_;                   ///< of the last order, or of the last run
  std::shared_ptr<Pipeline> pipeline_;  ///< configured or running
  absl::Status run_status_;
  Account last_account_;
  uint32_t run_ = 0;
  std::thread watcher_;  ///< waits for the running pipeline's end
  std::thread thread_;   ///< carries out orders
};

}  // namespace strobe::scouting
