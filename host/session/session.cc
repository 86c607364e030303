#include "strobe/session.h"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <map>
#include <mutex>
#include <optional>
#include <thread>

#include "absl/strings/str_cat.h"
#include "host/device/open.h"
#include "host/session/loaded_xclbin.h"

namespace strobe {
namespace {

using session::LoadedXclbin;

TensorInfo describe(const model::Tensor& tensor) {
  return {tensor.name, tensor.type.shape, tensor.type.to_string(), tensor.type.container(),
          static_cast<size_t>(tensor.type.row_bytes())};
}

std::vector<ModelInfo> describe(const LoadedXclbin& loaded) {
  std::vector<ModelInfo> models;
  for (const package::KernelModel& model : loaded.package.models) {
    ModelInfo info{model.kernel, {}, {}};
    for (const model::TensorId id : model.graph.inputs()) info.inputs.push_back(describe(model.graph.tensor(id)));
    for (const model::TensorId id : model.graph.outputs()) info.outputs.push_back(describe(model.graph.tensor(id)));
    models.push_back(std::move(info));
  }
  return models;
}

absl::Status check_sizes(const std::vector<TensorInfo>& tensors, std::span<const size_t> sizes, size_t rows) {
  if (sizes.size() != tensors.size()) {
    return absl::InvalidArgumentError(absl::StrCat("expected ", tensors.size(), " tensors, found ", sizes.size()));
  }
  for (size_t t = 0; t < tensors.size(); ++t) {
    if (sizes[t] < rows * tensors[t].row_bytes) {
      return absl::InvalidArgumentError(absl::StrCat("tensor '", tensors[t].name, "': ", rows, " rows need ",
                                                     rows * tensors[t].row_bytes, " bytes, found ", sizes[t]));
    }
  }
  return absl::OkStatus();
}

class SessionBase : public Session {
 public:
  explicit SessionBase(std::shared_ptr<const LoadedXclbin> loaded)
      : loaded_(std::move(loaded)), models_(describe(*loaded_)) {}
  const std::vector<ModelInfo>& models() const override { return models_; }

  absl::Status run(size_t model, size_t rows, std::span<const std::span<const std::byte>> inputs,
                   std::span<const std::span<std::byte>> outputs,
                   const std::function<void(size_t)>& progress) override {
    if (model >= models_.size()) return absl::InvalidArgumentError(absl::StrCat("model ", model, " does not exist"));
    if (absl::Status s = session::check_runnable(*loaded_, model); !s.ok()) return s;
    std::vector<size_t> sizes;
    for (const auto& bytes : inputs) sizes.push_back(bytes.size());
    if (absl::Status s = check_sizes(models_[model].inputs, sizes, rows); !s.ok()) return s;
    sizes.clear();
    for (const auto& bytes : outputs) sizes.push_back(bytes.size());
    if (absl::Status s = check_sizes(models_[model].outputs, sizes, rows); !s.ok()) return s;
    return run_checked(model, rows, inputs, outputs, progress);
  }

 protected:
  virtual absl::Status run_checked(size_t model, size_t rows, std::span<const std::span<const std::byte>> inputs,
                                   std::span<const std::span<std::byte>> outputs,
                                   const std::function<void(size_t)>& progress) = 0;

  std::shared_ptr<const LoadedXclbin> loaded_;
  std::vector<ModelInfo> models_;
};

/// Events straight from the caller's memory through the emulator: no slot, no copy.
class InProcessSession : public SessionBase {
 public:
  InProcessSession(std::shared_ptr<const LoadedXclbin> loaded, session::Plans plans, int threads, std::string why)
      : SessionBase(std::move(loaded)),
        plans_(std::move(plans)),
        threads_(std::max(threads, 1)),
        why_(std::move(why)) {}

  std::string device_text() const override {
    return absl::StrCat("emulator, in process, ", threads_, threads_ == 1 ? " thread" : " threads",
                        why_.empty() ? "" : ": ", why_);
  }
  std::string backend() const override { return "emulator"; }

