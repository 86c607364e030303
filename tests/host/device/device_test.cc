#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <thread>

#include "gmock/gmock.h"
#include "host/device/worker_protocol.h"
#include "tests/host/device/device_fixture.h"

namespace strobe::device {
namespace {

using testing::HasSubstr;
using xclbin::Target;

class EachDevice : public testing::TestWithParam<const char*> {};

TEST_P(EachDevice, GivesTheKernelsResults) {
  auto device = open_device(test_xclbin(Target::kSwEmu, 1, kernel_library()), GetParam(), test_options());
  ASSERT_TRUE(device.ok()) << device.status();
  EXPECT_EQ((*device)->info().id, GetParam());
  auto slot = (*device)->make_slot(0, 0, 1000);
  ASSERT_TRUE(slot.ok()) << slot.status();
  Ends ends;
  size_t launches = 0;
  for (size_t rows : {1000, 1, 7, 999, 1000}) {
    fill(**slot, static_cast<int32_t>(rows));
    (*slot)->start(rows, ends.next());
    ASSERT_TRUE(ends.wait(++launches).back().ok()) << ends.wait(launches).back();
    expect_results(**slot, rows);
  }
}

TEST_P(EachDevice, RunsSeveralSlotsAtOnce) {
  auto device = open_device(test_xclbin(Target::kSwEmu, 2, kernel_library()), GetParam(), [] {
    OpenOptions options = test_options();
    options.threads = 2;
    return options;
  }());
  ASSERT_TRUE(device.ok()) << device.status();
  ASSERT_EQ((*device)->kernels()[0].compute_units, 2);
  std::vector<std::unique_ptr<Slot>> slots;
  for (int i = 0; i < 8; ++i) slots.push_back(*(*device)->make_slot(0, i % 2, 100 + i));
  Ends ends;
  size_t launches = 0;
  for (int round = 0; round < 20; ++round) {
    for (size_t i = 0; i < slots.size(); ++i) fill(*slots[i], round * 100 + static_cast<int>(i));
    for (auto& slot : slots) slot->start(slot->capacity_rows(), ends.next());
    launches += slots.size();
    for (const absl::Status& status : ends.wait(launches)) ASSERT_TRUE(status.ok()) << status;
    for (auto& slot : slots) expect_results(*slot, slot->capacity_rows());
  }
}

TEST_P(EachDevice, RefusesImpossibleSlotsAndLaunches) {
  auto device = open_device(test_xclbin(Target::kSwEmu, 1, kernel_library()), GetParam(), test_options());
  ASSERT_TRUE(device.ok()) << device.status();
  EXPECT_EQ((*device)->make_slot(1, 0, 1).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ((*device)->make_slot(0, 1, 1).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ((*device)->make_slot(0, -1, 1).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ((*device)->make_slot(0, 0, 0).status().code(), absl::StatusCode::kInvalidArgument);
  auto slot = (*device)->make_slot(0, 0, 4);
  ASSERT_TRUE(slot.ok());
  Ends ends;
  (*slot)->start(5, ends.next());
  EXPECT_EQ(ends.wait(1)[0].code(), absl::StatusCode::kInvalidArgument);
  EXPECT_TRUE((*device)->health().ok());
}

INSTANTIATE_TEST_SUITE_P(Device, EachDevice, testing::Values("emulator", "xrt:0", "opencl:0"),
                         [](const auto& parameter) {
                           std::string name = parameter.param;
                           std::erase(name, ':');
                           return name;
                         });

TEST(Emulator, WithOneThreadIsDoneBeforeStartReturns) {
  auto device = open_device(test_xclbin(Target::kEmulator, 1, ""), "emulator", test_options());
  ASSERT_TRUE(device.ok()) << device.status();
  auto slot = (*device)->make_slot(0, 0, 3);
  fill(**slot, 1);
  std::thread::id caller;
  (*slot)->start(3, [&](absl::Status) { caller = std::this_thread::get_id(); });
  EXPECT_EQ(caller, std::this_thread::get_id());
  expect_results(**slot, 3);
}

TEST(EmulatedCard, RunsItsComputeUnitsAtTheSameTime) {
  for (const char* id : {"xrt:0", "opencl:0"}) {
    auto device = open_device(test_xclbin(Target::kSwEmu, 2, kernel_library()), id, test_options());
    ASSERT_TRUE(device.ok()) << device.status();
    auto first = *(*device)->make_slot(0, 0, 4), second = *(*device)->make_slot(0, 1, 4);
    // Each of these runs ends only when the other runs too.
    fill(*first, 1, kMeet);
    fill(*second, 2, kMeet);
    Ends ends;
    first->start(4, ends.next());
    second->start(4, ends.next());
    for (const absl::Status& status : ends.wait(2)) EXPECT_TRUE(status.ok()) << status;
    expect_results(*first, 4);
    expect_results(*second, 4);
  }
}

TEST(EmulatedCard, LivesBesideOthers) {
  const auto x = test_xclbin(Target::kSwEmu, 1, kernel_library());
  std::vector<std::unique_ptr<Device>> devices;
  for (const char* id : {"xrt:0", "xrt:1", "opencl:0", "emulator"}) {
    auto device = open_device(x, id, test_options());
    ASSERT_TRUE(device.ok()) << device.status();
    devices.push_back(*std::move(device));
  }
  Ends ends;
  std::vector<std::unique_ptr<Slot>> slots;
  for (auto& device : devices) slots.push_back(*device->make_slot(0, 0, 50));
  for (size_t i = 0; i < slots.size(); ++i) fill(*slots[i], static_cast<int>(i));
  for (auto& slot : slots) slot->start(50, ends.next());
  for (const absl::Status& status : ends.wait(slots.size())) EXPECT_TRUE(status.ok()) << status;
  for (auto& slot : slots) expect_results(*slot, 50);
}

TEST(EmulatedCard, MakesAndRemovesSlotsWhileOthersRun) {
  auto device = open_device(test_xclbin(Target::kSwEmu, 1, kernel_library()), "xrt:0", test_options());
  ASSERT_TRUE(device.ok()) << device.status();
  auto steady = *(*device)->make_slot(0, 0, 10);
  fill(*steady, 3);
  Ends ends;
  for (size_t i = 1; i <= 200; ++i) {
    steady->start(10, ends.next());
    auto passing = (*device)->make_slot(0, 0, i);
    ASSERT_TRUE(passing.ok()) << passing.status();
    ASSERT_TRUE(ends.wait(i).back().ok());
  }
  expect_results(*steady, 10);
}

TEST(EmulatedCard, LeavesNothingBehind) {
  const auto before = files_around();
  for (const char* id : {"xrt:0", "opencl:0"}) {
    auto device = open_device(test_xclbin(Target::kSwEmu, 1, kernel_library()), id, test_options());
    ASSERT_TRUE(device.ok()) << device.status();
    auto slot = *(*device)->make_slot(0, 0, 1);
    fill(*slot, 1);
    Ends ends;
    slot->start(1, ends.next());
    EXPECT_TRUE(ends.wait(1)[0].ok());
  }
  EXPECT_THAT(new_strobe_files(before), testing::IsEmpty());
}

TEST(EmulatedCard, NeedsNoEnvironment) {
  const pid_t child = ::fork();
  if (child == 0) {
    ::clearenv();
    auto device = open_device(test_xclbin(Target::kSwEmu, 1, kernel_library()), "xrt:0", test_options());
    if (!device.ok()) std::fprintf(stderr, "%s\n", std::string(device.status().message()).c_str());
    ::_exit(device.ok() ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
}

TEST(OpenDevice, NamesWhatItTakesAndWhy) {
  auto in_process = open_device(test_xclbin(Target::kEmulator, 1, ""), "auto", test_options());
  ASSERT_TRUE(in_process.ok()) << in_process.status();
  EXPECT_EQ((*in_process)->info().id, "emulator");
  EXPECT_THAT((*in_process)->info().why, HasSubstr("built for the emulator"));
  auto emulated = open_device(test_xclbin(Target::kSwEmu, 1, kernel_library()), "auto", test_options());
  ASSERT_TRUE(emulated.ok()) << emulated.status();
  EXPECT_EQ((*emulated)->info().id, "xrt:0");
  EXPECT_EQ((*emulated)->info().target, "sw_emu");
  EXPECT_THAT((*emulated)->info().why, HasSubstr("software emulation"));
}

TEST(OpenDevice, FallsBackOnlyWhenTheUserNamedNone) {
  const auto hardware = test_xclbin(Target::kHw, 1, "bits");
  auto automatic = open_device(hardware, "auto", test_options());
  ASSERT_TRUE(automatic.ok()) << automatic.status();
  EXPECT_EQ((*automatic)->info().id, "emulator");
  EXPECT_THAT((*automatic)->info().why, HasSubstr("no card with the shell"));
  EXPECT_EQ(open_device(hardware, "xrt:0", test_options()).status().code(), absl::StatusCode::kNotFound);

  OpenOptions nowhere = test_options();
  nowhere.libexec = "/nonexistent";
  const auto emulated = test_xclbin(Target::kSwEmu, 1, kernel_library());
  auto fallen = open_device(emulated, "auto", nowhere);
  ASSERT_TRUE(fallen.ok()) << fallen.status();
  EXPECT_EQ((*fallen)->info().id, "emulator");
  EXPECT_THAT((*fallen)->info().why, HasSubstr("libxrt-dev"));
  EXPECT_EQ(open_device(emulated, "xrt:0", nowhere).status().code(), absl::StatusCode::kNotFound);
}

TEST(OpenDevice, RefusesWhatDoesNotExist) {
  const auto x = test_xclbin(Target::kSwEmu, 1, kernel_library());
  for (const char* id : {"", "xrt", "xrt:", "xrt:x", "xrt:-1", "cuda:0", "xrt:0x", "xrt:99999999999"}) {
    EXPECT_THAT(std::string(open_device(x, id, test_options()).status().message()),
                HasSubstr("expected auto, emulator, xrt:N or opencl:N"))
        << id;
  }
  EXPECT_EQ(open_device(test_xclbin(Target::kEmulator, 1, ""), "xrt:0", test_options()).status().code(),
            absl::StatusCode::kInvalidArgument);
  OpenOptions wrong = test_options();
  wrong.kernels[0].name = "thrice";
  EXPECT_THAT(std::string(open_device(x, "xrt:0", wrong).status().message()), HasSubstr("'thrice'"));
  wrong = test_options();
  wrong.kernels[0].input_row_bytes = {16, 16};
  EXPECT_THAT(std::string(open_device(x, "xrt:0", wrong).status().message()), HasSubstr("expected 3 memory arguments"));
}

TEST(OpenDevice, SaysWhatIsWrongWithAKernelLibrary) {
  auto broken = open_device(test_xclbin(Target::kSwEmu, 1,
                                        "\x7F"
                                        "ELF but no library"),
                            "xrt:0", test_options());
  EXPECT_THAT(std::string(broken.status().message()), HasSubstr("no loadable kernel library")) << broken.status();
  auto automatic = open_device(test_xclbin(Target::kSwEmu, 1,
                                           "\x7F"
                                           "ELF but no library"),
                               "auto", test_options());
  EXPECT_THAT(std::string(automatic.status().message()), HasSubstr("no loadable kernel library"))
      << "a broken xclbin must not run in process unseen";
  auto foreign = test_xclbin(Target::kSwEmu, 1, kernel_library());
  foreign.kernels[0].name = "other";
  OpenOptions options = test_options();
  options.kernels[0].name = "other";
  auto other = open_device(foreign, "xrt:0", options);
  EXPECT_THAT(std::string(other.status().message()), HasSubstr("no kernel 'other'")) << other.status();
}

TEST(WorkerProtocol, AWorkerOfAnotherBuildSaysSo) {
  worker::Hello hello{.backend = "xrt", .libexec = "/somewhere", .kernels = test_options().kernels};
  const auto same = worker::decode_hello(worker::encode(hello));
  ASSERT_TRUE(same.ok()) << same.status();
  EXPECT_EQ(same->libexec, "/somewhere");
  EXPECT_EQ(same->kernels.size(), hello.kernels.size());
  hello.protocol = "protocol-of-last-year";
  const absl::Status other = worker::decode_hello(worker::encode(hello)).status();
  EXPECT_EQ(other.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(
      std::string(other.message()),
      testing::AllOf(HasSubstr("another build"), HasSubstr("protocol-of-last-year"), HasSubstr(worker::protocol_id())));
  EXPECT_EQ(worker::decode_hello("").status().code(), absl::StatusCode::kInvalidArgument);
}

TEST(OpenDevice, NamesAWorkerThatDoesNotAnswer) {
  const std::string libexec = testing::TempDir() + "/libexec-" + std::to_string(::getpid());
  std::filesystem::create_directories(libexec);
  const std::string program = libexec + "/strobe-device-worker";
  std::ofstream(program) << "#!/bin/sh\nexit 2\n";
  std::filesystem::permissions(program, std::filesystem::perms::owner_all);
  OpenOptions options = test_options();
  options.libexec = libexec;
  const absl::Status status = open_device(test_xclbin(Target::kSwEmu, 1, kernel_library()), "xrt:0", options).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(status.message()), testing::AllOf(HasSubstr(program), HasSubstr("same build")));
  std::filesystem::remove_all(libexec);
}

TEST(ListDevices, NamesTheEmulatorAndTheEmulatedCards) {
  std::vector<std::string> ids;
  for (const DeviceInfo& info : list_devices(test_options())) ids.push_back(info.id + " " + info.target);
  EXPECT_THAT(ids, testing::IsSupersetOf({"emulator emulator", "xrt:0 sw_emu", "opencl:0 sw_emu"}));
}

}  // namespace
}  // namespace strobe::device
