#include <cmath>
#include <functional>
#include <numeric>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "kernels/import/onnx_graph.h"

namespace strobe::import::onnx_ir {
namespace {

std::vector<int64_t> strides_of(const Shape& shape) {
  std::vector<int64_t> strides(shape.size(), 1);
  for (size_t i = shape.size(); i-- > 1;) strides[i - 1] = strides[i] * shape[i];
  return strides;
}

/// Strides to walk `shape` as if it had `target`'s extents: 0 along broadcast axes.
std::vector<int64_t> broadcast_strides(const Shape& shape, const Shape& target) {
  std::vector<int64_t> own = strides_of(shape), out(target.size(), 0);
  size_t offset = target.size() - shape.size();
  for (size_t i = 0; i < shape.size(); ++i) out[offset + i] = shape[i] == 1 ? 0 : own[i];
  return out;
}

/// The offsets of a walk over `shape` with these strides, in row-major order.
std::vector<int64_t> walk(const Shape& shape, const std::vector<int64_t>& strides) {
  int64_t count = checked_elements(shape);
  std::vector<int64_t> offsets(count < 0 ? 0 : static_cast<size_t>(count));
  Shape index(shape.size(), 0);
  int64_t offset = 0;
  for (auto& out : offsets) {
    out = offset;
    for (size_t d = shape.size(); d-- > 0;) {
      offset += strides[d];
      if (++index[d] < shape[d]) break;
      offset -= strides[d] * shape[d];
      index[d] = 0;
    }
  }
  return offsets;
}

// Double arithmetic followed by one rounding to float equals float arithmetic for + - * / and sqrt.
double rounded(double value, Element element) {
  if (element == Element::kFloat32) return static_cast<float>(value);
  if (element == Element::kInteger) return std::trunc(value);
  return value;
}

using Binary = double (*)(double, double);
Binary binary_of(const std::string& op) {
  if (op == "Add" || op == "Sum") return [](double a, double b) { return a + b; };
  if (op == "Sub") return [](double a, double b) { return a - b; };
  if (op == "Mul") return [](double a, double b) { return a * b; };
  if (op == "Div") return [](double a, double b) { return a / b; };
  if (op == "Pow") return [](double a, double b) { return std::pow(a, b); };
  if (op == "Max") return [](double a, double b) { return std::max(a, b); };
  if (op == "Min") return [](double a, double b) { return std::min(a, b); };
  return nullptr;
}

using Unary = double (*)(double);
Unary unary_of(const std::string& op) {
  if (op == "Sqrt") return [](double a) { return std::sqrt(a); };
  if (op == "Neg") return [](double a) { return -a; };
  if (op == "Abs") return [](double a) { return std::abs(a); };
  if (op == "Reciprocal") return [](double a) { return 1.0 / a; };
  if (op == "Exp") return [](double a) { return std::exp(a); };
  if (op == "Log") return [](double a) { return std::log(a); };
  if (op == "Floor") return [](double a) { return std::floor(a); };
  if (op == "Ceil") return [](double a) { return std::ceil(a); };
  if (op == "Relu") return [](double a) { return std::max(a, 0.0); };
  if (op == "Sign") return [](double a) { return a > 0 ? 1.0 : a < 0 ? -1.0 : 0.0; };
  if (op == "Identity" || op == "Dropout") return [](double a) { return a; };
  return nullptr;
}

absl::StatusOr<Value> fold_binary(const Node& node, Binary function, const Value& a, const Value& b) {
  absl::StatusOr<Shape> shape = broadcast(a.shape, b.shape, node);
  if (!shape.ok()) return shape.status();
  if (checked_elements(*shape) < 0)
    return absl::InvalidArgumentError(
        absl::StrCat(node.label(), ": a constant of shape ", shape_text(*shape), " is too large"));
  Value out{.shape = *shape, .element = a.element};
  std::vector<int64_t> left = walk(*shape, broadcast_strides(a.shape, *shape));
  std::vector<int64_t> right = walk(*shape, broadcast_strides(b.shape, *shape));
  out.data.resize(left.size());
  for (size_t i = 0; i < left.size(); ++i) {
    double divisor = b.data[right[i]];
    if (a.element == Element::kInteger && node.op == "Div" && divisor == 0)
      return absl::InvalidArgumentError(absl::StrCat(node.label(), ": division of an integer constant by zero"));
    out.data[i] = rounded(function(a.data[left[i]], divisor), out.element);
  }
  return out;
}

absl::StatusOr<Value> fold_cast(const Node& node, Value value) {
  switch (node.integer("to", 1)) {  // TensorProto.DataType
    case 1:
    case 10:
    case 16:
      value.element = Element::kFloat32;
      break;
    case 11:
      value.element = Element::kFloat64;
      break;
    case 9:
      value.element = Element::kBool;
      break;
    case 2:
    case 3:
    case 4:
    case 5:
    case 6:
    case 7:
    case 12:
    case 13:
      value.element = Element::kInteger;
      break;
    default:
      return absl::UnimplementedError(absl::StrCat(node.label(), ": cast to element type ", node.integer("to", 1)));
  }
  for (double& v : value.data) v = value.element == Element::kBool ? double(v != 0) : rounded(v, value.element);
  return value;
}

absl::StatusOr<Value> fold_gather(const Node& node, const Value& data, const Value& indices) {
  absl::StatusOr<int64_t> axis = normal_axis(node.integer("axis", 0), data.shape.size(), node);
  if (!axis.ok()) return axis.status();
  Value out{.element = data.element};
  out.shape.assign(data.shape.begin(), data.shape.begin() + *axis);
  out.shape.insert(out.shape.end(), indices.shape.begin(), indices.shape.end());
  out.shape.insert(out.shape.end(), data.shape.begin() + *axis + 1, data.shape.end());
  int64_t count = checked_elements(out.shape);
  if (count < 0)
    return absl::InvalidArgumentError(
        absl::StrCat(node.label(), ": a constant of shape ", shape_text(out.shape), " is too large"));
  int64_t extent = data.shape[*axis];
  int64_t inner = std::accumulate(data.shape.begin() + *axis + 1, data.shape.end(), int64_t{1}, std::multiplies<>());
  int64_t outer = std::accumulate(data.shape.begin(), data.shape.begin() + *axis, int64_t{1}, std::multiplies<>());
  out.data.reserve(static_cast<size_t>(count));
  for (int64_t o = 0; o < outer; ++o) {
    for (double raw_index : indices.data) {
      if (!(raw_index >= -static_cast<double>(extent) && raw_index < static_cast<double>(extent)))
        return absl::InvalidArgumentError(
            absl::StrCat(node.label(), ": index ", raw_index, " is outside an axis of ", extent));
      int64_t index = static_cast<int64_t>(raw_index) + (raw_index < 0 ? extent : 0);
      auto first = data.data.begin() + (o * extent + index) * inner;
      out.data.insert(out.data.end(), first, first + inner);
    }
  }
  return out;
}

absl::StatusOr<Value> fold_concat(const Node& node, const Graph& graph) {
  absl::StatusOr<Shape> shape = infer_shape(node, graph);
  if (!shape.ok()) return shape.status();
  if (checked_elements(*shape) < 0)
    return absl::InvalidArgumentError(
        absl::StrCat(node.label(), ": a constant of shape ", shape_text(*shape), " is too large"));
  int64_t axis = normal_axis(node.integer("axis", 1), shape->size(), node).value();
  int64_t outer = std::accumulate(shape->begin(), shape->begin() + axis, int64_t{1}, std::multiplies<>());
  Value out{.shape = *shape, .element = graph.constant(node.input(0))->element};
  for (int64_t o = 0; o < outer; ++o) {
    for (const std::string& name : node.inputs) {
      const Value& part = *graph.constant(name);
      int64_t chunk = static_cast<int64_t>(part.data.size()) / outer;
      out.data.insert(out.data.end(), part.data.begin() + o * chunk, part.data.begin() + (o + 1) * chunk);
    }
  }
  return out;
}

absl::StatusOr<Value> fold_matmul(const Node& node, const Graph& graph) {
  const Value &a = *graph.constant(node.input(0)), &b = *graph.constant(node.input(1));
  absl::StatusOr<Shape> shape = infer_shape(node, graph);
  if (!shape.ok()) return shape.status();
  constexpr int64_t kMaxProducts = int64_t{1} << 30;
  int64_t count = checked_elements(*shape);
  if (a.shape.size() != 2 || b.shape.size() != 2 || count < 0 ||
      count > kMaxProducts / std::max<int64_t>(a.shape[1], 1))
    return absl::UnimplementedError(
        absl::StrCat(node.label(), ": product of constants ", shape_text(a.shape), " and ", shape_text(b.shape)));
  Value out{.shape = *shape, .data = std::vector<double>(static_cast<size_t>(count), 0.0), .element = a.element};
  int64_t rows = a.shape[0], inner = a.shape[1], columns = b.shape[1];
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t k = 0; k < inner; ++k)
      for (int64_t c = 0; c < columns; ++c)
        out.data[r * columns + c] += a.data[r * inner + k] * b.data[k * columns + c];
  for (double& v : out.data) v = rounded(v, out.element);
  return out;
}

absl::StatusOr<Value> fold_constant_node(const Node& node) {
  if (const ValuePtr* tensor = node.attribute<ValuePtr>("value")) return **tensor;
  if (const double* v = node.attribute<double>("value_float")) return Value{{}, {*v}, Element::kFloat32};
  if (const int64_t* v = node.attribute<int64_t>("value_int")) return Value{{}, {double(*v)}, Element::kInteger};
  if (const auto* v = node.attribute<std::vector<double>>("value_floats"))
    return Value{{static_cast<int64_t>(v->size())}, *v, Element::kFloat32};
  if (const auto* v = node.attribute<std::vector<int64_t>>("value_ints"))
    return Value{{static_cast<int64_t>(v->size())}, std::vector<double>(v->begin(), v->end()), Element::kInteger};
  return absl::UnimplementedError(absl::StrCat(node.label(), ": expected a tensor or plain numbers as its value"));
}

bool changes_shape_only(const std::string& op) {
  return op == "Reshape" || op == "Flatten" || op == "Squeeze" || op == "Unsqueeze";
}

absl::StatusOr<Value> fold_nary(const Node& node, Binary function, const Graph& graph) {
  Value out = *graph.constant(node.input(0));
  for (size_t i = 1; i < node.inputs.size(); ++i) {
    absl::StatusOr<Value> next = fold_binary(node, function, out, *graph.constant(node.inputs[i]));
    if (!next.ok()) return next;
    out = *std::move(next);
  }
  return out;
}

}  // namespace