 protected:
  absl::Status run_checked(size_t model, size_t rows, std::span<const std::span<const std::byte>> inputs,
                           std::span<const std::span<std::byte>> outputs,
                           const std::function<void(size_t)>& progress) override {
    std::atomic<size_t> next{0}, finished{0};
    std::mutex mutex;
    absl::Status status;
    const auto work = [&] {
      emulator::Scratch scratch;
      for (size_t first = next.fetch_add(kChunkRows); first < rows; first = next.fetch_add(kChunkRows)) {
        const size_t count = std::min(kChunkRows, rows - first);
        absl::Status s = run_chunk(model, first, count, inputs, outputs, scratch);
        const size_t done = finished.fetch_add(count) + count;
        const std::lock_guard lock(mutex);
        status.Update(s);
        if (progress) progress(done);
      }
    };
    std::vector<std::jthread> helpers;
    for (int t = 1; t < threads_ && static_cast<size_t>(t) * kChunkRows < rows; ++t) helpers.emplace_back(work);
    work();
    helpers.clear();
    return status;
  }

 private:
  static constexpr size_t kChunkRows = 16384;

  absl::Status run_chunk(size_t model, size_t first, size_t count, std::span<const std::span<const std::byte>> inputs,
                         std::span<const std::span<std::byte>> outputs, emulator::Scratch& scratch) const {
    std::vector<const std::byte*> in;
    std::vector<std::byte*> out;
    for (size_t i = 0; i < inputs.size(); ++i)
      in.push_back(inputs[i].data() + first * models_[model].inputs[i].row_bytes);
    for (size_t o = 0; o < outputs.size(); ++o)
      out.push_back(outputs[o].data() + first * models_[model].outputs[o].row_bytes);
    return (*plans_)[model].run(in, out, count, scratch);
  }

  session::Plans plans_;
  int threads_;
  std::string why_;
};

/// Events through the slots of a card or an emulated card, a few launches in flight per compute unit.
class DeviceSession : public SessionBase {
 public:
  DeviceSession(std::shared_ptr<const LoadedXclbin> loaded, std::shared_ptr<device::Device> device)
      : SessionBase(std::move(loaded)), device_(std::move(device)) {}

  std::string device_text() const override {
    const device::DeviceInfo& info = device_->info();
    return absl::StrCat(info.id, " (", info.target, ", ", info.name, ")", info.why.empty() ? "" : ": ", info.why);
  }
  std::string backend() const override { return device_->info().backend; }

 protected:
  absl::Status run_checked(size_t model, size_t rows, std::span<const std::span<const std::byte>> inputs,
                           std::span<const std::span<std::byte>> outputs,
                           const std::function<void(size_t)>& progress) override {
    if (rows == 0) return absl::OkStatus();
    auto slots = take_slots(model, rows);
    if (!slots.ok()) return slots.status();
    Launches launches(models_[model], inputs, outputs, *slots);
    absl::Status status = launches.run(rows, progress);
    const std::lock_guard lock(mutex_);
    if (status.ok()) idle_[model] = *std::move(slots);
    return status;
  }

 private:
  static constexpr int kSlotsPerUnit = 3;
  static constexpr size_t kSlotRows = 16384;
  using Slots = std::vector<std::unique_ptr<device::Slot>>;

  /// Those of the last run of the same model where they suffice: a file is run in pieces.
  absl::StatusOr<Slots> take_slots(size_t model, size_t rows) {
    {
      const std::lock_guard lock(mutex_);
      Slots slots = std::move(idle_[model]);
      idle_.erase(model);
      if (!slots.empty() &&
          (slots.size() * slots[0]->capacity_rows() >= rows || slots[0]->capacity_rows() == kSlotRows))
        return slots;
    }
    return make_slots(model, rows);
  }

  absl::StatusOr<Slots> make_slots(size_t model, size_t rows) {
    const int units = device_->kernels()[model].compute_units;
    Slots slots;
    const size_t launches = (rows + kSlotRows - 1) / kSlotRows;
    for (int s = 0; s < kSlotsPerUnit * units && slots.size() < launches; ++s) {
      auto slot = device_->make_slot(model, s % units, std::min(rows, kSlotRows));
      if (!slot.ok()) return slot.status();
      slots.push_back(*std::move(slot));
    }
    return slots;
  }

  /// One run over many launches: a slot is filled anew only after its results were copied out.
  class Launches {
   public:
    Launches(const ModelInfo& model, std::span<const std::span<const std::byte>> inputs,
             std::span<const std::span<std::byte>> outputs, const Slots& slots)
        : model_(model),
          inputs_(inputs),
          outputs_(outputs),
          slots_(slots),
          first_(slots_.size()),
          count_(slots_.size()) {}

