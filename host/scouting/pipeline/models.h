#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "host/runtime/model_runner.h"
#include "host/scouting/config/config.h"
#include "host/scouting/core/buffer.h"
#include "host/scouting/pipeline/account.h"
#include "host/scouting/pipeline/patience.h"

namespace strobe::scouting {

/// Opens a model of an xclbin: its tensors, and how its device is opened. Whoever wires the program gives it; the
/// pipeline knows neither xclbins nor devices. Errors: what is wrong with the file or the choice.
using ModelOpener = std::function<absl::StatusOr<runtime::ModelSpec>(const ModelConfig&)>;

/// Rows of several orbits for one model, and what it said of them. Memory is kept from batch to batch. Must outlive the
/// model: its thread may still be returning from telling a waiter that the scores are there.
class ModelWork {
 public:
  ModelWork() = default;
  ModelWork(ModelWork&&) = delete;

  size_t rows() const { return request_.rows; }
  /// Room for `count` more rows of every input; the span of input `i` that they fill is `added(i)`.
  void add_rows(size_t count);
  std::span<std::byte> added(size_t input);
  /// Raw values of output `o` in containers: all rows.
  std::span<const std::byte> output(size_t o) const { return outputs_[o].view(); }
  /// Whether the outputs are there: false where the device failed for good.
  bool ok() const { return status_.ok(); }
  const absl::Status& status() const { return status_; }
  void clear();

 private:
  friend class Model;
  std::vector<Buffer<std::byte>> inputs_, outputs_;
  std::vector<size_t> input_row_bytes_;
  size_t added_ = 0;
  runtime::Request request_;
  absl::Status status_;
  std::atomic<bool> pending_{false};
};

/// A model of the pipeline on its device. `start` and `wait` may be called by different threads, for different works.
class Model {
 public:
  /// Opens the device; `patience` outlives the model. Errors: the opener's and the device's own.
  static absl::StatusOr<std::unique_ptr<Model>> open(const ModelConfig& config, const ModelOpener& opener,
                                                     const Patience& patience,
                                                     std::function<void(const std::string&)> log);

  const std::string& name() const { return config_.name; }
  const ModelConfig& config() const { return config_; }
  const runtime::ModelSpec& spec() const { return runner_->spec(); }
  const runtime::Codec& input_codec(size_t i) const { return runner_->input_codec(i); }
  const runtime::Codec& output_codec(size_t o) const { return runner_->output_codec(o); }
  ModelAccount account() const { return account_.get(); }

  /// Makes an empty work one for this model.
  void prepare(ModelWork& work) const;
  /// Hands all rows to the device and returns; with the in-process emulator they are done by then.
  void start(ModelWork& work);
  /// Waits for a started work. Where the device was lost, its rows are handed to it again once it is back, for as long
  /// as the patience lasts; then the work's status says why.
  void wait(ModelWork& work);

 private:
  Model(ModelConfig config, const Patience& patience) : config_(std::move(config)), patience_(patience) {}
  void submit(ModelWork& work);

  const ModelConfig config_;
  const Patience& patience_;
  Guarded<ModelAccount> account_;
  std::unique_ptr<runtime::ModelRunner> runner_;
};

}  // namespace strobe::scouting
