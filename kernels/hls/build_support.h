#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

/// Folders and child processes, for the project writer and the builds. Errors name the folder and say what the system
/// says.
namespace strobe::hls {

/// Makes a folder and those above it.
absl::Status make_folder(const std::string& folder);
/// Copies a file; the copy appears whole or not at all.
absl::Status copy_file(const std::string& from, const std::string& to);

/// A new folder that goes away with its owner.
class TemporaryFolder {
 public:
  static absl::StatusOr<TemporaryFolder> create(const std::string& parent);
  TemporaryFolder(TemporaryFolder&& other) noexcept : path_(std::move(other.path_)) { other.path_.clear(); }
  TemporaryFolder& operator=(TemporaryFolder&&) = delete;
  ~TemporaryFolder();
  const std::string& path() const { return path_; }
  /// Renames it to `target` and lets it live; false, and the folder stays temporary, where `target` is there already.
  absl::StatusOr<bool> keep_as(const std::string& target);
  /// Puts it in the place of the folder `target`, in one step; what was there goes away with this object.
  absl::Status exchange_with(const std::string& target);

 private:
  explicit TemporaryFolder(std::string path) : path_(std::move(path)) {}
  std::string path_;
};

/// The program on PATH, or empty. A name with a slash is taken as it is.
std::string find_program(const std::string& name);

/// A child process whose output goes to a file.
class Child {
 public:
  /// Errors: Internal where it cannot be started.
  static absl::StatusOr<Child> start(const std::vector<std::string>& command, const std::string& output,
                                     const std::string& folder = "");
  Child(Child&& other) noexcept : pid_(other.pid_) { other.pid_ = -1; }
  Child& operator=(Child&&) = delete;
  ~Child();
  /// Waits for its end: "" for success, else what happened ("exit status 1", "killed by signal 9 (Killed)").
  std::string wait();

 private:
  explicit Child(int pid) : pid_(pid) {}
  int pid_;
};

}  // namespace strobe::hls
