#include "tests/kernels/formula/ways.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <random>

#include "absl/strings/str_split.h"
#include "kernels/emulator/emulator.h"
#include "kernels/import/one_layer_model.h"
#include "kernels/layers/catalog.h"
#include "kernels/layers/reference.h"

namespace strobe::testing {

absl::StatusOr<quantise::Quantised> quantised(const std::string& text, const std::optional<model::FixedType>& input,
                                              const std::string& config) {
  auto formula = formula::parse(text);
  if (!formula.ok()) return formula.status();
  const auto inputs = static_cast<int64_t>(formula->inputs.size()),
             outputs = static_cast<int64_t>(formula->outputs.size());
  import::FloatLayer layer;
  layer.kind = "Formula";
  layer.formula = std::make_shared<const formula::Formula>(*std::move(formula));
  const import::FloatModel model =
      import::one_layer_model("formula", "formula", {"x", {inputs}}, {"y", {outputs}}, std::move(layer));
  auto result = quantise::quantise(model, {config, "config.yml", input});
  if (result.ok()) {
    if (absl::Status s = layers::verify(result->graph); !s.ok()) return s;
  }
  return result;
}

namespace {

std::vector<std::byte> packed(const model::TensorType& type, const std::vector<int64_t>& raw) {
  const int bytes = type.container() / 8;
  std::vector<std::byte> rows(raw.size() * bytes);
  for (size_t i = 0; i < raw.size(); ++i) std::memcpy(rows.data() + i * bytes, &raw[i], bytes);
  return rows;
}

}  // namespace

std::vector<int64_t> outputs_of(const model::Graph& graph, const std::vector<int64_t>& inputs, size_t rows,
                                model::OverflowCount* overflow) {
  auto reference = layers::evaluate_reference(graph, {inputs}, rows);
  EXPECT_TRUE(reference.ok()) << reference.status();
  if (!reference.ok()) return {};
  if (overflow != nullptr) *overflow = reference->overflow[0];
  auto emulator = emulator::Emulator::create(graph);
  EXPECT_TRUE(emulator.ok()) << emulator.status();
  if (!emulator.ok()) return {};
  const std::vector<std::byte> in = packed(graph.input(0).type, inputs);
  std::vector<std::byte> out(reference->outputs[0].size() * graph.output(0).type.container() / 8);
  const std::byte* in_rows[] = {in.data()};
  std::byte* out_rows[] = {out.data()};
  emulator::Scratch scratch;
  EXPECT_TRUE(emulator->run(in_rows, out_rows, rows, scratch).ok());
  EXPECT_EQ(out, packed(graph.output(0).type, reference->outputs[0])) << "the emulator differs from the reference";
  auto trace = emulator->trace(in_rows, rows);
  EXPECT_TRUE(trace.ok()) << trace.status();
  if (trace.ok()) {
    EXPECT_EQ(trace->overflow[0].saturated, reference->overflow[0].saturated);
    EXPECT_EQ(trace->overflow[0].wrapped, reference->overflow[0].wrapped);
  }
  return reference->outputs[0];
}

std::vector<int64_t> random_inputs(const model::Graph& graph, size_t rows, uint64_t seed) {
  std::mt19937_64 random(seed);
  const model::TensorType& type = graph.input(0).type;
  std::vector<int64_t> raw(rows * static_cast<size_t>(type.elements()));
  for (size_t i = 0; i < raw.size(); ++i) {
    const model::FixedType& element = type.at(static_cast<int64_t>(i) % type.elements());
    const auto low = static_cast<int64_t>(element.min_raw()), high = static_cast<int64_t>(element.max_raw());
    const int64_t any = std::uniform_int_distribution<int64_t>(low, high)(random);
    const uint64_t kind = random() % 16;
    raw[i] = kind == 0 ? low : kind == 1 ? high : kind == 2 ? 0 : kind < 8 ? any / 64 : any;
  }
  return raw;
}

double largest_error(const model::Graph& graph, const formula::Formula& formula, const std::vector<int64_t>& inputs,
                     size_t rows) {
  const std::vector<int64_t> raw = outputs_of(graph, inputs, rows);
  const size_t n_in = formula.inputs.size(), n_out = formula.outputs.size();
  std::vector<double> x(n_in), y(n_out);
  double largest = 0;
  for (size_t r = 0; r < rows && raw.size() == rows * n_out; ++r) {
    for (size_t i = 0; i < n_in; ++i)
      x[i] = model::to_double(inputs[r * n_in + i], graph.input(0).type.at(static_cast<int64_t>(i)));
    formula::evaluate(formula, x, y);
    for (size_t o = 0; o < n_out; ++o) {
      if (!std::isfinite(y[o])) continue;
      largest = std::max(
          largest,
          std::abs(model::to_double(raw[r * n_out + o], graph.output(0).type.at(static_cast<int64_t>(o))) - y[o]));
    }
  }
  return largest;
}

double bound_of(const model::Graph& graph) {
  double largest = 0;
  for (const std::string& part : std::vector<std::string>(absl::StrSplit(graph.provenance().at("error_bound"), ", "))) {
    const size_t colon = part.find(": ");
    largest = std::max(largest, std::stod(colon == std::string::npos ? part : part.substr(colon + 2)));
  }
  return largest;
}

}  // namespace strobe::testing
