// Formulas on one thread: the in-process emulator, and the plain expressions in float64 as g++ compiles them. Run by
// tests/bench/formula_peers.py, which writes and compiles these and measures numpy; prints a line a model: file,
// emulator events/s, g++ events/s, the largest difference between them.
#include <dlfcn.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <fstream>
#include <functional>
#include <iterator>
#include <string>
#include <vector>

#include "kernels/emulator/emulator.h"
#include "kernels/import/float_model.h"
#include "kernels/quantise/quantise.h"

namespace strobe {
namespace {

/// This thread's time on the processor, so that others' work on the machine does not count.
double processor_seconds() {
  timespec time;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

/// Seconds of one call: the best of ten, after one to warm up.
double seconds_a_call(const std::function<void()>& work) {
  work();
  double best = 1e9;
  for (int i = 0; i < 10; ++i) {
    const double start = processor_seconds();
    work();
    best = std::min(best, processor_seconds() - start);
  }
  return best;
}

using Plain = void (*)(const double* inputs, double* outputs, size_t rows);

int measure(const std::string& path, const std::vector<int16_t>& events, Plain plain, bool describe) {
  const auto fail = [&](const absl::Status& status) {
    std::fprintf(stderr, "%s: %s\n", path.c_str(), std::string(status.message()).c_str());
    return 1;
  };
  const auto model = import::import_model(path, {"", "", "x[16]"});
  if (!model.ok()) return fail(model.status());
  const auto quantised = quantise::quantise(*model, {"", "", model::FixedType::fixed(16, 6)});
  if (!quantised.ok()) return fail(quantised.status());
  const model::Graph& graph = quantised->graph;
  const auto emulator = emulator::Emulator::create(graph);
  if (!emulator.ok()) return fail(emulator.status());
  if (describe) std::fprintf(stderr, "%s", emulator->describe().c_str());

  const size_t rows = events.size() / static_cast<size_t>(graph.input(0).type.elements());
  const auto outputs = static_cast<size_t>(graph.output(0).type.elements());
  std::vector<std::byte> raw(rows * graph.output(0).type.row_bytes());
  const std::byte* in[] = {reinterpret_cast<const std::byte*>(events.data())};
  std::byte* out[] = {raw.data()};
  emulator::Scratch scratch;
  const double fixed = seconds_a_call([&] { (void)emulator->run(in, out, rows, scratch); });

  std::vector<double> x(events.size()), y(rows * outputs);
  for (size_t i = 0; i < events.size(); ++i) x[i] = std::ldexp(events[i], -10);
  const double floating = seconds_a_call([&] { plain(x.data(), y.data(), rows); });

  double largest = 0;
  const int bytes = graph.output(0).type.container() / 8;
  for (size_t i = 0; i < y.size(); ++i) {
    int64_t value = 0;
    std::memcpy(&value, raw.data() + i * static_cast<size_t>(bytes), static_cast<size_t>(bytes));
    const model::FixedType& type = graph.output(0).type.types[0];
    largest = std::max(largest, std::abs(model::to_double(model::apply_overflow(value, type), type) - y[i]));
  }
  std::printf("%s\t%.6g\t%.6g\t%.3g\n", path.c_str(), static_cast<double>(rows) / fixed,
              static_cast<double>(rows) / floating, largest);
  return 0;
}

}  // namespace
}  // namespace strobe

int main(int argc, char** argv) {
  if (argc < 4) {
    std::printf(
        "usage: formula_bench EVENTS.bin MODEL PLAIN.so [--describe]\n"
        "EVENTS.bin: rows of 16 int16, raw ap_fixed<16,6>. PLAIN.so: void plain(const double*, double*, size_t "
        "rows)\n");
    return argc == 2 && std::string(argv[1]) == "--help" ? 0 : 2;
  }
  std::ifstream file(argv[1], std::ios::binary);
  const std::string bytes(std::istreambuf_iterator<char>(file), {});
  std::vector<int16_t> events(bytes.size() / 2);
  std::memcpy(events.data(), bytes.data(), events.size() * 2);
  void* library = dlopen(argv[3], RTLD_NOW);
  void* plain = library != nullptr ? dlsym(library, "plain") : nullptr;
  if (plain == nullptr) {
    std::fprintf(stderr, "%s\n", dlerror());
    return 1;
  }
  return strobe::measure(argv[2], events, reinterpret_cast<strobe::Plain>(plain), argc > 4);
}
