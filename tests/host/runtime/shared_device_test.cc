#include "host/runtime/shared_device.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <deque>

#include "host/runtime/model_runner.h"
#include "tests/host/runtime/scripted_device.h"

namespace strobe::runtime {
namespace {

using strobe::testing::doubling_script;
using strobe::testing::doubling_spec;
using strobe::testing::Script;
using strobe::testing::ScriptedDevice;

constexpr int64_t kColumns = 4;
constexpr size_t kFlooded = 0, kCalm = 1;

/// One row, and whether it was answered rightly.
class Row {
 public:
  explicit Row(int16_t start) {
    for (int16_t& value : in_) value = start++;
    request.rows = 1;
    request.inputs = {{std::as_bytes(std::span(in_)), {ElementKind::kInt16, true}}};
    request.outputs = {{std::as_writable_bytes(std::span(out_)), {ElementKind::kInt16, true}}};
    request.done = [this](const absl::Status& status) { answered_right_ = status.ok() && out_[3] == 2 * in_[3]; };
  }
  bool answered_right() const { return answered_right_; }

  Request request;

 private:
  std::array<int16_t, kColumns> in_{}, out_{};
  std::atomic<bool> answered_right_{false};
};

/// A card with two kernels, a runner for each. The first one's launches end when the test says so, the second one's at
/// once.
class SharedCard : public ::testing::Test {
 protected:
  void SetUp() override {
    RunnerOptions options;
    options.slot_rows = 4;
    options.log = [this](const std::string& line) {
      const std::lock_guard lock(mutex_);
      if (line.ends_with("device is back")) ++returns_;
      changed_.notify_all();
    };
    for (const size_t kernel : {kFlooded, kCalm}) {
      ModelSpec spec = doubling_spec(kColumns, [this] { return card_.get(); });
      spec.kernel = kernel;
      auto runner = ModelRunner::open(std::move(spec), options);
      ASSERT_TRUE(runner.ok()) << runner.status();
      runners_.push_back(*std::move(runner));
    }
  }

  void TearDown() override {
    while (device().in_flight() > 0) device().finish();
  }

  absl::StatusOr<std::shared_ptr<device::Device>> open() {
    Script calm = doubling_script(kColumns);
    calm.automatic = true;
    auto opened = std::make_shared<ScriptedDevice>(std::vector<Script>{doubling_script(kColumns), calm});
    const std::lock_guard lock(mutex_);
    ++opened_;
    current_ = opened.get();
    return std::shared_ptr<device::Device>(std::move(opened));
  }
  ScriptedDevice& device() {
    const std::lock_guard lock(mutex_);
    return *current_;
  }
  int opened() {
    const std::lock_guard lock(mutex_);
    return opened_;
  }
  void wait_for_returns(int count) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return returns_ == count; });
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  int opened_ = 0, returns_ = 0;
  ScriptedDevice* current_ = nullptr;
  SharedDevice card_{[this] { return open(); }};
  std::vector<std::unique_ptr<ModelRunner>> runners_;
};

TEST_F(SharedCard, IsOpenedOnceForAllItsModels) { EXPECT_EQ(opened(), 1); }

TEST_F(SharedCard, AnswersOneModelWhileAnotherIsFloodedAndStuck) {
  std::deque<Row> flood, calls;
  for (int i = 0; i < 1000; ++i) runners_[kFlooded]->submit(flood.emplace_back(static_cast<int16_t>(i)).request);
  // Not one launch of the flooded model ends; every call of the other is answered before `submit` returns.
  for (int i = 0; i < 100; ++i) {
    runners_[kCalm]->submit(calls.emplace_back(static_cast<int16_t>(i)).request);
    ASSERT_TRUE(calls.back().answered_right()) << "call " << i;
  }
  EXPECT_GT(runners_[kFlooded]->waiting(), 0U);
  EXPECT_LE(device().in_flight_of(kFlooded), static_cast<size_t>(RunnerOptions().slots_per_unit));
  for (size_t launches = 1; runners_[kFlooded]->statistics().success.count < flood.size(); ++launches) {
    ASSERT_FALSE(device().wait_for_launches(launches).empty());
    device().finish();
  }
  runners_[kFlooded]->drain();
  for (const Row& row : flood) EXPECT_TRUE(row.answered_right());
}

TEST_F(SharedCard, IsOpenedAnewOnceForAllItsModelsAfterItDied) {
  device().set_health(absl::UnavailableError("the card fell out"));
  for (const auto& runner : runners_) EXPECT_TRUE(absl::IsUnavailable(runner->health()));
  wait_for_returns(2);
  EXPECT_EQ(opened(), 2);
  for (const auto& runner : runners_) EXPECT_TRUE(runner->health().ok());
  Row row(7);
  runners_[kCalm]->submit(row.request);
  EXPECT_TRUE(row.answered_right());
}

TEST(SharedDevice, TriesAgainWhereOpeningFailed) {
  int attempts = 0;
  SharedDevice card([&]() -> absl::StatusOr<std::shared_ptr<device::Device>> {
    if (++attempts == 1) return absl::UnavailableError("no card in the slot");
    return std::make_shared<ScriptedDevice>(doubling_script(kColumns));
  });
  EXPECT_TRUE(absl::IsUnavailable(card.get().status()));
  auto first = card.get(), second = card.get();
  ASSERT_TRUE(first.ok() && second.ok());
  EXPECT_EQ(*first, *second);
  EXPECT_EQ(attempts, 2);
  first = second = absl::UnavailableError("given back");
  EXPECT_TRUE(card.get().ok());
  EXPECT_EQ(attempts, 3);  // nobody used it: closed and opened anew
}

}  // namespace
}  // namespace strobe::runtime
