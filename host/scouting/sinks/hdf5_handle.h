#pragma once

#include <hdf5.h>

#include <mutex>
#include <string>
#include <utility>

#include "absl/status/status.h"

namespace strobe::scouting {

/// An HDF5 identifier that is closed.
class Hdf5Handle {
 public:
  using Close = herr_t (*)(hid_t);
  Hdf5Handle() = default;
  Hdf5Handle(hid_t id, Close closer) : id_(id), close_(closer) {}
  Hdf5Handle(Hdf5Handle&& other) noexcept : id_(std::exchange(other.id_, -1)), close_(other.close_) {}
  Hdf5Handle& operator=(Hdf5Handle&& other) noexcept {
    std::swap(id_, other.id_);
    std::swap(close_, other.close_);
    return *this;
  }
  ~Hdf5Handle() { (void)close(); }

  hid_t get() const { return id_; }
  bool ok() const { return id_ >= 0; }
  /// False where HDF5 could not.
  bool close() { return id_ < 0 || close_(std::exchange(id_, -1)) >= 0; }

 private:
  hid_t id_ = -1;
  Close close_ = nullptr;
};

/// Debian's HDF5 is not thread-safe, so one thread of the process at a time calls it; and it is told not to print its
/// errors.
std::unique_lock<std::mutex> lock_hdf5();

/// What HDF5 says of the call that has just failed: ResourceExhausted for a full disk, else Internal. `what`: "'a.h5':
/// cannot write".
absl::Status hdf5_error(const std::string& what);

}  // namespace strobe::scouting
