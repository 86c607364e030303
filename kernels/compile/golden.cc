#include "kernels/compile/golden.h"

#include <cstring>
#include <numeric>
#include <random>

#include "kernels/layers/forest_engine/forest_engine.h"
#include "kernels/layers/forest_engine/forest_image.h"
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

/// Complete trees with random questions, two an engine where they fit, over all features and outputs of an engine.
class DrawnForest {
 public:
  DrawnForest(const layers::EngineShape& shape, std::mt19937_64& random) : shape_(shape), random_(random) {
    while (depth_ < 3 && (int64_t{4} << depth_) * 2 <= shape.nodes) ++depth_;
  }

  absl::StatusOr<model::Graph> draw() {
    const int64_t trees = shape_.engines * (shape_.nodes > 1 ? 2 : 1);
    for (int64_t t = 0; t < trees; ++t) {
      root_.push_back(grow(depth_));
      output_.push_back(t % shape_.outputs);
    }
    model::Node node;
    node.name = "trees";
    node.op = "forest";
    std::vector<int64_t> begin(feature_.size() + 1), predicate(feature_.size()), low(feature_.size(), INT32_MIN);
    std::iota(begin.begin(), begin.end(), int64_t{0});
    std::iota(predicate.begin(), predicate.end(), int64_t{0});
    put(node, "predicate_feature", feature_);
    put(node, "predicate_begin", begin);
    put(node, "interval_low", low);
    put(node, "interval_high", high_);
    put(node, "node_predicate", predicate);
    put(node, "node_true", true_);
    put(node, "node_false", false_);
    put(node, "tree_root", root_);
    put(node, "tree_output", output_);
    put(node, "leaf_id", std::vector<int64_t>(leaf_.size(), 0));
    put(node, "leaf_value", leaf_);
    put(node, "base", std::vector<int64_t>(static_cast<size_t>(shape_.outputs), 1));
    model::GraphBuilder builder("drawn");
    node.inputs = {builder.add_input("features", {{shape_.features}, {model::FixedType::fixed(32, 32)}})};
    builder.set_outputs(
        {builder.add(std::move(node), {{shape_.outputs}, {model::FixedType::fixed(64, 64)}}, "scores")});
    return std::move(builder).build();
  }

 private:
  static void put(model::Node& node, const char* name, const std::vector<int64_t>& values) {
    node.constants[name] = {{{static_cast<int64_t>(values.size())}, {model::FixedType::fixed(40, 40)}}, values};
  }

  /// The root of a new tree: a node, or a leaf.
  int64_t grow(int depth) {
    if (depth == 0) {
      leaf_.push_back(static_cast<int64_t>(random_() % 20001) - 10000);
      return ~(static_cast<int64_t>(leaf_.size()) - 1);
    }
    const auto node = static_cast<int64_t>(feature_.size());
    feature_.push_back(static_cast<int64_t>(random_() % static_cast<uint64_t>(shape_.features)));
    high_.push_back(static_cast<int32_t>(random_()));
    true_.push_back(0);
    false_.push_back(0);
    true_[static_cast<size_t>(node)] = grow(depth - 1);
    false_[static_cast<size_t>(node)] = grow(depth - 1);
    return node;
  }

  const layers::EngineShape& shape_;
  std::mt19937_64& random_;
  int depth_ = 0;
  std::vector<int64_t> feature_, high_, true_, false_, root_, output_, leaf_;
};

/// Of an engine: with a forest that is drawn for it.
absl::StatusOr<hls::GoldenVectors> engine_vectors(const layers::EngineShape& shape) {
  std::mt19937_64 random(2);
  auto graph = DrawnForest(shape, random).draw();
  if (!graph.ok()) return graph.status();
  auto image = layers::ForestImage::make(*graph, shape);
  if (!image.ok()) return image.status();
  auto golden = golden_vectors(*graph);
  if (!golden.ok()) return golden.status();
  const std::string& bytes = image->bytes();
  for (size_t i = 0; i < bytes.size(); i += 4) {
    uint32_t word = 0;
    std::memcpy(&word, bytes.data() + i, sizeof word);
    golden->parameters.push_back(word);
  }
  return golden;
}

}  // namespace

absl::StatusOr<hls::GoldenVectors> golden_vectors(const model::Graph& graph) {
  if (const auto shape = layers::engine_of(graph)) return engine_vectors(*shape);
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
