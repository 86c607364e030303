#include "host/runtime/clock.h"

#include <chrono>

namespace strobe::runtime {

int64_t SteadyClock::now_ns() const {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

int64_t SteadyClock::wall_ms() const {
  return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch())
      .count();
}

void SteadyClock::wait(std::condition_variable& condition, std::unique_lock<std::mutex>& lock, int64_t deadline_ns) {
  if (deadline_ns == kNever) {
    condition.wait(lock);
    return;
  }
  condition.wait_until(lock, std::chrono::steady_clock::time_point(std::chrono::nanoseconds(deadline_ns)));
}

}  // namespace strobe::runtime
