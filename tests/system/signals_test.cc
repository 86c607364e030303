/// What is left when a signal ends the program: nothing, at whatever moment it comes.

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/file.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <random>
#include <set>

namespace strobe {
namespace {

namespace fs = std::filesystem;

const std::string kJets = STROBE_SOURCE_DIR "/tests/data/jets/";
constexpr int kLongestRunMs = 120'000;

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
    std::vector<std::string> words = {STROBE_PROGRAM};
    words.insert(words.end(), arguments.begin(), arguments.end());
    std::vector<std::string> variables = {"TMPDIR=" + file("tmp"), "XDG_CACHE_HOME=" + file("xdg")};
    for (char** variable = environ; *variable != nullptr; ++variable) {
      const std::string text = *variable;
      if (!text.starts_with("TMPDIR=") && !text.starts_with("XDG_CACHE_HOME=")) variables.push_back(text);
    }
    const auto pointers = [](std::vector<std::string>& texts) {
      std::vector<char*> result;
      for (std::string& text : texts) result.push_back(text.data());
      result.push_back(nullptr);
      return result;
    };
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&actions, 1, file("printed").c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0666);
    posix_spawn_file_actions_adddup2(&actions, 1, 2);
    // A shell's background job ignores SIGINT; this test's strobe does not.
    posix_spawnattr_t attributes;
    posix_spawnattr_init(&attributes);
    sigset_t all;
    sigfillset(&all);
    posix_spawnattr_setsigdefault(&attributes, &all);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);
    pid_t pid = -1;
    EXPECT_EQ(
        ::posix_spawn(&pid, STROBE_PROGRAM, &actions, &attributes, pointers(words).data(), pointers(variables).data()),
        0);
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
    return pid;
  }

  /// Whether a process ends within that time.
  static bool ends_within(pid_t pid, std::chrono::microseconds time) {
    const int process = static_cast<int>(::syscall(SYS_pidfd_open, pid, 0));
    const timespec limit{time.count() / 1'000'000, time.count() % 1'000'000 * 1000};
    pollfd ended{process, POLLIN, 0};
    const bool has_ended = ::ppoll(&ended, 1, &limit, nullptr) == 1;
    ::close(process);
    return has_ended;
  }

  static int status_of(pid_t pid) {
    if (!ends_within(pid, std::chrono::milliseconds(kLongestRunMs))) {
      ADD_FAILURE() << "strobe does not end";
      ::kill(pid, SIGKILL);
    }
    int status = 0;
    ::waitpid(pid, &status, 0);
    return status;
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
