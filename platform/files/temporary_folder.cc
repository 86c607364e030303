#include "platform/files/temporary_folder.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <utility>

#include "absl/strings/str_cat.h"

namespace strobe::files {
namespace {

namespace fs = std::filesystem;

constexpr size_t kRandomLetters = 6;

absl::Status system_error(const std::string& path, const char* what, int error) {
  const std::string text = absl::StrCat("'", path, "': ", what, ": ", strerror(error));
  return error == ENOSPC || error == EDQUOT ? absl::ResourceExhaustedError(text) : absl::FailedPreconditionError(text);
}

/// A child that is being killed may put one more file in while the folder is emptied.
void remove_tree(const std::string& path) {
  constexpr int kAttempts = 100;
  std::error_code error;
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    fs::remove_all(path, error);
    if (!error) return;
  }
}

/// A lock on a folder that ends with its holder; -1 where another holds it or the folder is gone.
int lock_folder(const std::string& path) {
  const int folder = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (folder < 0) return -1;
  struct stat locked {
  }, named{};
  if (::flock(folder, LOCK_EX | LOCK_NB) == 0 && ::fstat(folder, &locked) == 0 && ::lstat(path.c_str(), &named) == 0 &&
      locked.st_ino == named.st_ino && locked.st_dev == named.st_dev)
    return folder;
  ::close(folder);
  return -1;
}

}  // namespace

absl::Status make_folder(const std::string& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) return system_error(folder, "folder cannot be made", error.value());
  return absl::OkStatus();
}

absl::Status check_folder(const std::string& folder) {
  // The nearest that is there: below it folders would be made.
  fs::path there = fs::absolute(folder).lexically_normal();
  std::error_code error;
  while (!fs::exists(there, error) && there.has_relative_path()) there = there.parent_path();
  if (!fs::is_directory(there, error)) return system_error(folder, "folder cannot be made", ENOTDIR);
  if (::access(there.c_str(), W_OK | X_OK) != 0) return system_error(folder, "no file can be made in it", errno);
  return absl::OkStatus();
}

absl::StatusOr<TemporaryFolder> TemporaryFolder::create(const std::string& parent, const std::string& prefix) {
  // A sweep may come between making a folder and locking it, and take it for a dead owner's.
  constexpr int kAttempts = 100;
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    TemporaryFolder folder;
    std::string path = absl::StrCat(parent, "/", prefix, std::string(kRandomLetters, 'X'));
    const process::Step step = process::begin_step();
    if (::mkdtemp(path.data()) == nullptr) return system_error(parent, "no folder can be made in it", errno);
    folder.lock_ = lock_folder(path);
    if (folder.lock_ < 0) {
      ::rmdir(path.c_str());
      continue;
    }
    folder.path_ = path;
    folder.unfinished_ = process::Unfinished(step, [path] { remove_tree(path); });
    return folder;
  }
  return absl::FailedPreconditionError(absl::StrCat("'", parent, "': no folder can be locked in it"));
}

absl::StatusOr<TemporaryFolder> TemporaryFolder::create_in_system(const std::string& prefix) {
  std::error_code error;
  const std::string parent = fs::temp_directory_path(error).string();
  if (error) {
    const char* set = ::getenv("TMPDIR");
    return system_error(set != nullptr ? set : "/tmp", "no folder for temporary files (TMPDIR)", error.value());
  }
  sweep(parent, prefix);
  return create(parent, prefix);
}

void TemporaryFolder::sweep(const std::string& parent, const std::string& prefix) {
  std::error_code ignored;
  for (const fs::directory_entry& entry : fs::directory_iterator(parent, ignored)) {
    const std::string name = entry.path().filename().string(), path = entry.path().string();
    struct stat info {};
    if (!name.starts_with(prefix) || name.size() != prefix.size() + kRandomLetters) continue;
    if (::lstat(path.c_str(), &info) != 0 || !S_ISDIR(info.st_mode) || info.st_uid != ::getuid()) continue;
    const int lock = lock_folder(path);
    if (lock < 0) continue;
    remove_tree(path);
    ::close(lock);
  }
}

TemporaryFolder::TemporaryFolder(TemporaryFolder&& other) noexcept { *this = std::move(other); }

TemporaryFolder& TemporaryFolder::operator=(TemporaryFolder&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(lock_, other.lock_);
  std::swap(unfinished_, other.unfinished_);
  return *this;
}

TemporaryFolder::~TemporaryFolder() {
  if (!path_.empty()) remove_tree(path_);
  if (lock_ >= 0) ::close(lock_);
}

absl::StatusOr<bool> TemporaryFolder::keep_as(const std::string& target) {
  const process::Step step = process::begin_step();
  if (::rename(path_.c_str(), target.c_str()) != 0) {
    if (errno == ENOTEMPTY || errno == EEXIST) return false;
    return system_error(target, "cannot be put in place", errno);
  }
  path_.clear();
  unfinished_.forget(step);
  return true;
}

absl::Status TemporaryFolder::exchange_with(const std::string& target) {
  if (::renameat2(AT_FDCWD, path_.c_str(), AT_FDCWD, target.c_str(), RENAME_EXCHANGE) == 0) return absl::OkStatus();
  // Not every file system can: the target is missing for a moment then.
  remove_tree(target);
  return keep_as(target).status();
}

}  // namespace strobe::files