    absl::Status run(size_t rows, const std::function<void(size_t)>& progress) {
      for (size_t s = 0; s < slots_.size(); ++s) ready_.push_back(s);
      size_t next = 0, finished = 0;
      while (finished < rows) {
        const std::optional<size_t> ready = take_ready();
        if (!ready) break;
        const size_t s = *ready;
        copy_out(s);
        finished += count_[s];
        if (progress && count_[s] > 0) progress(finished);
        count_[s] = 0;
        if (next < rows) start(s, next, std::min(slots_[s]->capacity_rows(), rows - next));
        next += count_[s];
      }
      wait_for_all();
      return status_;
    }

   private:
    void start(size_t s, size_t first, size_t count) {
      first_[s] = first;
      count_[s] = count;
      for (size_t i = 0; i < inputs_.size(); ++i) {
        const size_t bytes = model_.inputs[i].row_bytes;
        std::copy_n(inputs_[i].data() + first * bytes, count * bytes, slots_[s]->input(i).data());
      }
      {
        const std::lock_guard lock(mutex_);
        ++in_flight_;
      }
      slots_[s]->start(count, [this, s](const absl::Status& status) {
        const std::lock_guard lock(mutex_);
        status_.Update(status);
        --in_flight_;
        ready_.push_back(s);
        wakes_.notify_one();
      });
    }

    /// The next slot whose launch ended, or nothing once one failed.
    std::optional<size_t> take_ready() {
      std::unique_lock lock(mutex_);
      wakes_.wait(lock, [&] { return !ready_.empty(); });
      if (!status_.ok()) return std::nullopt;
      const size_t s = ready_.front();
      ready_.erase(ready_.begin());
      return s;
    }

    void copy_out(size_t s) {
      for (size_t o = 0; o < outputs_.size() && count_[s] > 0; ++o) {
        const size_t bytes = model_.outputs[o].row_bytes;
        std::copy_n(slots_[s]->output(o).data(), count_[s] * bytes, outputs_[o].data() + first_[s] * bytes);
      }
    }

    void wait_for_all() {
      std::unique_lock lock(mutex_);
      wakes_.wait(lock, [&] { return in_flight_ == 0; });
    }

    const ModelInfo& model_;
    std::span<const std::span<const std::byte>> inputs_;
    std::span<const std::span<std::byte>> outputs_;
    const Slots& slots_;
    std::vector<size_t> first_, count_;
    std::mutex mutex_;
    std::condition_variable wakes_;
    std::vector<size_t> ready_;
    size_t in_flight_ = 0;
    absl::Status status_;
  };

  std::shared_ptr<device::Device> device_;
  std::mutex mutex_;
  std::map<size_t, Slots> idle_;  ///< by model; they end before the device
};

}  // namespace

absl::StatusOr<std::unique_ptr<Session>> Session::open(const std::string& xclbin, const SessionOptions& options) {
  auto loaded = session::load_xclbin(xclbin);
  if (!loaded.ok()) return loaded.status();
  if (!options.forest.empty()) {
    loaded = session::with_forest_file(**loaded, options.forest_engine, options.forest);
    if (!loaded.ok()) return loaded.status();
  }
  return session::open_session(*std::move(loaded), options);
}

absl::StatusOr<std::unique_ptr<Session>> session::open_session(std::shared_ptr<const LoadedXclbin> loaded,
                                                               const SessionOptions& options) {
  auto device_options = open_options(loaded, options.threads);
  Plans plans;  // of the device "emulator", which this session goes around
  device_options.engine = [&]() -> absl::StatusOr<std::unique_ptr<device::InProcessEngine>> {
    auto made = make_plans(*loaded);
    if (!made.ok()) return made.status();
    plans = *std::move(made);
    return make_engine(plans);
  };
  auto device = device::open_device(loaded->file, options.device, device_options);
  if (!device.ok()) return device.status();
  if ((*device)->info().backend == "emulator")
    return std::make_unique<InProcessSession>(std::move(loaded), std::move(plans), options.threads,
                                              (*device)->info().why);
  for (const auto& [engine, forest] : loaded->forests) {
    device = (*device)->with_parameters(engine, parameters_of(*forest));
    if (!device.ok()) return device.status();
  }
  return std::make_unique<DeviceSession>(std::move(loaded), std::shared_ptr<device::Device>(*std::move(device)));
}

}  // namespace strobe
