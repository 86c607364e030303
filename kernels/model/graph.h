#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "kernels/model/fixed_type.h"
#include "kernels/model/input_encoding.h"

namespace strobe::model {

/// Extents of a tensor, outermost first, without the batch axis. Empty: one scalar an event.
using Shape = std::vector<int64_t>;

int64_t element_count(const Shape& shape);
std::string to_string(const Shape& shape);  ///< "[16, 4]"

/// The shape of a tensor and its fixed-point type: one for all elements, or one per element (row-major).
struct TensorType {
  Shape shape;
  std::vector<FixedType> types;  ///< size 1, or element_count(shape)

  int64_t elements() const { return element_count(shape); }
  bool is_uniform() const { return types.size() == 1; }
  const FixedType& at(int64_t element) const { return types.size() == 1 ? types[0] : types[element]; }
  /// The widest element, at least 1.
  int max_width() const;
  /// Bits of the container in which a row of this tensor travels (8, 16, 32 or 64), the same for all elements.
  int container() const { return container_bits(max_width()); }
  int64_t row_bytes() const { return elements() * container() / 8; }
  bool any_signed() const;
  std::string to_string() const;  ///< "[16] ap_fixed<16,6>", "[64] 64 types, 0..9 bits"
};

/// Constants of a node (weights, biases, tables): raw values with their types, row-major.
struct Constant {
  TensorType type;
  std::vector<int64_t> raw;  ///< element_count(type.shape) values, each in the range of its type
};

using Attribute = std::variant<int64_t, double, std::string, std::vector<int64_t>, std::vector<double>, FixedType>;

using TensorId = int32_t;
using NodeId = int32_t;

struct Tensor {
  std::string name;
  TensorType type;
  NodeId producer = -1;    ///< -1: an input of the graph
  InputEncoding encoding;  ///< of an input of the graph
};

/// One layer of a model. `op` names a row of the catalog (kernels/layers/catalog.h), which says which attributes and
/// constants it takes and what it means.
struct Node {
  std::string name;
  std::string op;
  std::vector<TensorId> inputs;
  std::vector<TensorId> outputs;
  std::map<std::string, Attribute, std::less<>> attributes;
  std::map<std::string, Constant, std::less<>> constants;

  bool has(std::string_view attribute) const { return attributes.find(attribute) != attributes.end(); }
  /// The attribute's value, or `fallback` where the node has none of that name and kind.
  int64_t integer(std::string_view attribute, int64_t fallback = 0) const;
  double real(std::string_view attribute, double fallback = 0) const;
  std::string text(std::string_view attribute, std::string_view fallback = "") const;
  std::vector<int64_t> integers(std::string_view attribute) const;
  std::optional<FixedType> type(std::string_view attribute) const;
  /// The constant of that name, or null.
  const Constant* constant(std::string_view name) const;
};

/// A model as integer arithmetic: tensors with fixed-point types, joined by nodes in topological order.
///
/// Build with GraphBuilder, which verifies; a Graph that exists is valid. Immutable, so threads may share it.
class Graph {
 public:
  const std::string& name() const { return name_; }
  const std::vector<Tensor>& tensors() const { return tensors_; }
  const std::vector<Node>& nodes() const { return nodes_; }
  const std::vector<TensorId>& inputs() const { return inputs_; }
  const std::vector<TensorId>& outputs() const { return outputs_; }
  const Tensor& tensor(TensorId id) const { return tensors_[id]; }
  const Tensor& input(size_t i) const { return tensors_[inputs_[i]]; }
  const Tensor& output(size_t i) const { return tensors_[outputs_[i]]; }
  /// The tensor of that name, or nullopt.
  std::optional<TensorId> find_tensor(std::string_view name) const;
  /// Free text carried along: format, source file's hash, options, tool version.
  const std::map<std::string, std::string>& provenance() const { return provenance_; }

 private:
  friend class GraphBuilder;
  std::string name_;
  std::vector<Tensor> tensors_;
  std::vector<Node> nodes_;
  std::vector<TensorId> inputs_, outputs_;
  std::map<std::string, std::string> provenance_;
};

/// Collects tensors and nodes; `build` checks the whole and hands out the Graph.
class GraphBuilder {
 public:
  explicit GraphBuilder(std::string name) { graph_.name_ = std::move(name); }
  /// Changes a finished graph: starts from a copy of it.
  explicit GraphBuilder(const Graph& graph) : graph_(graph) {}

  TensorId add_input(std::string name, TensorType type, InputEncoding encoding = {});
  /// Adds a node with one new output tensor, named `name` unless `tensor_name` is given. Returns the tensor.
  TensorId add(Node node, TensorType output, std::string tensor_name = "");
  void set_outputs(std::vector<TensorId> outputs) { graph_.outputs_ = std::move(outputs); }
  void set_name(std::string name) { graph_.name_ = std::move(name); }
  void set_provenance(std::string key, std::string value) { graph_.provenance_[std::move(key)] = std::move(value); }
  const Tensor& tensor(TensorId id) const { return graph_.tensors_[id]; }
  Tensor& mutable_tensor(TensorId id) { return graph_.tensors_[id]; }
  std::vector<Node>& mutable_nodes() { return graph_.nodes_; }
  const Graph& graph() const { return graph_; }

  /// Checks structure: unique, non-empty names; ids in range and in topological order; extents positive; widths in
  /// 0..64; constants of the right size and in range; at least one input and output. Meaning per op is checked by
  /// `layers::verify`. Errors: InvalidArgument that names the tensor or node.
  absl::StatusOr<Graph> build() &&;

 private:
  Graph graph_;
};

/// Removes nodes that no output needs.
Graph prune(const Graph& graph);

/// Multi-line text for people: one line a node, with its shapes, types and attributes.
std::string print(const Graph& graph);

}  // namespace strobe::model
