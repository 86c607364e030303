#include "kernels/hls/build_support.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "platform/files/file.h"

extern char** environ;

namespace strobe::hls {
namespace {

absl::Status system_error(const std::string& path, const char* what, int error) {
  const std::string text = absl::StrCat("'", path, "': ", what, ": ", strerror(error));
  return error == ENOSPC || error == EDQUOT ? absl::ResourceExhaustedError(text) : absl::FailedPreconditionError(text);
}

}  // namespace

absl::Status make_folder(const std::string& folder) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) return system_error(folder, "folder cannot be made", error.value());
  return absl::OkStatus();
}

absl::Status copy_file(const std::string& from, const std::string& to) {
  absl::StatusOr<std::string> text = files::read_file(from);
  if (!text.ok()) return text.status();
  return files::write_file(to, *text);
}

absl::StatusOr<TemporaryFolder> TemporaryFolder::create(const std::string& parent) {
  std::string path = parent + "/tmp.XXXXXX";
  if (mkdtemp(path.data()) == nullptr) return system_error(parent, "no folder can be made in it", errno);
  return TemporaryFolder(path);
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
}

absl::StatusOr<bool> TemporaryFolder::keep_as(const std::string& target) {
  if (rename(path_.c_str(), target.c_str()) == 0) {
    path_.clear();
    return true;
  }
  if (errno == ENOTEMPTY || errno == EEXIST) return false;
  return system_error(target, "cannot be put in place", errno);
}

absl::Status TemporaryFolder::exchange_with(const std::string& target) {
  if (renameat2(AT_FDCWD, path_.c_str(), AT_FDCWD, target.c_str(), RENAME_EXCHANGE) == 0) return absl::OkStatus();
  // Not every file system can: the target is missing for a moment then.
  std::error_code ignored;
  std::filesystem::remove_all(target, ignored);
  return keep_as(target).status();
}

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

absl::StatusOr<Child> Child::start(const std::vector<std::string>& command, const std::string& output,
                                   const std::string& folder) {
  std::vector<char*> arguments;
  for (const std::string& word : command) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&actions, 1, output.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0666);
  posix_spawn_file_actions_adddup2(&actions, 1, 2);
  if (!folder.empty()) posix_spawn_file_actions_addchdir_np(&actions, folder.c_str());
  pid_t pid = -1;
  const int error = posix_spawnp(&pid, arguments[0], &actions, nullptr, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0) return absl::InternalError(absl::StrCat("'", command[0], "' cannot be started: ", strerror(error)));
  return Child(pid);
}

Child::~Child() {
  if (pid_ < 0) return;
  kill(pid_, SIGKILL);
  wait();
}

std::string Child::wait() {
  int status = 0;
  while (waitpid(pid_, &status, 0) < 0) {
    if (errno == EINTR) continue;
    pid_ = -1;
    return absl::StrCat("its end was not seen: ", strerror(errno));
  }
  pid_ = -1;
  if (WIFSIGNALED(status))
    return absl::StrCat("killed by signal ", WTERMSIG(status), " (", strsignal(WTERMSIG(status)), ")");
  return WEXITSTATUS(status) == 0 ? "" : absl::StrCat("exit status ", WEXITSTATUS(status));
}

}  // namespace strobe::hls
