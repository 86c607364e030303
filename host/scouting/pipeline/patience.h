#pragma once

#include <atomic>
#include <chrono>

namespace strobe::scouting {

/// How long a device or a sink that fails is tried again. From any thread.
class Patience {
 public:
  using Clock = std::chrono::steady_clock;
  /// Of it once the run is to stop: who sends a signal does not wait for a disk that stays full.
  static constexpr std::chrono::seconds kWhenStopped{2};

  explicit Patience(std::chrono::seconds whole) : whole_(whole) {}

  /// The run is to stop: it lasts `kWhenStopped` more at most.
  void stop(Clock::time_point now = Clock::now()) {
    Clock::duration none{};
    // From the first stop on; 0 says that there was none.
    stopped_at_.compare_exchange_strong(none, now.time_since_epoch());
  }
  /// The run has failed: there is none left.
  void end() { ended_ = true; }
  /// Whether what has been failing since `since` is to be tried again.
  bool lasts(Clock::time_point since, Clock::time_point now = Clock::now()) const {
    const Clock::duration stopped_at = stopped_at_;
    const bool hurried = stopped_at != Clock::duration::zero();
    return !ended_ && now - since < whole_ && (!hurried || now.time_since_epoch() - stopped_at < kWhenStopped);
  }

 private:
  const std::chrono::seconds whole_;
  std::atomic<Clock::duration> stopped_at_{Clock::duration::zero()};
  std::atomic<bool> ended_{false};
};

}  // namespace strobe::scouting
