#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <sstream>
#include <thread>

#include "absl/strings/numbers.h"
#include "gmock/gmock.h"
#include "tests/host/device/device_fixture.h"

namespace strobe::device {
namespace {

using testing::HasSubstr;
using xclbin::Target;

/// Processes whose parent is `parent` and whose program's name begins with `name`.
std::vector<pid_t> children(pid_t parent, const std::string& name) {
  std::vector<pid_t> out;
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    int pid = 0;
    if (!absl::SimpleAtoi(entry.path().filename().string(), &pid)) continue;
    std::ifstream file(entry.path() / "stat");
    std::string text((std::istreambuf_iterator<char>(file)), {});
    const size_t open = text.find('('), close = text.rfind(')');
    if (open == std::string::npos || close == std::string::npos) continue;
    std::istringstream rest(text.substr(close + 1));
    char state = 0;
    pid_t its_parent = 0;
    rest >> state >> its_parent;
    if (its_parent == parent && state != 'Z' && text.compare(open + 1, name.size(), name) == 0) out.push_back(pid);
  }
  return out;
}

pid_t worker_pid() { return children(::getpid(), "strobe-device-w").at(0); }
pid_t model_pid() { return children(worker_pid(), "genericpciemode").at(0); }

std::unique_ptr<Device> open_card(const char* id = "xrt:0", OpenOptions options = test_options()) {
  auto device = open_device(test_xclbin(Target::kSwEmu, 2, kernel_library()), id, options);
  EXPECT_TRUE(device.ok()) << device.status();
  return *std::move(device);
}

/// Waits until a process is gone (or a zombie), by its pidfd-free way: signal 0.
void expect_gone(pid_t pid) {
  for (int i = 0; i < 1000; ++i) {
    std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
    std::string text((std::istreambuf_iterator<char>(file)), {});
    if (text.empty() || text.substr(text.rfind(')') + 2, 1) == "Z") return;
    std::this_thread::yield();
    ::usleep(5000);
  }
  FAIL() << "process " << pid << " lives on";
}

class Order : public testing::TestWithParam<std::tuple<const char*, int32_t, const char*>> {};

TEST_P(Order, OfTheKernelToDieFailsEveryLaunchInFlight) {
  const auto [id, order, words] = GetParam();
  const auto before = files_around();
  {
    auto device = open_card(id);
    auto waiting = *device->make_slot(0, 0, 4), dying = *device->make_slot(0, 1, 4);
    fill(*waiting, 1, kHang);
    fill(*dying, 2, order);
    Ends ends;
    waiting->start(4, ends.next());
    dying->start(4, ends.next());
    for (const absl::Status& status : ends.wait(2)) {
      EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
      EXPECT_THAT(std::string(status.message()), HasSubstr("emulated card died"));
      EXPECT_THAT(std::string(status.message()), HasSubstr(words));
    }
    EXPECT_EQ(device->health().code(), absl::StatusCode::kUnavailable);
    Ends later;
    dying->start(4, later.next());
    EXPECT_EQ(later.wait(1)[0].code(), absl::StatusCode::kUnavailable);
    EXPECT_EQ(device->make_slot(0, 0, 4).status().code(), absl::StatusCode::kUnavailable);
  }
  EXPECT_THAT(new_strobe_files(before), testing::IsEmpty());
}

INSTANTIATE_TEST_SUITE_P(Card, Order,
                         testing::Values(std::make_tuple("xrt:0", kDie, "killed by signal 9"),
                                         std::make_tuple("xrt:0", kCrash, "killed by signal 6"),
                                         std::make_tuple("xrt:0", kExit, "ended by itself with status 0"),
                                         std::make_tuple("opencl:0", kDie, "killed by signal 9")));

TEST(CardDeath, OfTheWorkerWhileIdleIsNoticed) {
  auto device = open_card();
  auto slot = *device->make_slot(0, 0, 4);
  const pid_t model = model_pid();
  ::kill(worker_pid(), SIGKILL);
  fill(*slot, 1);
  Ends ends;
  slot->start(4, ends.next());
  EXPECT_EQ(ends.wait(1)[0].code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(device->health().message()), HasSubstr("killed by signal 9"));
  expect_gone(model);
}

TEST(CardDeath, OfTheWorkerWhileRunningEndsTheLaunch) {
  auto device = open_card();
  auto slot = *device->make_slot(0, 0, 4);
  const pid_t model = model_pid();
  fill(*slot, 1, kHang);
  Ends ends;
  slot->start(4, ends.next());
  ::kill(worker_pid(), SIGKILL);
  EXPECT_EQ(ends.wait(1)[0].code(), absl::StatusCode::kUnavailable);
  expect_gone(model);
}

TEST(CardDeath, OfTheModelWhileIdleEndsTheWorkerAlone) {
  auto device = open_card();
  auto other = open_card("xrt:1");
  auto slot = *device->make_slot(0, 0, 4);
  ASSERT_EQ(children(::getpid(), "strobe-device-w").size(), 2u);
  ::kill(model_pid(), SIGKILL);
  fill(*slot, 1);
  // The launch may come before or after the death is known: either way it ends with the error.
  Ends ends;
  slot->start(4, ends.next());
  for (const pid_t worker : children(::getpid(), "strobe-device-w")) {
    if (children(worker, "genericpciemode").empty()) expect_gone(worker);
  }
  const bool first_died = !device->health().ok() || !ends.wait(1)[0].ok();
  Device& living = first_died ? *other : *device;
  auto good = *living.make_slot(0, 0, 4);
  fill(*good, 5);
  Ends good_ends;
  good->start(4, good_ends.next());
  EXPECT_TRUE(good_ends.wait(1)[0].ok());
  expect_results(*good, 4);
}

TEST(CardDeath, ByHangingIsNoticedAfterTheTimeout) {
  OpenOptions options = test_options();
  options.launch_timeout_ms = 150;
  auto device = open_card("xrt:0", options);
  auto hanging = *device->make_slot(0, 0, 4), behind = *device->make_slot(0, 0, 4);
  fill(*hanging, 1, kHang);
  fill(*behind, 2);
  Ends ends;
  hanging->start(4, ends.next());
  behind->start(4, ends.next());
  for (const absl::Status& status : ends.wait(2)) {
    EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
    EXPECT_THAT(std::string(status.message()), HasSubstr("took longer than 150 ms"));
  }
}

TEST(CardDeath, ClosesWithALaunchInFlight) {
  const auto before = files_around();
  Ends ends;
  {
    OpenOptions options = test_options();
    options.launch_timeout_ms = 100;
    auto device = open_card("xrt:0", options);
    auto slot = *device->make_slot(0, 0, 4);
    fill(*slot, 1, kHang);
    slot->start(4, ends.next());
  }
  EXPECT_EQ(ends.wait(1)[0].code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(new_strobe_files(before), testing::IsEmpty());
}

/// A host that opens a card, hangs its kernel, and is killed with -9: its orphans come to this process, the subreaper.
TEST(CardDeath, OfTheHostLeavesNoOrphanAndNoFile) {
  const auto before = files_around();
  ASSERT_EQ(::prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
  int ready[2];
  ASSERT_EQ(::pipe2(ready, O_CLOEXEC), 0);
  const pid_t host = ::fork();
  if (host == 0) {
    auto device = open_card();
    auto slot = *device->make_slot(0, 0, 4);
    fill(*slot, 1, kHang);
    Ends ends;
    slot->start(4, ends.next());
    const pid_t both[2] = {worker_pid(), model_pid()};
    if (::write(ready[1], both, sizeof both) != sizeof both) ::_exit(1);
    for (;;) ::pause();
  }
  pid_t both[2] = {};
  ASSERT_EQ(::read(ready[0], both, sizeof both), static_cast<ssize_t>(sizeof both));
  ::kill(host, SIGKILL);
  int status = 0;
  while (::waitpid(-1, &status, 0) > 0) {
  }
  for (const pid_t pid : both) expect_gone(pid);
  EXPECT_THAT(new_strobe_files(before), testing::IsEmpty());
  ::prctl(PR_SET_CHILD_SUBREAPER, 0);
  ::close(ready[0]);
  ::close(ready[1]);
}

}  // namespace
}  // namespace strobe::device
