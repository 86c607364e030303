#pragma once

#include <chrono>
#include <cstdint>

namespace strobe::scouting {

/// The steady clock in nanoseconds, as `SourceOrbit::received_ns` has it.
inline int64_t now_ns() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

}  // namespace strobe::scouting
