#include "host/runtime/model_runner.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

namespace strobe::runtime {
namespace {

constexpr size_t kSlotBytes = 1 << 20;
constexpr size_t kMostSlotRows = 16384;

absl::Status check_size(const Codec& codec, Encoding encoding, size_t rows, size_t bytes) {
  if (bytes == rows * codec.row_bytes(encoding)) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("tensor '", codec.name(), "': expected ", rows * codec.row_bytes(encoding), " bytes for ", rows,
                   " rows of ", codec.elements(), " ", std::string(to_string(encoding.kind)), ", got ", bytes));
}

size_t rows_that_fit(const ModelSpec& spec) {
  int64_t widest = 1;
  for (const auto* tensors : {&spec.inputs, &spec.outputs}) {
    for (const TensorSpec& tensor : *tensors) widest = std::max(widest, tensor.type.row_bytes());
  }
  return std::clamp<size_t>(kSlotBytes / static_cast<size_t>(widest), 1, kMostSlotRows);
}

}  // namespace

ModelRunner::ModelRunner(ModelSpec spec, RunnerOptions options) : spec_(std::move(spec)), options_(std::move(options)) {
  for (const TensorSpec& tensor : spec_.inputs) {
    input_codecs_.emplace_back(tensor.name, tensor.type, tensor.meaning);
    input_row_bytes_ += input_codecs_.back().row_bytes();
  }
  for (const TensorSpec& tensor : spec_.outputs) output_codecs_.emplace_back(tensor.name, tensor.type);
}

absl::StatusOr<SlotPool> ModelRunner::open_slots() const {
  absl::StatusOr<std::shared_ptr<device::Device>> device = spec_.open_device();
  if (!device.ok()) return device.status();
  const size_t rows = options_.slot_rows > 0 ? options_.slot_rows : rows_that_fit(spec_);
  return SlotPool::make(*std::move(device), spec_, options_.slots_per_unit, rows);
}

absl::StatusOr<std::unique_ptr<ModelRunner>> ModelRunner::open(ModelSpec spec, RunnerOptions options) {
  if (options.slots_per_unit < 1) return absl::InvalidArgumentError("a compute unit needs at least one slot");
  std::unique_ptr<ModelRunner> runner(new ModelRunner(std::move(spec), std::move(options)));
  absl::StatusOr<SlotPool> pool = runner->open_slots();
  if (!pool.ok()) return pool.status();
  runner->pool_ = *std::move(pool);
  runner->pump_thread_ = std::thread([r = runner.get()] { r->pump(); });
  return runner;
}

ModelRunner::~ModelRunner() { stop(); }

void ModelRunner::log(const std::string& line) const {
  if (options_.log) options_.log(line);
}

absl::Status ModelRunner::check(const Request& request) const {
  if (request.rows == 0)
    return absl::InvalidArgumentError(absl::StrCat("model '", spec_.name, "': a request without rows"));
  if (request.inputs.size() != input_codecs_.size() || request.outputs.size() != output_codecs_.size()) {
    return absl::InvalidArgumentError(absl::StrCat("model '", spec_.name, "': expected ", input_codecs_.size(),
                                                   " inputs and ", output_codecs_.size(), " outputs, got ",
                                                   request.inputs.size(), " and ", request.outputs.size()));
  }
  for (size_t i = 0; i < request.inputs.size(); ++i) {
    const InputRows& input = request.inputs[i];
    if (absl::Status s = check_size(input_codecs_[i], input.encoding, request.rows, input.bytes.size()); !s.ok())
      return s;
  }
  for (size_t i = 0; i < request.outputs.size(); ++i) {
    const OutputRows& output = request.outputs[i];
    if (output.bytes.empty()) continue;
    if (absl::Status s = output_codecs_[i].check_decode(output.encoding); !s.ok()) return s;
    if (absl::Status s = check_size(output_codecs_[i], output.encoding, request.rows, output.bytes.size()); !s.ok())
      return s;
  }
  return absl::OkStatus();
}

void ModelRunner::submit(Request& request) {
  if (absl::Status status = check(request); !status.ok()) return request.done(std::move(status));
  request.progress_ = {};
  request.progress_.submitted_ns = options_.clock->now_ns();
  PooledSlot* slot = nullptr;
  Answers answers;
  {
    const std::lock_guard lock(mutex_);
    ++unanswered_;
    absl::Status refusal = refuse_new(request);
    if (refusal.ok()) refusal = refuse_start(request, request.progress_.submitted_ns);
    if (!refusal.ok()) {
      give_up(request, std::move(refusal), answers);
    } else {
      const bool alone = queue_first_ == nullptr && small(request.rows) && request.rows <= pool_->capacity_rows();
      if (alone) slot = pool_->take(request.rows);
      if (slot != nullptr) {
        ++launches_in_flight_;
        take_part(request, request.rows, *slot);
      } else {
        enqueue(request);
      }
    }
  }
  if (slot != nullptr) launch(*slot);
  call_back(answers);
}

