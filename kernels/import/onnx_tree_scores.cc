#include "kernels/import/onnx_tree_scores.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

namespace strobe::import::onnx_ir {
namespace {

using Row = TreeScore::Row;
using Outer = TreeScore::Outer;

/// ONNX's numbers of types.
constexpr int64_t kFloat32 = 1, kFloat64 = 11;

/// Applies a linear function of rows, `map(row, result)`, to the constant and to every leaf.
template <typename Map>
TreeScore mapped(const TreeScore& score, size_t columns, Map map) {
  TreeScore result;
  result.constant.assign(columns, 0);
  map(score.constant.data(), result.constant.data());
  for (const auto& [tree, rows] : score.trees) {
    Row& mine = result.trees[tree];
    const size_t leaves = rows.size() / score.columns();
    mine.assign(leaves * columns, 0);
    for (size_t leaf = 0; leaf < leaves; ++leaf) map(&rows[leaf * score.columns()], &mine[leaf * columns]);
  }
  return result;
}

/// Columns `from[k]` of a score.
TreeScore columns_of(const TreeScore& score, const std::vector<size_t>& from) {
  return mapped(score, from.size(), [&](const double* row, double* result) {
    for (size_t k = 0; k < from.size(); ++k) result[k] = row[from[k]];
  });
}

/// One column for many, or as it is.
std::optional<TreeScore> widened(const TreeScore& score, size_t columns) {
  if (score.columns() == columns) return score;
  if (score.columns() != 1) return std::nullopt;
  return columns_of(score, std::vector<size_t>(columns, 0));
}

std::optional<TreeScore> scaled(const TreeScore& score, const Row& factors) {
  if (score.outer != Outer::kNone) {
    if (score.outer != Outer::kPower || factors.size() != 1) return std::nullopt;
    TreeScore result = score;
    result.scale *= factors[0];
    result.offset *= factors[0];
    return result;
  }
  auto wide = widened(score, std::max(score.columns(), factors.size()));
  if (!wide || (factors.size() != 1 && factors.size() != wide->columns())) return std::nullopt;
  return mapped(*wide, wide->columns(), [&](const double* row, double* result) {
    for (size_t k = 0; k < wide->columns(); ++k) result[k] = row[k] * factors[factors.size() == 1 ? 0 : k];
  });
}

/// Of a power, or a sum of powers, and numbers.
std::optional<TreeScore> sum_with_power(const std::vector<TreeScore>& operands) {
  std::optional<TreeScore> total;
  double offset = 0;
  for (const TreeScore& score : operands) {
    if (score.outer != Outer::kNone) {
      if (total || score.outer == Outer::kShares) return std::nullopt;
      total = score;
    } else if (score.is_number() && score.columns() == 1) {
      offset += score.constant[0];
    } else {
      return std::nullopt;
    }
  }
  total->offset += offset;
  return total;
}

std::optional<TreeScore> sum(const std::vector<TreeScore>& operands) {
  if (std::any_of(operands.begin(), operands.end(), [](const TreeScore& s) { return s.outer != Outer::kNone; }))
    return sum_with_power(operands);
  size_t columns = 1;
  for (const TreeScore& score : operands) columns = std::max(columns, score.columns());
  TreeScore total;
  total.constant.assign(columns, 0);
  for (const TreeScore& narrow : operands) {
    const auto score = widened(narrow, columns);
    if (!score) return std::nullopt;
    for (size_t k = 0; k < columns; ++k) total.constant[k] += score->constant[k];
    for (const auto& [tree, rows] : score->trees) {
      Row& mine = total.trees[tree];
      mine.resize(rows.size());
      for (size_t i = 0; i < rows.size(); ++i) mine[i] += rows[i];
    }
  }
  return total;
}

std::optional<TreeScore> joined_columns(const std::vector<TreeScore>& operands) {
  size_t columns = 0, first = 0;
  for (const TreeScore& score : operands) {
    if (score.outer != Outer::kNone) return std::nullopt;
    columns += score.columns();
  }
  std::vector<TreeScore> placed;
  for (const TreeScore& score : operands) {
    placed.push_back(mapped(
        score, columns, [&](const double* row, double* result) { std::copy_n(row, score.columns(), result + first); }));
    first += score.columns();
  }
  return sum(placed);
}

bool is_row_axis(int64_t axis) { return axis == 1 || axis == -1; }

/// The sum or mean over the columns; that of powers is one more kind of number.
std::optional<TreeScore> row_sum(const Graph& graph, const Node& node, const TreeScore& score) {
  const auto axes = axes_of(node, graph);
  if (!axes.ok() || axes->size() != 1 || !is_row_axis((*axes)[0])) return std::nullopt;
  const bool mean = node.op == "ReduceMean";
  if (score.outer == Outer::kPower && score.scale == 1 && score.offset == 0 && !mean) {
    TreeScore result = score;
    result.outer = Outer::kPowerSum;
    return result;
  }
  if (score.outer != Outer::kNone) return std::nullopt;
  return mapped(score, 1, [&](const double* row, double* result) {
    for (size_t k = 0; k < score.columns(); ++k) *result += row[k];
    if (mean) *result /= static_cast<double>(score.columns());
  });
}

/// A shape is right if it keeps events apart and has a row's numbers for each.
std::optional<TreeScore> reshaped(const Graph& graph, const Node& node, const TreeScore& score) {
  const Value* shape = graph.constant(node.input(1));
  const auto width = static_cast<double>(score.width());
  if (shape == nullptr || shape->data.empty() || shape->data[0] != -1) return std::nullopt;
  double numbers = 1;
  for (size_t i = 1; i < shape->data.size(); ++i) numbers *= shape->data[i];
  return numbers == width ? std::optional(score) : std::nullopt;
}

std::optional<TreeScore> gathered(const Graph& graph, const Node& node, const TreeScore& score) {
  const Value* index = graph.constant(node.input(1));
  if (index == nullptr || score.outer != Outer::kNone || (node.op == "Gather" && !is_row_axis(node.integer("axis", 0))))
    return std::nullopt;
  const auto columns = integers_of(*index, node);
  if (!columns.ok() || columns->empty()) return std::nullopt;
  std::vector<size_t> from;
  for (const int64_t column : *columns) {
    if (column < 0 || static_cast<size_t>(column) >= score.columns()) return std::nullopt;
    from.push_back(static_cast<size_t>(column));
  }
  return columns_of(score, from);
}

/// base^score, the outermost function but for shares. On one tree alone a power is one more function of the leaf, but
/// for rows: of those, shares may be made.
std::optional<TreeScore> power(double base, const TreeScore& score) {
  if (!(base > 0) || score.outer != Outer::kNone || (score.columns() == 1 && score.trees.size() < 2))
    return std::nullopt;
  TreeScore result = score;
  result.outer = Outer::kPower;
  result.base = base;
  return result;
}

std::optional<TreeScore> shares(const TreeScore& power, const TreeScore& total) {
  const bool same = power.outer == Outer::kPower && total.outer == Outer::kPowerSum && power.base == total.base &&
                    power.scale == 1 && power.offset == 0 && total.offset == 0 && power.constant == total.constant &&
                    power.trees == total.trees;
  if (!same) return std::nullopt;
  TreeScore result = power;
  result.outer = Outer::kShares;
  return result;
}

std::optional<TreeScore> evaluate_pair(const Node& node, const TreeScore& a, const TreeScore& b) {
  const std::string& op = node.op;
  if (op == "Sub") {
    const auto negative = scaled(b, {-1});
    return negative ? sum({a, *negative}) : std::nullopt;
  }
  if (op == "Mul" && b.is_number()) return scaled(a, b.constant);
  if (op == "Mul" && a.is_number()) return scaled(b, a.constant);
  if (op == "Pow" && a.is_number() && a.columns() == 1) return power(a.constant[0], b);
  if (op != "Div") return std::nullopt;
  if (a.outer == Outer::kPower && b.outer == Outer::kPowerSum) return shares(a, b);
  if (!b.is_number()) return std::nullopt;
  Row factors = b.constant;
  for (double& f : factors) {
    if (f == 0) return std::nullopt;
    f = 1 / f;
  }
  return scaled(a, factors);
}

std::optional<TreeScore> evaluate_linear(const Graph& graph, const Node& node, const std::vector<TreeScore>& operands) {
  const std::string& op = node.op;
  const TreeScore& first = operands[0];
  const int64_t type = op == "Cast" ? node.integer("to", 0) : 0;
  if (op == "Identity" || op == "ZipMap" || type == kFloat32 || type == kFloat64) return first;
  if (op == "Reshape") return reshaped(graph, node, first);
  if (op == "Flatten" && is_row_axis(node.integer("axis", 1))) return first;
  if (op == "Neg") return scaled(first, {-1});
  if (op == "Exp") return power(std::numbers::e, first);
  if (op == "Add" || op == "Sum") return sum(operands);
  if (op == "Mean") {
    const auto total = sum(operands);
    return total ? scaled(*total, {1 / static_cast<double>(operands.size())}) : std::nullopt;
  }
  if (op == "Concat" && is_row_axis(node.integer("axis", 0))) return joined_columns(operands);
  if (op == "ReduceSum" || op == "ReduceMean") return row_sum(graph, node, first);
  if (op == "Gather" || op == "ArrayFeatureExtractor") return gathered(graph, node, first);
  return operands.size() == 2 ? evaluate_pair(node, first, operands[1]) : std::nullopt;
}

/// Any function of rows, where all depends on one tree.
std::optional<TreeScore> evaluate_on_leaves(const Graph& graph, const Node& node,
                                            const std::vector<TreeScore>& operands) {
  std::optional<size_t> tree;
  size_t leaves = 0, columns = 1;
  for (const TreeScore& score : operands) {
    if (score.outer != Outer::kNone || score.trees.size() > 1) return std::nullopt;
    columns = std::max(columns, score.columns());
    if (score.is_number()) continue;
    if (tree && *tree != score.trees.begin()->first) return std::nullopt;
    tree = score.trees.begin()->first;
    leaves = score.trees.begin()->second.size() / score.columns();
  }
  for (const TreeScore& score : operands) {
    if (score.columns() != 1 && score.columns() != columns) return std::nullopt;
  }
  const RowFunction function = row_function(graph, node, operands.size());
  if (!tree || !function) return std::nullopt;
  TreeScore result;
  Row& rows = result.trees[*tree];
  std::vector<Row> arguments(operands.size());
  for (size_t leaf = 0; leaf < leaves; ++leaf) {
    for (size_t i = 0; i < operands.size(); ++i) {
      arguments[i] = operands[i].constant;
      if (operands[i].is_number()) continue;
      const double* values = &operands[i].trees.begin()->second[leaf * operands[i].columns()];
      for (size_t k = 0; k < arguments[i].size(); ++k) arguments[i][k] += values[k];
    }
    const Row answer = function(arguments);
    rows.insert(rows.end(), answer.begin(), answer.end());
    result.constant.assign(answer.size(), 0);
  }
  return result;
}

}  // namespace

int64_t TreeScore::size() const {
  auto numbers = static_cast<int64_t>(columns());
  for (const auto& [tree, rows] : trees) numbers += static_cast<int64_t>(rows.size());
  return numbers;
}

double TreeScore::lower_bound() const {
  if (outer != Outer::kPowerSum || base <= 1) return -std::numeric_limits<double>::infinity();
  // Of numbers with a given sum, equal ones have the least sum of powers.
  const auto row_sum = [&](const double* row) {
    double total = 0;
    for (size_t k = 0; k < columns(); ++k) total += row[k];
    return total;
  };
  double least = row_sum(constant.data());
  for (const auto& [tree, rows] : trees) {
    double of_tree = std::numeric_limits<double>::infinity();
    for (size_t i = 0; i < rows.size(); i += columns()) of_tree = std::min(of_tree, row_sum(&rows[i]));
    least += of_tree;
  }
  const auto n = static_cast<double>(columns());
  return n * std::pow(base, least / n) + offset;
}

std::optional<TreeScore> evaluate_on_trees(const Graph& graph, const Node& node,
                                           const std::vector<TreeScore>& operands) {
  if (auto linear = evaluate_linear(graph, node, operands)) return linear;
  return evaluate_on_leaves(graph, node, operands);
}

}  // namespace strobe::import::onnx_ir
