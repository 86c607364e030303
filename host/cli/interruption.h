#pragma once

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>

namespace strobe::cli {

/// SIGINT, SIGTERM and SIGHUP: undoes what is unfinished (children, temporary folders, half-written files) and lets the
/// signal end the process, as if nobody had handled it. A signal that the caller had ignored stays so, but for SIGTERM.
/// SIGPIPE and SIGXFSZ (a file beyond `ulimit -f`) are ignored: a write that fails says so.
///
/// Make it before any other thread exists; its own thread takes the signals.
class Interruption {
 public:
  Interruption();
  ~Interruption();
  Interruption(const Interruption&) = delete;
  Interruption& operator=(const Interruption&) = delete;

  /// For a command that stops in a way of its own: waits for a signal, which then does not end the process. Another one
  /// does, unless it comes within a second: some programs send theirs twice.
  void wait();
  /// The same for a command that is busy meanwhile: from now on a signal sets what this returns.
  const std::atomic<bool>& watch_for();

 private:
  void watch();
  bool is_waited_for();

  int signals_ = -1, closing_ = -1;  ///< signalfd, eventfd
  std::mutex mutex_;
  std::condition_variable came_;
  bool waiting_ = false;
  std::atomic<bool> stopped_ = false;
  std::thread thread_;
};

}  // namespace strobe::cli
