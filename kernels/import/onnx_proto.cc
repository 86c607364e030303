#include <cmath>
#include <cstring>
#include <limits>

#define ONNX_ML 1
#define ONNX_NAMESPACE onnx
#include <onnx/onnx_pb.h>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "kernels/import/onnx_graph.h"

namespace strobe::import::onnx_ir {
namespace {

using ::onnx::AttributeProto;
using ::onnx::TensorProto;

constexpr int64_t kMaxNodes = 1 << 20;

float half_to_float(uint16_t bits) {
  int exponent = (bits >> 10) & 0x1f;
  int mantissa = bits & 0x3ff;
  float magnitude = exponent == 31
                        ? (mantissa ? std::numeric_limits<float>::quiet_NaN() : std::numeric_limits<float>::infinity())
                    : exponent == 0 ? std::ldexp(static_cast<float>(mantissa), -24)
                                    : std::ldexp(static_cast<float>(mantissa | 0x400), exponent - 25);
  return bits & 0x8000 ? -magnitude : magnitude;
}

float bfloat_to_float(uint16_t bits) {
  uint32_t wide = static_cast<uint32_t>(bits) << 16;
  float value;
  std::memcpy(&value, &wide, sizeof(value));
  return value;
}

struct Half {
  uint16_t bits;
  explicit operator double() const { return half_to_float(bits); }
};
struct BFloat {
  uint16_t bits;
  explicit operator double() const { return bfloat_to_float(bits); }
};

template <typename T>
bool read_raw(const std::string& raw, size_t count, std::vector<double>& out) {
  if (raw.size() != count * sizeof(T)) return false;
  out.resize(count);
  for (size_t i = 0; i < count; ++i) {
    T value;
    std::memcpy(&value, raw.data() + i * sizeof(T), sizeof(T));
    out[i] = static_cast<double>(value);
  }
  return true;
}

template <typename T, typename Field>
bool read_field(const Field& field, size_t count, std::vector<double>& out) {
  if (static_cast<size_t>(field.size()) != count) return false;
  out.resize(count);
  for (size_t i = 0; i < count; ++i) out[i] = static_cast<double>(T(field.Get(static_cast<int>(i))));
  return true;
}

struct FieldHalf : Half {
  explicit FieldHalf(int32_t v) : Half{static_cast<uint16_t>(v)} {}
};
struct FieldBFloat : BFloat {
  explicit FieldBFloat(int32_t v) : BFloat{static_cast<uint16_t>(v)} {}
};

template <typename T, typename FieldT, typename Field>
bool read_numbers(const TensorProto& t, const Field& field, size_t count, std::vector<double>& out) {
  return t.has_raw_data() ? read_raw<T>(t.raw_data(), count, out) : read_field<FieldT>(field, count, out);
}

/// Fills `value.data` and `value.element`; Unimplemented for element types that hold no plain numbers.
absl::StatusOr<bool> read_data(const TensorProto& t, size_t count, Value& value) {
  auto& out = value.data;
  value.element = Element::kInteger;
  switch (t.data_type()) {
    case TensorProto::FLOAT:
      value.element = Element::kFloat32;
      return read_numbers<float, float>(t, t.float_data(), count, out);
    case TensorProto::DOUBLE:
      value.element = Element::kFloat64;
      return read_numbers<double, double>(t, t.double_data(), count, out);
    case TensorProto::FLOAT16:
      value.element = Element::kFloat32;
      return read_numbers<Half, FieldHalf>(t, t.int32_data(), count, out);
    case TensorProto::BFLOAT16:
      value.element = Element::kFloat32;
      return read_numbers<BFloat, FieldBFloat>(t, t.int32_data(), count, out);
    case TensorProto::INT8:
      return read_numbers<int8_t, int32_t>(t, t.int32_data(), count, out);
    case TensorProto::UINT8:
      return read_numbers<uint8_t, int32_t>(t, t.int32_data(), count, out);
    case TensorProto::INT16:
      return read_numbers<int16_t, int32_t>(t, t.int32_data(), count, out);
    case TensorProto::UINT16:
      return read_numbers<uint16_t, int32_t>(t, t.int32_data(), count, out);
    case TensorProto::INT32:
      return read_numbers<int32_t, int32_t>(t, t.int32_data(), count, out);
    case TensorProto::UINT32:
      return read_numbers<uint32_t, uint64_t>(t, t.uint64_data(), count, out);
    case TensorProto::INT64:
      return read_numbers<int64_t, int64_t>(t, t.int64_data(), count, out);
    case TensorProto::UINT64:
      return read_numbers<uint64_t, uint64_t>(t, t.uint64_data(), count, out);
    case TensorProto::BOOL:
      value.element = Element::kBool;
      return read_numbers<uint8_t, int32_t>(t, t.int32_data(), count, out);
    default:
      return absl::UnimplementedError(absl::StrCat(
          "constant '", t.name(), "': element type ", t.data_type(),
          " is not supported (supported: float16, bfloat16, float, double, signed and unsigned integers, bool)"));
  }
}

absl::Status refuse_external(const TensorProto& t) {
  if (t.data_location() != TensorProto::EXTERNAL && t.external_data_size() == 0) return absl::OkStatus();
  std::string file = "another file";
  for (const auto& entry : t.external_data())
    if (entry.key() == "location") file = absl::StrCat("'", entry.value(), "'");
  return absl::UnimplementedError(absl::StrCat("constant '", t.name(), "' keeps its numbers in ", file,
                                               ", expected them inside the .onnx file (save it again with "
                                               "onnx.save_model(model, path, save_as_external_data=False))"));
}

absl::StatusOr<ValuePtr> read_tensor(const TensorProto& t) {
  if (absl::Status s = refuse_external(t); !s.ok()) return s;
  if (t.has_segment()) return absl::UnimplementedError(absl::StrCat("constant '", t.name(), "' is stored in segments"));
  auto value = std::make_shared<Value>();
  value->shape.assign(t.dims().begin(), t.dims().end());
  int64_t count = checked_elements(value->shape);
  if (count < 0) {
    return absl::InvalidArgumentError(absl::StrCat("constant '", t.name(), "' has the impossible shape ",
                                                   shape_text(value->shape), " (at most ", kMaxElements, " elements)"));
  }
  absl::StatusOr<bool> read = read_data(t, static_cast<size_t>(count), *value);
  if (!read.ok()) return read.status();
  if (!*read) {
    return absl::InvalidArgumentError(absl::StrCat("constant '", t.name(), "' of shape ", shape_text(value->shape),
                                                   " should hold ", count,
                                                   " numbers, but its data has another length"));
  }
  if (value->element == Element::kInteger) {
    for (double v : value->data) {
      if (std::abs(v) > 9007199254740992.0) {
        return absl::UnimplementedError(
            absl::StrCat("constant '", t.name(), "' holds the integer ", v, ", beyond 2^53"));
      }
    }
  }
  return ValuePtr(std::move(value));
}

absl::Status read_attribute(const AttributeProto& a, Node& node) {
  Attribute value;
  switch (a.type()) {
    case AttributeProto::INT:
      value = int64_t{a.i()};
      break;
    case AttributeProto::FLOAT:
      value = double{a.f()};
      break;
    case AttributeProto::STRING:
      value = a.s();
      break;
    case AttributeProto::INTS:
      value = std::vector<int64_t>(a.ints().begin(), a.ints().end());
      break;
    case AttributeProto::FLOATS:
      value = std::vector<double>(a.floats().begin(), a.floats().end());
      break;
    case AttributeProto::STRINGS:
      value = std::vector<std::string>(a.strings().begin(), a.strings().end());
      break;
    case AttributeProto::TENSOR: {
      absl::StatusOr<ValuePtr> tensor = read_tensor(a.t());
      if (!tensor.ok()) return tensor.status();
      value = *std::move(tensor);
      break;
    }
    default:
      return absl::OkStatus();  // a subgraph or the like: its operator is refused by name later
  }
  node.attributes[a.name()] = std::move(value);
  return absl::OkStatus();
}

absl::StatusOr<Port> read_input(const ::onnx::ValueInfoProto& info) {
  Port port{.name = info.name(), .shape = {}};
  if (!info.type().has_tensor_type() || !info.type().tensor_type().has_shape()) {
    return absl::InvalidArgumentError(absl::StrCat("input '", info.name(), "' has no shape; expected [batch, ...]"));
  }
  for (const auto& dim : info.type().tensor_type().shape().dim())
    port.shape.push_back(dim.has_dim_value() && dim.dim_value() > 0 ? dim.dim_value() : -1);
  if (port.shape.size() < 2) {
    return absl::InvalidArgumentError(absl::StrCat("input '", info.name(), "' has shape ", shape_text(port.shape),
                                                   "; expected a batch axis and at least one more"));
  }
  port.file_batch = port.shape[0];
  port.shape[0] = 1;
  for (size_t i = 1; i < port.shape.size(); ++i) {
    if (port.shape[i] < 0) {
      return absl::InvalidArgumentError(absl::StrCat("input '", info.name(), "' leaves the extent of axis ", i,
                                                     " open; expected a number (export with static shapes)"));
    }
  }
  if (checked_elements(port.shape) < 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("input '", info.name(), "' has the impossible shape ", shape_text(port.shape)));
  }
  return port;
}

absl::StatusOr<Node> read_node(const ::onnx::NodeProto& proto) {
  Node node{.op = proto.op_type(), .domain = proto.domain(), .name = proto.name()};
  node.inputs.assign(proto.input().begin(), proto.input().end());
  node.outputs.assign(proto.output().begin(), proto.output().end());
  if (node.outputs.empty() || node.outputs[0].empty())
    return absl::InvalidArgumentError(absl::StrCat(node.label(), " has no output"));
  for (const auto& a : proto.attribute())
    if (absl::Status s = read_attribute(a, node); !s.ok())
      return absl::Status(s.code(), absl::StrCat(node.label(), ", attribute '", a.name(), "': ", s.message()));
  return node;
}

}  // namespace

