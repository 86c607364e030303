// Events a second of forests in the in-process emulator on one thread, and the time of one event a call. Run by
// tests/bench/forest_peers.py, which trains the forests and measures the peers; prints a line a forest and kind of
// input: file, kind, events/s of a large batch, seconds a call of one event.
#include <algorithm>
#include <bit>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <fstream>
#include <functional>
#include <iterator>
#include <string>
#include <vector>

#include "hwy/targets.h"
#include "kernels/emulator/emulator.h"
#include "kernels/import/float_model.h"
#include "kernels/quantise/quantise.h"

namespace strobe {
namespace {

/// This thread's time on the processor: a call of a large batch outlasts a slice of the scheduler, so that on a busy
/// machine the wall clock would count others' work.
double processor_seconds() {
  timespec time;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

/// Seconds of one call: the best of many rounds, after one to warm up.
double seconds_a_call(const std::function<void()>& work, double round_seconds, int rounds) {
  work();
  size_t calls = 1;
  double best = 1e9;
  for (int round = 0; round < rounds;) {
    const double start = processor_seconds();
    for (size_t i = 0; i < calls; ++i) work();
    const double seconds = processor_seconds() - start;
    if (seconds < round_seconds) {
      calls *= 2;
      continue;
    }
    best = std::min(best, seconds / static_cast<double>(calls));
    ++round;
  }
  return best;
}

/// An integer in the order of FP32 numbers.
int32_t key_of(float value) {
  const auto bits = std::bit_cast<int32_t>(value);
  return bits >= 0 ? bits : bits ^ 0x7fffffff;
}

void measure(const std::string& path, const std::vector<int16_t>& events, bool keys, bool describe) {
  const auto model = import::import_model(path);
  if (!model.ok()) return (void)std::fprintf(stderr, "%s\n", std::string(model.status().message()).c_str());
  quantise::QuantiseOptions options;
  if (!keys) options.input_type = model::FixedType::fixed(16, 6);
  const auto quantised = quantise::quantise(*model, options);
  if (!quantised.ok()) return (void)std::fprintf(stderr, "%s\n", std::string(quantised.status().message()).c_str());
  const model::Graph* graph = &quantised->graph;
  const auto features = static_cast<size_t>(graph->input(0).type.elements());
  const auto emulator = emulator::Emulator::create(*graph);
  if (!emulator.ok()) return (void)std::fprintf(stderr, "%s\n", std::string(emulator.status().message()).c_str());
  const size_t rows = events.size() / features;
  std::vector<int32_t> wide;
  if (keys) {
    for (const int16_t raw : events) wide.push_back(key_of(static_cast<float>(raw) / 1024));
  }
  const auto* first =
      keys ? reinterpret_cast<const std::byte*>(wide.data()) : reinterpret_cast<const std::byte*>(events.data());
  std::vector<std::byte> scores(rows * graph->output(0).type.row_bytes());
  const std::byte* in[] = {first};
  std::byte* out[] = {scores.data()};
  emulator::Scratch scratch;
  const double batch = seconds_a_call([&] { (void)emulator->run(in, out, rows, scratch); }, 0.001, 20);
  const size_t row_bytes = graph->input(0).type.row_bytes();
  size_t event = 0;  // another one each time, so that nothing can be learnt
  const double one = seconds_a_call(
      [&] {
        const std::byte* row[] = {first + event++ % rows * row_bytes};
        (void)emulator->run(row, out, 1, scratch);
      },
      0.001, 100);
  std::printf("%s\t%s\t%.6g\t%.6g\n", path.c_str(), keys ? "keys" : "fixed", static_cast<double>(rows) / batch, one);
  if (describe) std::fprintf(stderr, "%s", emulator->describe().c_str());
}

}  // namespace
}  // namespace strobe

int main(int argc, char** argv) {
  std::vector<std::string> files;
  bool describe = false, help = false;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    help |= word == "--help";
    describe |= word == "--describe";
    if (word == "--without-avx512") hwy::DisableTargets(HWY_AVX2 - 1);  // better ones have lower bits
    if (!word.starts_with("--")) files.push_back(word);
  }
  if (help || files.size() < 2) {
    std::printf(
        "usage: forest_bench EVENTS.bin MODEL... [--describe] [--without-avx512]\n"
        "EVENTS.bin: rows of int16, raw ap_fixed<16,6>, for all models\n");
    return help ? 0 : 2;
  }
  std::ifstream file(files[0], std::ios::binary);
  const std::string bytes(std::istreambuf_iterator<char>(file), {});
  std::vector<int16_t> events(bytes.size() / 2);
  std::memcpy(events.data(), bytes.data(), events.size() * 2);
  for (size_t i = 1; i < files.size(); ++i) {
    for (const bool keys : {false, true}) strobe::measure(files[i], events, keys, describe);
  }
}
