#include "host/scouting/control/controller.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <condition_variable>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "host/scouting/control/routes.h"

namespace strobe::scouting {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

/// What the pipelines of a test do and saw.
struct Script {
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<std::string> notes;
  bool ended = false;  ///< the running pipeline is to end
  absl::Status run_status;
  absl::Status open_status;

  void note(const std::string& text) {
    const std::lock_guard lock(mutex);
    notes.push_back(text);
  }
  void end(absl::Status status = absl::OkStatus()) {
    const std::lock_guard lock(mutex);
    ended = true;
    run_status = std::move(status);
    changed.notify_all();
  }
};

class ScriptedPipeline : public Pipeline {
 public:
  explicit ScriptedPipeline(Script& script) : script_(script) {}
  void start() override { script_.note("start"); }
  void pause(bool paused) override { script_.note(paused ? "pause" : "resume"); }
  void stop() override {
    script_.note("stop");
    script_.end();
  }
  absl::Status wait() override {
    std::unique_lock lock(script_.mutex);
    script_.changed.wait(lock, [this] { return script_.ended; });
    script_.ended = false;
    return script_.run_status;
  }
  Account account() const override {
    Account account;
    account.seconds = 5;
    return account;
  }

 private:
  Script& script_;
};

class ControllerTest : public testing::Test {
 protected:
  absl::StatusOr<std::unique_ptr<Pipeline>> build(uint32_t run, uint32_t& chosen) {
    if (!script_.open_status.ok()) return script_.open_status;
    chosen = run == 0 ? 7 : run;
    script_.note(absl::StrCat("open ", chosen));
    return std::make_unique<ScriptedPipeline>(script_);
  }

  Script script_;
  Controller controller_{[this](uint32_t run, uint32_t& chosen) { return build(run, chosen); },
                         [this](const Account& account, const absl::Status& status) {
                           script_.note(absl::StrCat("finished ", account.run, status.ok() ? "" : " badly"));
                         }};

  absl::Status order(Command command, uint32_t run = 0) {
    if (absl::Status s = controller_.submit(command, run); !s.ok()) return s;
    return controller_.settle();
  }
};

TEST_F(ControllerTest, GoesTheWayOfARun) {
  EXPECT_EQ(controller_.state(), State::kIdle);
  EXPECT_TRUE(order(Command::kConfigure).ok());
  EXPECT_EQ(controller_.state(), State::kConfigured);
  EXPECT_TRUE(order(Command::kStart).ok());
  EXPECT_TRUE(order(Command::kPause).ok());
  EXPECT_EQ(controller_.state(), State::kPaused);
  EXPECT_TRUE(order(Command::kResume).ok());
  EXPECT_EQ(controller_.state(), State::kRunning);
  EXPECT_TRUE(order(Command::kStop).ok());
  EXPECT_EQ(controller_.state(), State::kConfigured);
  EXPECT_THAT(script_.notes, ElementsAre("open 7", "start", "pause", "resume", "stop", "finished 7"));
}

TEST_F(ControllerTest, OpensAnewForTheNextRun) {
  ASSERT_TRUE(order(Command::kConfigure).ok());
  ASSERT_TRUE(order(Command::kStart).ok());
  ASSERT_TRUE(order(Command::kStop).ok());
  ASSERT_TRUE(order(Command::kStart, 9).ok());
  EXPECT_EQ(controller_.account().run, 9);
  ASSERT_TRUE(order(Command::kStop).ok());
  EXPECT_THAT(script_.notes,
              ElementsAre("open 7", "start", "stop", "finished 7", "open 9", "start", "stop", "finished 9"));
}

TEST_F(ControllerTest, RefusesWhatTheStateDoesNotAllow) {
  EXPECT_THAT(std::string(order(Command::kStart).message()), HasSubstr("'start' is not possible while idle"));
  ASSERT_TRUE(order(Command::kConfigure).ok());
  EXPECT_FALSE(order(Command::kPause).ok());
  EXPECT_FALSE(order(Command::kStop).ok());
  EXPECT_EQ(controller_.state(), State::kConfigured);
}

TEST_F(ControllerTest, EndsWithItsSources) {
  ASSERT_TRUE(order(Command::kConfigure).ok());
  ASSERT_TRUE(order(Command::kStart).ok());
  script_.end();
  controller_.wait_until_rest();
  EXPECT_EQ(controller_.state(), State::kConfigured);
  EXPECT_EQ(controller_.account().seconds, 5);
}

TEST_F(ControllerTest, AFailureLeadsToErrorAndResetOutOfIt) {
  ASSERT_TRUE(order(Command::kConfigure).ok());
  ASSERT_TRUE(order(Command::kStart).ok());
  script_.end(absl::UnavailableError("the card is gone"));
  controller_.wait_until_rest();
  EXPECT_EQ(controller_.state(), State::kError);
  EXPECT_EQ(controller_.account().error, "the card is gone");
  EXPECT_FALSE(order(Command::kStart).ok());
  EXPECT_TRUE(order(Command::kReset).ok());
  EXPECT_EQ(controller_.state(), State::kIdle);
  script_.open_status = absl::InvalidArgumentError("pipeline.yml:3: no");
  EXPECT_FALSE(order(Command::kConfigure).ok());
  EXPECT_EQ(controller_.state(), State::kError);
}

TEST_F(ControllerTest, StopsWhatRunsWhenItIsDestroyed) {
  {
    Script script;
    std::vector<std::string> seen;
    {
      Controller controller(
          [&](uint32_t, uint32_t&) -> absl::StatusOr<std::unique_ptr<Pipeline>> {
            return std::make_unique<ScriptedPipeline>(script);
          },
          [&](const Account&, const absl::Status&) { script.note("finished"); });
      ASSERT_TRUE(controller.submit(Command::kConfigure).ok());
      ASSERT_TRUE(controller.submit(Command::kStart).ok());
      ASSERT_TRUE(controller.settle().ok());
    }
    EXPECT_THAT(script.notes, ElementsAre("start", "stop", "finished"));
  }
}

TEST_F(ControllerTest, AnswersOverHttp) {
  const http::Handler routes = control_routes(controller_);
  EXPECT_EQ(routes({true, "/start", ""}).status, 409);
  EXPECT_EQ(routes({true, "/configure", ""}).status, 202);
  EXPECT_EQ(routes({true, "/start", "run=12"}).status, 202);
  ASSERT_TRUE(controller_.settle().ok());
  EXPECT_EQ(routes({false, "/state", ""}).body, "{\"state\":\"running\",\"run\":12,\"error\":\"\"}\n");
  EXPECT_THAT(routes({false, "/metrics", ""}).body, HasSubstr("strobe_scout_state{state=\"running\"} 1\n"));
  EXPECT_THAT(routes({false, "/account", ""}).body, HasSubstr("\"run\": 12"));
  EXPECT_EQ(routes({true, "/start", "run=x"}).status, 400);
  EXPECT_EQ(routes({true, "/begin", ""}).status, 404);
  EXPECT_EQ(routes({false, "/", ""}).status, 404);
  EXPECT_EQ(routes({true, "/stop", ""}).status, 202);
  EXPECT_TRUE(controller_.settle().ok());
}

TEST(AccountJson, TakesNamesThatAreNotUtf8) {
  Account account;
  account.error = "'\xff.dat': cannot open";
  account.sources.emplace_back();
  account.sources[0].name = "a\xff\xfe";
  const auto read = nlohmann::json::parse(account_json(account));
  EXPECT_THAT(read["sources"][0]["name"].get<std::string>(), testing::StartsWith("a"));
}

}  // namespace
}  // namespace strobe::scouting