absl::StatusOr<Graph> parse(std::string_view bytes, const std::string& name) {
  ::onnx::ModelProto model;
  if (bytes.size() > static_cast<size_t>(std::numeric_limits<int>::max()) ||
      !model.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return absl::InvalidArgumentError(
        "expected an ONNX model, found bytes that do not parse as one (truncated or another format)");
  }
  if (!model.has_graph() || model.graph().node_size() == 0)
    return absl::InvalidArgumentError("expected an ONNX model with a graph of at least one node, found none");
  const auto& proto = model.graph();
  if (proto.node_size() > kMaxNodes) return absl::InvalidArgumentError(absl::StrCat("more than ", kMaxNodes, " nodes"));
  if (proto.sparse_initializer_size() > 0) return absl::UnimplementedError("sparse constants are not supported");
  Graph graph{.name = name, .producer = absl::StrCat(model.producer_name(), " ", model.producer_version())};
  for (const auto& opset : model.opset_import())
    if (opset.domain().empty() || opset.domain() == "ai.onnx") graph.opset = opset.version();
  for (const auto& t : proto.initializer()) {
    if (t.data_type() == TensorProto::STRING) continue;  // names of classes: what makes labels of them is dropped
    absl::StatusOr<ValuePtr> value = read_tensor(t);
    if (!value.ok()) return value.status();
    if (!graph.constants.emplace(t.name(), *std::move(value)).second)
      return absl::InvalidArgumentError(absl::StrCat("constant '", t.name(), "' is defined twice"));
  }
  for (const auto& info : proto.input()) {
    if (graph.constants.count(info.name())) continue;  // files of IR version 3 list constants among the inputs
    absl::StatusOr<Port> port = read_input(info);
    if (!port.ok()) return port.status();
    graph.inputs.push_back(*std::move(port));
  }
  for (const auto& info : proto.output()) graph.outputs.push_back(info.name());
  for (const auto& n : proto.node()) {
    absl::StatusOr<Node> node = read_node(n);
    if (!node.ok()) return node.status();
    graph.has_quantisers = graph.has_quantisers || is_quantiser(*node);
    graph.nodes.push_back(*std::move(node));
  }
  return graph;
}

}  // namespace strobe::import::onnx_ir
