// bench_device: launches and transfers on an emulated card, strobe's whole path and its relinked shim against the plain
// relinked shim under bare XRT calls, in the same run. Prints a table, with --json one JSON object.

#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <condition_variable>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "host/device/open.h"
#include "platform/files/file.h"
#include "tests/host/device/test_xclbin.h"

namespace {

using Clock = std::chrono::steady_clock;
using nlohmann::json;
using namespace strobe;

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

/// A folder with an xclbin and XRT's emulation settings, removed at the end.
class Scratch {
 public:
  explicit Scratch(const std::string& image) {
    char path[] = "/tmp/strobe-bench-XXXXXX";
    if (!::mkdtemp(path)) std::abort();
    path_ = path;
    std::ofstream(path_ + "/k.xclbin") << image;
    std::ofstream(path_ + "/emconfig.json")
        << R"({"Version":{"FileVersion":"2.0"},"Platform":{"Boards":[{"Devices":[{"Name":"bench","NumDevices":"1",)"
           R"("OclFreqency":"300","DdrBanks":[{"Size":"16GB"}]}]}]}})";
  }
  ~Scratch() { std::filesystem::remove_all(path_); }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

/// Runs the baseline program under one shim and reads its figures.
json bare_xrt(const Scratch& scratch, const std::string& shim) {
  const std::string out = scratch.path() + "/out.json";
  const std::string command =
      "cd " + scratch.path() + " && env -i PATH=/usr/bin:/bin XCL_EMULATION_MODE=sw_emu USER=" +
      std::filesystem::path(scratch.path()).filename().string() + " EMCONFIG_PATH=" + scratch.path() +
      " SDACCEL_EM_RUN_DIR=" + scratch.path() + " XILINX_XRT=" + shim +
      " XILINX_VITIS=" STROBE_LIBEXEC "/vitis " STROBE_BARE_XRT " k.xclbin > out.json 2> err.txt";
  if (std::system(command.c_str()) != 0) return {{"error", "failed; see the build"}};
  std::ifstream file(out);
  for (std::string line; std::getline(file, line);) {
    if (!line.empty() && line[0] == '{') return json::parse(line);
  }
  return {{"error", "no figures"}};
}

/// Counts the ends of launches; the benchmark's thread sleeps on it.
class Ends {
 public:
  std::function<void(absl::Status)> next() {
    return [this](absl::Status status) {
      std::lock_guard lock(mutex_);
      if (!status.ok() && !expect_death) std::fprintf(stderr, "%s\n", std::string(status.message()).c_str());
      ++ended_;
      changed_.notify_one();
    };
  }
  bool expect_death = false;
  void wait(size_t count) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return ended_ >= count; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  size_t ended_ = 0;
};

double launch_us(device::Device& card, size_t slots, size_t rows, int launches) {
  std::vector<std::unique_ptr<device::Slot>> made;
  for (size_t i = 0; i < slots; ++i) {
    made.push_back(*card.make_slot(0, 0, rows));
    std::memset(made.back()->input(0).data(), 1, made.back()->input(0).size());
  }
  // Each slot by its own count: units and queues may finish out of order, and a slot takes one launch at a time.
  std::vector<Ends> ends(slots);
  for (size_t i = 0; i < slots; ++i) made[i]->start(rows, ends[i].next());
  for (size_t i = 0; i < slots; ++i) ends[i].wait(1);
  const size_t rounds = static_cast<size_t>(launches) / slots;
  const auto start = Clock::now();
  for (size_t i = 0; i < slots; ++i) made[i]->start(rows, ends[i].next());
  for (size_t round = 1; round < rounds; ++round) {
    for (size_t i = 0; i < slots; ++i) {
      ends[i].wait(round + 1);
      made[i]->start(rows, ends[i].next());
    }
  }
  for (size_t i = 0; i < slots; ++i) ends[i].wait(rounds + 1);
  return seconds_since(start) / static_cast<double>(rounds * slots) * 1e6;
}

/// CPU seconds of a process and of this one.
double cpu_of(pid_t pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
  std::string text((std::istreambuf_iterator<char>(file)), {});
  const size_t close = text.rfind(')');
  if (close == std::string::npos) return 0;
  unsigned long user = 0, system = 0;
  std::sscanf(text.c_str() + close + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &system);
  return static_cast<double>(user + system) / static_cast<double>(::sysconf(_SC_CLK_TCK));
}

double cpu_of_all() {
  double sum = cpu_of(::getpid());
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/task")) {
    std::ifstream children(entry.path() / "children");
    for (pid_t pid = 0; children >> pid;) sum += cpu_of(pid);
  }
  return sum;
}

double waiting_share(device::OpenOptions options, const xclbin::Xclbin& x, bool running) {
  options.launch_timeout_ms = 1000;
  auto card = *device::open_device(x, "xrt:0", options);
  auto slot = *card->make_slot(0, 0, 64);
  Ends ends;
  ends.expect_death = true;
  if (running) {
    reinterpret_cast<int32_t*>(slot->input(0).data())[3] = 1001;  // the test kernel's order to hang
    slot->start(64, ends.next());
  }
  const double before = cpu_of_all();
  const auto start = Clock::now();
  ::usleep(800'000);
  return (cpu_of_all() - before) / seconds_since(start);
}

}  // namespace

int main(int argc, char** argv) {
  const bool as_json = argc > 1 && std::strcmp(argv[1], "--json") == 0;
  const auto x = test_xclbin(xclbin::Target::kSwEmu, 1, *files::read_file(STROBE_TEST_KERNEL));
  device::OpenOptions options;
  options.kernels = {{"twice", 1, {16}, {8}}};
  json result;
  {
    Scratch scratch(*xclbin::write(x));
    result["plain shim, bare XRT"] = bare_xrt(scratch, STROBE_PLAIN_SHIM);
    result["strobe's shim, bare XRT"] = bare_xrt(scratch, STROBE_LIBEXEC "/xrt");
  }
  for (const char* id : {"xrt:0", "opencl:0"}) {
    auto opened = device::open_device(x, id, options);
    if (!opened.ok()) {
      std::fprintf(stderr, "%s\n", std::string(opened.status().message()).c_str());
      return 1;
    }
    json& row = result[std::string("strobe, ") + id];
    launch_us(**opened, 1, 64, 500);                      // warm
    row["moving_us"] = launch_us(**opened, 1, 64, 2000);  // strobe's launches always move their events and scores
    row["four_deep_us"] = launch_us(**opened, 4, 64, 2000);
    // A launch of 1 MiB in and half of it out, kernel included.
    constexpr size_t kRows = 65536;
    row["launch_gb_s"] = kRows * 24 / launch_us(**opened, 4, kRows, 200) * 1e-3;
    opened->reset();
    row["cpu_idle"] = waiting_share(options, x, false);
    row["cpu_waiting"] = waiting_share(options, x, true);
  }
  if (as_json) {
    std::printf("%s\n", result.dump(2).c_str());
    return 0;
  }
  std::printf("%-26s %10s %12s %12s %12s %12s %14s %10s %12s\n", "", "serial us", "with data us", "4 deep us",
              "64 KiB GB/s", "16 MiB GB/s", "in runs GB/s", "idle CPU", "waiting CPU");
  for (const auto& [name, row] : result.items()) {
    auto figure = [&row = row](const char* key) { return row.contains(key) ? row[key].get<double>() : std::nan(""); };
    if (row.contains("error")) {
      std::printf("%-26s %s\n", name.c_str(), row["error"].get<std::string>().c_str());
      continue;
    }
    std::printf("%-26s %10.1f %12.1f %12.1f %12.2f %12.2f %14.2f %9.1f%% %11.1f%%\n", name.c_str(), figure("serial_us"),
                figure("moving_us"), figure("four_deep_us"), figure("sync_64k_gb_s"), figure("sync_16m_gb_s"),
                figure("launch_gb_s"), figure("cpu_idle") * 100, figure("cpu_waiting") * 100);
  }
  return 0;
}
