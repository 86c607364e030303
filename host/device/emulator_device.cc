#include "host/device/emulator_device.h"

#include <condition_variable>
#include <deque>
#include <mutex>
#include <set>
#include <thread>

#include "absl/strings/str_cat.h"
#include "host/device/card.h"
#include "host/device/host_buffers.h"

namespace strobe::device {
namespace {

/// A fixed number of threads that serve all kernels: these take turns, each one's jobs go in order. So a kernel waits
/// for the jobs that run and for one of every other kernel, however much these have queued. The destructor finishes
/// what is queued.
class Pool {
 public:
  Pool(int threads, size_t kernels) : jobs_(kernels) {
    for (int i = 0; i < threads; ++i) threads_.emplace_back([this] { work(); });
  }
  ~Pool() {
    {
      std::lock_guard lock(mutex_);
      closing_ = true;
    }
    changed_.notify_all();
    for (std::thread& thread : threads_) thread.join();
  }
  void add(size_t kernel, std::function<void()> job) {
    {
      std::lock_guard lock(mutex_);
      jobs_[kernel].push_back(std::move(job));
      ++queued_;
    }
    changed_.notify_one();
  }

 private:
  void work() {
    for (;;) {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [this] { return closing_ || queued_ > 0; });
      if (queued_ == 0) return;
      auto job = take();
      lock.unlock();
      job();
    }
  }

  /// The oldest job of the kernel whose turn it is, or of the next that has one. There is one.
  std::function<void()> take() {
    while (jobs_[turn_].empty()) turn_ = (turn_ + 1) % jobs_.size();
    std::deque<std::function<void()>>& jobs = jobs_[turn_];
    turn_ = (turn_ + 1) % jobs_.size();
    auto job = std::move(jobs.front());
    jobs.pop_front();
    --queued_;
    return job;
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::deque<std::function<void()>>> jobs_;  ///< by kernel
  size_t turn_ = 0, queued_ = 0;
  bool closing_ = false;
  std::vector<std::thread> threads_;
};

/// Engine and pool, shared by the device and its slots; devices with parameters share the pool. A slot waits for its
/// jobs, so none outlives its engine.
struct Emulator {
  std::unique_ptr<InProcessEngine> engine;
  std::shared_ptr<Pool> pool;
};

class EmulatorSlot final : public Slot {
 public:
  EmulatorSlot(std::shared_ptr<Emulator> emulator, size_t kernel, size_t rows, HostBuffers buffers)
      : emulator_(std::move(emulator)),
        kernel_(kernel),
        rows_(rows),
        buffers_(std::move(buffers)),
        inputs_(buffers_.inputs().begin(), buffers_.inputs().end()) {}

  ~EmulatorSlot() override {
    std::unique_lock lock(mutex_);
    idle_.wait(lock, [this] { return launches_ == 0; });
  }

  size_t capacity_rows() const override { return rows_; }
  std::span<std::byte> input(size_t i) override { return buffers_.inputs()[i]; }
  std::span<const std::byte> output(size_t i) const override { return buffers_.outputs()[i]; }

  void start(size_t rows, std::function<void(absl::Status)> done) override {
    if (rows == 0 || rows > rows_) {
      done(absl::InvalidArgumentError(absl::StrCat("a launch of ", rows, " rows in a slot of ", rows_)));
      return;
    }
    if (!emulator_->pool) {
      done(run(rows));
      return;
    }
    {
      std::lock_guard lock(mutex_);
      ++launches_;
    }
    emulator_->pool->add(kernel_, [this, rows, done = std::move(done)] { run_then(rows, done); });
  }

 private:
  absl::Status run(size_t rows) { return emulator_->engine->run(kernel_, rows, inputs_, buffers_.outputs()); }

  void run_then(size_t rows, const std::function<void(absl::Status)>& done) {
    done(run(rows));
    // The slot may have been started again meanwhile, from `done`'s side: count launches, not states.
    std::lock_guard lock(mutex_);
    --launches_;
    idle_.notify_all();
  }

  std::shared_ptr<Emulator> emulator_;
  size_t kernel_, rows_;
  HostBuffers buffers_;
  std::vector<std::span<const std::byte>> inputs_;
  std::mutex mutex_;
  std::condition_variable idle_;
  int launches_ = 0;  ///< whose callback has not returned
};

class EmulatorDevice final : public Device {
 public:
  EmulatorDevice(DeviceInfo info, std::vector<KernelInfo> kernels, std::shared_ptr<Emulator> emulator,
                 std::set<size_t> with_parameters = {})
      : info_(std::move(info)),
        kernels_(std::move(kernels)),
        emulator_(std::move(emulator)),
        with_parameters_(std::move(with_parameters)) {}

  const DeviceInfo& info() const override { return info_; }
  const std::vector<KernelInfo>& kernels() const override { return kernels_; }
  absl::Status health() const override { return absl::OkStatus(); }

  absl::StatusOr<std::unique_ptr<Slot>> make_slot(size_t kernel, int unit, size_t rows) override {
    const bool loaded = with_parameters_.contains(kernel);
    if (absl::Status status = check_slot(kernels_, kernel, unit, rows, loaded); !status.ok()) return status;
    auto buffers = HostBuffers::make(kernels_[kernel], rows);
    if (!buffers) return absl::ResourceExhaustedError(absl::StrCat("no memory for a slot of ", rows, " rows"));
    return std::make_unique<EmulatorSlot>(emulator_, kernel, rows, *std::move(buffers));
  }

  absl::StatusOr<std::unique_ptr<Device>> with_parameters(size_t kernel, const Parameters& parameters) override {
    std::vector<KernelInfo> kernels = kernels_;
    if (absl::Status status = take_parameters(kernels, kernel, parameters); !status.ok()) return status;
    auto engine = emulator_->engine->with_parameters(kernel, parameters.model);
    if (!engine.ok()) return engine.status();
    std::set<size_t> loaded = with_parameters_;
    loaded.insert(kernel);
    auto emulator = std::make_shared<Emulator>(*std::move(engine), emulator_->pool);
    return std::make_unique<EmulatorDevice>(info_, std::move(kernels), std::move(emulator), std::move(loaded));
  }

 private:
  DeviceInfo info_;
  std::vector<KernelInfo> kernels_;
  std::shared_ptr<Emulator> emulator_;
  std::set<size_t> with_parameters_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Device>> open_emulator_device(const OpenOptions& options, std::string why) {
  if (!options.engine) return absl::UnavailableError("the in-process emulator is not part of this program");
  if (options.threads < 1 || options.threads > 1024)
    return absl::InvalidArgumentError(absl::StrCat("threads: ", options.threads, ", expected 1 to 1024"));
  auto engine = options.engine();
  if (!engine.ok()) return engine.status();
  auto emulator = std::make_shared<Emulator>();
  emulator->engine = *std::move(engine);
  if (options.threads > 1) emulator->pool = std::make_shared<Pool>(options.threads, options.kernels.size());
  std::vector<KernelInfo> kernels = options.kernels;
  // Each thread serves one launch at a time, as a compute unit of a card does.
  for (KernelInfo& kernel : kernels) kernel.compute_units = options.threads;
  DeviceInfo info{"emulator",
                  "in-process emulator",
                  "emulator",
                  "emulator",
                  absl::StrCat(emulator->engine->description(), emulator->engine->description().empty() ? "" : ", ",
                               options.threads, options.threads == 1 ? " thread" : " threads"),
                  std::move(why)};
  return std::make_unique<EmulatorDevice>(std::move(info), std::move(kernels), std::move(emulator));
}

}  // namespace strobe::device
