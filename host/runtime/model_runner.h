#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "host/runtime/clock.h"
#include "host/runtime/codec.h"
#include "host/runtime/request.h"
#include "host/runtime/slot_pool.h"
#include "host/runtime/statistics.h"

namespace strobe::runtime {

struct RunnerOptions {
  /// Launches in flight per compute unit: 2 hide a transfer behind a computation, more than 4 gain nothing.
  int slots_per_unit = 3;
  /// Rows a slot holds; 0: about a MiB of the largest tensor, at most 16384 rows.
  size_t slot_rows = 0;
  /// Waiting requests and rows beyond which `submit` answers Unavailable. A request alone in the queue is never too
  /// large.
  size_t max_queue_requests = 4096;
  size_t max_queue_rows = size_t{1} << 22;
  /// Requests of more input bytes than this are converted on the runner's thread, not on the submitter's.
  size_t max_inline_bytes = 64 << 10;
  /// Wait before a lost device is opened again, doubled after each failure up to the maximum.
  int64_t reopen_first_ns = 100'000'000;
  int64_t reopen_longest_ns = 5'000'000'000;
  std::shared_ptr<Clock> clock = std::make_shared<SteadyClock>();
  /// Where a lost and a reopened device are reported, one line each; called from the runner's thread. May be empty.
  std::function<void(const std::string&)> log;
};

/// Runs requests for one model on all compute units of its kernel, and opens its device anew when that dies.
///
/// Batching counts rows. A request goes to the device at once, from the submitter's thread, while a unit is idle;
/// requests wait, and are gathered into as few launches as possible, only while all are busy. Large requests are split.
/// Results are scattered on the device's thread, which then starts what was gathered meanwhile: no thread is woken
/// between a request and its launch, large requests aside. A slot is free again once its results are scattered.
/// Thread-safe. The destructor fails what waits and waits for what is in flight.
class ModelRunner {
 public:
  /// Opens the device and makes the slots. Errors: those of the factory and of SlotPool::make.
  static absl::StatusOr<std::unique_ptr<ModelRunner>> open(ModelSpec spec, RunnerOptions options = {});
  ~ModelRunner();

  const ModelSpec& spec() const { return spec_; }
  const Codec& input_codec(size_t i) const { return input_codecs_[i]; }
  const Codec& output_codec(size_t i) const { return output_codecs_[i]; }

  /// Runs `request`; its `done` is called exactly once, possibly before `submit` returns.
  /// Outcomes: InvalidArgument (a value that does not convert, a wrong size), Unavailable (queue full, deadline passed,
  /// device lost, stopping), Cancelled, or the device's own error.
  void submit(Request& request);

  /// OK while requests are taken; Unavailable with the reason while the device is being opened anew or after `stop`.
  absl::Status health();
  /// Waits until nothing waits and nothing is in flight.
  void drain();
  /// Fails what waits, waits for what is in flight, closes the device. Later requests are answered Unavailable.
  void stop();
  Statistics statistics();
  /// Requests that wait for a slot now.
  size_t waiting();

 private:
  enum class State { kServing, kLost, kStopping };
  /// Requests to be answered once the lock is released.
  struct Answers {
    Request* first = nullptr;
    Request* last = nullptr;
  };

  ModelRunner(ModelSpec spec, RunnerOptions options);
  absl::Status check(const Request& request) const;
  absl::StatusOr<SlotPool> open_slots() const;

  // Under the lock:
  absl::Status refuse_new(const Request& request) const;
  absl::Status refuse_start(const Request& request, int64_t now_ns) const;
  void take_part(Request& request, size_t rows, PooledSlot& slot);
  void enqueue(Request& request);
  void pop_queue();
  PooledSlot* gather(Answers& answers, const PooledSlot* except = nullptr);
  bool small(size_t rows) const { return rows * input_row_bytes_ <= options_.max_inline_bytes; }
  void give_up(Request& request, absl::Status status, Answers& answers);
  void expire(Answers& answers);
  void finish_part(const Part& part, const PooledSlot& slot, const absl::Status& status, Answers& answers);
  void answer(Request& request, Answers& answers);
  void count_launch(const PooledSlot& slot);
  void lose_device(const absl::Status& reason, Answers& answers);

  // Without the lock:
  void launch(PooledSlot& slot);
  void fill(PooledSlot& slot) const;
  void settle_refused(PooledSlot& slot);
  void complete(PooledSlot& slot, const absl::Status& status);
  void scatter(const PooledSlot& slot) const;
  void call_back(Answers answers);
  void pump();
  void recover(std::unique_lock<std::mutex>& lock);
  absl::Status lost_error(const absl::Status& reason) const;
  void log(const std::string& line) const;

  const ModelSpec spec_;
  const RunnerOptions options_;
  std::vector<Codec> input_codecs_, output_codecs_;
  size_t input_row_bytes_ = 0;

  std::mutex mutex_;
  std::condition_variable pump_wakes_;  ///< something waits and a slot is free; the device is lost; stopping
  std::condition_variable idle_;        ///< nothing waits, nothing is in flight
  State state_ = State::kServing;
  absl::Status lost_reason_;
  std::optional<SlotPool> pool_;
  size_t launches_in_flight_ = 0;
  Request* queue_first_ = nullptr;
  Request* queue_last_ = nullptr;
  size_t queued_requests_ = 0, queued_rows_ = 0;
  size_t unanswered_ = 0;                         ///< submitted, callback not yet returned
  int64_t earliest_deadline_ns_ = Clock::kNever;  ///< of what waits, or earlier
  Statistics statistics_;
  int64_t last_inference_ns_ = -1;
  std::thread pump_thread_;  ///< feeds waiting requests to freed slots, expires them, opens lost devices
};

}  // namespace strobe::runtime
