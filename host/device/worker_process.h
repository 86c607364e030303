#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "platform/files/temporary_folder.h"
#include "platform/process/unfinished.h"

namespace strobe::device {

/// A file descriptor with an owner.
class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(other.fd_) { other.fd_ = -1; }
  Descriptor& operator=(Descriptor&& other) noexcept;
  ~Descriptor() { reset(); }
  int get() const { return fd_; }
  void reset();

 private:
  int fd_ = -1;
};

/// A worker process: its group, its folder for everything that XRT writes, and the ends of what it is talked to
/// through. The destructor ends the whole group and removes the folder.
class WorkerProcess {
 public:
  WorkerProcess() = default;  ///< none; see `start`
  /// Starts `<libexec>/strobe-device-worker` for `backend` in an environment of its own. `rings` and `image` are handed
  /// over.
  static absl::StatusOr<WorkerProcess> start(const std::string& libexec, std::string_view backend, int rings,
                                             int image);

  WorkerProcess(WorkerProcess&& other) noexcept;
  WorkerProcess& operator=(WorkerProcess&&) = delete;
  ~WorkerProcess();

  int control() const { return control_.get(); }  ///< socket for requests
  int output() const { return output_.get(); }    ///< pipe with what the worker and the card's process print
  int process() const { return process_.get(); }  ///< pidfd: readable once the worker has ended
  int pid() const { return pid_; }

  /// Asks the worker to end by closing its socket; `kill` ends it and the card's process at once. From any thread.
  void close_control();
  void kill();
  /// Waits for its end: "ended with status 121" or "was killed by signal 9 (Killed)". Reaps it.
  std::string end_reason();

 private:
  int pid_ = -1;
  std::unique_ptr<std::mutex> reaping_ = std::make_unique<std::mutex>();  ///< a number that was reaped may be another's
  bool reaped_ = false;
  files::TemporaryFolder run_dir_;
  process::Unfinished running_;
  Descriptor control_, output_, process_;
};

/// An anonymous file of `size` bytes in memory, for sharing.
absl::StatusOr<Descriptor> make_memory_file(const char* name, size_t size);

}  // namespace strobe::device
