#include "host/scouting/sources/pacer.h"

#include "host/scouting/core/orbit.h"

namespace strobe::scouting {

Pacer::Pacer(double rate) {
  if (rate > 0) period_ = std::chrono::duration<double>(kOrbitSeconds / rate);
}

Pacer::Clock::time_point Pacer::next(Clock::time_point now) {
  if (period_.count() == 0) return now;
  if (!started_) {
    started_ = true;
    start_ = now;
  }
  // From the start and not from the last one, so that roundings do not add up.
  auto due = start_ + std::chrono::duration_cast<Clock::duration>(period_ * orbits_);
  orbits_ += 1;
  if (now - due > kMostBehind) {
    start_ = now - kMostBehind;
    due = start_;
    orbits_ = 1;
  }
  return due;
}

void Pacer::wait(const Interrupt& interrupt) {
  if (period_.count() == 0) return;
  const Clock::time_point now = Clock::now(), due = next(now);
  if (due > now) interrupt.wait(-1, 0, due);
}

}  // namespace strobe::scouting