Value transpose(const Value& value, const std::vector<int64_t>& permutation) {
  std::vector<int64_t> own = strides_of(value.shape), strides;
  Value out{.element = value.element};
  for (int64_t axis : permutation) {
    out.shape.push_back(value.shape[axis]);
    strides.push_back(own[axis]);
  }
  std::vector<int64_t> offsets = walk(out.shape, strides);
  out.data.resize(offsets.size());
  for (size_t i = 0; i < offsets.size(); ++i) out.data[i] = value.data[offsets[i]];
  return out;
}

absl::StatusOr<Value> fold(const Node& node, const Graph& graph) {
  if (node.op == "Constant") return fold_constant_node(node);
  if (node.inputs.empty() || node.input(0).empty())
    return absl::InvalidArgumentError(absl::StrCat(node.label(), " has no input"));
  const Value& first = *graph.constant(node.input(0));
  if (Unary function = unary_of(node.op)) {
    Value out = first;
    for (double& v : out.data) v = rounded(function(v), out.element);
    return out;
  }
  if (Binary function = binary_of(node.op)) return fold_nary(node, function, graph);
  if (node.op == "Cast") return fold_cast(node, first);
  if (node.op == "MatMul") return fold_matmul(node, graph);
  if (node.op == "Concat") return fold_concat(node, graph);
  if (node.op == "Shape") {
    Value out{{static_cast<int64_t>(first.shape.size())}, {}, Element::kInteger};
    out.data.assign(first.shape.begin(), first.shape.end());
    return out;
  }
  if (node.op == "Gather" && node.inputs.size() == 2) return fold_gather(node, first, *graph.constant(node.inputs[1]));
  if (node.op == "Transpose") {
    absl::StatusOr<std::vector<int64_t>> permutation = permutation_of(node, first.shape.size());
    if (!permutation.ok()) return permutation.status();
    return transpose(first, *permutation);
  }
  if (changes_shape_only(node.op)) {
    absl::StatusOr<Shape> shape = infer_shape(node, graph);
    if (!shape.ok()) return shape.status();
    Value out = first;
    out.shape = *shape;
    return out;
  }
  return absl::UnimplementedError(absl::StrCat(node.label(), " on constants is not supported"));
}

}  // namespace strobe::import::onnx_ir
