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

/// Answers with the first byte of its parameters.
class ParameterEngine final : public InProcessEngine {
 public:
  explicit ParameterEngine(std::string model) : model_(std::move(model)) {}
  absl::Status run(size_t, size_t, std::span<const std::span<const std::byte>>,
                   std::span<const std::span<std::byte>> outputs) override {
    outputs[0][0] = static_cast<std::byte>(model_[0]);
    return absl::OkStatus();
  }
  absl::StatusOr<std::unique_ptr<InProcessEngine>> with_parameters(size_t, const std::string& model) override {
    if (model.empty()) return absl::InvalidArgumentError("empty");
    return std::make_unique<ParameterEngine>(model);
  }

 private:
  std::string model_;
};

class Parameterised : public testing::TestWithParam<int> {
 protected:
  void SetUp() override {
    OpenOptions options;
    options.kernels = {{"fixed", 1, {16}, {8}}, {"engine", 1, {4}, {4}, 64}};
    options.engine = [] { return std::make_unique<ParameterEngine>("none"); };
    options.threads = GetParam();
    device_ = *open_emulator_device(options, "");
  }

  absl::StatusOr<std::unique_ptr<Device>> with(const std::string& model, int64_t row_bytes = 2) {
    return device_->with_parameters(1, {std::as_bytes(std::span(model)), model, {row_bytes}, {1}});
  }

  static char answer(Slot& slot) {
    Ends ends;
    slot.start(1, ends.next());
    ends.wait(1);
    return static_cast<char>(slot.output(0)[0]);
  }

  std::unique_ptr<Device> device_;
};

TEST_P(Parameterised, ADeviceForEachSetWithRowsOfItsOwn) {
  auto a = with("a"), b = with("b", 3);
  ASSERT_TRUE(a.ok() && b.ok());
  auto slot_a = *(*a)->make_slot(1, 0, 10), slot_b = *(*b)->make_slot(1, 0, 10);
  EXPECT_EQ(slot_a->input(0).size(), 20U);
  EXPECT_EQ(slot_b->input(0).size(), 30U);
  device_.reset();
  EXPECT_EQ(answer(*slot_a), 'a');
  EXPECT_EQ(answer(*slot_b), 'b');
  a->reset();
  EXPECT_EQ(answer(*slot_a), 'a');  // a slot keeps its parameters
}

TEST_P(Parameterised, HasNoSlotsWithoutParametersAndTakesNoneThatDoNotFit) {
  EXPECT_EQ(device_->make_slot(1, 0, 10).status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_TRUE(device_->make_slot(0, 0, 10).ok());
  EXPECT_EQ(with(std::string(65, 'x')).status().code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(with("").status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(device_->with_parameters(0, {}).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(device_->with_parameters(2, {}).status().code(), absl::StatusCode::kInvalidArgument);
}

INSTANTIATE_TEST_SUITE_P(Threads, Parameterised, testing::Values(1, 3));

}  // namespace
}  // namespace strobe::device
