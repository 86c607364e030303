#pragma once

#include <condition_variable>
#include <cstdint>
#include <mutex>

namespace strobe::runtime {

/// Where the runtime reads the time and waits for it, so that tests can turn it by hand.
class Clock {
 public:
  virtual ~Clock() = default;
  /// Nanoseconds since an arbitrary start; never goes back.
  virtual int64_t now_ns() const = 0;
  /// Milliseconds since 1970, for statistics that people read.
  virtual int64_t wall_ms() const = 0;
  /// Waits until `condition` is notified or `now_ns()` reaches `deadline_ns`; may return early. kNever waits for
  /// notification alone. `lock` is held on entry and on return.
  virtual void wait(std::condition_variable& condition, std::unique_lock<std::mutex>& lock, int64_t deadline_ns) = 0;

  static constexpr int64_t kNever = INT64_MAX;
};

/// The machine's monotonic clock.
class SteadyClock : public Clock {
 public:
  int64_t now_ns() const override;
  int64_t wall_ms() const override;
  void wait(std::condition_variable& condition, std::unique_lock<std::mutex>& lock, int64_t deadline_ns) override;
};

}  // namespace strobe::runtime
