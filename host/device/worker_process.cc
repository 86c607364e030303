#include "host/device/worker_process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <vector>

#include "absl/strings/str_cat.h"
#include "host/device/worker_protocol.h"
#include "platform/process/child.h"

namespace strobe::device {
namespace {

namespace fs = std::filesystem;

constexpr char kRunDirPrefix[] = "strobe-card-";

absl::Status failure(std::string_view what) {
  const int error = errno;
  return absl::UnavailableError(
      absl::StrCat("cannot start an emulated card: ", std::string(what), ": ", std::strerror(error)));
}

/// Descriptors below 10 could be overwritten by the worker's own numbers while they are being moved there.
absl::StatusOr<Descriptor> high(int fd) {
  Descriptor moved(::fcntl(fd, F_DUPFD_CLOEXEC, 10));
  if (moved.get() < 0) return failure("no file descriptor left");
  return moved;
}

/// One folder takes everything that XRT leaves behind: its run folder, its socket (it listens on /tmp/$USER/...), its
/// configuration. It must be in /tmp for the socket, and without a blank in its name: XRT's shim runs `chmod` on it
/// unquoted.
absl::StatusOr<files::TemporaryFolder> make_run_dir() {
  files::TemporaryFolder::sweep("/tmp", kRunDirPrefix);
  absl::StatusOr<files::TemporaryFolder> folder = files::TemporaryFolder::create("/tmp", kRunDirPrefix);
  if (!folder.ok()) {
    return absl::UnavailableError(
        absl::StrCat("cannot start an emulated card: ", std::string(folder.status().message())));
  }
  std::ofstream config(folder->path() + "/emconfig.json");
  config << R"({"Version":{"FileVersion":"2.0"},"Platform":{"Boards":[{"Devices":[{"Name":"strobe_emulated_card",)"
         << R"("NumDevices":"1","OclFreqency":"300","DdrBanks":[{"Size":"16GB"}]}]}]}})" << '\n';
  config.close();
  if (!config) return failure("write to /tmp");
  return folder;
}

/// The user sets nothing; what XRT wants to know is said here. A vendor's installation of XRT and Vitis is used as it
/// is.
std::vector<std::string> environment(const std::string& libexec, const std::string& run_dir) {
  std::vector<std::string> out = {absl::StrCat(worker::kRunDirVariable, "=", run_dir),
                                  "PATH=/usr/local/bin:/usr/bin:/bin",
                                  "XCL_EMULATION_MODE=sw_emu",
                                  "USER=" + fs::path(run_dir).filename().string(),
                                  "HOME=" + run_dir,
                                  "EMCONFIG_PATH=" + run_dir,
                                  "SDACCEL_EM_RUN_DIR=" + run_dir};
  const char* vendor = std::getenv("XILINX_XRT");
  const bool has_shim = vendor && ::access((std::string(vendor) + "/lib/libxrt_swemu.so.2").c_str(), R_OK) == 0;
  out.push_back("XILINX_XRT=" + (has_shim ? std::string(vendor) : libexec + "/xrt"));
  out.push_back("XILINX_VITIS=" + libexec + "/vitis");
  // Debian's package ships no file that names XRT to the OpenCL loader.
  if (::access("/etc/OpenCL/vendors/xilinx.icd", R_OK) != 0) out.push_back("OCL_ICD_VENDORS=" + libexec + "/opencl");
  for (const char* passed : {"LD_LIBRARY_PATH", "ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS", "LSAN_OPTIONS"}) {
    if (const char* value = std::getenv(passed)) out.push_back(absl::StrCat(passed, "=", value));
  }
  return out;
}

/// posix_spawn and its two objects, so that no early return forgets them.
class Spawner {
 public:
  Spawner() {
    ::posix_spawn_file_actions_init(&actions_);
    ::posix_spawnattr_init(&attributes_);
    sigset_t none, all;
    ::sigemptyset(&none);
    ::sigfillset(&all);
    ::posix_spawnattr_setsigmask(&attributes_, &none);
    ::posix_spawnattr_setsigdefault(&attributes_, &all);
    ::posix_spawnattr_setpgroup(&attributes_, 0);
    ::posix_spawnattr_setflags(&attributes_, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  }
  ~Spawner() {
    ::posix_spawn_file_actions_destroy(&actions_);
    ::posix_spawnattr_destroy(&attributes_);
  }
  void hand_over(int fd, int as) { ::posix_spawn_file_actions_adddup2(&actions_, fd, as); }
  void work_in(const std::string& folder) { ::posix_spawn_file_actions_addchdir_np(&actions_, folder.c_str()); }
  int run(const std::string& program, const std::vector<std::string>& variables, int& pid) {
    char* arguments[] = {const_cast<char*>(program.c_str()), nullptr};
    std::vector<char*> pointers;
    for (const std::string& variable : variables) pointers.push_back(const_cast<char*>(variable.c_str()));
    pointers.push_back(nullptr);
    return ::posix_spawn(&pid, program.c_str(), &actions_, &attributes_, arguments, pointers.data());
  }

 private:
  posix_spawn_file_actions_t actions_;
  posix_spawnattr_t attributes_;
};

}  // namespace

Descriptor& Descriptor::operator=(Descriptor&& other) noexcept {
  std::swap(fd_, other.fd_);
  return *this;
}

void Descriptor::reset() {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

absl::StatusOr<WorkerProcess> WorkerProcess::start(const std::string& libexec, std::string_view, int rings, int image) {
  WorkerProcess worker;
  auto run_dir = make_run_dir();
  if (!run_dir.ok()) return run_dir.status();
  worker.run_dir_ = *std::move(run_dir);
  int sockets[2], pipe[2];
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets) != 0) return failure("make a socket");
  worker.control_ = Descriptor(sockets[0]);
  Descriptor far_socket(sockets[1]);
  if (::pipe2(pipe, O_CLOEXEC) != 0) return failure("make a pipe");
  worker.output_ = Descriptor(pipe[0]);
  Descriptor far_pipe(pipe[1]);
  Descriptor null(::open("/dev/null", O_RDONLY | O_CLOEXEC));

