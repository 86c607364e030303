#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <vector>

#include "kernels/import/onnx_graph.h"

/// Arithmetic on what trees give, done on their leaves instead of on events.
namespace strobe::import::onnx_ir {

/// The numbers that a tensor has for one event: a row, whose trees and constant are summed and then put through
/// `outer`.
struct TreeScore {
  enum class Outer : uint8_t {
    kNone,
    kPower,     ///< scale * base^sum + offset, of each column
    kPowerSum,  ///< the sum of base^sum over the columns, one number
    kShares,    ///< base^sum of each column, divided by their sum: a softmax
  };
  using Row = std::vector<double>;

  Row constant = {0};           ///< one number a column
  std::map<size_t, Row> trees;  ///< by the number of the tree: for each of its leaves a row
  Outer outer = Outer::kNone;
  double base = 0, scale = 1, offset = 0;

  size_t columns() const { return constant.size(); }
  /// Of the tensor.
  size_t width() const { return outer == Outer::kPowerSum ? 1 : columns(); }
  bool is_number() const { return trees.empty(); }
  /// How many numbers it holds.
  int64_t size() const;
  /// No event can have less than this; for kPowerSum with a base above 1, else -infinity.
  double lower_bound() const;
};

/// What an operator gives for `operands`, the rows of its inputs. Sums, multiples, choices of columns and the like are
/// for any number of trees; every other function of rows is for what depends on one tree alone; powers, and what makes
/// shares of them, may come last. Nothing where the arithmetic is another. `graph` has the constant parameters.
std::optional<TreeScore> evaluate_on_trees(const Graph& graph, const Node& node,
                                           const std::vector<TreeScore>& operands);

/// Functions of rows, one event at a time; nothing for an operator that is none, or with so many operands.
using RowFunction = std::function<TreeScore::Row(const std::vector<TreeScore::Row>&)>;
RowFunction row_function(const Graph& graph, const Node& node, size_t operands);

}  // namespace strobe::import::onnx_ir
