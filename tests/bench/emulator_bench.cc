// Events a second of the in-process emulator on one thread, and the time of one event a call, beside the integer
// dot-product peak of the same core. `emulator_bench --help` for the arguments; tests/bench/emulator_peers.py for the
// peers' figures.
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <functional>
#include <iterator>
#include <optional>
#include <string>
#include <vector>

#include "kernels/emulator/emulator.h"
#include "kernels/import/float_model.h"
#include "kernels/quantise/quantise.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace strobe {
namespace {

using Clock = std::chrono::steady_clock;

struct Network {
  const char* label;
  const char* model;
  const char* config;  ///< configuration file beside the expected outputs, or null for strobe's own choice
  double goal;         ///< events/s, 0: none stated
};

constexpr Network kNetworks[] = {
    {"QKeras 16-64-32-32-5, strobe's types", "keras/qkeras_3layer.json", nullptr, 24e6},
    {"QKeras 16-64-32-32-5, hls4ml auto", "keras/qkeras_3layer.json", "keras/expected/qkeras_3layer__auto.yml", 24e6},
    {"QKeras 16-64-32-32-5, hls4ml by layer", "keras/qkeras_3layer.json",
     "keras/expected/qkeras_3layer__resource_rf4.yml", 24e6},
    {"QKeras 16-64-32-32-5, hls4ml 16,6", "keras/qkeras_3layer.json", "keras/expected/qkeras_3layer__default.yml", 0},
    {"Keras 16-64-32-32-5, hls4ml 16,6", "keras/KERAS_3layer.json", "keras/expected/KERAS_3layer__default.yml", 0},
    {"HGQ 530", "hgq/jsc_openml_ebops530.keras", nullptr, 15 * 13.9e6},
    {"HGQ 2571", "hgq/jsc_openml_ebops2571.keras", nullptr, 15 * 4.4e6},
    {"HGQ 13285", "hgq/jsc_openml_ebops13285.keras", nullptr, 15 * 1.9e6},
};

std::optional<std::string> read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return std::nullopt;
  return std::string(std::istreambuf_iterator<char>(file), {});
}

/// Seconds of one call of `work`: the best of many rounds of about a millisecond, short enough to run undisturbed
/// between two slices of the scheduler, after one to warm up.
double seconds_a_call(const std::function<void()>& work) {
  work();
  size_t calls = 1;
  double best = 1e9;
  for (int round = 0; round < 200;) {
    const auto start = Clock::now();
    for (size_t i = 0; i < calls; ++i) work();
    const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
    if (seconds < 0.001) {
      calls *= 2;
      continue;
    }
    best = std::min(best, seconds / static_cast<double>(calls));
    ++round;
  }
  return best;
}

