#include "host/runtime/model_runner.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <map>
#include <thread>

#include "tests/host/runtime/scripted_device.h"

namespace strobe::runtime {
namespace {

using strobe::testing::doubling_script;
using strobe::testing::doubling_spec;
using strobe::testing::Script;
using strobe::testing::ScriptedDevice;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr int64_t kColumns = 4;
constexpr Encoding kRaw{ElementKind::kInt16, true};
constexpr Encoding kFp32{ElementKind::kFloat32, false};

/// Stands still until a test moves it.
class ManualClock : public Clock {
 public:
  int64_t now_ns() const override { return now_.load(); }
  int64_t wall_ms() const override { return 1'700'000'000'000 + now_.load() / 1'000'000; }
  void wait(std::condition_variable& condition, std::unique_lock<std::mutex>& lock, int64_t deadline_ns) override {
    {
      const std::lock_guard guard(mutex_);
      waiters_[&condition] = {lock.mutex(), deadline_ns};
    }
    if (deadline_ns > now_ns()) condition.wait(lock);
    const std::lock_guard guard(mutex_);
    waiters_.erase(&condition);
  }
  void advance(int64_t ns) {
    now_.fetch_add(ns);
    std::map<std::condition_variable*, Waiter> waiters;
    {
      const std::lock_guard guard(mutex_);
      waiters = waiters_;
    }
    for (auto& [condition, waiter] : waiters) {
      const std::lock_guard guard(*waiter.mutex);  // the waiter is inside wait(), or sees the new time
      condition->notify_all();
    }
  }
  /// The deadline somebody waits for, once there is one other than never.
  int64_t deadline() {
    const std::lock_guard guard(mutex_);
    int64_t earliest = kNever;
    for (auto& [condition, waiter] : waiters_) earliest = std::min(earliest, waiter.deadline_ns);
    return earliest;
  }

 private:
  struct Waiter {
    std::mutex* mutex;
    int64_t deadline_ns;
  };
  std::atomic<int64_t> now_{1'000'000'000};
  std::mutex mutex_;
  std::map<std::condition_variable*, Waiter> waiters_;
};

/// A request with its own memory, and a way to wait for its answer.
class Job {
 public:
  explicit Job(size_t rows, int16_t start = 0) : in_(rows * kColumns), out_(rows * kColumns, -1) {
    for (size_t i = 0; i < in_.size(); ++i) in_[i] = static_cast<int16_t>(start + static_cast<int>(i % 1000));
    request.rows = rows;
    request.inputs = {{std::as_bytes(std::span(in_)), kRaw}};
    request.outputs = {{std::as_writable_bytes(std::span(out_)), kRaw}};
    request.done = [this](const absl::Status& status) {
      const std::lock_guard lock(mutex_);  // held to the end: whoever waits may destroy this job at once
      status_ = status;
      ++answers;
      changed_.notify_all();
    };
  }
  absl::Status wait() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return answers > 0; });
    return status_;
  }
  bool answered() {
    const std::lock_guard lock(mutex_);
    return answers > 0;
  }
  bool right() const {
    for (size_t i = 0; i < in_.size(); ++i) {
      if (out_[i] != static_cast<int16_t>(2 * in_[i])) return false;
    }
    return true;
  }

  Request request;
  int answers = 0;

 private:
  std::vector<int16_t> in_, out_;
  std::mutex mutex_;
  std::condition_variable changed_;
  absl::Status status_;
};

