#pragma once

#include <atomic>
#include <chrono>
#include <optional>

#include "absl/status/statusor.h"
#include "host/scouting/sources/source.h"

namespace strobe::scouting {

/// Ends one thread's waits from another, for good.
class Interrupt {
 public:
  using Clock = std::chrono::steady_clock;
  enum class Wake : uint8_t { kReady, kTimeout, kInterrupted };

  /// Errors: ResourceExhausted where no descriptor is left.
  static absl::StatusOr<Interrupt> create();
  Interrupt(Interrupt&& other) noexcept;
  Interrupt& operator=(Interrupt&&) = delete;
  ~Interrupt();

  void raise();
  bool raised() const { return raised_.load(std::memory_order_relaxed); }
  /// Waits until `descriptor` shows one of poll's `events` (or an error), or until the time is over. A negative
  /// descriptor is not waited for.
  Wake wait(int descriptor, short events, Clock::time_point until) const;

 private:
  explicit Interrupt(int event) : event_(event) {}
  int event_;  ///< an eventfd
  std::atomic<bool> raised_{false};
};

/// Waits until `descriptor` can be read. Where that does not come to be: what a source's `fill` answers.
std::optional<ByteSource::Fill> wait_readable(const Interrupt& interrupt, int descriptor,
                                              Interrupt::Clock::time_point until);

}  // namespace strobe::scouting
