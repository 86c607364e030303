/// What is left when a signal ends the program: nothing, at whatever moment it comes.

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/file.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <random>
#include <set>

#include "tests/system/background.h"

namespace strobe {
namespace {

namespace fs = std::filesystem;

const std::string kJets = STROBE_SOURCE_DIR "/tests/data/jets/";

/// Names in a folder; none where it does not exist.
std::vector<std::string> names_in(const fs::path& folder) {
  std::vector<std::string> names;
  std::error_code absent;
  for (const auto& entry : fs::directory_iterator(folder, absent)) names.push_back(entry.path().filename());
  return names;
}

/// Run folders of emulated cards in /tmp that no living owner holds.
std::set<std::string> abandoned_cards() {
  std::set<std::string> found;
  for (const std::string& name : names_in("/tmp")) {
    if (!name.starts_with("strobe-card-")) continue;
    const int folder = ::open(("/tmp/" + name).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0) continue;
    if (::flock(folder, LOCK_EX | LOCK_NB) == 0) found.insert(name);
    ::close(folder);
  }
  return found;
}

class Signals : public testing::Test {
 protected:
  void SetUp() override {
    root_ = fs::path(testing::TempDir()) / ("strobe-signals-" + std::to_string(::getpid()));
    for (const char* folder : {"tmp", "out", "xdg"}) fs::create_directories(root_ / folder);
    std::random_device entropy;
    seed_ = entropy();
    random_.seed(seed_);
    std::printf("seed %u\n", seed_);
  }
  void TearDown() override { fs::remove_all(root_); }

  std::string file(const std::string& name) const { return (root_ / name).string(); }

  /// Starts strobe with temporary files and the cache in folders of this test's own.
  pid_t start(const std::vector<std::string>& arguments) const {
    return start_strobe(arguments, file("printed"), {"TMPDIR=" + file("tmp"), "XDG_CACHE_HOME=" + file("xdg")});
  }

  int run(const std::vector<std::string>& arguments) const { return status_of(start(arguments)); }

  /// How long the command takes, and that it succeeds.
  std::chrono::microseconds time_of(const std::vector<std::string>& arguments) const {
    const auto begin = std::chrono::steady_clock::now();
    EXPECT_EQ(run(arguments), 0) << printed();
    return std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - begin);
  }

  std::string printed() const {
    std::ifstream text(file("printed"));
    return {std::istreambuf_iterator<char>(text), {}};
  }

  /// Sends `signal` after a random part of `time`; returns whether it ended the program.
  bool interrupt(const std::vector<std::string>& arguments, int signal, std::chrono::microseconds time) {
    const std::chrono::microseconds after(std::uniform_int_distribution<int64_t>(0, time.count())(random_));
    SCOPED_TRACE(testing::Message() << "seed " << seed_ << ", signal " << signal << " after " << after.count()
                                    << " us");
    const pid_t pid = start(arguments);
    if (ends_within(pid, after)) {
      EXPECT_EQ(status_of(pid), 0) << printed();
      return false;
    }
    ::kill(pid, signal);
    const int status = status_of(pid);
    const bool by_signal = WIFSIGNALED(status) && WTERMSIG(status) == signal;
    EXPECT_TRUE(by_signal || status == 0) << "status " << status << ": " << printed();
    return by_signal;
  }

  void expect_nothing_left() const {
    EXPECT_THAT(names_in(file("tmp")), testing::IsEmpty());
    for (const std::string& name : names_in(file("xdg/strobe")))
      EXPECT_THAT(name, testing::AnyOf(testing::StartsWith("headers-"), "libraries"));
    for (const std::string& name : names_in(file("xdg/strobe/libraries")))
      EXPECT_THAT(name, testing::AnyOf(testing::EndsWith(".so"), testing::EndsWith(".key")));
    for (const std::string& name : names_in(file("out"))) EXPECT_THAT(name, testing::Not(testing::HasSubstr(".part")));
  }

