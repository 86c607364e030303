// bench_engine: the reloadable forest engine on an emulated card: strobe's launches against bare XRT calls that move
// the same bytes through the same kernel in the same run, and what it takes to change the forest. Arguments: the
// engine's xclbin and two forests for it. Prints a table, with --json behind them one JSON object.

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "host/session/loaded_xclbin.h"
#include "platform/files/file.h"

namespace {

using Clock = std::chrono::steady_clock;
using nlohmann::ordered_json;
using namespace strobe;

constexpr size_t kRows[] = {1, 64, 16384};

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

void run(device::Slot& slot, size_t rows) {
  std::mutex mutex;
  std::condition_variable changed;
  bool ended = false;
  slot.start(rows, [&](const absl::Status& status) {
    if (!status.ok()) std::fprintf(stderr, "%s\n", status.ToString().c_str());
    const std::lock_guard lock(mutex);
    ended = true;
    changed.notify_one();
  });
  std::unique_lock lock(mutex);
  changed.wait(lock, [&] { return ended; });
}

double launch_us(device::Slot& slot, size_t rows, int launches) {
  run(slot, rows);  // warm
  const auto start = Clock::now();
  for (int i = 0; i < launches; ++i) run(slot, rows);
  return seconds_since(start) / launches * 1e6;
}

/// Two slots in turns, each with a forest of its own: every launch changes the forest.
double alternating_us(device::Slot& a, device::Slot& b, int launches) {
  run(a, 1);
  const auto start = Clock::now();
  for (int i = 0; i < launches; ++i) run(i % 2 == 0 ? b : a, 1);
  return seconds_since(start) / launches * 1e6;
}

/// Runs the baseline program in a folder of its own and reads its figures.
ordered_json bare_xrt(const std::string& engine, const layers::ForestImage& image) {
  char path[] = "/tmp/strobe-bench-XXXXXX";
  if (!::mkdtemp(path)) std::abort();
  const std::string folder = path;
  std::filesystem::copy_file(engine, folder + "/k.xclbin");
  std::ofstream(folder + "/forest", std::ios::binary) << image.bytes();
  std::ofstream(folder + "/emconfig.json")
      << R"({"Version":{"FileVersion":"2.0"},"Platform":{"Boards":[{"Devices":[{"Name":"bench","NumDevices":"1",)"
         R"("OclFreqency":"300","DdrBanks":[{"Size":"16GB"}]}]}]}})";
  std::string command = "cd " + folder + " && env -i PATH=/usr/bin:/bin XCL_EMULATION_MODE=sw_emu USER=" +
                        std::filesystem::path(folder).filename().string() + " EMCONFIG_PATH=" + folder +
                        " SDACCEL_EM_RUN_DIR=" + folder +
                        " XILINX_XRT=" STROBE_LIBEXEC "/xrt XILINX_VITIS=" STROBE_LIBEXEC "/vitis " STROBE_BARE_ENGINE
                        " k.xclbin forest " +
                        std::to_string(image.input_row_bytes()) + " " + std::to_string(image.score_row_bytes());
  for (const size_t rows : kRows) absl::StrAppend(&command, " ", rows);
  ordered_json figures;
  if (std::system((command + " > out.json 2> err.txt").c_str()) == 0) {
    std::ifstream file(folder + "/out.json");
    for (std::string line; std::getline(file, line);) {
      if (!line.empty() && line[0] == '{') figures = ordered_json::parse(line);
    }
  }
  std::filesystem::remove_all(folder);
  return figures;
}

template <typename T>
T need(absl::StatusOr<T> value) {
  if (value.ok()) return *std::move(value);
  std::fprintf(stderr, "%s\n", value.status().ToString().c_str());
  std::exit(1);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 4) return 2;
  const auto engine = need(session::load_xclbin(argv[1]));
  const auto first = need(session::load_forest(argv[2])), second = need(session::load_forest(argv[3]));
  const size_t kernel = engine->engines.begin()->first;
  ordered_json result;
  result["bare XRT"] = bare_xrt(argv[1], first->image);
  for (const char* id : {"xrt:0", "opencl:0"}) {
    const auto card = need(device::open_device(engine->file, id, session::open_options(engine, 1)));
    const auto with_first = need(card->with_parameters(kernel, session::parameters_of(*first)));
    ordered_json& row = result[std::string("strobe, ") + id];
    for (const size_t rows : kRows) {
      const auto slot = need(with_first->make_slot(kernel, 0, rows));
      std::memset(slot->input(0).data(), 0, slot->input(0).size());
      row[std::to_string(rows)] = launch_us(*slot, rows, rows > 1000 ? 20 : 1000);
    }
    const auto start = Clock::now();
    const auto with_second = need(card->with_parameters(kernel, session::parameters_of(*second)));
    const auto b = need(with_second->make_slot(kernel, 0, 1));
    row["load"] = seconds_since(start) * 1e6;
    const auto a = need(with_first->make_slot(kernel, 0, 1));
    row["change"] = alternating_us(*a, *b, 400) - launch_us(*a, 1, 400);
  }
  if (argc > 4 && std::strcmp(argv[4], "--json") == 0) {
    std::printf("%s\n", result.dump(2).c_str());
    return 0;
  }
  std::printf("forests of %zu and %zu bytes; us\n%-20s %12s %12s %14s %12s %12s\n", first->image.bytes().size(),
              second->image.bytes().size(), "", "1 event", "64 events", "16384 events", "load forest", "change it");
  for (const auto& [name, row] : result.items()) {
    std::printf("%-20s", name.c_str());
    for (const char* key : {"1", "64", "16384", "load", "change"}) {
      const int width = std::strlen(key) == 5 ? 14 : 12;
      row.contains(key) ? std::printf(" %*.1f", width, row[key].get<double>()) : std::printf(" %*s", width, "");
    }
    std::printf("\n");
  }
  return 0;
}
