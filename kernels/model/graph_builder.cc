#include <set>

#include "absl/strings/str_cat.h"
#include "kernels/model/graph.h"

namespace strobe::model {
namespace {

constexpr int64_t kMaxElements = int64_t{1} << 28;

absl::Status check_type(const std::string& object, const TensorType& type) {
  const auto fail = [&](const std::string& flaw) {
    return absl::InvalidArgumentError(absl::StrCat(object, ": ", flaw));
  };
  int64_t elements = 1;
  for (const int64_t extent : type.shape) {
    if (extent < 1 || extent > kMaxElements || elements * extent > kMaxElements) {
      return fail(
          absl::StrCat("shape ", to_string(type.shape), " is empty or has more than ", kMaxElements, " elements"));
    }
    elements *= extent;
  }
  if (type.types.empty() || (type.types.size() != 1 && static_cast<int64_t>(type.types.size()) != elements)) {
    return fail(absl::StrCat("has ", type.types.size(), " types for ", elements, " elements"));
  }
  for (const FixedType& t : type.types) {
    if (t.width < 0 || t.width > FixedType::kMaxWidth - (t.is_signed ? 0 : 1) || t.integer < -512 || t.integer > 512) {
      return fail(absl::StrCat("type ", t.to_string(), " is not supported: 0 to 64 bits signed, to 63 unsigned"));
    }
  }
  return absl::OkStatus();
}

absl::Status check_constant(const std::string& object, const Constant& constant) {
  if (absl::Status s = check_type(object, constant.type); !s.ok()) return s;
  const int64_t elements = constant.type.elements();
  if (static_cast<int64_t>(constant.raw.size()) != elements) {
    return absl::InvalidArgumentError(absl::StrCat(object, ": has ", constant.raw.size(), " values, its shape ",
                                                   to_string(constant.type.shape), " wants ", elements));
  }
  for (int64_t i = 0; i < elements; ++i) {
    const FixedType& type = constant.type.at(i);
    if (constant.raw[i] < type.min_raw() || constant.raw[i] > type.max_raw()) {
      return absl::InvalidArgumentError(
          absl::StrCat(object, ": raw value ", constant.raw[i], " at ", i, " is outside ", type.to_string()));
    }
  }
  return absl::OkStatus();
}

absl::Status check_encoding(const std::string& object, const Tensor& tensor) {
  const InputEncoding& encoding = tensor.encoding;
  const TensorType& type = tensor.type;
  const bool ordered = encoding.kind == InputEncoding::Kind::kOrderedFloat;
  if (ordered && (!type.is_uniform() || !type.types[0].same_format(kOrderedFloatType))) {
    return absl::InvalidArgumentError(
        absl::StrCat(object, ": float32 keys have the type ap_int<32>, found ", type.to_string()));
  }
  if (!encoding.missing) return absl::OkStatus();
  const bool possible = type.is_uniform() && type.types[0].width > 0;
  if (!possible || *encoding.missing != missing_code(type.types[0])) {
    return absl::InvalidArgumentError(
        absl::StrCat(object, ": ", *encoding.missing, " cannot stand for missing in ", type.to_string()));
  }
  return absl::OkStatus();
}

}  // namespace

TensorId GraphBuilder::add_input(std::string name, TensorType type, InputEncoding encoding) {
  const auto id = static_cast<TensorId>(graph_.tensors_.size());
  graph_.tensors_.push_back({std::move(name), std::move(type), -1, encoding});
  graph_.inputs_.push_back(id);
  return id;
}

TensorId GraphBuilder::add(Node node, TensorType output, std::string tensor_name) {
  const auto id = static_cast<TensorId>(graph_.tensors_.size());
  if (tensor_name.empty()) tensor_name = node.name;
  graph_.tensors_.push_back({std::move(tensor_name), std::move(output), static_cast<NodeId>(graph_.nodes_.size()), {}});
  node.outputs = {id};
  graph_.nodes_.push_back(std::move(node));
  return id;
}

absl::StatusOr<Graph> GraphBuilder::build() && {
  const auto fail = [&](const std::string& text) {
    return absl::InvalidArgumentError(absl::StrCat("model '", graph_.name_, "': ", text));
  };
  const auto count = static_cast<TensorId>(graph_.tensors_.size());
  if (graph_.inputs_.empty()) return fail("has no input");
  if (graph_.outputs_.empty()) return fail("has no output");

  std::set<std::string> names;
  for (const Tensor& tensor : graph_.tensors_) {
    if (tensor.name.empty()) return fail("a tensor has no name");
    if (!names.insert(tensor.name).second) return fail(absl::StrCat("two tensors are named '", tensor.name, "'"));
    if (absl::Status s = check_type(absl::StrCat("tensor '", tensor.name, "'"), tensor.type); !s.ok()) return s;
  }
  for (const TensorId id : graph_.outputs_) {
    if (id < 0 || id >= count) return fail(absl::StrCat("output tensor ", id, " does not exist"));
  }

  std::vector<bool> known(count, false);
  for (const TensorId id : graph_.inputs_) {
    if (id < 0 || id >= count) return fail(absl::StrCat("input tensor ", id, " does not exist"));
    known[id] = true;
    const Tensor& tensor = graph_.tensors_[id];
    if (absl::Status s = check_encoding(absl::StrCat("input '", tensor.name, "'"), tensor); !s.ok()) return s;
  }
  names.clear();
  for (const Node& node : graph_.nodes_) {
    const std::string object = absl::StrCat("layer '", node.name, "'");
    if (node.name.empty() || !names.insert(node.name).second) return fail(object + ": name is empty or used twice");
    for (const TensorId id : node.inputs) {
      if (id < 0 || id >= count || !known[id]) return fail(object + ": reads a tensor before it is written");
    }
    for (const TensorId id : node.outputs) {
      if (id < 0 || id >= count || known[id]) return fail(object + ": writes a tensor that is written elsewhere");
      known[id] = true;
    }
    for (const auto& [name, constant] : node.constants) {
      if (absl::Status s = check_constant(absl::StrCat(object, ": ", name), constant); !s.ok()) return s;
    }
  }
  for (const TensorId id : graph_.outputs_) {
    if (!known[id]) return fail(absl::StrCat("output tensor '", graph_.tensors_[id].name, "' is never written"));
  }
  return std::move(graph_);
}

}  // namespace strobe::model
