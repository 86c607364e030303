#pragma once

#include <chrono>

#include "host/scouting/sources/interrupt.h"

namespace strobe::scouting {

/// When the orbits of a replay are due, at a multiple of the LHC's rate. A replay that was held up may catch up with at
/// most `kMostBehind` of its plan; what is beyond, moves the plan.
class Pacer {
 public:
  using Clock = Interrupt::Clock;
  static constexpr std::chrono::milliseconds kMostBehind{100};

  /// `rate`: multiple of the LHC's; 0: everything is due at once.
  explicit Pacer(double rate);
  /// When the next orbit is due; the first at once. A time before `now` says that the replay is behind.
  Clock::time_point next(Clock::time_point now);
  /// Waits until the next orbit is due, or for the interrupt.
  void wait(const Interrupt& interrupt);

 private:
  std::chrono::duration<double, std::nano> period_{0};  ///< of an orbit; 0: no plan
  Clock::time_point start_;
  double orbits_ = 0;  ///< planned since start_
  bool started_ = false;
};

}  // namespace strobe::scouting