  Spawner spawner;
  const std::pair<int, int> handed[] = {{null.get(), 0},           {far_pipe.get(), 1},
                                        {far_pipe.get(), 2},       {far_socket.get(), worker::kControlFd},
                                        {rings, worker::kRingsFd}, {image, worker::kImageFd}};
  std::vector<Descriptor> moved;
  for (const auto& [fd, as] : handed) {
    auto copy = high(fd);
    if (!copy.ok()) return copy.status();
    spawner.hand_over(copy->get(), as);
    moved.push_back(*std::move(copy));
  }
  const std::string& folder = worker.run_dir_.path();
  spawner.work_in(folder);  // a stray xrt.ini of the user's folder would change XRT's ways
  process::Step step = process::begin_step();
  const int error = spawner.run(libexec + "/strobe-device-worker", environment(libexec, folder), worker.pid_);
  if (error == 0) worker.running_ = process::Unfinished(step, [pid = worker.pid_] { process::end_group(pid); });
  step.unlock();
  if (error != 0) {
    worker.pid_ = -1;
    errno = error;
    return failure(libexec + "/strobe-device-worker");
  }
  worker.process_ = Descriptor(static_cast<int>(::syscall(SYS_pidfd_open, worker.pid_, 0)));
  if (worker.process_.get() < 0) return failure("watch it");
  return worker;
}

WorkerProcess::WorkerProcess(WorkerProcess&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)),
      reaping_(std::move(other.reaping_)),
      reaped_(other.reaped_),
      run_dir_(std::move(other.run_dir_)),
      running_(std::move(other.running_)),
      control_(std::move(other.control_)),
      output_(std::move(other.output_)),
      process_(std::move(other.process_)) {}

WorkerProcess::~WorkerProcess() {
  if (pid_ > 0) {
    kill();
    end_reason();
  }
}

void WorkerProcess::close_control() { ::shutdown(control_.get(), SHUT_RDWR); }

void WorkerProcess::kill() {
  std::lock_guard lock(*reaping_);
  if (!reaped_) ::kill(-pid_, SIGKILL);
}

std::string WorkerProcess::end_reason() {
  pollfd end{process_.get(), POLLIN, 0};
  while (process_.get() >= 0 && ::poll(&end, 1, -1) < 0) {
  }
  std::lock_guard lock(*reaping_);
  if (reaped_) return "has ended";
  const process::Step step = process::begin_step();
  running_.forget(step);
  ::kill(-pid_, SIGKILL);  // the card's process, which is of its group; the number is the group's until it is reaped
  int status = 0;
  while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
  reaped_ = true;
  if (WIFSIGNALED(status))
    return absl::StrCat("was killed by signal ", WTERMSIG(status), " (", ::strsignal(WTERMSIG(status)), ")");
  return absl::StrCat("ended with status ", WEXITSTATUS(status));
}

absl::StatusOr<Descriptor> make_memory_file(const char* name, size_t size) {
  Descriptor file(::memfd_create(name, MFD_CLOEXEC));
  if (file.get() < 0 || ::ftruncate(file.get(), static_cast<off_t>(size)) != 0) {
    return absl::ResourceExhaustedError(
        absl::StrCat("cannot make ", size, " bytes of shared memory: ", std::strerror(errno)));
  }
  return file;
}

}  // namespace strobe::device
