#include "host/scouting/generate/sender.h"

#include <sys/prctl.h>
#include <time.h>

#include <chrono>
#include <thread>
#include <vector>

#include "host/scouting/core/orbit.h"

namespace strobe::scouting {
namespace {

using Clock = std::chrono::steady_clock;
constexpr size_t kWriteBytes = size_t{1} << 20;

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

/// Tells when an orbit is due. Sleeps while there is time and turns round for the rest: a sleeper wakes late by some
/// ten microseconds, and an orbit lasts 89.
class Pacer {
 public:
  Pacer(double rate, Clock::time_point start) : period_(rate > 0 ? kOrbitSeconds / rate : 0), start_(start) {
    if (period_ > 0) ::prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL);
  }
  bool is_due(uint64_t orbits) const { return period_ == 0 || Clock::now() >= due(orbits); }
  /// Sleeps at most a tenth of a second, so that the caller sees a stop.
  void wait(uint64_t orbits) const {
    constexpr auto kSpin = std::chrono::microseconds(15);
    constexpr auto kLongest = std::chrono::milliseconds(100);
    const auto left = due(orbits) - Clock::now();
    if (left > kLongest) {
      std::this_thread::sleep_for(kLongest);
    } else if (left > kSpin) {
      std::this_thread::sleep_for(left - kSpin);
    }
  }

 private:
  Clock::time_point due(uint64_t orbits) const {
    return start_ + std::chrono::duration_cast<Clock::duration>(
                        std::chrono::duration<double>(static_cast<double>(orbits) * period_));
  }

  double period_;
  Clock::time_point start_;
};

}  // namespace

double SendReport::lhc_rate() const { return seconds > 0 ? static_cast<double>(orbits) * kOrbitSeconds / seconds : 0; }

absl::StatusOr<SendReport> send(PacketStream& stream, Output& output, double rate, const std::atomic<bool>& stop,
                                const std::function<void(const SendReport&)>& progress) {
  const Clock::time_point start = Clock::now();
  const Pacer pacer(rate, start);
  SendReport report;
  std::vector<std::span<const std::byte>> gathered = {stream.preamble()};
  size_t bytes = stream.preamble().size();
  const auto flush = [&] {
    const absl::Status status = output.write(gathered);
    report.bytes += bytes;
    report.seconds = seconds_since(start);
    gathered.clear();
    bytes = 0;
    if (status.ok()) progress(report);
    return status;
  };
  for (Piece piece = stream.next(); !piece.bytes.empty(); piece = stream.next()) {
    while (!stop && !pacer.is_due(report.orbits + piece.orbits)) {
      if (!gathered.empty()) {
        if (absl::Status s = flush(); !s.ok()) return s;
      }
      pacer.wait(report.orbits + piece.orbits);
    }
    if (stop) break;
    gathered.push_back(piece.bytes);
    bytes += piece.bytes.size();
    report.orbits += piece.orbits;
    if (bytes >= kWriteBytes || gathered.size() >= stream.lasting()) {
      if (absl::Status s = flush(); !s.ok()) return s;
    }
  }
  if (absl::Status s = flush(); !s.ok()) return s;
  if (absl::Status s = output.close(); !s.ok()) return s;
  return report;
}

}  // namespace strobe::scouting
