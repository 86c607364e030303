#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <variant>
#include <vector>

#include "absl/status/statusor.h"
#include "kernels/import/forest.h"

/// An ONNX graph without protobuf: what the reader (onnx_proto.cc) hands to the passes (onnx_cleanup.cc) and these to
/// the layer writer (onnx.cc). Shapes here include the batch axis, which the reader sets to 1.
namespace strobe::import::onnx_ir {

using Shape = std::vector<int64_t>;

/// How a constant was stored; decides in which arithmetic folding is done.
enum class Element { kFloat32, kFloat64, kInteger, kBool };

struct Value {
  Shape shape;
  std::vector<double> data;  ///< row-major; integers beyond 2^53 are refused on reading
  Element element = Element::kFloat32;
};
/// Shared, because a file may use one constant in many places and folding must not multiply it.
using ValuePtr = std::shared_ptr<const Value>;

using Attribute = std::variant<int64_t, double, std::string, std::vector<int64_t>, std::vector<double>,
                               std::vector<std::string>, ValuePtr>;

struct Node {
  std::string op;
  std::string domain;
  std::string name;
  std::vector<std::string> inputs;  ///< "" where an optional input is left out
  std::vector<std::string> outputs;
  std::map<std::string, Attribute, std::less<>> attributes;
  std::shared_ptr<const Forest> forest;  ///< of tree ensembles, once `read_trees` ran; `features` is still open

  template <typename T>
  const T* attribute(std::string_view key) const {
    auto it = attributes.find(key);
    return it == attributes.end() ? nullptr : std::get_if<T>(&it->second);
  }
  int64_t integer(std::string_view key, int64_t fallback) const {
    const int64_t* value = attribute<int64_t>(key);
    return value ? *value : fallback;
  }
  double real(std::string_view key, double fallback) const {
    const double* value = attribute<double>(key);
    return value ? *value : fallback;
  }
  std::string text(std::string_view key, std::string_view fallback) const {
    const std::string* value = attribute<std::string>(key);
    return value ? *value : std::string(fallback);
  }
  /// The input's tensor name, "" where there is none.
  const std::string& input(size_t i) const {
    static const std::string kNone;
    return i < inputs.size() ? inputs[i] : kNone;
  }
  /// "node 'MatMul_3' (MatMul)", for messages.
  std::string label() const;
};

struct Port {
  std::string name;
  Shape shape;              ///< batch axis set to 1; -1 where unknown
  int64_t file_batch = -1;  ///< extent of the first axis in the file, -1 where open
};

struct Graph {
  std::string name;
  std::string producer;
  int64_t opset = 0;
  bool has_quantisers = false;
  std::vector<Node> nodes;
  std::vector<Port> inputs;
  std::vector<std::string> outputs;
  std::unordered_map<std::string, ValuePtr> constants;
  std::unordered_map<std::string, Shape> shapes;  ///< of all tensors that are not constants, once inferred

  const Value* constant(const std::string& tensor) const {
    auto it = constants.find(tensor);
    return it == constants.end() ? nullptr : it->second.get();
  }
};

/// The most elements of one constant, and of all that folding makes together: a small hostile file must not fill
/// memory.
inline constexpr int64_t kMaxElements = int64_t{1} << 27;

/// Number of elements; -1 where an extent is negative or the product passes kMaxElements.
int64_t checked_elements(const Shape& shape);
std::string shape_text(const Shape& shape);  ///< "[1, 16]"

/// Quant, IntQuant, BipolarQuant, Trunc.
bool is_quantiser(const Node& node);

/// Reads the protobuf. Errors: InvalidArgument for damage, Unimplemented for external data and exotic element types.
absl::StatusOr<Graph> parse(std::string_view bytes, const std::string& name);

/// Numpy's broadcasting of two shapes. Errors: InvalidArgument that names the node.
absl::StatusOr<Shape> broadcast(const Shape& a, const Shape& b, const Node& node);
/// The extents that a Reshape's target stands for (0 copies, one -1 is inferred). `file_batch`: a first extent equal to
/// it means the batch axis.
absl::StatusOr<Shape> resolve_reshape(const Shape& input, const std::vector<int64_t>& target, bool allow_zero,
                                      int64_t file_batch, const Node& node);
/// The permutation of a Transpose (reversed order where the attribute is absent), checked against `rank`.
absl::StatusOr<std::vector<int64_t>> permutation_of(const Node& node, size_t rank);
/// An axis in 0..rank-1. Errors: InvalidArgument that names the node.
absl::StatusOr<int64_t> normal_axis(int64_t axis, size_t rank, const Node& node);
/// Axes of Squeeze and Unsqueeze, an attribute up to opset 12 and a constant input from 13 on.
absl::StatusOr<std::vector<int64_t>> axes_of(const Node& node, const Graph& graph);

/// A constant that serves as a shape or a list of axes. Errors: InvalidArgument for anything but whole numbers.
absl::StatusOr<std::vector<int64_t>> integers_of(const Value& value, const Node& node);

/// The same numbers with axes in another order.
Value transpose(const Value& value, const std::vector<int64_t>& permutation);
/// Evaluates a node whose inputs are all constants. Errors: Unimplemented for an operator it does not know.
absl::StatusOr<Value> fold(const Node& node, const Graph& graph);
/// The shape of a node's first output. Errors: InvalidArgument, Unimplemented (operator named, with the supported
/// ones).
absl::StatusOr<Shape> infer_shape(const Node& node, const Graph& graph);

/// The forest of a tree ensemble (operators of ai.onnx.ml 1 to 5). Errors: InvalidArgument naming tree and node,
/// Unimplemented.
absl::StatusOr<Forest> read_forest(const Node& node);
bool is_tree_ensemble(const Node& node);
/// Reads all tree ensembles; then drops what only makes labels, and joins the trees of an isolation forest, which
/// scikit-learn's converter writes one by one with arithmetic around them. Leaves graphs without trees alone. `note`
/// gets a word on what of the file's arithmetic was left to the reader of the scores.
absl::Status read_trees(Graph& graph, std::string& note);
/// The same for one forest from many single trees; the graph is left as it is where the arithmetic is another.
absl::Status join_trees(Graph& graph, std::string& note);

/// Brings a graph into the normal form of onnx.h.
absl::Status normalise(Graph& graph);

}  // namespace strobe::import::onnx_ir
