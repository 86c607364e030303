#include "host/device/emulator_device.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "tests/host/device/device_fixture.h"

namespace strobe::device {
namespace {

/// Notes which kernel each run is of, and lets none go on before the gate opens.
class GatedEngine final : public InProcessEngine {
 public:
  struct Gate {
    void open() {
      const std::lock_guard lock(mutex);
      is_open = true;
      changed.notify_all();
    }
    std::mutex mutex;
    std::condition_variable changed;
    bool is_open = false;
    std::vector<size_t> begun;  ///< kernels of the runs, in their order
  };
  explicit GatedEngine(Gate& gate) : gate_(gate) {}

  absl::Status run(size_t kernel, size_t, std::span<const std::span<const std::byte>>,
                   std::span<const std::span<std::byte>>) override {
    std::unique_lock lock(gate_.mutex);
    gate_.begun.push_back(kernel);
    gate_.changed.wait(lock, [this] { return gate_.is_open; });
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
  gate.open();
  ends.wait(slots.size());
  const auto calm = std::find(gate.begun.begin(), gate.begun.end(), kCalm) - gate.begun.begin();
  EXPECT_LE(calm, kThreads);  // behind what ran, before all that waited
}

}  // namespace
}  // namespace strobe::device
