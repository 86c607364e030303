#pragma once

#include <signal.h>

namespace strobe::server {

/// SIGTERM and SIGINT, held back from every thread that starts during its life, so that one thread can wait for them.
/// Make it before any other thread exists. SIGPIPE is ignored from then on.
class StopSignal {
 public:
  StopSignal();
  ~StopSignal();
  StopSignal(const StopSignal&) = delete;
  StopSignal& operator=(const StopSignal&) = delete;
  /// Waits for one of them; returns its number.
  int wait();

 private:
  sigset_t signals_;
  sigset_t before_;
};

}  // namespace strobe::server
