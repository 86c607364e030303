// The shim's answers to the death of the device are no use to a service: it ends the whole process group, or dies of
// SIGPIPE, or spins on end of file, depending on when it notices (seen with 202210.2.13.466). Here one thread waits for
// the model's end and ends this process alone, with the reason as the last line on stderr; strobe runs XRT in a worker
// process for that.

#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <thread>

#include "platform/emulation/shim/xrt_shim.h"

/// Declared as in XRT's unix_socket.h up to the descriptor, which is all that is used: its position is checked below.
class unix_socket {
 public:
  ssize_t sk_read(void* bytes, size_t size);
  ssize_t sk_write(const void* bytes, size_t size);

 private:
  int fd_;
};

namespace strobe::emulation {
namespace {

std::atomic<pid_t> model{0};

void watch(pid_t pid) {
  siginfo_t info{};
  while (::waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOWAIT) != 0 && errno == EINTR) {
  }
  if (control().closed) return;
  char why[96];
  if (info.si_code == CLD_EXITED) {
    std::snprintf(why, sizeof why, "the device process ended by itself with status %d", info.si_status);
  } else {
    std::snprintf(why, sizeof why, "the device process was killed by signal %d (%s)", info.si_status,
                  ::strsignal(info.si_status));
  }
  device_died(why);
}

/// The watching thread knows the reason better than a broken socket does; without it the socket's word must do.
[[noreturn]] void connection_lost() {
  ::sleep(2);
  device_died("the device process closed its connection");
}

}  // namespace

void device_died(const char* why) {
  std::fprintf(stderr, "emulated card: %s\n", why);
  std::fflush(stderr);
  ::_exit(kDeviceDiedExit);
}

}  // namespace strobe::emulation

using namespace strobe::emulation;

ssize_t unix_socket::sk_write(const void* bytes, size_t size) {
  auto* at = static_cast<const char*>(bytes);
  for (size_t left = size; left > 0;) {
    const ssize_t n = ::send(fd_, at, left, MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) connection_lost();
    at += n;
    left -= static_cast<size_t>(n);
  }
  return static_cast<ssize_t>(size);
}

ssize_t unix_socket::sk_read(void* bytes, size_t size) {
  auto* at = static_cast<char*>(bytes);
  for (size_t left = size; left > 0;) {
    const ssize_t n = ::recv(fd_, at, left, 0);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) connection_lost();
    at += n;
    left -= static_cast<size_t>(n);
  }
  return static_cast<ssize_t>(size);
}

extern "C" {

pid_t strobe_shim_fork() {
  const pid_t pid = ::fork();
  if (pid > 0) {
    model = pid;
    std::thread(watch, pid).detach();
  }
  return pid;
}

/// Handlers for SIGSEGV, SIGCHLD and more that end the process group: not installed.
int strobe_shim_sigaction(int, const struct sigaction*, struct sigaction*) { return 0; }
int strobe_shim_kill(pid_t, int) { return 0; }

/// exit() runs destructors that wait for the device; it is called where there is none.
[[noreturn]] void strobe_shim_exit(int status) { ::_exit(status ? kDeviceDiedExit : 0); }

/// At close: as shipped it waits for any child, without limit.
pid_t strobe_shim_waitpid(pid_t, int* status, int) {
  const pid_t pid = model.load();
  if (pid <= 0) return 0;
  for (int i = 0; i < 200; ++i) {
    const pid_t done = ::waitpid(pid, status, WNOHANG);
    if (done != 0) return 0;
    ::usleep(5000);
  }
  ::kill(pid, SIGKILL);
  ::waitpid(pid, status, 0);
  return 0;
}
}