/// A runner on scripted devices; `devices` holds every device that was opened.
class Bench {
 public:
  explicit Bench(RunnerOptions options = {}, int units = 1, bool automatic = false) {
    script_ = doubling_script(kColumns, units);
    script_.automatic = automatic;
    options.clock = clock;
    options.log = [this](const std::string& line) {
      const std::lock_guard lock(mutex_);
      lines_.push_back(line);
    };
    auto opened = ModelRunner::open(doubling_spec(kColumns, [this] { return open_device(); }), options);
    EXPECT_TRUE(opened.ok()) << opened.status();
    runner = *std::move(opened);
  }
  absl::StatusOr<std::shared_ptr<device::Device>> open_device() {
    const std::lock_guard lock(mutex_);
    ++attempts_;
    changed_.notify_all();
    if (refuse_opening) return absl::UnavailableError("no card in the slot");
    current_ = std::make_shared<ScriptedDevice>(script_);
    ++opened_;
    return std::shared_ptr<device::Device>(current_);
  }
  ScriptedDevice& device() {
    const std::lock_guard lock(mutex_);
    return *current_;
  }
  bool wait_for_attempts(int count) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(10), [&] { return attempts_ >= count; });
  }
  std::vector<std::string> lines() {
    const std::lock_guard lock(mutex_);
    return lines_;
  }

  std::shared_ptr<ManualClock> clock = std::make_shared<ManualClock>();
  std::atomic<bool> refuse_opening{false};

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  Script script_;
  std::shared_ptr<ScriptedDevice> current_;
  int opened_ = 0, attempts_ = 0;
  std::vector<std::string> lines_;

 public:
  std::unique_ptr<ModelRunner> runner;  // last: stops first
};

RunnerOptions slots(int per_unit, size_t rows) {
  RunnerOptions options;
  options.slots_per_unit = per_unit;
  options.slot_rows = rows;
  return options;
}

TEST(ModelRunner, StartsAtOnceWhileAUnitIsIdle) {
  Bench bench(slots(2, 16), 3);
  std::vector<std::unique_ptr<Job>> jobs;
  for (int i = 0; i < 5; ++i) {
    jobs.push_back(std::make_unique<Job>(1, static_cast<int16_t>(i)));
    bench.runner->submit(jobs.back()->request);
  }
  EXPECT_THAT(bench.device().units_in_flight(), ElementsAre(0, 1, 2)) << "two rows are gathered: every unit is busy";
  bench.device().finish();
  EXPECT_THAT(bench.device().wait_for_launches(4), ElementsAre(1, 1, 1, 2));
  while (bench.device().in_flight() > 0) bench.device().finish();
  for (auto& job : jobs) EXPECT_TRUE(job->wait().ok() && job->right());
}

TEST(ModelRunner, GivesABusyUnitALaunchOfSomeSize) {
  Bench bench(slots(2, 16));
  Job first(1), small(3), large(5), last(16);
  for (Job* job : {&first, &small}) bench.runner->submit(job->request);
  EXPECT_EQ(bench.device().in_flight(), 1U);
  bench.device().finish();
  EXPECT_THAT(bench.device().wait_for_launches(2), ElementsAre(1, 3));
  bench.runner->submit(large.request);
  EXPECT_THAT(bench.device().wait_for_launches(3), ElementsAre(1, 3, 5))
      << "a quarter of a slot is worth a second launch";
  bench.runner->submit(last.request);
  EXPECT_EQ(bench.device().in_flight(), 2U) << "no third slot";
  bench.device().finish();
  bench.device().wait_for_launches(4);
  while (bench.device().in_flight() > 0) bench.device().finish();
  for (Job* job : {&first, &small, &large, &last}) EXPECT_TRUE(job->wait().ok() && job->right());
}

/// Starts what was gathered from inside `done`, never on the slot whose `done` it is.
TEST(ModelRunner, StartsTheNextLaunchOnAnotherSlot) {
  Bench bench(slots(2, 16));
  Job a(1), b(1), c(1);
  for (Job* job : {&a, &b, &c}) bench.runner->submit(job->request);
  const auto* first = bench.device().slots_in_flight().at(0);
  bench.device().finish();  // on this thread: the next launch is there when it returns
  ASSERT_EQ(bench.device().in_flight(), 1U);
  EXPECT_NE(bench.device().slots_in_flight().at(0), first);
  bench.device().finish();
  EXPECT_TRUE(b.wait().ok() && c.wait().ok());
}

