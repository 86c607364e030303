#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <set>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "kernels/import/onnx_graph.h"

namespace strobe::import::onnx_ir {
namespace {

// One result of the first input's shape, element by element.
constexpr std::array kElementwise = {
    "Relu",         "LeakyRelu", "Sigmoid",           "Tanh",  "Softmax", "Elu",
    "Selu",         "Softplus",  "Softsign",          "PRelu", "Clip",    "HardSigmoid",
    "Identity",     "Dropout",   "ThresholdedRelu",   "Cast",  "Quant",   "IntQuant",
    "BipolarQuant", "Trunc",     "BatchNormalization"};
constexpr std::array kBroadcast = {"Add", "Sub", "Mul", "Div", "Max", "Min", "Sum", "Mean"};
constexpr const char* kOthers =
    "MatMul, Gemm, Transpose, Reshape, Flatten, Squeeze, Unsqueeze, Concat, Constant, "
    "TreeEnsembleClassifier, TreeEnsembleRegressor, TreeEnsemble";

template <typename List>
bool contains(const List& list, const std::string& op) {
  return std::find(list.begin(), list.end(), op) != list.end();
}

absl::StatusOr<Shape> input_shape(const Node& node, size_t i, const Graph& graph) {
  const std::string& tensor = node.input(i);
  if (const Value* constant = graph.constant(tensor)) return constant->shape;
  auto it = graph.shapes.find(tensor);
  if (tensor.empty() || it == graph.shapes.end())
    return absl::InvalidArgumentError(absl::StrCat(node.label(), " lacks input ", i, " ('", tensor, "')"));
  return it->second;
}

absl::StatusOr<Shape> matmul_shape(const Shape& a, const Shape& b, const Node& node) {
  if (a.size() < 2 || b.size() < 2 || a.back() != b[b.size() - 2]) {
    return absl::InvalidArgumentError(absl::StrCat(node.label(), ": cannot multiply ", shape_text(a), " by ",
                                                   shape_text(b),
                                                   "; expected the last extent of the first to be the last but one of "
                                                   "the second"));
  }
  absl::StatusOr<Shape> outer = broadcast(Shape(a.begin(), a.end() - 2), Shape(b.begin(), b.end() - 2), node);
  if (!outer.ok()) return outer.status();
  outer->push_back(a[a.size() - 2]);
  outer->push_back(b.back());
  return outer;
}

absl::StatusOr<Shape> gemm_shape(Shape a, Shape b, const Node& node) {
  if (a.size() != 2 || b.size() != 2)
    return absl::InvalidArgumentError(
        absl::StrCat(node.label(), ": expected two matrices, found ", shape_text(a), " and ", shape_text(b)));
  if (node.integer("transA", 0)) std::swap(a[0], a[1]);
  if (node.integer("transB", 0)) std::swap(b[0], b[1]);
  return matmul_shape(a, b, node);
}

absl::StatusOr<Shape> concat_shape(const Node& node, const Graph& graph) {
  absl::StatusOr<Shape> shape = input_shape(node, 0, graph);
  if (!shape.ok()) return shape;
  absl::StatusOr<int64_t> axis = normal_axis(node.integer("axis", 1), shape->size(), node);
  if (!axis.ok()) return axis.status();
  for (size_t i = 1; i < node.inputs.size(); ++i) {
    absl::StatusOr<Shape> next = input_shape(node, i, graph);
    if (!next.ok()) return next;
    bool fits = next->size() == shape->size();
    for (size_t d = 0; fits && d < shape->size(); ++d)
      fits = static_cast<int64_t>(d) == *axis || (*next)[d] == (*shape)[d];
    if (!fits)
      return absl::InvalidArgumentError(absl::StrCat(node.label(), ": cannot join ", shape_text(*shape), " and ",
                                                     shape_text(*next), " along axis ", *axis));
    (*shape)[*axis] += (*next)[*axis];
  }
  return shape;
}

absl::StatusOr<Shape> flatten_shape(const Shape& shape, const Node& node) {
  int64_t axis = node.integer("axis", 1);
  if (axis < 0) axis += static_cast<int64_t>(shape.size());
  if (axis < 0 || axis > static_cast<int64_t>(shape.size()))
    return absl::InvalidArgumentError(
        absl::StrCat(node.label(), ": axis ", axis, " is outside a tensor of rank ", shape.size()));
  auto product = [](auto first, auto last) { return std::accumulate(first, last, int64_t{1}, std::multiplies<>()); };
  return Shape{product(shape.begin(), shape.begin() + axis), product(shape.begin() + axis, shape.end())};
}

absl::StatusOr<Shape> squeeze_shape(const Shape& shape, const Node& node, const Graph& graph) {
  absl::StatusOr<std::vector<int64_t>> axes = axes_of(node, graph);
  if (!axes.ok()) return axes.status();
  std::set<int64_t> drop;
  for (int64_t axis : *axes) {
    absl::StatusOr<int64_t> normal = normal_axis(axis, shape.size(), node);
    if (!normal.ok()) return normal.status();
    if (shape[*normal] != 1)
      return absl::InvalidArgumentError(
          absl::StrCat(node.label(), ": axis ", *normal, " of ", shape_text(shape), " is not 1"));
    drop.insert(*normal);
  }
  Shape out;
  for (size_t d = 0; d < shape.size(); ++d) {
    bool dropped = axes->empty() ? shape[d] == 1 && d != 0 : drop.count(static_cast<int64_t>(d)) > 0;
    if (!dropped) out.push_back(shape[d]);
  }
  return out;
}

absl::StatusOr<Shape> unsqueeze_shape(const Shape& shape, const Node& node, const Graph& graph) {
  absl::StatusOr<std::vector<int64_t>> axes = axes_of(node, graph);
  if (!axes.ok()) return axes.status();
  size_t rank = shape.size() + axes->size();
  std::set<int64_t> added;
  for (int64_t axis : *axes) {
    absl::StatusOr<int64_t> normal = normal_axis(axis, rank, node);
    if (!normal.ok()) return normal.status();
    if (!added.insert(*normal).second)
      return absl::InvalidArgumentError(absl::StrCat(node.label(), ": axis ", *normal, " is named twice"));
  }
  Shape out;
  size_t next = 0;
  for (size_t d = 0; d < rank; ++d) out.push_back(added.count(static_cast<int64_t>(d)) ? 1 : shape[next++]);
  return out;
}

absl::StatusOr<Shape> reshape_shape(const Shape& shape, const Node& node, const Graph& graph) {
  std::vector<int64_t> target;
  if (const auto* attribute = node.attribute<std::vector<int64_t>>("shape")) {
    target = *attribute;
  } else if (const Value* constant = graph.constant(node.input(1))) {
    absl::StatusOr<std::vector<int64_t>> integers = integers_of(*constant, node);
    if (!integers.ok()) return integers.status();
    target = *std::move(integers);
  } else {
    return absl::UnimplementedError(
        absl::StrCat(node.label(), ": the target shape '", node.input(1), "' is not a constant"));
  }
  int64_t file_batch = graph.inputs.empty() ? -1 : graph.inputs[0].file_batch;
  return resolve_reshape(shape, target, node.integer("allowzero", 0) == 0, file_batch, node);
}

}  // namespace

std::string Node::label() const {
  return name.empty() ? absl::StrCat("operator ", op) : absl::StrCat("node '", name, "' (", op, ")");
}

int64_t checked_elements(const Shape& shape) {
  int64_t count = 1;
  bool empty = false;
  for (int64_t extent : shape) {
    if (extent < 0) return -1;
    empty = empty || extent == 0;
    if (extent != 0 && count > kMaxElements / extent)
      return -1;  // also keeps strides of empty tensors from overflowing
    if (extent != 0) count *= extent;
  }
  return empty ? 0 : count;
}

std::string shape_text(const Shape& shape) { return absl::StrCat("[", absl::StrJoin(shape, ", "), "]"); }

bool is_quantiser(const Node& node) {
  return node.op == "Quant" || node.op == "IntQuant" || node.op == "BipolarQuant" || node.op == "Trunc";
}

absl::StatusOr<Shape> broadcast(const Shape& a, const Shape& b, const Node& node) {
  Shape out(std::max(a.size(), b.size()), 1);
  for (size_t i = 0; i < out.size(); ++i) {
    int64_t x = i < a.size() ? a[a.size() - 1 - i] : 1;
    int64_t y = i < b.size() ? b[b.size() - 1 - i] : 1;
    if (x != y && x != 1 && y != 1)
      return absl::InvalidArgumentError(
          absl::StrCat(node.label(), ": shapes ", shape_text(a), " and ", shape_text(b), " do not broadcast"));
    out[out.size() - 1 - i] = x == 1 ? y : x;
  }
  return out;
}

absl::StatusOr<int64_t> normal_axis(int64_t axis, size_t rank, const Node& node) {
  int64_t limit = static_cast<int64_t>(rank);
  if (axis < -limit || axis >= limit)
    return absl::InvalidArgumentError(
        absl::StrCat(node.label(), ": axis ", axis, " is outside a tensor of rank ", rank));
  return axis < 0 ? axis + limit : axis;
}

absl::StatusOr<std::vector<int64_t>> axes_of(const Node& node, const Graph& graph) {
  if (const auto* axes = node.attribute<std::vector<int64_t>>("axes")) return *axes;
  if (node.input(1).empty()) return std::vector<int64_t>{};
  const Value* axes = graph.constant(node.input(1));
  if (!axes)
    return absl::UnimplementedError(absl::StrCat(node.label(), ": the axes '", node.input(1), "' are not a constant"));
  return integers_of(*axes, node);
}

absl::StatusOr<std::vector<int64_t>> integers_of(const Value& value, const Node& node) {
  std::vector<int64_t> out;
  for (double v : value.data) {
    if (!(std::abs(v) <= 9007199254740992.0) || v != std::trunc(v))
      return absl::InvalidArgumentError(
          absl::StrCat(node.label(), ": expected whole numbers (a shape or axes), found ", v));
    out.push_back(static_cast<int64_t>(v));
  }
  return out;
}

absl::StatusOr<std::vector<int64_t>> permutation_of(const Node& node, size_t rank) {
  std::vector<int64_t> permutation(rank);
  for (size_t i = 0; i < rank; ++i) permutation[i] = static_cast<int64_t>(rank - 1 - i);
  if (const auto* perm = node.attribute<std::vector<int64_t>>("perm")) permutation = *perm;
  std::vector<int64_t> sorted = permutation;
  std::sort(sorted.begin(), sorted.end());
  std::vector<int64_t> expected(rank);
  std::iota(expected.begin(), expected.end(), 0);
  if (sorted != expected)
    return absl::InvalidArgumentError(
        absl::StrCat(node.label(), ": ", shape_text(permutation), " does not permute ", rank, " axes"));
  return permutation;
}

absl::StatusOr<Shape> resolve_reshape(const Shape& input, const std::vector<int64_t>& target, bool allow_zero,
                                      int64_t file_batch, const Node& node) {
  int64_t total = checked_elements(input);
  Shape out;
  int64_t open = -1;
  auto impossible = [&] {
    return absl::InvalidArgumentError(
        absl::StrCat(node.label(), ": cannot reshape ", shape_text(input), " to ", shape_text(target)));
  };
  for (size_t i = 0; i < target.size(); ++i) {
    int64_t extent = target[i];
    if (extent == 0 && allow_zero) extent = i < input.size() ? input[i] : -2;
    if (i == 0 && extent == file_batch && file_batch > 1) extent = 1;
    if (extent < -1 || (extent == -1 && open >= 0)) return impossible();
    if (extent == -1) open = static_cast<int64_t>(i);
    out.push_back(extent == -1 ? 1 : extent);
  }
  int64_t known = checked_elements(out);
  if (known < 0 || total < 0) return impossible();
  if (open >= 0) {
    if (known == 0 || total % known != 0) return impossible();
    out[open] = total / known;
  }
  if (checked_elements(out) != total) return impossible();
  return out;
}

absl::StatusOr<Shape> infer_shape(const Node& node, const Graph& graph) {
  absl::StatusOr<Shape> first = input_shape(node, 0, graph);
  if (!first.ok()) return first;
  if (node.forest != nullptr) {
    if (first->size() != 2) {
      return absl::InvalidArgumentError(
          absl::StrCat(node.label(), ": expected rows of features, found shape ", shape_text(*first)));
    }
    return Shape{(*first)[0], node.forest->outputs};
  }
  if (contains(kElementwise, node.op)) return first;
  if (contains(kBroadcast, node.op)) {
    absl::StatusOr<Shape> shape = first;
    for (size_t i = 1; i < node.inputs.size() && shape.ok(); ++i) {
      absl::StatusOr<Shape> next = input_shape(node, i, graph);
      if (!next.ok()) return next;
      shape = broadcast(*shape, *next, node);
    }
    return shape;
  }
  if (node.op == "MatMul" || node.op == "Gemm") {
    absl::StatusOr<Shape> second = input_shape(node, 1, graph);
    if (!second.ok()) return second;
    return node.op == "MatMul" ? matmul_shape(*first, *second, node) : gemm_shape(*first, *second, node);
  }
  if (node.op == "Transpose") {
    absl::StatusOr<std::vector<int64_t>> permutation = permutation_of(node, first->size());
    if (!permutation.ok()) return permutation.status();
    Shape out;
    for (int64_t axis : *permutation) out.push_back((*first)[axis]);
    return out;
  }
  if (node.op == "Reshape") return reshape_shape(*first, node, graph);
  if (node.op == "Flatten") return flatten_shape(*first, node);
  if (node.op == "Squeeze") return squeeze_shape(*first, node, graph);
  if (node.op == "Unsqueeze") return unsqueeze_shape(*first, node, graph);
  if (node.op == "Concat") return concat_shape(node, graph);
  return absl::UnimplementedError(absl::StrCat(
      node.label(), node.domain.empty() ? "" : absl::StrCat(" of domain ", node.domain),
      " is not supported; supported: ", absl::StrJoin(kElementwise, ", "), ", ", absl::StrJoin(kBroadcast, ", "), ", ",
      kOthers, "; on constants also Shape, Gather, Pow, Sqrt, Neg, Abs, Reciprocal, Exp, Log, Floor, Ceil, Sign"));
}

}  // namespace strobe::import::onnx_ir
