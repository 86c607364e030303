#include "host/scouting/sinks/hdf5_handle.h"

#include <cerrno>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace strobe::scouting {
namespace {

/// Called from the innermost error to the outermost: keeps the first.
herr_t keep_first(unsigned, const H5E_error2_t* error, void* text) {
  auto& kept = *static_cast<std::string*>(text);
  if (kept.empty() && error->desc != nullptr) kept = error->desc;
  return 0;
}

}  // namespace

std::unique_lock<std::mutex> lock_hdf5() {
  static std::mutex mutex;
  std::unique_lock<std::mutex> lock(mutex);
  // At exit HDF5 would write what it could not, which by then may not be whole. Files that were closed need nothing.
  static const bool leaves_exit_alone = H5dont_atexit() >= 0;
  static_cast<void>(leaves_exit_alone);
  H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
  return lock;
}

absl::Status hdf5_error(const std::string& what) {
  std::string reason;
  H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, keep_first, &reason);
  const std::string text = absl::StrCat(what, ": HDF5: ", reason.empty() ? "no reason given" : reason);
  for (const int full : {ENOSPC, EFBIG, EDQUOT}) {
    if (absl::StrContains(reason, absl::StrCat("errno = ", full, ","))) return absl::ResourceExhaustedError(text);
  }
  return absl::InternalError(text);
}

}  // namespace strobe::scouting