/// Byte products a second of `vpdpbusd` on registers, 64 each; 0 where the processor has none.
double dot_product_peak() {
#if defined(__x86_64__)
  if (!__builtin_cpu_supports("avx512vnni")) return 0;
  constexpr int kRounds = 1000;
  const double seconds = seconds_a_call([] {
    int rounds = kRounds;
    asm volatile(
        "1:\n"
        "vpdpbusd %%zmm16, %%zmm17, %%zmm0\n vpdpbusd %%zmm16, %%zmm17, %%zmm1\n"
        "vpdpbusd %%zmm16, %%zmm17, %%zmm2\n vpdpbusd %%zmm16, %%zmm17, %%zmm3\n"
        "vpdpbusd %%zmm16, %%zmm17, %%zmm4\n vpdpbusd %%zmm16, %%zmm17, %%zmm5\n"
        "vpdpbusd %%zmm16, %%zmm17, %%zmm6\n vpdpbusd %%zmm16, %%zmm17, %%zmm7\n"
        "vpdpbusd %%zmm16, %%zmm17, %%zmm8\n vpdpbusd %%zmm16, %%zmm17, %%zmm9\n"
        "dec %0\n jnz 1b\n"
        : "+r"(rounds)
        :
        : "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "cc");
  });
  return 64.0 * 10 * kRounds / seconds;
#else
  return 0;
#endif
}

/// Multiplications by non-zero weights in the graph's dense layers.
int64_t products(const model::Graph& graph) {
  int64_t count = 0;
  for (const model::Node& node : graph.nodes()) {
    if (const model::Constant* weight = node.op == "dense" ? node.constant("weight") : nullptr) {
      count += std::count_if(weight->raw.begin(), weight->raw.end(), [](int64_t raw) { return raw != 0; });
    }
  }
  return count;
}

absl::StatusOr<model::Graph> load(const std::string& data, const Network& network) {
  const auto source = import::import_model(data + "/models/" + network.model);
  if (!source.ok()) return source.status();
  quantise::QuantiseOptions options;
  options.input_type = model::FixedType::fixed(16, 6);
  if (network.config != nullptr) {
    const auto text = read_file(data + "/models/" + network.config);
    if (!text) return absl::NotFoundError(network.config);
    YAML::Emitter config;
    config << YAML::Load(*text)["hls_config"];
    options.config = config.c_str();
    options.config_origin = network.config;
  }
  auto result = quantise::quantise(*source, options);
  if (!result.ok()) return result.status();
  return std::move(result->graph);
}

/// The published jets as rows of int16, repeated up to `rows`.
std::vector<std::byte> jets(const std::string& data, size_t rows, size_t row_bytes) {
  const auto file = read_file(data + "/jets/features_fixed16_6.npy");
  std::vector<std::byte> result(rows * row_bytes);
  if (!file) return result;
  const size_t header = 10 + static_cast<unsigned char>((*file)[8]) + 256u * static_cast<unsigned char>((*file)[9]);
  const size_t bytes = file->size() - header;
  for (size_t i = 0; i < result.size(); ++i) result[i] = static_cast<std::byte>((*file)[header + i % bytes]);
  return result;
}

struct Arguments {
  std::string data = STROBE_SOURCE_DIR "/../shared/data";
  std::string only;
  bool describe = false;
  bool one_event = false;  ///< time single events only, for a profiler
};

void measure(const Arguments& arguments, const Network& network, double peak) {
  const std::string& data = arguments.data;
  const auto graph = load(data, network);
  if (!graph.ok()) {
    std::printf("%-40s %s\n", network.label, std::string(graph.status().message()).c_str());
    return;
  }
  const auto emulator = emulator::Emulator::create(*graph);
  if (!emulator.ok()) {
    std::printf("%-40s %s\n", network.label, std::string(emulator.status().message()).c_str());
    return;
  }
  constexpr size_t kRows = 4096;
  const std::vector<std::byte> events = jets(data, kRows, graph->input(0).type.row_bytes());
  std::vector<std::byte> scores(kRows * graph->output(0).type.row_bytes());
  const std::byte* in[] = {events.data()};
  std::byte* out[] = {scores.data()};
  emulator::Scratch scratch;
  if (const absl::Status ran = emulator->run(in, out, kRows, scratch); !ran.ok()) {
    std::printf("%-40s %s\n", network.label, std::string(ran.message()).c_str());
    return;
  }
  const double batch =
      arguments.one_event ? 0 : kRows / seconds_a_call([&] { (void)emulator->run(in, out, kRows, scratch); });
  const double one = seconds_a_call([&] { (void)emulator->run(in, out, 1, scratch); });
  const auto count = static_cast<double>(products(*graph));
  std::printf("%-40s %6.0f %10.1f %8.3f", network.label, count, batch / 1e6, one * 1e6);
  std::printf(network.goal > 0 ? " %9.2f" : "         -", batch / network.goal);
  std::printf(peak > 0 ? " %8.0f%%\n" : "        -\n", 100 * batch * count / peak);
  if (arguments.describe) std::printf("%s", emulator->describe().c_str());
}

}  // namespace
}  // namespace strobe

int main(int argc, char** argv) {
  strobe::Arguments arguments;
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    if (argument == "--describe") {
      arguments.describe = true;
    } else if (argument == "--one") {
      arguments.one_event = true;
    } else if (argument.rfind("--only=", 0) == 0) {
      arguments.only = argument.substr(7);
    } else if (argument.rfind("--data=", 0) == 0) {
      arguments.data = argument.substr(7);
    } else {
      std::printf("usage: emulator_bench [--data=FOLDER] [--only=PART_OF_A_LABEL] [--describe] [--one]\n");
      return argument == "--help" ? 0 : 2;
    }
  }
  const double peak = arguments.one_event ? 0 : strobe::dot_product_peak();
  if (peak > 0) std::printf("vpdpbusd on registers: %.0f G byte products/s\n", peak / 1e9);
  std::printf("%-40s %6s %10s %8s %9s %9s\n", "network, one thread, 4096 rows", "mults", "Mevents/s", "us/call",
              "of goal", "of peak");
  for (const strobe::Network& network : strobe::kNetworks) {
    if (std::string(network.label).find(arguments.only) != std::string::npos) strobe::measure(arguments, network, peak);
  }
}
