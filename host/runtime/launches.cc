// ModelRunner's way of a launch: filling a slot, starting it, scattering its results; and the thread that feeds freed
// slots and opens lost devices.

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "host/runtime/model_runner.h"

namespace strobe::runtime {

void ModelRunner::fill(PooledSlot& slot) const {
  size_t kept = 0;
  slot.rows = 0;
  for (Part part : slot.parts) {
    part.slot_row = slot.rows;  // parts that were refused leave no hole
    absl::Status status;
    for (size_t i = 0; i < input_codecs_.size() && status.ok(); ++i) {
      const Codec& codec = input_codecs_[i];
      const InputRows& input = part.request->inputs[i];
      const size_t row_bytes = codec.row_bytes(input.encoding);
      status =
          codec.encode(input.encoding, input.bytes.subspan(part.request_row * row_bytes, part.rows * row_bytes),
                       slot.slot->input(i).subspan(part.slot_row * codec.row_bytes(), part.rows * codec.row_bytes()),
                       part.request_row);
    }
    if (!status.ok()) {
      slot.refused.emplace_back(part, std::move(status));
      continue;
    }
    slot.rows += part.rows;
    slot.parts[kept++] = part;
  }
  slot.parts.resize(kept);
}

namespace {

/// How deep this thread is in launches: a device may finish one before `start` returns, and what it then starts in turn
/// would go deeper and deeper.
thread_local int launch_depth = 0;

}  // namespace

void ModelRunner::launch(PooledSlot& slot) {
  const int64_t begin_ns = options_.clock->now_ns();
  slot.infer_ns = slot.output_ns = 0;
  fill(slot);
  slot.started_ns = options_.clock->now_ns();
  slot.input_ns = slot.started_ns - begin_ns;
  if (!slot.refused.empty()) {
    const bool nothing_left = slot.rows == 0;
    settle_refused(slot);
    if (nothing_left) return;
  }
  ++launch_depth;
  slot.slot->start(slot.rows, [this, &slot](absl::Status status) { complete(slot, status); });
  --launch_depth;
}

void ModelRunner::settle_refused(PooledSlot& slot) {
  Answers answers;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [part, status] : slot.refused) finish_part(part, slot, status, answers);
    slot.refused.clear();
    if (slot.rows == 0) {
      pool_->give_back(&slot);
      --launches_in_flight_;
      pump_wakes_.notify_one();
      if (launches_in_flight_ == 0) idle_.notify_all();
    }
  }
  call_back(answers);
}

void ModelRunner::scatter(const PooledSlot& slot) const {
  for (const Part& part : slot.parts) {
    for (size_t i = 0; i < output_codecs_.size(); ++i) {
      const Codec& codec = output_codecs_[i];
      const OutputRows& output = part.request->outputs[i];
      if (output.bytes.empty()) continue;
      const size_t row_bytes = codec.row_bytes(output.encoding);
      codec.decode(output.encoding,
                   slot.slot->output(i).subspan(part.slot_row * codec.row_bytes(), part.rows * codec.row_bytes()),
                   output.bytes.subspan(part.request_row * row_bytes, part.rows * row_bytes));
    }
  }
}

void ModelRunner::complete(PooledSlot& slot, const absl::Status& status) {
  const int64_t answered_ns = options_.clock->now_ns();
  slot.infer_ns = answered_ns - slot.started_ns;
  if (status.ok()) {
    scatter(slot);
    slot.output_ns = options_.clock->now_ns() - answered_ns;
  }
  Answers answers;
  PooledSlot* next = nullptr;
  {
    const std::lock_guard lock(mutex_);
    const bool died = absl::IsUnavailable(status) || (!status.ok() && !pool_->device().health().ok());
    const absl::Status outcome = died ? lost_error(status) : status;
    for (const Part& part : slot.parts) finish_part(part, slot, outcome, answers);
    if (status.ok()) count_launch(slot);
    pool_->give_back(&slot);
    --launches_in_flight_;
    if (died) lose_device(status, answers);
    if (state_ == State::kServing && launch_depth == 0 && queue_first_ != nullptr && small(queued_rows_)) {
      next = gather(answers, &slot);  // not this slot: its own launch has not returned yet
    }
    if (queue_first_ != nullptr || state_ != State::kServing) pump_wakes_.notify_one();
    if (launches_in_flight_ == 0 && state_ == State::kStopping) idle_.notify_all();
  }
  if (next != nullptr) launch(*next);
  call_back(answers);
}

absl::Status ModelRunner::lost_error(const absl::Status& reason) const {
  return absl::UnavailableError(absl::StrCat("model '", spec_.name, "': its device was lost: ", reason.message()));
}

void ModelRunner::lose_device(const absl::Status& reason, Answers& answers) {
  if (state_ != State::kServing) return;
  state_ = State::kLost;
  lost_reason_ = reason;
  while (queue_first_ != nullptr) {
    Request& request = *queue_first_;
    pop_queue();
    give_up(request, lost_error(reason), answers);
  }
  earliest_deadline_ns_ = Clock::kNever;
  pump_wakes_.notify_one();
}

void ModelRunner::pump() {
  std::unique_lock lock(mutex_);
  while (state_ != State::kStopping) {
    if (state_ == State::kLost) {
      recover(lock);
      continue;
    }
    Answers answers;
    PooledSlot* slot = nullptr;
    if (options_.clock->now_ns() > earliest_deadline_ns_) expire(answers);
    if (queue_first_ != nullptr) slot = gather(answers);
    if (slot == nullptr && answers.first == nullptr) {
      options_.clock->wait(pump_wakes_, lock,
                           earliest_deadline_ns_ == Clock::kNever ? Clock::kNever : earliest_deadline_ns_ + 1);
      continue;
    }
    lock.unlock();
    if (slot != nullptr) launch(*slot);
    call_back(answers);
    lock.lock();
  }
}

void ModelRunner::recover(std::unique_lock<std::mutex>& lock) {
  while (launches_in_flight_ > 0 && state_ == State::kLost) options_.clock->wait(pump_wakes_, lock, Clock::kNever);
  if (state_ != State::kLost) return;
  std::optional<SlotPool> dead = std::exchange(pool_, std::nullopt);
  const std::string reason(lost_reason_.message());
  lock.unlock();
  log(absl::StrCat("model '", spec_.name, "': device lost, opening it again: ", reason));
  dead.reset();
  lock.lock();
  for (int64_t backoff_ns = options_.reopen_first_ns; state_ == State::kLost;
       backoff_ns = std::min(2 * backoff_ns, options_.reopen_longest_ns)) {
    lock.unlock();
    absl::StatusOr<SlotPool> pool = open_slots();
    log(pool.ok() ? absl::StrCat("model '", spec_.name, "': device is back")
                  : absl::StrCat("model '", spec_.name, "': device cannot be opened: ", pool.status().message()));
    lock.lock();
    if (pool.ok()) {
      pool_ = *std::move(pool);
      if (state_ == State::kLost) state_ = State::kServing;
      return;
    }
    lost_reason_ = pool.status();
    const int64_t until_ns = options_.clock->now_ns() + backoff_ns;
    while (state_ == State::kLost && options_.clock->now_ns() < until_ns) {
      options_.clock->wait(pump_wakes_, lock, until_ns);
    }
  }
}

}  // namespace strobe::runtime
