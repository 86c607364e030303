// Bare XRT calls in one process, as an example program would make them: the baseline of bench_device, which starts it
// with the environment of the shim to measure. Prints one line of JSON.

#include <time.h>
#include <unistd.h>
#include <xrt/xrt_bo.h>
#include <xrt/xrt_device.h>
#include <xrt/xrt_kernel.h>

#include <chrono>
#include <cstdio>
#include <string>
#include <thread>
#include <vector>

#include "platform/files/file.h"
#include "platform/xclbin/xclbin.h"

namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

double cpu_seconds() {
  timespec time{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

constexpr uint32_t kRows = 64;
constexpr int kLaunches = 2000;

struct Slot {
  xrt::bo in, out;
  xrt::run run;
};

double serial_us(Slot& slot) {
  const auto start = Clock::now();
  for (int i = 0; i < kLaunches; ++i) {
    slot.run.start();
    slot.run.wait();
  }
  return seconds_since(start) / kLaunches * 1e6;
}

/// Launches with the transfers that a user's loop needs: events in, scores out.
double moving_us(Slot& slot) {
  const auto start = Clock::now();
  for (int i = 0; i < kLaunches; ++i) {
    slot.in.sync(XCL_BO_SYNC_BO_TO_DEVICE);
    slot.run.start();
    slot.run.wait();
    slot.out.sync(XCL_BO_SYNC_BO_FROM_DEVICE);
  }
  return seconds_since(start) / kLaunches * 1e6;
}

double four_deep_us(std::vector<Slot>& slots) {
  const auto start = Clock::now();
  for (Slot& slot : slots) slot.run.start();
  for (int i = 0; i < kLaunches; ++i) {
    Slot& slot = slots[i % 4];
    slot.run.wait();
    slot.run.start();
  }
  for (Slot& slot : slots) slot.run.wait();
  return seconds_since(start) / (kLaunches + 4) * 1e6;
}

double sync_gb_per_s(const xrt::device& device, const xrt::kernel& kernel, size_t bytes) {
  xrt::bo buffer(device, bytes, kernel.group_id(0));
  buffer.map<char*>();
  buffer.sync(XCL_BO_SYNC_BO_TO_DEVICE);
  const int rounds = static_cast<int>(std::max<size_t>(4, (64u << 20) / bytes));
  const auto start = Clock::now();
  for (int i = 0; i < rounds; ++i) buffer.sync(i % 2 ? XCL_BO_SYNC_BO_FROM_DEVICE : XCL_BO_SYNC_BO_TO_DEVICE);
  return static_cast<double>(bytes) * rounds / seconds_since(start) * 1e-9;
}

/// Share of a core while `wait_ms` pass, with a run outstanding that ends only with its device or without one.
double cpu_share(Slot* slot, int32_t* first_row, int wait_ms) {
  if (slot) {
    first_row[3] = 1001;  // the test kernel's order to hang
    slot->in.sync(XCL_BO_SYNC_BO_TO_DEVICE);
    slot->run.start();
  }
  const double before = cpu_seconds();
  const auto start = Clock::now();
  // On a thread of its own: under the plain shim a wait with a time limit never ends, as each of its looks counts as an
  // event.
  if (slot) std::thread([slot] { slot->run.wait(); }).detach();
  ::usleep(static_cast<useconds_t>(wait_ms) * 1000);
  return (cpu_seconds() - before) / seconds_since(start);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  auto bytes = strobe::files::read_file(argv[1]);
  if (!bytes.ok()) return 1;
  xrt::device device(0);
  const auto uuid = device.load_xclbin(reinterpret_cast<const axlf*>(bytes->data()));
  xrt::kernel kernel(device, uuid, "twice:{twice_1}");
  std::vector<Slot> slots(4);
  for (Slot& slot : slots) {
    slot.in = xrt::bo(device, 16 * kRows, kernel.group_id(0));
    slot.out = xrt::bo(device, 8 * kRows, kernel.group_id(1));
    slot.run = xrt::run(kernel);
    slot.run.set_arg(0, slot.in);
    slot.run.set_arg(1, slot.out);
    slot.run.set_arg(2, kRows);
    auto* words = slot.in.map<int32_t*>();
    for (uint32_t i = 0; i < 4 * kRows; ++i) words[i] = static_cast<int32_t>(i % 5);
    slot.in.sync(XCL_BO_SYNC_BO_TO_DEVICE);
  }
  serial_us(slots[0]);  // warm
  const double serial = serial_us(slots[0]), moving = moving_us(slots[0]), deep = four_deep_us(slots);
  const double small = sync_gb_per_s(device, kernel, 64 << 10), large = sync_gb_per_s(device, kernel, 16 << 20);
  const double idle = cpu_share(nullptr, nullptr, 400),
               waiting = cpu_share(&slots[0], slots[0].in.map<int32_t*>(), 400);
  std::printf(
      "{\"serial_us\": %.1f, \"moving_us\": %.1f, \"four_deep_us\": %.1f, \"sync_64k_gb_s\": %.2f, \"sync_16m_gb_s\": "
      "%.2f, \"cpu_idle\": "
      "%.3f, \"cpu_waiting\": %.3f}\n",
      serial, moving, deep, small, large, idle, waiting);
  std::fflush(stdout);
  ::_exit(0);  // the hanging run would keep XRT's destructors waiting
}
