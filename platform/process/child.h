#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "platform/process/unfinished.h"

namespace strobe::process {

/// The program on PATH, or empty. A name with a slash is taken as it is.
std::string find_program(const std::string& name);

/// A program to run as a child.
struct Command {
  std::vector<std::string> words;  ///< the program, found on PATH, and its arguments
  std::string output;              ///< the file that takes what it prints
  std::string folder;              ///< to run in; empty: this process's
  std::string temporary;           ///< its TMPDIR, so that it leaves nothing elsewhere when it is killed
};

/// A child in a process group of its own, which ends with its owner and with this process.
class Child {
 public:
  /// Errors: Internal where it cannot be started.
  static absl::StatusOr<Child> start(const Command& command);
  Child(Child&& other) noexcept;
  Child& operator=(Child&&) = delete;
  ~Child();
  /// Waits for its end: "" for success, else what happened ("exit status 1", "killed by signal 9 (Killed)").
  std::string wait();

 private:
  Child(int pid, Unfinished running) : pid_(pid), running_(std::move(running)) {}
  int pid_;
  Unfinished running_;
};

/// Ends a group and waits for its leader's end, without taking the leader's status. For a group that is not reaped yet.
void end_group(int leader);

}  // namespace strobe::process
