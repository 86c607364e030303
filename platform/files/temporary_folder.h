#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "platform/process/unfinished.h"

namespace strobe::files {

/// Makes a folder and those above it. Errors: ResourceExhausted (disk full), FailedPrecondition; each names the folder.
absl::Status make_folder(const std::string& folder);
/// Whether `make_folder` could, and files could be made in the folder; nothing is touched. Errors: as make_folder.
absl::Status check_folder(const std::string& folder);

/// A new folder that goes away with its owner, and with the process where a signal ends it. What a process leaves that
/// was killed (SIGKILL, power), `sweep` finds: an owner holds a lock on its folder as long as it lives.
class TemporaryFolder {
 public:
  /// A folder `parent`/`prefix`XXXXXX. Errors: as make_folder.
  static absl::StatusOr<TemporaryFolder> create(const std::string& parent, const std::string& prefix);
  /// The same below the system's folder for temporary files ($TMPDIR, else /tmp), after a sweep there.
  static absl::StatusOr<TemporaryFolder> create_in_system(const std::string& prefix);
  /// Removes this user's folders `parent`/`prefix`XXXXXX whose owners are dead.
  static void sweep(const std::string& parent, const std::string& prefix);

  TemporaryFolder() = default;  ///< none
  TemporaryFolder(TemporaryFolder&& other) noexcept;
  TemporaryFolder& operator=(TemporaryFolder&& other) noexcept;
  ~TemporaryFolder();
  const std::string& path() const { return path_; }

  /// Renames it to `target` and lets it live; false, and the folder stays temporary, where `target` is there already.
  absl::StatusOr<bool> keep_as(const std::string& target);
  /// Puts it in the place of the folder `target`, in one step; what was there goes away with this object.
  absl::Status exchange_with(const std::string& target);

 private:
  std::string path_;
  int lock_ = -1;
  process::Unfinished unfinished_;
};

}  // namespace strobe::files