absl::Status ModelRunner::refuse_new(const Request& request) const {
  if (state_ == State::kStopping)
    return absl::UnavailableError(absl::StrCat("model '", spec_.name, "' is being stopped"));
  if (state_ == State::kLost) {
    return absl::UnavailableError(absl::StrCat("model '", spec_.name, "': its device is being opened again"));
  }
  const bool full = queued_requests_ >= options_.max_queue_requests ||
                    (queued_requests_ > 0 && queued_rows_ + request.rows > options_.max_queue_rows);
  return full ? absl::UnavailableError("Exceeds maximum queue size") : absl::OkStatus();
}

absl::Status ModelRunner::refuse_start(const Request& request, int64_t now_ns) const {
  if (!request.progress_.status.ok()) return request.progress_.status;
  if (request.cancelled.load(std::memory_order_relaxed)) return absl::CancelledError("cancelled by the client");
  const bool started = request.progress_.rows_taken > 0;
  if (!started && now_ns > request.deadline_ns) return absl::UnavailableError("Request timeout expired");
  return absl::OkStatus();
}

void ModelRunner::take_part(Request& request, size_t rows, PooledSlot& slot) {
  Request::Progress& progress = request.progress_;
  if (progress.rows_taken == 0) progress.started_ns = options_.clock->now_ns();
  slot.parts.push_back({&request, progress.rows_taken, slot.rows, rows});
  progress.rows_taken += rows;
  slot.rows += rows;
}

void ModelRunner::enqueue(Request& request) {
  (queue_last_ == nullptr ? queue_first_ : queue_last_->progress_.next) = &request;
  queue_last_ = &request;
  ++queued_requests_;
  queued_rows_ += request.rows;
  const bool sooner = request.deadline_ns < earliest_deadline_ns_;
  if (sooner) earliest_deadline_ns_ = request.deadline_ns;
  // While something small is in flight its completion takes the queue along, and nobody need be woken.
  const bool taken_along = launches_in_flight_ > 0 && small(queued_rows_) && request.rows <= pool_->capacity_rows();
  if (sooner || !taken_along) pump_wakes_.notify_one();
}

void ModelRunner::pop_queue() {
  Request* request = queue_first_;
  queue_first_ = request->progress_.next;
  if (queue_first_ == nullptr) queue_last_ = nullptr;
  request->progress_.next = nullptr;
  --queued_requests_;
  queued_rows_ -= request->rows - request->progress_.rows_taken;
}

PooledSlot* ModelRunner::gather(Answers& answers, const PooledSlot* except) {
  PooledSlot* slot = pool_->take(queued_rows_, except);
  if (slot == nullptr) return nullptr;
  const int64_t now_ns = options_.clock->now_ns();
  const size_t capacity = pool_->capacity_rows();
  while (slot->rows < capacity && queue_first_ != nullptr) {
    Request& request = *queue_first_;
    if (absl::Status refusal = refuse_start(request, now_ns); !refusal.ok()) {
      pop_queue();
      give_up(request, std::move(refusal), answers);
      continue;
    }
    const size_t rows = std::min(capacity - slot->rows, request.rows - request.progress_.rows_taken);
    take_part(request, rows, *slot);
    queued_rows_ -= rows;
    if (request.progress_.rows_taken == request.rows) pop_queue();
  }
  if (!slot->parts.empty()) {
    ++launches_in_flight_;
    return slot;
  }
  pool_->give_back(slot);
  return nullptr;
}

void ModelRunner::give_up(Request& request, absl::Status status, Answers& answers) {
  Request::Progress& progress = request.progress_;
  if (progress.status.ok()) progress.status = std::move(status);
  progress.rows_answered += request.rows - progress.rows_taken;
  progress.rows_taken = request.rows;
  if (progress.rows_answered == request.rows) answer(request, answers);
}

