#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <string>
#include <vector>

namespace strobe {

/// Starts strobe; what it prints goes to the file `output`. `variables` ("NAME=value") replace those of this process.
inline pid_t start_strobe(const std::vector<std::string>& arguments, const std::string& output,
                          std::vector<std::string> variables = {}) {
  std::vector<std::string> words = {STROBE_PROGRAM};
  words.insert(words.end(), arguments.begin(), arguments.end());
  const size_t own = variables.size();
  for (char** variable = environ; *variable != nullptr; ++variable) {
    const std::string text = *variable;
    bool replaced = false;
    for (size_t v = 0; v < own; ++v) replaced |= text.starts_with(variables[v].substr(0, variables[v].find('=') + 1));
    if (!replaced) variables.push_back(text);
  }
  const auto pointers = [](std::vector<std::string>& texts) {
    std::vector<char*> result;
    for (std::string& text : texts) result.push_back(text.data());
    result.push_back(nullptr);
    return result;
  };
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&actions, 1, output.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0666);
  posix_spawn_file_actions_adddup2(&actions, 1, 2);
  // A shell's background job ignores SIGINT; this test's strobe does not.
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t all;
  sigfillset(&all);
  posix_spawnattr_setsigdefault(&attributes, &all);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);
  pid_t pid = -1;
  EXPECT_EQ(
      ::posix_spawn(&pid, STROBE_PROGRAM, &actions, &attributes, pointers(words).data(), pointers(variables).data()),
      0);
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attributes);
  return pid;
}

/// Whether a process ends within that time.
inline bool ends_within(pid_t pid, std::chrono::microseconds time) {
  const int process = static_cast<int>(::syscall(SYS_pidfd_open, pid, 0));
  const timespec limit{time.count() / 1'000'000, time.count() % 1'000'000 * 1000};
  pollfd ended{process, POLLIN, 0};
  const bool has_ended = ::ppoll(&ended, 1, &limit, nullptr) == 1;
  ::close(process);
  return has_ended;
}

/// Waits for its end; the status as `waitpid` gives it. One that never ends is a failure.
inline int status_of(pid_t pid) {
  constexpr std::chrono::minutes kLongestRun{2};
  if (!ends_within(pid, kLongestRun)) {
    ADD_FAILURE() << "strobe does not end";
    ::kill(pid, SIGKILL);
  }
  int status = 0;
  ::waitpid(pid, &status, 0);
  return status;
}

}  // namespace strobe
