#include "kernels/compile/golden.h"

#include <random>

#include "kernels/layers/reference.h"

namespace strobe::compile {
namespace {

constexpr int64_t kRows = 64;

int64_t pick(const model::FixedType& type, int64_t row, std::mt19937_64& random) {
  if (row == 0) return 0;
  if (row == 1) return static_cast<int64_t>(type.max_raw());
  if (row == 2) return static_cast<int64_t>(type.min_raw());
  const int shift = static_cast<int>(row % 4) * type.width / 5;  // some rows small, some over the whole range
  const auto value = static_cast<int64_t>(random());
  const int drop = 64 - type.width;
  const int64_t whole = type.width == 0  ? 0
                        : type.is_signed ? value >> drop
                                         : static_cast<int64_t>(static_cast<uint64_t>(value) >> drop);
  const int64_t small = whole >> shift;
  return small < static_cast<int64_t>(type.min_raw()) ? static_cast<int64_t>(type.min_raw()) : small;
}

}  // namespace

absl::StatusOr<hls::GoldenVectors> golden_vectors(const model::Graph& graph) {
  hls::GoldenVectors golden;
  golden.rows = kRows;
  std::mt19937_64 random(1);
  std::vector<std::span<const int64_t>> spans;
  for (size_t i = 0; i < graph.inputs().size(); ++i) {
    const model::TensorType& type = graph.input(i).type;
    std::vector<int64_t>& raw = golden.inputs.emplace_back();
    for (int64_t row = 0; row < kRows; ++row) {
      for (int64_t e = 0; e < type.elements(); ++e) raw.push_back(pick(type.at(e), row, random));
    }
  }
  for (const auto& raw : golden.inputs) spans.emplace_back(raw);
  auto evaluation = layers::evaluate_reference(graph, spans, kRows);
  if (!evaluation.ok()) return evaluation.status();
  golden.outputs = std::move(evaluation->outputs);
  return golden;
}

}  // namespace strobe::compile
