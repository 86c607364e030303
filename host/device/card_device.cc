#include "host/device/card_device.h"

#include <condition_variable>
#include <map>
#include <mutex>
#include <shared_mutex>

#include "absl/strings/str_cat.h"
#include "host/device/host_buffers.h"

namespace strobe::device {
namespace {

/// The card and the description that it looks into, shared by the device and its slots.
struct Held {
  xclbin::Xclbin xclbin;
  std::unique_ptr<Card> card;
  std::shared_mutex mutex;  ///< shared by launches, alone for adding and removing slots
  std::mutex health_mutex;
  absl::Status health;
  uint32_t next_slot = 0;
  uint32_t next_parameters = 1;
};

/// Parameters on the card, for as long as a device or slot needs them.
struct CardParameters {
  std::shared_ptr<Held> held;
  uint32_t number;
  CardParameters(std::shared_ptr<Held> h, uint32_t n) : held(std::move(h)), number(n) {}
  CardParameters(const CardParameters&) = delete;
  CardParameters& operator=(const CardParameters&) = delete;
  ~CardParameters() {
    std::unique_lock lock(held->mutex);
    held->card->remove_parameters(number);
  }
};
using LoadedParameters = std::map<size_t, std::shared_ptr<CardParameters>>;  ///< by kernel

class CardSlot final : public Slot {
 public:
  CardSlot(std::shared_ptr<Held> held, uint32_t number, size_t rows, HostBuffers buffers)
      : held_(std::move(held)), number_(number), rows_(rows), buffers_(std::move(buffers)) {}

  ~CardSlot() override {
    {
      std::unique_lock lock(mutex_);
      idle_.wait(lock, [this] { return in_flight_ == 0; });
    }
    std::unique_lock lock(held_->mutex);
    held_->card->remove_slot(number_);
  }

  size_t capacity_rows() const override { return rows_; }
  std::span<std::byte> input(size_t i) override { return buffers_.inputs()[i]; }
  std::span<const std::byte> output(size_t i) const override { return buffers_.outputs()[i]; }

  void start(size_t rows, std::function<void(absl::Status)> done) override {
    if (rows == 0 || rows > rows_) {
      done(absl::InvalidArgumentError(absl::StrCat("a launch of ", rows, " rows in a slot of ", rows_)));
      return;
    }
    {
      std::lock_guard lock(mutex_);
      ++in_flight_;
    }
    std::shared_lock lock(held_->mutex);
    held_->card->start(number_, rows, [this, done = std::move(done)](absl::Status status) {
      if (!status.ok()) {
        std::lock_guard health_lock(held_->health_mutex);
        held_->health.Update(status);
      }
      done(std::move(status));
      std::lock_guard count_lock(mutex_);
      --in_flight_;
      idle_.notify_all();
    });
  }

 private:
  std::shared_ptr<Held> held_;
  uint32_t number_;
  size_t rows_;
  HostBuffers buffers_;
  std::mutex mutex_;
  std::condition_variable idle_;
  int in_flight_ = 0;
};

class CardDevice final : public Device {
 public:
  CardDevice(DeviceInfo info, std::vector<KernelInfo> kernels, std::shared_ptr<Held> held,
             LoadedParameters parameters = {})
      : info_(std::move(info)),
        kernels_(std::move(kernels)),
        held_(std::move(held)),
        parameters_(std::move(parameters)) {}

  const DeviceInfo& info() const override { return info_; }
  const std::vector<KernelInfo>& kernels() const override { return kernels_; }
  absl::Status health() const override {
    std::lock_guard lock(held_->health_mutex);
    return held_->health;
  }

  absl::StatusOr<std::unique_ptr<Slot>> make_slot(size_t kernel, int unit, size_t rows) override {
    const auto loaded = parameters_.find(kernel);
    const bool has_parameters = loaded != parameters_.end();
    if (absl::Status status = check_slot(kernels_, kernel, unit, rows, has_parameters); !status.ok()) return status;
    auto buffers = HostBuffers::make(kernels_[kernel], rows);
    if (!buffers) return absl::ResourceExhaustedError(absl::StrCat("no memory for a slot of ", rows, " rows"));
    std::unique_lock lock(held_->mutex);
    const uint32_t number = held_->next_slot++;
    const uint32_t parameters = has_parameters ? loaded->second->number : 0;
    absl::Status status =
        held_->card->add_slot(number, kernel, unit, rows, parameters, buffers->inputs(), buffers->outputs());
    if (!status.ok()) return status;
    return std::make_unique<CardSlot>(held_, number, rows, *std::move(buffers));
  }

  absl::StatusOr<std::unique_ptr<Device>> with_parameters(size_t kernel, const Parameters& parameters) override {
    std::vector<KernelInfo> kernels = kernels_;
    if (absl::Status status = take_parameters(kernels, kernel, parameters); !status.ok()) return status;
    LoadedParameters loaded = parameters_;
    {
      std::unique_lock lock(held_->mutex);
      const uint32_t number = held_->next_parameters++;
      if (absl::Status status = held_->card->add_parameters(number, parameters.image); !status.ok()) return status;
      lock.unlock();
      loaded[kernel] = std::make_shared<CardParameters>(held_, number);
    }
    return std::make_unique<CardDevice>(info_, std::move(kernels), held_, std::move(loaded));
  }

 private:
  DeviceInfo info_;
  std::vector<KernelInfo> kernels_;
  std::shared_ptr<Held> held_;
  LoadedParameters parameters_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Device>> open_card_device(DeviceInfo info, const CardPlugin& plugin,
                                                         const xclbin::Xclbin& xclbin, int index,
                                                         std::vector<KernelInfo> kernels, std::string image) {
  auto held = std::make_shared<Held>();
  held->xclbin = xclbin;
  auto card = plugin.open({&held->xclbin, std::move(image), index, kernels});
  if (!card.ok()) return card.status();
  held->card = *std::move(card);
  info.name = held->card->name();
  info.detail = held->card->detail();
  return std::make_unique<CardDevice>(std::move(info), std::move(kernels), std::move(held));
}

}  // namespace strobe::device