void ModelRunner::expire(Answers& answers) {
  const int64_t now_ns = options_.clock->now_ns();
  earliest_deadline_ns_ = Clock::kNever;
  Request* waiting = std::exchange(queue_first_, nullptr);
  queue_last_ = nullptr;
  queued_requests_ = queued_rows_ = 0;
  while (waiting != nullptr) {
    Request& request = *waiting;
    waiting = std::exchange(request.progress_.next, nullptr);
    absl::Status refusal = refuse_start(request, now_ns);
    if (!refusal.ok()) {
      give_up(request, std::move(refusal), answers);
      continue;
    }
    (queue_last_ == nullptr ? queue_first_ : queue_last_->progress_.next) = &request;
    queue_last_ = &request;
    ++queued_requests_;
    queued_rows_ += request.rows - request.progress_.rows_taken;
    const bool started = request.progress_.rows_taken > 0;
    if (!started) earliest_deadline_ns_ = std::min(earliest_deadline_ns_, request.deadline_ns);
  }
}

void ModelRunner::finish_part(const Part& part, const PooledSlot& slot, const absl::Status& status, Answers& answers) {
  Request::Progress& progress = part.request->progress_;
  if (!status.ok() && progress.status.ok()) progress.status = status;
  progress.input_ns += slot.input_ns;
  progress.infer_ns += slot.infer_ns;
  progress.output_ns += slot.output_ns;
  progress.rows_answered += part.rows;
  if (progress.rows_answered == part.request->rows) answer(*part.request, answers);
}

void ModelRunner::answer(Request& request, Answers& answers) {
  const Request::Progress& progress = request.progress_;
  const int64_t now_ns = options_.clock->now_ns();
  if (progress.status.ok()) {
    statistics_.success.add(now_ns - progress.submitted_ns);
    statistics_.queue.add(progress.started_ns - progress.submitted_ns);
    statistics_.input.add(progress.input_ns);
    statistics_.infer.add(progress.infer_ns);
    statistics_.output.add(progress.output_ns);
    statistics_.rows += request.rows;
  } else if (!absl::IsInvalidArgument(progress.status) && !absl::IsCancelled(progress.status)) {
    statistics_.fail.add(now_ns - progress.submitted_ns);
  }
  (answers.last == nullptr ? answers.first : answers.last->progress_.next) = &request;
  answers.last = &request;
}

void ModelRunner::count_launch(const PooledSlot& slot) {
  ++statistics_.launches;
  last_inference_ns_ = slot.started_ns;
  BatchStatistics& batch = statistics_.batches[slot.rows];
  batch.input.add(slot.input_ns);
  batch.infer.add(slot.infer_ns);
  batch.output.add(slot.output_ns);
}

void ModelRunner::call_back(Answers answers) {
  if (answers.first == nullptr) return;
  size_t count = 0;
  for (Request* request = answers.first; request != nullptr; ++count) {
    Request* next = request->progress_.next;
    request->done(std::move(request->progress_.status));  // the request is its owner's again
    request = next;
  }
  const std::lock_guard lock(mutex_);
  unanswered_ -= count;
  if (unanswered_ == 0) idle_.notify_all();
}

absl::Status ModelRunner::health() {
  Answers answers;
  absl::Status status;
  {
    const std::lock_guard lock(mutex_);
    if (state_ == State::kServing) {
      if (absl::Status died = pool_->device().health(); !died.ok()) lose_device(died, answers);
    }
    if (state_ == State::kLost) status = absl::UnavailableError(lost_reason_.message());
    if (state_ == State::kStopping)
      status = absl::UnavailableError(absl::StrCat("model '", spec_.name, "' is being stopped"));
  }
  call_back(answers);
  return status;
}

void ModelRunner::drain() {
  std::unique_lock lock(mutex_);
  idle_.wait(lock, [this] { return unanswered_ == 0; });
}

void ModelRunner::stop() {
  Answers answers;
  {
    const std::lock_guard lock(mutex_);
    state_ = State::kStopping;
    while (queue_first_ != nullptr) {
      Request& request = *queue_first_;
      pop_queue();
      give_up(request, absl::UnavailableError(absl::StrCat("model '", spec_.name, "' is being stopped")), answers);
    }
    pump_wakes_.notify_all();
  }
  call_back(answers);
  if (pump_thread_.joinable()) pump_thread_.join();
  std::optional<SlotPool> closing;
  {
    std::unique_lock lock(mutex_);
    idle_.wait(lock, [this] { return unanswered_ == 0 && launches_in_flight_ == 0; });
    closing = std::exchange(pool_, std::nullopt);
  }
}

size_t ModelRunner::waiting() {
  const std::lock_guard lock(mutex_);
  return queued_requests_;
}

Statistics ModelRunner::statistics() {
  const std::lock_guard lock(mutex_);
  Statistics copy = statistics_;
  if (last_inference_ns_ >= 0) {
    copy.last_inference_ms = options_.clock->wall_ms() - (options_.clock->now_ns() - last_inference_ns_) / 1'000'000;
  }
  return copy;
}

}  // namespace strobe::runtime
