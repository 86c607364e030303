#include "host/device/emulator_device.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/host/device/device_fixture.h"

namespace strobe::device {
namespace {

/// Notes which kernel each run is of, and ends runs as the test lets it.
class GatedEngine final : public InProcessEngine {
 public:
  class Gate {
   public:
    /// Lets `runs` more runs end.
    void let_end(size_t runs) {
      const std::lock_guard lock(mutex_);
      may_end_ += runs;
      changed_.notify_all();
    }
    /// The kernels of the runs so far, in the order of their beginning, once there are `count`.
    std::vector<size_t> begun(size_t count) {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [&] { return begun_.size() >= count; });
      return begun_;
    }
    void pass(size_t kernel) {
      std::unique_lock lock(mutex_);
      begun_.push_back(kernel);
      changed_.notify_all();
      changed_.wait(lock, [this] { return may_end_ > 0; });
      --may_end_;
    }

   private:
    std::mutex mutex_;
    std::condition_variable changed_;
    size_t may_end_ = 0;
    std::vector<size_t> begun_;
  };
  explicit GatedEngine(Gate& gate) : gate_(gate) {}

  absl::Status run(size_t kernel, size_t, std::span<const std::span<const std::byte>>,
                   std::span<const std::span<std::byte>>) override {
    gate_.pass(kernel);
    return absl::OkStatus();
  }

 private:
  Gate& gate_;
};

TEST(EmulatorDevice, LetsKernelsTakeTurnsHoweverMuchOneHasQueued) {
  constexpr size_t kFlooded = 0, kCalm = 1;
  constexpr int kThreads = 2, kQueued = 100;
  GatedEngine::Gate gate;
  OpenOptions options;
  options.kernels = {{"flooded", 1, {16}, {8}}, {"calm", 1, {16}, {8}}};
  options.engine = [&] { return std::make_unique<GatedEngine>(gate); };
  options.threads = kThreads;
  auto device = open_emulator_device(options, "");
  ASSERT_TRUE(device.ok()) << device.status();
  Ends ends;
  std::vector<std::unique_ptr<Slot>> slots;
  for (int i = 0; i <= kQueued; ++i) {
    auto slot = (*device)->make_slot(i < kQueued ? kFlooded : kCalm, 0, 1);
    ASSERT_TRUE(slot.ok()) << slot.status();
    slots.push_back(*std::move(slot));
    slots.back()->start(1, ends.next());
  }
  gate.begun(kThreads);
  gate.let_end(1);
  EXPECT_THAT(gate.begun(kThreads + 1), testing::Contains(kCalm));  // behind what ran, before all that waited
  gate.let_end(kQueued);
  ends.wait(slots.size());
}

}  // namespace
}  // namespace strobe::device
