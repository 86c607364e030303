#include "host/scouting/pipeline/models.h"

#include <chrono>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"

namespace strobe::scouting {
namespace {

constexpr std::chrono::milliseconds kRetryPause{20};

}  // namespace

void ModelWork::add_rows(size_t count) {
  added_ = count;
  request_.rows += count;
  for (size_t i = 0; i < inputs_.size(); ++i) inputs_[i].resize(request_.rows * input_row_bytes_[i]);
}

std::span<std::byte> ModelWork::added(size_t input) {
  return inputs_[input].view().last(added_ * input_row_bytes_[input]);
}

void ModelWork::clear() {
  request_.rows = 0;
  added_ = 0;
  status_ = absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<Model>> Model::open(const ModelConfig& config, const ModelOpener& opener,
                                                   const Patience& patience,
                                                   std::function<void(const std::string&)> log) {
  auto spec = opener(config);
  if (!spec.ok()) return spec.status();
  runtime::RunnerOptions options;
  options.slots_per_unit = config.slots;
  // A batch is one request, and it is the pipeline's own thread that has the time to copy it.
  options.max_inline_bytes = SIZE_MAX;
  options.log = std::move(log);
  std::unique_ptr<Model> model(new Model(config, patience));
  auto runner = runtime::ModelRunner::open(*std::move(spec), options);
  if (!runner.ok()) {
    return absl::Status(runner.status().code(),
                        absl::StrCat("model '", config.name, "': ", std::string(runner.status().message())));
  }
  model->runner_ = *std::move(runner);
  model->account_.change([&](ModelAccount& account) {
    account.name = config.name;
    account.device = config.device;
  });
  return model;
}

void Model::prepare(ModelWork& work) const {
  const runtime::ModelSpec& spec = runner_->spec();
  work.inputs_ = std::vector<Buffer<std::byte>>(spec.inputs.size());
  work.outputs_ = std::vector<Buffer<std::byte>>(spec.outputs.size());
  for (size_t i = 0; i < spec.inputs.size(); ++i) work.input_row_bytes_.push_back(runner_->input_codec(i).row_bytes());
  work.request_.inputs.resize(spec.inputs.size());
  work.request_.outputs.resize(spec.outputs.size());
  work.request_.done = [&work](absl::Status status) {
    work.status_ = std::move(status);
    work.pending_ = false;
    work.pending_.notify_one();
  };
}

void Model::submit(ModelWork& work) {
  runtime::Request& request = work.request_;
  for (size_t i = 0; i < work.inputs_.size(); ++i)
    request.inputs[i] = {work.inputs_[i].view(), runner_->input_codec(i).container_encoding()};
  for (size_t o = 0; o < work.outputs_.size(); ++o) {
    const runtime::Codec& codec = runner_->output_codec(o);
    work.outputs_[o].resize(request.rows * codec.row_bytes());
    request.outputs[o] = {work.outputs_[o].view(), codec.container_encoding()};
  }
  work.pending_ = true;
  runner_->submit(request);
}

void Model::start(ModelWork& work) {
  account_.change([&](ModelAccount& account) { account.rows.enter(work.rows()); });
  work.status_ = absl::OkStatus();
  if (work.rows() > 0) submit(work);
}

void Model::wait(ModelWork& work) {
  const Patience::Clock::time_point first = Patience::Clock::now();
  work.pending_.wait(true);
  uint64_t retries = 0;
  while (work.status_.code() == absl::StatusCode::kUnavailable && patience_.lasts(first)) {
    std::this_thread::sleep_for(kRetryPause);
    if (!runner_->health().ok()) continue;
    ++retries;
    submit(work);
    work.pending_.wait(true);
  }
  account_.change([&](ModelAccount& account) {
    ++account.batches;
    account.retries += retries;
    if (work.ok())
      account.rows.leave(work.rows());
    else
      account.rows.drop(Fault::kModelFailed, work.rows());
  });
}

}  // namespace strobe::scouting