TEST(ModelRunner, GathersRowsWhileAllSlotsAreInFlight) {
  Bench bench(slots(1, 16));
  std::vector<std::unique_ptr<Job>> jobs;
  for (int i = 0; i < 8; ++i) {
    jobs.push_back(std::make_unique<Job>(i == 0 ? 1 : 3, static_cast<int16_t>(100 * i)));
    bench.runner->submit(jobs.back()->request);
  }
  EXPECT_EQ(bench.device().in_flight(), 1U);
  bench.device().finish();
  // 21 rows wait: 16 fill a slot, cutting the sixth request, and 5 follow.
  EXPECT_THAT(bench.device().wait_for_launches(2), ElementsAre(1, 16));
  bench.device().finish();
  EXPECT_THAT(bench.device().wait_for_launches(3), ElementsAre(1, 16, 5));
  EXPECT_TRUE(jobs[5]->wait().ok());
  EXPECT_FALSE(jobs[6]->answered());
  bench.device().finish();
  for (auto& job : jobs) {
    EXPECT_TRUE(job->wait().ok());
    EXPECT_TRUE(job->right());
    EXPECT_EQ(job->answers, 1);
  }
}

TEST(ModelRunner, SplitsARequestLargerThanASlot) {
  Bench bench(slots(2, 16), 2);
  Job job(100);
  bench.runner->submit(job.request);
  for (size_t launch = 1; launch <= 7; ++launch) {
    ASSERT_GE(bench.device().wait_for_launches(launch).size(), launch);
    bench.device().finish();
  }
  EXPECT_TRUE(job.wait().ok());
  EXPECT_TRUE(job.right());
  EXPECT_EQ(bench.runner->statistics().launches, 7U);
  EXPECT_EQ(bench.runner->statistics().rows, 100U);
  EXPECT_EQ(bench.runner->statistics().success.count, 1U);
}

TEST(ModelRunner, ConvertsFloatsOnBothSides) {
  Bench bench({}, 1, true);
  const std::vector<float> in = {0.5F, -1.25F, 100.0F, -100.0F};
  std::vector<float> out(4);
  Request request;
  request.rows = 1;
  request.inputs = {{std::as_bytes(std::span(in)), kFp32}};
  request.outputs = {{std::as_writable_bytes(std::span(out)), kFp32}};
  absl::Status status = absl::UnknownError("not called");
  request.done = [&](const absl::Status& s) { status = s; };
  bench.runner->submit(request);
  ASSERT_TRUE(status.ok()) << status;
  // Raw 512, -1280, 32767 (saturated), -32768; doubled and wrapped to 16 bits, 9 fraction bits.
  EXPECT_THAT(out, ElementsAre(2.0F, -5.0F, -2.0F / 512, 0.0F));
}

TEST(ModelRunner, RefusesOneRequestOfABatchAndRunsTheOthers) {
  Bench bench(slots(1, 16));
  Job first(1), good(2, 7), later(2, 9);
  std::vector<float> bad_in(3 * kColumns, 0.0F);
  bad_in[2 * kColumns + 1] = std::nanf("");
  std::vector<std::byte> bad_out(3 * kColumns * 2);
  Job bad(3);
  bad.request.inputs = {{std::as_bytes(std::span(bad_in)), kFp32}};
  for (Job* job : {&first, &good, &bad, &later}) bench.runner->submit(job->request);
  bench.device().finish();
  EXPECT_THAT(bench.device().wait_for_launches(2), ElementsAre(1, 4));
  EXPECT_EQ(bad.wait().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(bad.wait().message()), HasSubstr("tensor 'x': row 2, element 1 is NaN"));
  bench.device().finish();
  EXPECT_TRUE(good.wait().ok() && good.right());
  EXPECT_TRUE(later.wait().ok() && later.right());
  EXPECT_EQ(bench.runner->statistics().fail.count, 0U) << "a client's mistake is not the server's failure";
}

