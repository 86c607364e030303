#include "kernels/package/graph_proto.h"

#include "absl/strings/str_cat.h"

namespace strobe::package {
namespace {

using model::Attribute;
using model::Constant;
using model::TensorType;

void to_proto(const TensorType& type, pb::TensorType& proto) {
  for (const int64_t extent : type.shape) proto.add_shape(extent);
  for (const model::FixedType& t : type.types) package::to_proto(t, *proto.add_types());
}

absl::StatusOr<TensorType> from_proto(const pb::TensorType& proto) {
  TensorType type;
  type.shape.assign(proto.shape().begin(), proto.shape().end());
  for (const pb::FixedType& t : proto.types()) {
    auto parsed = package::from_proto(t);
    if (!parsed.ok()) return parsed.status();
    type.types.push_back(*parsed);
  }
  return type;
}

struct AttributeWriter {
  pb::Attribute& proto;
  void operator()(int64_t v) const { proto.set_integer(v); }
  void operator()(double v) const { proto.set_real(v); }
  void operator()(const std::string& v) const { proto.set_text(v); }
  void operator()(const std::vector<int64_t>& v) const {
    proto.mutable_integers()->mutable_values()->Assign(v.begin(), v.end());
  }
  void operator()(const std::vector<double>& v) const {
    proto.mutable_reals()->mutable_values()->Assign(v.begin(), v.end());
  }
  void operator()(const model::FixedType& v) const { package::to_proto(v, *proto.mutable_type()); }
};

absl::StatusOr<Attribute> from_proto(const pb::Attribute& proto) {
  switch (proto.value_case()) {
    case pb::Attribute::kInteger:
      return Attribute(proto.integer());
    case pb::Attribute::kReal:
      return Attribute(proto.real());
    case pb::Attribute::kText:
      return Attribute(proto.text());
    case pb::Attribute::kIntegers:
      return Attribute(std::vector<int64_t>(proto.integers().values().begin(), proto.integers().values().end()));
    case pb::Attribute::kReals:
      return Attribute(std::vector<double>(proto.reals().values().begin(), proto.reals().values().end()));
    case pb::Attribute::kType: {
      auto type = package::from_proto(proto.type());
      if (!type.ok()) return type.status();
      return Attribute(*type);
    }
    case pb::Attribute::VALUE_NOT_SET:
      break;
  }
  return absl::InvalidArgumentError("an attribute has no value");
}

absl::StatusOr<model::Node> from_proto(const pb::Node& proto) {
  model::Node node;
  node.name = proto.name();
  node.op = proto.op();
  node.inputs.assign(proto.inputs().begin(), proto.inputs().end());
  node.outputs.assign(proto.outputs().begin(), proto.outputs().end());
  const auto fail = [&](const std::string& what, const absl::Status& status) {
    return absl::InvalidArgumentError(
        absl::StrCat("layer '", node.name, "': ", what, ": ", std::string(status.message())));
  };
  for (const auto& [name, value] : proto.attributes()) {
    auto attribute = from_proto(value);
    if (!attribute.ok()) return fail(name, attribute.status());
    node.attributes[name] = *std::move(attribute);
  }
  for (const auto& [name, value] : proto.constants()) {
    auto type = from_proto(value.type());
    if (!type.ok()) return fail(name, type.status());
    node.constants[name] = {*std::move(type), {value.raw().begin(), value.raw().end()}};
  }
  return node;
}

}  // namespace

void to_proto(const model::FixedType& type, pb::FixedType& proto) {
  proto.set_is_signed(type.is_signed);
  proto.set_width(type.width);
  proto.set_integer(type.integer);
  proto.set_rounding(static_cast<uint32_t>(type.rounding));
  proto.set_overflow(static_cast<uint32_t>(type.overflow));
}

absl::StatusOr<model::FixedType> from_proto(const pb::FixedType& proto) {
  if (proto.width() < 0 || proto.width() > model::FixedType::kMaxWidth - (proto.is_signed() ? 0 : 1) ||
      proto.integer() < -512 || proto.integer() > 512 || proto.rounding() > 6 || proto.overflow() > 3) {
    return absl::InvalidArgumentError(absl::StrCat("impossible type: width ", proto.width(), ", integer bits ",
                                                   proto.integer(), ", rounding ", proto.rounding(), ", overflow ",
                                                   proto.overflow()));
  }
  return model::FixedType{proto.is_signed(), proto.width(), proto.integer(),
                          static_cast<model::Rounding>(proto.rounding()),
                          static_cast<model::Overflow>(proto.overflow())};
}

void to_proto(const model::Graph& graph, pb::Graph& proto) {
  proto.set_name(graph.name());
  for (const model::Tensor& tensor : graph.tensors()) {
    pb::Tensor& t = *proto.add_tensors();
    t.set_name(tensor.name);
    to_proto(tensor.type, *t.mutable_type());
    t.set_encoding(static_cast<uint32_t>(tensor.encoding.kind));
    if (tensor.encoding.missing) t.set_missing(*tensor.encoding.missing);
  }
  for (const model::Node& node : graph.nodes()) {
    pb::Node& n = *proto.add_nodes();
    n.set_name(node.name);
    n.set_op(node.op);
    n.mutable_inputs()->Assign(node.inputs.begin(), node.inputs.end());
    n.mutable_outputs()->Assign(node.outputs.begin(), node.outputs.end());
    for (const auto& [key, value] : node.attributes) std::visit(AttributeWriter{(*n.mutable_attributes())[key]}, value);
    for (const auto& [key, value] : node.constants) {
      pb::Constant& constant = (*n.mutable_constants())[key];
      to_proto(value.type, *constant.mutable_type());
      constant.mutable_raw()->Assign(value.raw.begin(), value.raw.end());
    }
  }
  proto.mutable_inputs()->Assign(graph.inputs().begin(), graph.inputs().end());
  proto.mutable_outputs()->Assign(graph.outputs().begin(), graph.outputs().end());
  for (const auto& [key, value] : graph.provenance()) (*proto.mutable_provenance())[key] = value;
}

absl::StatusOr<model::Graph> from_proto(const pb::Graph& proto) {
  // Tensors keep their numbers: inputs and node outputs are added in the order of the saved tensor list.
  model::GraphBuilder builder(proto.name());
  for (const auto& [key, value] : proto.provenance()) builder.set_provenance(key, value);
  std::vector<model::TensorId> renumbered(proto.tensors_size(), -1);
  const auto known = [&](int id) { return id >= 0 && id < proto.tensors_size(); };
  for (const int id : proto.inputs()) {
    if (!known(id) || renumbered[id] >= 0)
      return absl::InvalidArgumentError(absl::StrCat("input tensor ", id, " does not exist or is listed twice"));
    auto type = from_proto(proto.tensors(id).type());
    if (!type.ok()) return type.status();
    const pb::Tensor& tensor = proto.tensors(id);
    if (tensor.encoding() > 1)
      return absl::InvalidArgumentError(absl::StrCat("input tensor ", id, ": unknown encoding ", tensor.encoding()));
    model::InputEncoding encoding{static_cast<model::InputEncoding::Kind>(tensor.encoding()), std::nullopt};
    if (tensor.has_missing()) encoding.missing = tensor.missing();
    renumbered[id] = builder.add_input(tensor.name(), *std::move(type), encoding);
  }
  for (const pb::Node& saved : proto.nodes()) {
    auto node = from_proto(saved);
    if (!node.ok()) return node.status();
    for (model::TensorId& id : node->inputs) {
      if (!known(id) || renumbered[id] < 0)
        return absl::InvalidArgumentError(
            absl::StrCat("layer '", node->name, "': reads a tensor before it is written"));
      id = renumbered[id];
    }
    if (node->outputs.size() != 1 || !known(node->outputs[0]) || renumbered[node->outputs[0]] >= 0) {
      return absl::InvalidArgumentError(absl::StrCat("layer '", node->name, "': must write one new tensor"));
    }
    const int out = node->outputs[0];
    auto type = from_proto(proto.tensors(out).type());
    if (!type.ok()) return type.status();
    renumbered[out] = builder.add(*std::move(node), *std::move(type), proto.tensors(out).name());
  }
  std::vector<model::TensorId> outputs;
  for (const int id : proto.outputs()) {
    if (!known(id) || renumbered[id] < 0)
      return absl::InvalidArgumentError(absl::StrCat("output tensor ", id, " is never written"));
    outputs.push_back(renumbered[id]);
  }
  builder.set_outputs(std::move(outputs));
  return std::move(builder).build();
}

}  // namespace strobe::package
