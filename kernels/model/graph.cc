#include "kernels/model/graph.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace strobe::model {
namespace {

template <typename T>
const T* find_attribute(const Node& node, std::string_view name) {
  auto it = node.attributes.find(name);
  return it == node.attributes.end() ? nullptr : std::get_if<T>(&it->second);
}

}  // namespace

int64_t element_count(const Shape& shape) {
  int64_t count = 1;
  for (const int64_t extent : shape) count *= extent;
  return count;
}

std::string to_string(const Shape& shape) { return absl::StrCat("[", absl::StrJoin(shape, ", "), "]"); }

int TensorType::max_width() const {
  int width = 1;
  for (const FixedType& type : types) width = std::max(width, type.width);
  return width;
}

bool TensorType::any_signed() const {
  return std::any_of(types.begin(), types.end(), [](const FixedType& t) { return t.is_signed && t.width > 0; });
}

std::string TensorType::to_string() const {
  if (is_uniform()) return absl::StrCat(model::to_string(shape), " ", types[0].to_string());
  const auto [least, most] =
      std::minmax_element(types.begin(), types.end(), [](auto& a, auto& b) { return a.width < b.width; });
  return absl::StrCat(model::to_string(shape), " ", types.size(), " types, ", least->width, "..", most->width, " bits");
}

int64_t Node::integer(std::string_view attribute, int64_t fallback) const {
  const auto* value = find_attribute<int64_t>(*this, attribute);
  return value != nullptr ? *value : fallback;
}

double Node::real(std::string_view attribute, double fallback) const {
  if (const auto* value = find_attribute<double>(*this, attribute)) return *value;
  if (const auto* value = find_attribute<int64_t>(*this, attribute)) return static_cast<double>(*value);
  return fallback;
}

std::string Node::text(std::string_view attribute, std::string_view fallback) const {
  const auto* value = find_attribute<std::string>(*this, attribute);
  return value != nullptr ? *value : std::string(fallback);
}

std::vector<int64_t> Node::integers(std::string_view attribute) const {
  const auto* value = find_attribute<std::vector<int64_t>>(*this, attribute);
  return value != nullptr ? *value : std::vector<int64_t>{};
}

std::optional<FixedType> Node::type(std::string_view attribute) const {
  const auto* value = find_attribute<FixedType>(*this, attribute);
  return value != nullptr ? std::optional(*value) : std::nullopt;
}

const Constant* Node::constant(std::string_view constant_name) const {
  auto it = constants.find(constant_name);
  return it == constants.end() ? nullptr : &it->second;
}

std::optional<TensorId> Graph::find_tensor(std::string_view name) const {
  for (size_t i = 0; i < tensors_.size(); ++i) {
    if (tensors_[i].name == name) return static_cast<TensorId>(i);
  }
  return std::nullopt;
}

Graph prune(const Graph& graph) {
  std::vector<bool> needed(graph.tensors().size(), false);
  for (const TensorId id : graph.outputs()) needed[id] = true;
  std::vector<bool> keep(graph.nodes().size(), false);
  for (size_t n = graph.nodes().size(); n-- > 0;) {
    const Node& node = graph.nodes()[n];
    keep[n] = std::any_of(node.outputs.begin(), node.outputs.end(), [&](TensorId id) { return needed[id]; });
    if (!keep[n]) continue;
    for (const TensorId id : node.inputs) needed[id] = true;
  }

  GraphBuilder builder(graph.name());
  for (const auto& [key, value] : graph.provenance()) builder.set_provenance(key, value);
  std::vector<TensorId> renumbered(graph.tensors().size(), -1);
  for (const TensorId id : graph.inputs()) {
    renumbered[id] = builder.add_input(graph.tensor(id).name, graph.tensor(id).type, graph.tensor(id).encoding);
  }
  const auto renumber = [&](std::vector<TensorId> ids) {
    for (TensorId& id : ids) id = renumbered[id];
    return ids;
  };
  for (size_t n = 0; n < keep.size(); ++n) {
    if (!keep[n]) continue;
    Node node = graph.nodes()[n];
    const TensorId old = node.outputs[0];
    node.inputs = renumber(node.inputs);
    node.outputs.clear();
    renumbered[old] = builder.add(std::move(node), graph.tensor(old).type, graph.tensor(old).name);
  }
  builder.set_outputs(renumber(graph.outputs()));
  return *std::move(builder).build();
}

}  // namespace strobe::model