TEST(ModelRunner, DropsWhatWasCancelledBeforeItStarted) {
  Bench bench(slots(1, 16));
  Job first(1), gone(5), last(2);
  for (Job* job : {&first, &gone, &last}) bench.runner->submit(job->request);
  gone.request.cancelled = true;
  bench.device().finish();
  EXPECT_THAT(bench.device().wait_for_launches(2), ElementsAre(1, 2));
  EXPECT_EQ(gone.wait().code(), absl::StatusCode::kCancelled);
  bench.device().finish();
  EXPECT_TRUE(last.wait().ok());
}

TEST(ModelRunner, AnswersADeadlineWhileTheDeviceIsBusy) {
  Bench bench(slots(1, 16));
  Job first(1), impatient(1), patient(1);
  impatient.request.deadline_ns = bench.clock->now_ns() + 1000;
  for (Job* job : {&first, &impatient, &patient}) bench.runner->submit(job->request);
  while (bench.clock->deadline() == Clock::kNever) std::this_thread::yield();
  bench.clock->advance(2000);
  const absl::Status status = impatient.wait();
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(status.message(), "Request timeout expired");
  EXPECT_FALSE(patient.answered());
  bench.device().finish();
  bench.device().wait_for_launches(2);
  bench.device().finish();
  EXPECT_TRUE(patient.wait().ok());
}

