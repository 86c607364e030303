#include "host/cli/interruption.h"

#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>

#include "platform/process/unfinished.h"

namespace strobe::cli {
namespace {

constexpr std::chrono::seconds kSameWish{1};

bool is_ignored(int number) {
  struct sigaction action {};
  return ::sigaction(number, nullptr, &action) == 0 && action.sa_handler == SIG_IGN;
}

sigset_t handled_signals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  for (const int number : {SIGINT, SIGHUP}) {
    if (!is_ignored(number)) sigaddset(&set, number);
  }
  return set;
}

[[noreturn]] void end_by(int number) {
  process::undo_unfinished();
  if (::isatty(STDERR_FILENO) == 1) (void)!::write(STDERR_FILENO, "\n", 1);  // below a progress bar
  ::signal(number, SIG_DFL);
  sigset_t only;
  sigemptyset(&only);
  sigaddset(&only, number);
  ::pthread_sigmask(SIG_UNBLOCK, &only, nullptr);
  ::raise(number);
  ::_exit(128 + number);
}

}  // namespace

Interruption::Interruption() {
  ::signal(SIGPIPE, SIG_IGN);
  ::signal(SIGXFSZ, SIG_IGN);
  const sigset_t set = handled_signals();
  signals_ = ::signalfd(-1, &set, SFD_CLOEXEC);
  closing_ = ::eventfd(0, EFD_CLOEXEC);
  if (signals_ < 0 || closing_ < 0) return;  // signals end the process as they always did
  ::pthread_sigmask(SIG_BLOCK, &set, nullptr);
  thread_ = std::thread([this] { watch(); });
}

Interruption::~Interruption() {
  if (thread_.joinable()) {
    ::eventfd_write(closing_, 1);
    thread_.join();
  }
  if (signals_ >= 0) ::close(signals_);
  if (closing_ >= 0) ::close(closing_);
}

void Interruption::wait() {
  std::unique_lock lock(mutex_);
  waiting_ = true;
  came_.wait(lock, [this] { return stopped_.load(); });
}

const std::atomic<bool>& Interruption::watch_for() {
  const std::lock_guard lock(mutex_);
  waiting_ = true;
  return stopped_;
}

bool Interruption::is_waited_for() {
  const std::lock_guard lock(mutex_);
  if (!waiting_ || stopped_) return false;
  stopped_ = true;
  came_.notify_all();
  return true;
}

void Interruption::watch() {
  using Clock = std::chrono::steady_clock;
  Clock::time_point first{};
  pollfd sources[2] = {{signals_, POLLIN, 0}, {closing_, POLLIN, 0}};
  for (;;) {
    if (::poll(sources, 2, -1) < 0) continue;
    if (sources[1].revents != 0) return;
    signalfd_siginfo info{};
    if (::read(signals_, &info, sizeof info) != sizeof info) continue;
    if (is_waited_for())
      first = Clock::now();
    else if (first == Clock::time_point{} || Clock::now() - first > kSameWish)
      end_by(static_cast<int>(info.ssi_signo));
  }
}

}  // namespace strobe::cli
