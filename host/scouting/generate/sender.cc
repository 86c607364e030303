#include "host/scouting/generate/sender.h"

#include <sys/prctl.h>
#include <time.h>

#include <algorithm>
#include <chrono>
#include <thread>
#include <utility>
#include <vector>

#include "host/scouting/core/orbit.h"

namespace strobe::scouting {
namespace {

using Clock = std::chrono::steady_clock;
/// A stop is seen this soon.
constexpr auto kLongestSleep = std::chrono::milliseconds(100);
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
    const auto left = due(orbits) - Clock::now();
    if (left > kLongestSleep) {
      std::this_thread::sleep_for(kLongestSleep);
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

/// Where one source's bytes are gathered and go.
class Gatherer {
 public:
  explicit Gatherer(Lane& lane) : lane_(lane) { add({lane.stream.preamble()}); }
  size_t bytes() const { return bytes_; }
  bool next(bool left_out, std::vector<Piece>& pieces) {
    ++turns_;
    return lane_.stream.next(pieces, left_out);
  }
  void add(Piece piece) {
    bytes_ += piece.bytes.size();
    spans_.push_back(piece.bytes);
    pieces_.push_back(std::move(piece));
  }
  /// Whether the next turn could overwrite what is not written yet, or it is worth a write.
  bool must_write() const { return bytes_ >= kWriteBytes || turns_ + 1 >= lane_.stream.lasting(); }
  absl::Status write(SendReport& report) {
    const absl::Status status = lane_.output.write(spans_);
    for (const Piece& piece : pieces_) report.orbits += piece.orbits;
    report.bytes += bytes_;
    spans_.clear();
    pieces_.clear();
    bytes_ = turns_ = 0;
    return status;
  }
  Lane& lane() { return lane_; }

 private:
  Lane& lane_;
  std::vector<std::span<const std::byte>> spans_;
  std::vector<Piece> pieces_;  ///< keep the bytes
  size_t bytes_ = 0, turns_ = 0;
};

class Sender {
 public:
  Sender(std::span<Lane> lanes, const SendOptions& options, const std::atomic<bool>& stop)
      : options_(options),
        stop_(stop),
        start_(Clock::now()),
        pacer_(options.rate, start_),
        random_(options.seed, kStream) {
    for (Lane& lane : lanes) gatherers_.emplace_back(lane);
  }

  absl::StatusOr<SendReport> run() {
    for (bool more = true; more && !stop_;) {
      const auto turn = take_turn();
      if (!turn.ok()) return turn.status();
      more = *turn;
    }
    if (absl::Status s = write_all(); !s.ok()) return s;
    for (Gatherer& each : gatherers_) {
      if (absl::Status s = each.lane().output.close(); !s.ok()) return s;
    }
    return report_;
  }

 private:
  static constexpr uint64_t kStream = 0x736f75726365;

  /// One packet of each source. False at the end of all.
  absl::StatusOr<bool> take_turn() {
    bool more = false;
    const bool one_lacks_it = random_.chance(options_.missing_source);
    const size_t lacking = one_lacks_it ? random_.below(static_cast<uint32_t>(gatherers_.size())) : gatherers_.size();
    for (size_t i = 0; i < gatherers_.size(); ++i) {
      std::vector<Piece> pieces;
      if (!gatherers_[i].next(i == lacking, pieces)) continue;
      more = true;
      if (i == 0) {
        if (absl::Status s = wait(gatherers_[i].lane().stream.orbits_passed()); !s.ok()) return s;
      }
      for (Piece& piece : pieces) {
        if (absl::Status s = stall(piece.stall_seconds); !s.ok()) return s;
        gatherers_[i].add(std::move(piece));
      }
      if (gatherers_[i].must_write()) {
        if (absl::Status s = write(gatherers_[i]); !s.ok()) return s;
      }
    }
    return more;
  }

  /// Until the orbits are due; what is gathered goes out meanwhile.
  absl::Status wait(uint64_t orbits) {
    while (!stop_ && !pacer_.is_due(orbits)) {
      if (absl::Status s = write_all(); !s.ok()) return s;
      pacer_.wait(orbits);
    }
    return absl::OkStatus();
  }

  absl::Status stall(double seconds) {
    if (seconds <= 0) return absl::OkStatus();
    if (absl::Status s = write_all(); !s.ok()) return s;
    const auto until = Clock::now() + std::chrono::duration<double>(seconds);
    while (!stop_ && Clock::now() < until) {
      std::this_thread::sleep_for(std::min<std::chrono::duration<double>>(until - Clock::now(), kLongestSleep));
    }
    return absl::OkStatus();
  }

  absl::Status write(Gatherer& gatherer) {
    const absl::Status status = gatherer.write(report_);
    report_.seconds = seconds_since(start_);
    if (status.ok()) options_.progress(report_);
    return status;
  }

  absl::Status write_all() {
    for (Gatherer& each : gatherers_) {
      if (each.bytes() == 0) continue;
      if (absl::Status s = write(each); !s.ok()) return s;
    }
    return absl::OkStatus();
  }

  const SendOptions& options_;
  const std::atomic<bool>& stop_;
  Clock::time_point start_;
  Pacer pacer_;
  Random random_;
  std::vector<Gatherer> gatherers_;
  SendReport report_;
};

}  // namespace

double SendReport::lhc_rate() const { return seconds > 0 ? static_cast<double>(orbits) * kOrbitSeconds / seconds : 0; }

absl::StatusOr<SendReport> send(std::span<Lane> lanes, const SendOptions& options, const std::atomic<bool>& stop) {
  return Sender(lanes, options, stop).run();
}

}  // namespace strobe::scouting
