#include "host/scan/figures.h"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <span>
#include <thread>

#include "absl/strings/str_cat.h"
#include "host/runtime/codec.h"
#include "kernels/emulator/emulator.h"
#include "kernels/hls/total_cost.h"
#include "kernels/import/float_run.h"
#include "kernels/layers/forest/forest.h"

namespace strobe::scan {
namespace {

using runtime::Codec;
using runtime::ElementKind;
using runtime::Encoding;
using Rows = std::vector<std::byte>;

constexpr Encoding kNumbers = {ElementKind::kFloat64, false};
/// Of the layers' values in floating point, which nobody looks at, only so many events' are kept.
constexpr size_t kLayerRows = 1024;

absl::StatusOr<std::vector<Rows>> encode(const model::Graph& graph, const Sample& sample,
                                         model::OverflowCount& overflow) {
  std::vector<Rows> inputs;
  for (size_t i = 0; i < graph.inputs().size(); ++i) {
    const Codec codec(graph.input(i));
    Rows rows(sample.rows * codec.row_bytes());
    if (absl::Status s = codec.encode(kNumbers, std::as_bytes(std::span(sample.inputs[i])), rows, 0, &overflow);
        !s.ok())
      return s;
    inputs.push_back(std::move(rows));
  }
  return inputs;
}

absl::StatusOr<ScoreLists> run(const emulator::Emulator& emulator, const model::Graph& graph,
                               const std::vector<Rows>& inputs, size_t rows) {
  std::vector<const std::byte*> in;
  for (const Rows& input : inputs) in.push_back(input.data());
  std::vector<Rows> outputs;
  std::vector<std::byte*> out;
  for (size_t o = 0; o < graph.outputs().size(); ++o) outputs.emplace_back(rows * graph.output(o).type.row_bytes());
  for (Rows& output : outputs) out.push_back(output.data());
  emulator::Scratch scratch;
  if (absl::Status s = emulator.run(in, out, rows, scratch); !s.ok()) return s;
  ScoreLists scores;
  for (size_t o = 0; o < outputs.size(); ++o) {
    scores.emplace_back(rows * static_cast<size_t>(graph.output(o).type.elements()));
    Codec(graph.output(o)).decode(kNumbers, outputs[o], std::as_writable_bytes(std::span(scores.back())));
  }
  return scores;
}

absl::StatusOr<model::OverflowCount> count_overflow(const emulator::Emulator& emulator, const std::vector<Rows>& inputs,
                                                    size_t rows) {
  std::vector<const std::byte*> in;
  for (const Rows& input : inputs) in.push_back(input.data());
  auto trace = emulator.trace(in, rows, false);
  if (!trace.ok()) return trace.status();
  model::OverflowCount total;
  for (const model::OverflowCount& of_node : trace->overflow) total += of_node;
  return total;
}

size_t classes_of(const std::vector<double>& scores, const Sample& sample) {
  return scores.size() / std::max<size_t>(sample.rows, 1);
}

bool has_labels(const Sample& sample, size_t output) {
  return output < sample.labels.size() && !sample.labels[output].empty();
}

std::optional<double> mean(const std::vector<double>& values) {
  if (values.empty()) return std::nullopt;
  double sum = 0;
  for (const double v : values) sum += v;
  return sum / static_cast<double>(values.size());
}

Merit merit_of(const ScoreLists& scores, const ScoreLists& floating, const Sample& sample) {
  Merit merit;
  std::vector<double> same, all, all_floating;
  for (size_t o = 0; o < scores.size(); ++o) {
    const size_t classes = classes_of(scores[o], sample);
    if (classes > 1 || has_labels(sample, o))
      same.push_back(metrics::same_best_class({scores[o], classes}, {floating[o], classes}, sample.threshold));
    all.insert(all.end(), scores[o].begin(), scores[o].end());
    all_floating.insert(all_floating.end(), floating[o].begin(), floating[o].end());
  }
  merit.accuracy = accuracy_of(scores, sample);
  merit.same_class = mean(same);
  merit.difference = metrics::difference(all, all_floating);
  return merit;
}

}  // namespace

std::optional<double> accuracy_of(const ScoreLists& scores, const Sample& sample) {
  std::vector<double> accuracies;
  for (size_t o = 0; o < scores.size(); ++o) {
    if (has_labels(sample, o))
      accuracies.push_back(
          metrics::accuracy({scores[o], classes_of(scores[o], sample)}, sample.labels[o], sample.threshold));
  }
  return mean(accuracies);
}

absl::StatusOr<ScoreLists> float_scores(const import::FloatModel& model, const model::Graph* graph,
                                        const Sample& sample) {
  auto run = import::run_float(model, graph, sample.inputs, sample.rows, std::min(sample.rows, kLayerRows));
  if (!run.ok()) return run.status();
  for (size_t o = 0; graph != nullptr && o < graph->outputs().size(); ++o) {
    const auto elements = static_cast<size_t>(graph->output(o).type.elements());
    if (o >= run->outputs.size() || run->outputs[o].size() != sample.rows * elements)
      return absl::InternalError("the floating-point model's outputs are not those of the kernel");
  }
  return std::move(run->outputs);
}

void for_each(size_t count, int threads, const std::function<void(size_t)>& work,
              const std::function<void(size_t done)>& progress) {
  std::atomic<size_t> next = 0;
  std::mutex mutex;
  size_t done = 0;
  const auto take_turns = [&] {
    for (size_t i = next++; i < count; i = next++) {
      work(i);
      const std::scoped_lock lock(mutex);
      ++done;
      if (progress) progress(done);
    }
  };
  std::vector<std::jthread> helpers;
  for (int t = 1; t < threads; ++t) helpers.emplace_back(take_turns);
  take_turns();
}

absl::StatusOr<Figures> evaluate(const model::Graph& graph, const Sample& sample, const ScoreLists& floating) {
  Figures figures;
  auto emulator = emulator::Emulator::create(graph);
  if (!emulator.ok()) return emulator.status();
  auto inputs = encode(graph, sample, figures.input_overflow);
  if (!inputs.ok()) return inputs.status();
  auto scores = run(*emulator, graph, *inputs, sample.rows);
  if (!scores.ok()) return scores.status();
  auto overflow = count_overflow(*emulator, *inputs, sample.rows);
  if (!overflow.ok()) return overflow.status();
  figures.overflow = *overflow;
  figures.merit = merit_of(*scores, floating, sample);
  figures.cost = hls::total_cost(graph);
  for (const model::Node& node : graph.nodes()) {
    if (node.op == "forest") figures.comparisons += layers::forest_shape(graph, node).comparators;
  }
  return figures;
}

}  // namespace strobe::scan
