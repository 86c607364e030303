#include "tests/kernels/emulator/forest_graphs.h"

#include <algorithm>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "tests/kernels/emulator/random_forest.h"

namespace strobe::testing {
namespace {

using model::Constant;
using model::FixedType;

class Maker {
 public:
  Maker(uint64_t seed, const ForestGraphOptions& options) : random_(seed), options_(options) {}

  model::Graph make() {
    const int features = pick(1, options_.max_features);
    model::GraphBuilder builder("forest" + std::to_string(pick(0, 9)));
    model::TensorType in{.shape = {features}};
    const bool uniform = pick(0, 1) == 0;
    for (int f = 0; f < (uniform ? 1 : features); ++f) {
      const int width = pick(uniform ? options_.max_width : 1, options_.max_width);
      const bool is_signed = width == 64 || pick(0, 3) > 0;
      in.types.push_back({is_signed, width, pick(0, width)});
    }
    const model::TensorId x = builder.add_input("x", in);
    make_predicates(in, features);
    model::Node node{.name = "forest", .op = "forest", .inputs = {x}};
    const int trees = pick(1, options_.max_trees);
    for (int t = 0; t < trees; ++t) {
      const int leaves = options_.balanced ? options_.max_leaves : pick(1, options_.max_leaves);
      first_leaf_ = static_cast<int64_t>(columns_.ids.size());
      columns_.roots.push_back(tree(leaves));
    }
    model::TensorType out{.shape = {options_.leaves ? trees : options_.outputs}};
    columns_.store(node);
    if (options_.leaves) {
      node.attributes["result"] = std::string("leaves");
      out.types = {FixedType::fixed(24, 24)};
    } else {
      add_scores(node, out, trees);
    }
    builder.set_outputs({builder.add(std::move(node), out)});
    auto graph = std::move(builder).build();
    if (!graph.ok()) throw std::logic_error(std::string(graph.status().message()));
    return *std::move(graph);
  }

 private:
  int pick(int low, int high) { return std::uniform_int_distribution<int>(low, high)(random_); }
  int64_t pick(int64_t low, int64_t high) { return std::uniform_int_distribution<int64_t>(low, high)(random_); }

  static Constant constant(std::vector<int64_t> raw, FixedType type) {
    return {{.shape = {static_cast<int64_t>(raw.size())}, .types = {type}}, std::move(raw)};
  }
  /// Predicates whose limits come from few values a feature, so that they share cuts; some lie outside the range.
  void make_predicates(const model::TensorType& in, int features) {
    const int count = pick(1, 6 * features + 40);
    for (int p = 0; p < count; ++p) {
      const int feature = pick(0, features - 1);
      const FixedType& type = in.at(feature);
      const int64_t last = static_cast<int64_t>(type.max_raw());
      const int64_t first = type.is_signed ? -last - 1 : 0;
      if (options_.thresholds) {
        add_threshold(feature, first, last);
        continue;
      }
      const int intervals = pick(1, options_.max_intervals);
      std::vector<int64_t> limits;
      for (int i = 0; i < 2 * intervals; ++i) limits.push_back(pick(first, last));
      std::sort(limits.begin(), limits.end());
      if (pick(0, 2) > 0) limits.front() = pick(0, 3) == 0 && first > INT64_MIN + 5 ? first - 5 : first;
      if (pick(0, 2) == 0) limits.back() = pick(0, 3) == 0 && last < INT64_MAX - 5 ? last + 5 : last;
      for (int i = 0; i < intervals; ++i) {
        if (i > 0 && limits[2 * i] <= columns_.high.back()) break;
        columns_.add_interval(limits[2 * i], limits[2 * i + 1]);
      }
      columns_.add_predicate(feature);
    }
  }

  void add_threshold(int feature, int64_t first, int64_t last) {
    const int64_t at = pick(first, last);
    const int kind = pick(0, 2);
    if (kind == 0 || at < first + 2) {
      columns_.add_interval(first, at);
    } else {
      if (kind == 2) columns_.add_interval(first, first);
      columns_.add_interval(at, last);
    }
    columns_.add_predicate(feature);
  }

  int64_t tree(int leaves) {
    if (leaves == 1) return columns_.add_leaf(static_cast<int64_t>(columns_.ids.size()) - first_leaf_);
    const auto at = static_cast<size_t>(columns_.add_split(pick(0, static_cast<int>(columns_.features.size()) - 1)));
    const int left = options_.balanced ? leaves / 2 : pick(1, leaves - 1);
    const int64_t yes = tree(left);
    columns_.yes[at] = yes;
    const int64_t no = tree(leaves - left);
    columns_.no[at] = no;
    return static_cast<int64_t>(at);
  }

  void add_scores(model::Node& node, model::TensorType& out, int trees) {
    const FixedType value = FixedType::fixed(options_.score_width, pick(1, 6));
    const int64_t largest = static_cast<int64_t>(value.max_raw());
    std::vector<int64_t> values, bases, outputs;
    const size_t columns = options_.vector_leaves ? options_.outputs : 1;
    for (size_t l = 0; l < columns_.ids.size() * columns; ++l) values.push_back(pick(-largest - 1, largest));
    for (int k = 0; k < options_.outputs; ++k) bases.push_back(pick(-largest, largest));
    node.constants["leaf_value"] = constant(values, value);
    node.constants["base"] = constant(bases, value);
    // The first trees see to it that every output has one, where there are enough of them.
    for (int t = 0; t < trees; ++t) outputs.push_back(t < options_.outputs ? t : pick(0, options_.outputs - 1));
    if (!options_.vector_leaves) node.constants["tree_output"] = whole_numbers(outputs);
    if (pick(0, 3) == 0) node.constants["scale"] = constant({pick(1, 100)}, FixedType::fixed(10, 3));
    node.attributes["sum"] = std::string(options_.sum);
    if (options_.sum != std::string("exact")) {
      node.attributes["accumulator"] =
          FixedType::fixed(options_.accumulator_width, options_.accumulator_width - value.fraction() + pick(-1, 1),
                           model::Rounding::kTrn, options_.overflow);
    }
    for (int k = 0; k < options_.outputs; ++k) {
      const int width = std::min(64, options_.score_width + pick(-2, 6));
      out.types.push_back(FixedType::fixed(width, width - value.fraction() + pick(0, 1)));
    }
  }

  std::mt19937_64 random_;
  const ForestGraphOptions& options_;
  int64_t first_leaf_ = 0;
  ForestColumns columns_;
};

}  // namespace

model::Graph forest_graph(uint64_t seed, const ForestGraphOptions& options) { return Maker(seed, options).make(); }

}  // namespace strobe::testing
