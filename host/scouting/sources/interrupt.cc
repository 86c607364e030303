#include "host/scouting/sources/interrupt.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

namespace strobe::scouting {

absl::StatusOr<Interrupt> Interrupt::create() {
  const int event = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (event < 0) return absl::ErrnoToStatus(errno, "cannot make an event descriptor for a source");
  return Interrupt(event);
}

Interrupt::Interrupt(Interrupt&& other) noexcept
    : event_(std::exchange(other.event_, -1)), raised_(other.raised_.load()) {}

Interrupt::~Interrupt() {
  if (event_ >= 0) ::close(event_);
}

void Interrupt::raise() {
  raised_.store(true);
  (void)::eventfd_write(event_, 1);  // fails only where it is raised 2^64 times
}

Interrupt::Wake Interrupt::wait(int descriptor, short events, Clock::time_point until) const {
  while (true) {
    pollfd waits[] = {{event_, POLLIN, 0}, {descriptor, events, 0}};
    const auto left = std::max(std::chrono::nanoseconds(0), std::chrono::nanoseconds(until - Clock::now()));
    const timespec time = {left.count() / 1'000'000'000, left.count() % 1'000'000'000};
    const int ready = ::ppoll(waits, 2, &time, nullptr);
    if (raised()) return Wake::kInterrupted;
    if (ready > 0) return Wake::kReady;
    if (Clock::now() >= until) return Wake::kTimeout;  // else a signal came, or the timer was early
  }
}

std::optional<ByteSource::Fill> wait_readable(const Interrupt& interrupt, int descriptor,
                                              Interrupt::Clock::time_point until) {
  switch (interrupt.wait(descriptor, POLLIN, until)) {
    case Interrupt::Wake::kInterrupted:
      return ByteSource::Fill::kEnd;
    case Interrupt::Wake::kTimeout:
      return ByteSource::Fill::kTimeout;
    case Interrupt::Wake::kReady:
      break;
  }
  return std::nullopt;
}

}  // namespace strobe::scouting