  fs::path root_;
  unsigned seed_ = 0;
  std::mt19937 random_;
};

TEST_F(Signals, LeaveNothingOfACompilation) {
  const std::vector<std::string> compile = {"compile", kJets + "jets_hgq.keras", "-o", file("out/jets.xclbin")};
  const auto cold = time_of(compile);
  for (int attempt = 0; attempt < 6; ++attempt) {
    // Cold at every third attempt, else with headers but without the library.
    fs::remove_all(file(attempt % 3 == 0 ? "xdg/strobe" : "xdg/strobe/libraries"));
    fs::remove(file("out/jets.xclbin"));
    interrupt(compile, attempt % 2 == 0 ? SIGINT : SIGTERM, cold);
    expect_nothing_left();
    if (!fs::exists(file("out/jets.xclbin"))) continue;
    EXPECT_EQ(run({"inspect", file("out/jets.xclbin")}), 0) << printed();
  }
  EXPECT_EQ(run(compile), 0) << printed();
}

TEST_F(Signals, KillLeavesWhatTheNextCompilationSweeps) {
  const std::vector<std::string> compile = {"compile", kJets + "jets_hgq.keras", "-o", file("out/jets.xclbin")};
  const auto cold = time_of(compile);
  for (int attempt = 0; attempt < 2; ++attempt) {
    fs::remove_all(file("xdg/strobe"));
    interrupt(compile, SIGKILL, cold);
  }
  EXPECT_EQ(run(compile), 0) << printed();
  expect_nothing_left();
}

TEST_F(Signals, LeaveNothingOfARunOrACheck) {
  const std::string xclbin = file("jets.xclbin");
  ASSERT_EQ(run({"compile", kJets + "jets_hgq.keras", "--input-type", "ap_fixed<16,6>", "-o", xclbin}), 0) << printed();
  const std::set<std::string> before = abandoned_cards();
  const std::vector<std::vector<std::string>> commands = {
      {"run", xclbin, kJets + "features.npy", "--raw-in", "-o", file("out/scores.npy")},
      {"check", xclbin, kJets + "features.npy", "--raw-in"}};
  for (const auto& command : commands) {
    const auto time = time_of(command);
    for (int attempt = 0; attempt < 8; ++attempt) {
      interrupt(command, attempt % 2 == 0 ? SIGINT : SIGTERM, time);
      expect_nothing_left();
      EXPECT_EQ(abandoned_cards(), before) << "seed " << seed_;
    }
    for (int attempt = 0; attempt < 2; ++attempt) interrupt(command, SIGKILL, time);
    EXPECT_EQ(run(command), 0) << printed();
  }
  expect_nothing_left();
}

TEST_F(Signals, LeaveNothingOfAServiceThatStarts) {
  fs::create_directories(root_ / "models/jets/1");
  ASSERT_EQ(run({"compile", kJets + "jets_hgq.keras", "-o", file("models/jets/1/model.xclbin")}), 0) << printed();
  const std::set<std::string> before = abandoned_cards();
  for (int attempt = 0; attempt < 8; ++attempt) {
    interrupt({"serve", file("models"), "--grpc", "127.0.0.1:0"}, attempt % 2 == 0 ? SIGINT : SIGTERM,
              std::chrono::milliseconds(300));
    expect_nothing_left();
    EXPECT_EQ(abandoned_cards(), before) << "seed " << seed_;
  }
}

TEST_F(Signals, OfAReaderThatIsGoneEndTheProgramInSilence) {
  const std::string xclbin = file("jets.xclbin");
  ASSERT_EQ(run({"compile", kJets + "jets_hgq.keras", "--target", "emulator", "-o", xclbin}), 0) << printed();
  const std::string command =
      "{ " STROBE_PROGRAM " inspect " + xclbin + " 2>" + file("err") + "; echo $? >" + file("status") + "; } | true";
  EXPECT_EQ(std::system(("bash -c '" + command + "'").c_str()), 0);
  std::ifstream err(file("err")), status(file("status"));
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(err), {}), "");
  int number = -1;
  status >> number;
  // 0 where everything went into the pipe before its reader ended.
  EXPECT_THAT(number, testing::AnyOf(128 + SIGPIPE, 0));
}

}  // namespace
}  // namespace strobe
