#include <algorithm>
#include <cmath>
#include <unordered_map>

#include "kernels/import/onnx_tree_scores.h"

namespace strobe::import::onnx_ir {
namespace {

using Row = TreeScore::Row;
using Args = const std::vector<double>&;
using NumberFunction = std::function<double(Args)>;

NumberFunction cast_to(int64_t type) {
  constexpr int64_t kFloat = 1, kBool = 9, kDouble = 11;
  if (type == kFloat || type == kDouble) return [](Args x) { return x[0]; };
  if (type == kBool) return [](Args x) { return x[0] != 0 ? 1.0 : 0.0; };
  if (type >= 2 && type <= 13 && type != 8 && type != 10) return [](Args x) { return std::trunc(x[0]); };
  return nullptr;
}

std::vector<double> list_of(const Node& node, const char* floats, const char* integers) {
  if (const auto* list = node.attribute<std::vector<double>>(floats)) return *list;
  if (const auto* list = node.attribute<std::vector<int64_t>>(integers)) return {list->begin(), list->end()};
  return {};
}

NumberFunction table_of(const Node& node) {
  const std::vector<double> keys = list_of(node, "keys_floats", "keys_int64s");
  const std::vector<double> values = list_of(node, "values_floats", "values_int64s");
  if (keys.empty() || keys.size() != values.size()) return nullptr;
  const bool floats = node.attribute<std::vector<double>>("values_floats") != nullptr;
  const double otherwise =
      floats ? node.real("default_float", -0.0) : static_cast<double>(node.integer("default_int64", -1));
  std::unordered_map<double, double> table;
  for (size_t i = 0; i < keys.size(); ++i) table[keys[i]] = values[i];
  return [table = std::move(table), otherwise](Args x) {
    const auto found = table.find(x[0]);
    return found == table.end() ? otherwise : found->second;
  };
}

NumberFunction function_of_pairs(const std::string& op) {
  if (op == "Mul") return [](Args x) { return x[0] * x[1]; };
  if (op == "Div") return [](Args x) { return x[0] / x[1]; };
  if (op == "Pow") return [](Args x) { return std::pow(x[0], x[1]); };
  if (op == "Greater") return [](Args x) { return x[0] > x[1] ? 1.0 : 0.0; };
  if (op == "GreaterOrEqual") return [](Args x) { return x[0] >= x[1] ? 1.0 : 0.0; };
  if (op == "Less") return [](Args x) { return x[0] < x[1] ? 1.0 : 0.0; };
  if (op == "LessOrEqual") return [](Args x) { return x[0] <= x[1] ? 1.0 : 0.0; };
  if (op == "Equal") return [](Args x) { return x[0] == x[1] ? 1.0 : 0.0; };
  return nullptr;
}

NumberFunction number_function(const Node& node, size_t operands) {
  const std::string& op = node.op;
  if (op == "Max") return [](Args x) { return *std::max_element(x.begin(), x.end()); };
  if (op == "Min") return [](Args x) { return *std::min_element(x.begin(), x.end()); };
  if (op == "Where" && operands == 3) return [](Args x) { return x[0] != 0 ? x[1] : x[2]; };
  if (operands == 2) return function_of_pairs(op);
  if (operands != 1) return nullptr;
  if (op == "Log") return [](Args x) { return std::log(x[0]); };
  if (op == "Exp") return [](Args x) { return std::exp(x[0]); };
  if (op == "Cast") return cast_to(node.integer("to", 0));
  if (op == "LabelEncoder") return table_of(node);
  return nullptr;
}

/// Number by number; rows of one number count for every column.
RowFunction elementwise(NumberFunction function) {
  return [function = std::move(function)](const std::vector<Row>& rows) {
    size_t width = 1;
    for (const Row& row : rows) width = std::max(width, row.size());
    Row result(width);
    std::vector<double> arguments(rows.size());
    for (size_t k = 0; k < width; ++k) {
      for (size_t i = 0; i < rows.size(); ++i) arguments[i] = rows[i][rows[i].size() == 1 ? 0 : k];
      result[k] = function(arguments);
    }
    return result;
  };
}

/// The first of the largest, as ONNX and numpy choose.
RowFunction arg_max(const Node& node) {
  const int64_t axis = node.integer("axis", 0);
  if ((axis != 1 && axis != -1) || node.integer("select_last_index", 0) != 0) return nullptr;
  return [](const std::vector<Row>& rows) {
    return Row{static_cast<double>(std::max_element(rows[0].begin(), rows[0].end()) - rows[0].begin())};
  };
}

/// Its bounds are attributes up to opset 10, then inputs, either of which may be left out.
RowFunction clip(const Graph& graph, const Node& node) {
  double low = node.real("min", -INFINITY), high = node.real("max", INFINITY);
  for (const auto& [index, bound] : {std::pair{size_t{1}, &low}, std::pair{size_t{2}, &high}}) {
    if (node.input(index).empty()) continue;
    const Value* value = graph.constant(node.input(index));
    if (value == nullptr || value->data.size() != 1) return nullptr;
    *bound = value->data[0];
  }
  return elementwise([low, high](Args x) { return std::min(std::max(x[0], low), high); });
}

}  // namespace

RowFunction row_function(const Graph& graph, const Node& node, size_t operands) {
  if (node.op == "ArgMax" && operands == 1) return arg_max(node);
  if (node.op == "Clip" && operands == 1) return clip(graph, node);
  NumberFunction function = number_function(node, operands);
  return function ? elementwise(std::move(function)) : nullptr;
}

}  // namespace strobe::import::onnx_ir
