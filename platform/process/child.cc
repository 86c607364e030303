#include "platform/process/child.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

extern char** environ;

namespace strobe::process {
namespace {

/// This process's environment with another TMPDIR.
std::vector<std::string> environment(const std::string& temporary) {
  std::vector<std::string> variables;
  for (char** variable = environ; *variable != nullptr; ++variable) {
    if (temporary.empty() || strncmp(*variable, "TMPDIR=", 7) != 0) variables.emplace_back(*variable);
  }
  if (!temporary.empty()) variables.push_back("TMPDIR=" + temporary);
  return variables;
}

std::vector<char*> pointers(const std::vector<std::string>& words) {
  std::vector<char*> result;
  for (const std::string& word : words) result.push_back(const_cast<char*>(word.c_str()));
  result.push_back(nullptr);
  return result;
}

}  // namespace

std::string find_program(const std::string& name) {
  if (name.find('/') != std::string::npos) return access(name.c_str(), X_OK) == 0 ? name : "";
  const char* path = getenv("PATH");
  for (const absl::string_view folder : absl::StrSplit(path != nullptr ? path : "/usr/bin:/bin", ':')) {
    const std::string program = absl::StrCat(folder.empty() ? "." : folder, "/", name);
    struct stat info;
    if (stat(program.c_str(), &info) == 0 && S_ISREG(info.st_mode) && access(program.c_str(), X_OK) == 0)
      return program;
  }
  return "";
}

absl::StatusOr<Child> Child::start(const Command& command) {
  const std::vector<std::string> variables = environment(command.temporary);
  const std::vector<char*> arguments = pointers(command.words), environment_block = pointers(variables);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&actions, 1, command.output.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0666);
  posix_spawn_file_actions_adddup2(&actions, 1, 2);
  if (!command.folder.empty()) posix_spawn_file_actions_addchdir_np(&actions, command.folder.c_str());
  // This process may hold signals back or ignore some; that is not for its children.
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t none, all;
  sigemptyset(&none);
  sigfillset(&all);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setsigdefault(&attributes, &all);
  posix_spawnattr_setpgroup(&attributes, 0);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  pid_t pid = -1;
  Step step = begin_step();
  const int error = posix_spawnp(&pid, arguments[0], &actions, &attributes, arguments.data(), environment_block.data());
  Unfinished running;
  if (error == 0) running = Unfinished(step, [pid] { end_group(pid); });
  step.unlock();
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attributes);
  if (error != 0)
    return absl::InternalError(absl::StrCat("'", command.words[0], "' cannot be started: ", strerror(error)));
  return Child(pid, std::move(running));
}

Child::Child(Child&& other) noexcept : pid_(std::exchange(other.pid_, -1)), running_(std::move(other.running_)) {}

Child::~Child() {
  if (pid_ < 0) return;
  end_group(pid_);
  wait();
}

std::string Child::wait() {
  // Its number may be another process's once it was reaped: it is forgotten before.
  siginfo_t ended;
  while (waitid(P_PID, static_cast<id_t>(pid_), &ended, WEXITED | WNOWAIT) != 0 && errno == EINTR) {
  }
  const Step step = begin_step();
  running_.forget(step);
  int status = 0;
  if (waitpid(std::exchange(pid_, -1), &status, 0) < 0) return absl::StrCat("its end was not seen: ", strerror(errno));
  if (WIFSIGNALED(status))
    return absl::StrCat("killed by signal ", WTERMSIG(status), " (", strsignal(WTERMSIG(status)), ")");
  return WEXITSTATUS(status) == 0 ? "" : absl::StrCat("exit status ", WEXITSTATUS(status));
}

void end_group(int leader) {
  kill(-leader, SIGKILL);
  siginfo_t ended;
  while (waitid(P_PID, static_cast<id_t>(leader), &ended, WEXITED | WNOWAIT) != 0 && errno == EINTR) {
  }
}

}  // namespace strobe::process
