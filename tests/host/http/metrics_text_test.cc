#include "host/server/metrics_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <future>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "tests/host/runtime/scripted_device.h"

namespace strobe::server {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;

constexpr size_t kColumns = 4;

/// Every file is the doubling model; a test says how its launches end.
class DoublingLoader : public ModelLoader {
 public:
  absl::StatusOr<LoadedModel> load(const std::string&, const std::string&, const std::string&) override {
    LoadedModel loaded;
    loaded.spec = strobe::testing::doubling_spec(kColumns, [this]() -> absl::StatusOr<std::shared_ptr<device::Device>> {
      device = std::make_shared<strobe::testing::ScriptedDevice>(strobe::testing::doubling_script(kColumns));
      return std::shared_ptr<device::Device>(device);
    });
    return loaded;
  }
  std::shared_ptr<strobe::testing::ScriptedDevice> device;  ///< opened last
};

/// Each look at it takes a millisecond longer than the one before, so that no two durations are equal.
class SlowingClock : public runtime::SteadyClock {
 public:
  int64_t now_ns() const override {
    const int64_t look = ++looks_;
    return look * (look + 1) / 2 * 1'000'000;
  }

 private:
  mutable std::atomic<int64_t> looks_{0};
};

class MetricsTextTest : public ::testing::Test {
 protected:
  MetricsTextTest() {
    std::string pattern = ::testing::TempDir() + "/metrics_XXXXXX";
    EXPECT_NE(mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
  }
  ~MetricsTextTest() override {
    store_.reset();
    std::filesystem::remove_all(folder_);
  }
  void open(const std::vector<std::string>& models) {
    for (const std::string& model : models) {
      std::filesystem::create_directories(folder_ / model);
      std::ofstream(folder_ / model / "model.xclbin") << "doubling";
    }
    runtime::RunnerOptions options;
    options.clock = std::make_shared<SlowingClock>();
    auto opened = ModelStore::open(folder_.string(), loader_, options, [](const std::string&) {});
    ASSERT_TRUE(opened.ok()) << opened.status();
    store_ = *std::move(opened);
  }
  runtime::ModelRunner& runner(const std::string& name) { return *(*store_->find(name, ""))->runner; }
  /// Runs `rows` rows and lets the device end them with `status`.
  absl::Status run(const std::string& name, size_t rows, const absl::Status& status) {
    std::vector<float> in(rows * kColumns, 1), out(rows * kColumns);
    runtime::Request request;
    request.rows = rows;
    request.inputs = {{std::as_bytes(std::span(in)), {}}};
    request.outputs = {{std::as_writable_bytes(std::span(out)), {}}};
    std::promise<absl::Status> outcome;
    request.done = [&](absl::Status s) { outcome.set_value(std::move(s)); };
    const std::shared_ptr<strobe::testing::ScriptedDevice> device = loader_.device;
    runner(name).submit(request);
    EXPECT_FALSE(device->wait_for_launches(1).empty());
    device->finish(status);
    absl::Status result = outcome.get_future().get();
    runner(name).drain();
    return result;
  }

  std::filesystem::path folder_;
  DoublingLoader loader_;
  std::unique_ptr<ModelStore> store_;
};

/// The value of a sample, or -1 where there is none.
int64_t value(const std::string& text, const std::string& sample) {
  const size_t at = ("\n" + text).find("\n" + sample + " ");
  return at == std::string::npos ? -1 : std::stoll(text.substr(at + sample.size() + 1));
}

TEST_F(MetricsTextTest, CountsRequestsEventsAndLaunches) {
  open({"jets/3"});
  EXPECT_TRUE(run("jets", 5, absl::OkStatus()).ok());
  EXPECT_TRUE(run("jets", 7, absl::OkStatus()).ok());
  EXPECT_FALSE(run("jets", 9, absl::InternalError("the card said no")).ok());
  const std::string text = metrics_text(*store_);
  const std::string labels = R"({model="jets",version="3"})";
  EXPECT_EQ(value(text, "nv_inference_request_success" + labels), 2) << text;
  EXPECT_EQ(value(text, "nv_inference_request_failure" + labels), 1) << text;
  EXPECT_EQ(value(text, "nv_inference_count" + labels), 12) << text;
  EXPECT_EQ(value(text, "nv_inference_exec_count" + labels), 2) << text;
}

TEST_F(MetricsTextTest, GivesEachDurationUnderItsName) {
  open({"jets/1"});
  std::vector<std::pair<const char*, runtime::Duration>> durations;
  std::set<uint64_t> different;
  // Equal ones, of which a clock makes some now and then, would hide names that are exchanged.
  for (int tries = 0; tries < 100 && different.size() < 5; ++tries) {
    EXPECT_TRUE(run("jets", 5, absl::OkStatus()).ok());
    const runtime::Statistics statistics = runner("jets").statistics();
    durations = {{"nv_inference_request_duration_us", statistics.success},
                 {"nv_inference_queue_duration_us", statistics.queue},
                 {"nv_inference_compute_input_duration_us", statistics.input},
                 {"nv_inference_compute_infer_duration_us", statistics.infer},
                 {"nv_inference_compute_output_duration_us", statistics.output}};
    different.clear();
    for (const auto& [name, duration] : durations) different.insert(duration.ns);
  }
  EXPECT_EQ(different.size(), 5U);
  const std::string text = metrics_text(*store_);
  for (const auto& [name, duration] : durations) {
    const std::string sample = std::string(name) + R"({model="jets",version="1"})";
    EXPECT_EQ(value(text, sample), static_cast<int64_t>(duration.ns / 1000)) << text;
  }
}

TEST_F(MetricsTextTest, HasASampleOfEveryMetricForEachVersionAlsoBeforeItsFirstRequest) {
  open({"b/1", "a/1", "a/2"});
  const std::string text = metrics_text(*store_);
  EXPECT_THAT(text, HasSubstr("# TYPE nv_inference_exec_count counter\n"
                              "nv_inference_exec_count{model=\"a\",version=\"1\"} 0\n"
                              "nv_inference_exec_count{model=\"a\",version=\"2\"} 0\n"
                              "nv_inference_exec_count{model=\"b\",version=\"1\"} 0\n"));
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 9 * (2 + 3));
  EXPECT_THAT(text, EndsWith("\n"));
}

TEST_F(MetricsTextTest, EscapesModelNames) {
  open({"quote\" slash\\ line\n/1"});
  EXPECT_EQ(value(metrics_text(*store_), R"(nv_inference_count{model="quote\" slash\\ line\n",version="1"})"), 0);
}

}  // namespace
}  // namespace strobe::server
