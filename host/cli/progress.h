#pragma once

#include <chrono>
#include <cstddef>
#include <cstdio>

namespace strobe::cli {

/// A line on a terminal's standard error with rate and time left; nothing where there is no terminal.
class Progress {
 public:
  /// `unit`: what is counted, for the rate.
  explicit Progress(size_t total, const char* unit = "events");
  ~Progress();
  void update(size_t done);

 private:
  using Clock = std::chrono::steady_clock;
  size_t total_;
  const char* unit_;
  bool on_terminal_;
  bool shown_ = false;
  Clock::time_point start_ = Clock::now();
  Clock::time_point last_ = start_;
};

}  // namespace strobe::cli