TEST(ModelRunner, BoundsItsQueue) {
  RunnerOptions options = slots(1, 16);
  options.max_queue_requests = 3;
  options.max_queue_rows = 100;
  Bench bench(options);
  Job running(1), big(500), wide(1), a(1), b(1);
  bench.runner->submit(running.request);
  bench.runner->submit(big.request);  // alone in the queue: taken whatever its size
  bench.runner->submit(wide.request);
  EXPECT_EQ(wide.wait().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(wide.wait().message(), "Exceeds maximum queue size");
  big.request.cancelled = true;
  bench.device().finish();
  EXPECT_EQ(big.wait().code(), absl::StatusCode::kCancelled);
  EXPECT_EQ(bench.runner->statistics().fail.count, 1U);
}

TEST(ModelRunner, FailsEverythingWhenTheDeviceDiesAndOpensItAgain) {
  Bench bench(slots(1, 16));
  Job in_flight(1), waiting(1), meanwhile(1), after(1);
  bench.runner->submit(in_flight.request);
  bench.runner->submit(waiting.request);
  bench.refuse_opening = true;
  bench.device().finish(absl::UnavailableError("the emulated device died: killed by signal 9"));
  EXPECT_EQ(in_flight.wait().code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(in_flight.wait().message()), HasSubstr("killed by signal 9"));
  EXPECT_EQ(waiting.wait().code(), absl::StatusCode::kUnavailable);

  ASSERT_TRUE(bench.wait_for_attempts(2));
  EXPECT_EQ(bench.runner->health().code(), absl::StatusCode::kUnavailable);
  bench.runner->submit(meanwhile.request);
  EXPECT_EQ(meanwhile.wait().code(), absl::StatusCode::kUnavailable);

  bench.refuse_opening = false;
  while (bench.clock->deadline() == Clock::kNever) std::this_thread::yield();
  bench.clock->advance(100'000'000);
  ASSERT_TRUE(bench.wait_for_attempts(3));
  while (!bench.runner->health().ok()) std::this_thread::yield();
  bench.runner->submit(after.request);
  ASSERT_EQ(bench.device().wait_for_launches(1).size(), 1U);
  bench.device().finish();
  EXPECT_TRUE(after.wait().ok() && after.right());
  EXPECT_THAT(bench.lines(),
              ElementsAre(HasSubstr("device lost"), HasSubstr("no card in the slot"), HasSubstr("is back")));
}

TEST(ModelRunner, NoticesADeathWithoutALaunch) {
  Bench bench(slots(1, 16));
  bench.device().set_health(absl::UnavailableError("fell off the bus"));
  EXPECT_THAT(std::string(bench.runner->health().message()), HasSubstr("fell off the bus"));
  ASSERT_TRUE(bench.wait_for_attempts(2));
}

TEST(ModelRunner, KeepsTheDeviceAfterAnErrorOfOneLaunch) {
  Bench bench(slots(1, 16));
  Job bad(1), good(1);
  bench.runner->submit(bad.request);
  bench.device().finish(absl::InternalError("uncorrectable memory error"));
  EXPECT_EQ(bad.wait().code(), absl::StatusCode::kInternal);
  bench.runner->submit(good.request);
  bench.device().finish();
  EXPECT_TRUE(good.wait().ok());
}

TEST(ModelRunner, StopFailsWhatWaitsAndWaitsForWhatRuns) {
  Bench bench(slots(1, 16));
  Job running(1), waiting(1), late(1);
  bench.runner->submit(running.request);
  bench.runner->submit(waiting.request);
  std::thread stopper([&] { bench.runner->stop(); });
  EXPECT_EQ(waiting.wait().code(), absl::StatusCode::kUnavailable);
  EXPECT_FALSE(running.answered());
  bench.device().finish();
  stopper.join();
  EXPECT_TRUE(running.wait().ok() && running.right());
  bench.runner->submit(late.request);
  EXPECT_EQ(late.wait().code(), absl::StatusCode::kUnavailable);
}

TEST(ModelRunner, RefusesSizesThatDoNotMatch) {
  Bench bench;
  Job none(1), missing(2), foreign(1);
  none.request.rows = 0;
  missing.request.rows = 3;
  foreign.request.inputs.clear();
  for (Job* job : {&none, &missing, &foreign}) {
    bench.runner->submit(job->request);
    EXPECT_EQ(job->wait().code(), absl::StatusCode::kInvalidArgument);
  }
}

TEST(ModelRunner, RefusesAKernelWithOtherTensors) {
  Script script = doubling_script(kColumns + 1);
  const auto open = [&]() -> absl::StatusOr<std::shared_ptr<device::Device>> {
    return std::make_shared<ScriptedDevice>(script);
  };
  const auto runner = ModelRunner::open(doubling_spec(kColumns, open), {});
  EXPECT_EQ(runner.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(runner.status().message()), HasSubstr("input 'x' has rows of 10 bytes"));
}

/// Many threads, sizes and moments at once; run under the thread sanitizer too.
TEST(ModelRunner, AnswersEveryRequestOnceUnderLoad) {
  RunnerOptions options = slots(2, 32);
  options.max_inline_bytes = 64;
  Bench bench(options, 2);
  std::atomic<bool> finished{false};
  std::thread finisher([&] {
    while (!finished.load() || bench.device().in_flight() > 0) {
      if (bench.device().in_flight() > 0) {
        bench.device().finish();
      } else {
        std::this_thread::yield();
      }
    }
  });
  std::vector<std::thread> clients;
  std::atomic<int> wrong{0};
  for (int client = 0; client < 3; ++client) {
    clients.emplace_back([&, client] {
      for (int round = 0; round < 200; ++round) {
        Job job(static_cast<size_t>(1 + (round * 7 + client) % 70), static_cast<int16_t>(round));
        bench.runner->submit(job.request);
        if (!job.wait().ok() || !job.right() || job.answers != 1) ++wrong;
      }
    });
  }
  for (std::thread& client : clients) client.join();
  bench.runner->drain();
  finished = true;
  finisher.join();
  EXPECT_EQ(wrong, 0);
  EXPECT_EQ(bench.runner->statistics().success.count, 600U);
}

}  // namespace
}  // namespace strobe::runtime
