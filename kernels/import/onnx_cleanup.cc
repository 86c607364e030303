#include <algorithm>
#include <numeric>
#include <set>
#include <unordered_set>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "kernels/import/onnx_graph.h"

/// The normal form that QONNX's cleanup, Gemm-to-MatMul and second cleanup lead to, reached in one go: constants folded
/// (quantised ones kept as they are), nodes sorted by depth, every constant used once, names by operator and number.
namespace strobe::import::onnx_ir {
namespace {

using Consumers = std::unordered_map<std::string, std::vector<size_t>>;

Consumers consumers_of(const Graph& graph) {
  Consumers consumers;
  for (size_t i = 0; i < graph.nodes.size(); ++i)
    for (const std::string& input : graph.nodes[i].inputs)
      if (!input.empty()) consumers[input].push_back(i);
  return consumers;
}

absl::StatusOr<std::unordered_map<std::string, size_t>> producers_of(const Graph& graph) {
  std::unordered_map<std::string, size_t> producers;
  for (size_t i = 0; i < graph.nodes.size(); ++i) {
    for (const std::string& output : graph.nodes[i].outputs) {
      if (output.empty()) continue;
      bool taken = graph.constants.count(output) || std::any_of(graph.inputs.begin(), graph.inputs.end(),
                                                                [&](const Port& p) { return p.name == output; });
      if (taken || !producers.emplace(output, i).second)
        return absl::InvalidArgumentError(
            absl::StrCat(graph.nodes[i].label(), " writes tensor '", output, "', which exists already"));
    }
  }
  return producers;
}

/// Orders nodes by their distance from the inputs, equals as they stood, as QONNX's sort does.
absl::Status sort_by_depth(Graph& graph) {
  absl::StatusOr<std::unordered_map<std::string, size_t>> producers = producers_of(graph);
  if (!producers.ok()) return producers.status();
  size_t n = graph.nodes.size();
  std::vector<std::vector<size_t>> successors(n);
  std::vector<size_t> missing(n, 0), depth(n, 0), ready, order;
  for (size_t i = 0; i < n; ++i) {
    for (const std::string& input : graph.nodes[i].inputs) {
      auto it = producers->find(input);
      if (it == producers->end()) continue;
      successors[it->second].push_back(i);
      ++missing[i];
    }
    if (missing[i] == 0) ready.push_back(i);
  }
  while (!ready.empty()) {
    size_t i = ready.back();
    ready.pop_back();
    order.push_back(i);
    for (size_t next : successors[i]) {
      depth[next] = std::max(depth[next], depth[i] + 1);
      if (--missing[next] == 0) ready.push_back(next);
    }
  }
  if (order.size() != n) {
    size_t stuck = std::find_if(missing.begin(), missing.end(), [](size_t m) { return m > 0; }) - missing.begin();
    return absl::InvalidArgumentError(absl::StrCat(graph.nodes[stuck].label(), " depends on its own result"));
  }
  std::sort(order.begin(), order.end(),
            [&](size_t a, size_t b) { return std::pair(depth[a], a) < std::pair(depth[b], b); });
  std::vector<Node> sorted;
  sorted.reserve(n);
  for (size_t i : order) sorted.push_back(std::move(graph.nodes[i]));
  graph.nodes = std::move(sorted);
  return absl::OkStatus();
}

absl::Status check_domain(const Node& node) {
  bool standard = node.domain.empty() || node.domain == "ai.onnx";
  bool quantised = absl::StartsWith(node.domain, "qonnx.") || absl::StartsWith(node.domain, "finn") ||
                   node.domain == "onnx.brevitas";
  if (standard || quantised) return absl::OkStatus();
  return absl::UnimplementedError(
      absl::StrCat(node.label(), " belongs to the domain '", node.domain,
                   "'; supported: the standard operators, qonnx.*, finn.* and onnx.brevitas"));
}

/// Whether the node's result is known without any event.
bool is_constant_expression(const Node& node, const Graph& graph) {
  if (is_quantiser(node)) return false;
  if (node.op == "Shape") return graph.shapes.count(node.input(0)) || graph.constant(node.input(0));
  return std::all_of(node.inputs.begin(), node.inputs.end(),
                     [&](const std::string& input) { return input.empty() || graph.constant(input); });
}

/// The result of a Shape node on a tensor that is no constant.
Value shape_value(const Shape& shape) {
  Value value{{static_cast<int64_t>(shape.size())}, {}, Element::kInteger};
  value.data.assign(shape.begin(), shape.end());
  return value;
}

absl::Status check_inputs(const Node& node, const Graph& graph) {
  for (const std::string& input : node.inputs) {
    if (input.empty() || graph.constant(input) || graph.shapes.count(input)) continue;
    return absl::InvalidArgumentError(absl::StrCat(node.label(), " reads tensor '", input,
                                                   "', which is no input, no constant and no node's first result"));
  }
  return absl::OkStatus();
}

/// One pass in order: constant expressions become constants, every other result gets its shape.
absl::Status fold_and_infer(Graph& graph) {
  int64_t folded = 0;
  std::vector<Node> kept;
  graph.shapes.clear();
  for (const Port& input : graph.inputs) graph.shapes[input.name] = input.shape;
  for (Node& node : graph.nodes) {
    if (absl::Status s = check_domain(node); !s.ok()) return s;
    if (absl::Status s = check_inputs(node, graph); !s.ok()) return s;
    if (is_constant_expression(node, graph)) {
      auto dynamic = node.op == "Shape" ? graph.shapes.find(node.input(0)) : graph.shapes.end();
      absl::StatusOr<Value> value = dynamic != graph.shapes.end() ? shape_value(dynamic->second) : fold(node, graph);
      if (!value.ok()) return value.status();
      folded += static_cast<int64_t>(value->data.size());
      if (folded > kMaxElements)
        return absl::InvalidArgumentError(absl::StrCat(node.label(), ": the constants of this model are too large"));
      graph.constants[node.outputs[0]] = std::make_shared<Value>(*std::move(value));
      continue;
    }
    absl::StatusOr<Shape> shape = infer_shape(node, graph);
    if (!shape.ok()) return shape.status();
    if (checked_elements(*shape) <= 0)
      return absl::InvalidArgumentError(
          absl::StrCat(node.label(), " has a result of the impossible shape ", shape_text(*shape)));
    graph.shapes[node.outputs[0]] = *std::move(shape);
    kept.push_back(std::move(node));
  }
  graph.nodes = std::move(kept);
  return absl::OkStatus();
}

bool is_constant_quantiser(const Node& node, const Graph& graph) {
  return is_quantiser(node) && std::all_of(node.inputs.begin(), node.inputs.end(),
                                           [&](const std::string& input) { return graph.constant(input) != nullptr; });
}

/// Moves a transpose behind a quantised constant in front of the quantiser: into its data, scale, offset and widths.
absl::Status fold_transposes_into_quantisers(Graph& graph) {
  absl::StatusOr<std::unordered_map<std::string, size_t>> producers = producers_of(graph);
  if (!producers.ok()) return producers.status();
  for (Node& node : graph.nodes) {
    if (node.op != "Transpose") continue;
    auto it = producers->find(node.input(0));
    if (it == producers->end() || !is_constant_quantiser(graph.nodes[it->second], graph)) continue;
    Node moved = graph.nodes[it->second];  // a copy: others may use the untransposed tensor
    size_t rank = graph.shapes[node.input(0)].size();
    absl::StatusOr<std::vector<int64_t>> permutation = permutation_of(node, rank);
    if (!permutation.ok()) return permutation.status();
    for (std::string& input : moved.inputs) {
      Value value = *graph.constant(input);
      if (value.data.size() > 1 || value.shape.size() == rank) {
        value.shape.insert(value.shape.begin(), rank - std::min(rank, value.shape.size()), 1);
        value = transpose(value, *permutation);
      }
      input = absl::StrCat(node.outputs[0], "/", input);
      graph.constants[input] = std::make_shared<Value>(std::move(value));
    }
    moved.outputs = {node.outputs[0]};
    node = std::move(moved);
  }
  return absl::OkStatus();
}

/// OnnxMLTools writes Dense -> BatchNormalization as Transpose, BatchNormalization, Transpose on matrices, which no
/// runtime accepts: the scale has as many elements as the *last* axis of the original. Undoes that.
void drop_transposes_around_batch_norm(Graph& graph) {
  Consumers consumers = consumers_of(graph);
  std::unordered_map<std::string, size_t> producers;
  for (size_t i = 0; i < graph.nodes.size(); ++i) producers[graph.nodes[i].outputs[0]] = i;
  std::set<size_t> dropped;
  for (Node& node : graph.nodes) {
    if (node.op != "BatchNormalization") continue;
    auto before = producers.find(node.input(0));
    const std::vector<size_t>& users = consumers[node.outputs[0]];
    if (before == producers.end() || users.size() != 1 || consumers[node.input(0)].size() != 1) continue;
    Node &first = graph.nodes[before->second], &last = graph.nodes[users[0]];
    const Value* scale = graph.constant(node.input(1));
    const Shape& shape = graph.shapes[first.input(0)];
    if (first.op != "Transpose" || last.op != "Transpose" || !scale || shape.size() != 2) continue;
    if (static_cast<int64_t>(scale->data.size()) != shape[1] ||
        graph.shapes[node.input(0)] != Shape{shape[1], shape[0]})
      continue;
    if (graph.shapes[last.outputs[0]] != shape) continue;
    node.inputs[0] = first.inputs[0];
    node.outputs[0] = last.outputs[0];
    graph.shapes[node.outputs[0]] = shape;
    dropped.insert({before->second, users[0]});
  }
  std::vector<Node> kept;
  for (size_t i = 0; i < graph.nodes.size(); ++i)
    if (!dropped.count(i)) kept.push_back(std::move(graph.nodes[i]));
  graph.nodes = std::move(kept);
}

class GemmSplitter {
 public:
  explicit GemmSplitter(Graph& graph) : graph_(graph) {}

  absl::Status split(const Node& gemm) {
    if (gemm.integer("transA", 0))
      return absl::UnimplementedError(absl::StrCat(gemm.label(), ": transA moves the batch axis"));
    double alpha = gemm.real("alpha", 1), beta = gemm.real("beta", 1);
    bool has_bias = !gemm.input(2).empty() && beta != 0;
    std::string weights = gemm.input(1);
    if (gemm.integer("transB", 0)) {
      std::string transposed = absl::StrCat(gemm.outputs[0], "/transposed");
      add("Transpose", {weights}, transposed);
      nodes_.back().attributes["perm"] = std::vector<int64_t>{1, 0};
      weights = transposed;
    }
    std::string product = alpha != 1 || has_bias ? absl::StrCat(gemm.outputs[0], "/product") : gemm.outputs[0];
    add("MatMul", {gemm.input(0), weights}, product);
    if (alpha != 1) {
      std::string scaled = has_bias ? absl::StrCat(gemm.outputs[0], "/scaled") : gemm.outputs[0];
      add("Mul", {product, number(absl::StrCat(scaled, "/alpha"), alpha)}, scaled);
      product = scaled;
    }
    if (!has_bias) return absl::OkStatus();
    std::string bias = gemm.input(2);
    if (beta != 1) {
      std::string scaled = absl::StrCat(gemm.outputs[0], "/bias");
      add("Mul", {bias, number(absl::StrCat(scaled, "/beta"), beta)}, scaled);
      bias = scaled;
    }
    add("Add", {product, bias}, gemm.outputs[0]);
    return absl::OkStatus();
  }

  void keep(Node node) { nodes_.push_back(std::move(node)); }
  std::vector<Node> take() { return std::move(nodes_); }

 private:
  void add(std::string op, std::vector<std::string> inputs, std::string output) {
    nodes_.push_back({.op = std::move(op), .inputs = std::move(inputs), .outputs = {std::move(output)}});
  }
  std::string number(std::string name, double value) {
    graph_.constants[name] = std::make_shared<Value>(Value{{}, {value}, Element::kFloat32});
    return name;
  }
  Graph& graph_;
  std::vector<Node> nodes_;
};

absl::Status split_gemms(Graph& graph) {
  GemmSplitter splitter(graph);
  for (Node& node : graph.nodes) {
    if (node.op != "Gemm") {
      splitter.keep(std::move(node));
      continue;
    }
    if (absl::Status s = splitter.split(node); !s.ok()) return s;
  }
  graph.nodes = splitter.take();
  return absl::OkStatus();
}

bool is_no_op(const Node& node) { return node.op == "Identity" || node.op == "Dropout" || node.op == "Cast"; }

/// Takes out nodes that pass their input on. Cast counts: arithmetic types are chosen later.
void drop_no_ops(Graph& graph) {
  std::unordered_map<std::string, std::string> alias;
  auto resolve = [&](const std::string& tensor) {
    auto it = alias.find(tensor);
    return it == alias.end() ? tensor : it->second;
  };
  std::vector<Node> kept;
  for (Node& node : graph.nodes) {
    for (std::string& input : node.inputs) input = resolve(input);
    if (is_no_op(node)) {
      alias[node.outputs[0]] = node.inputs[0];
    } else {
      kept.push_back(std::move(node));
    }
  }
  for (std::string& output : graph.outputs) output = resolve(output);
  graph.nodes = std::move(kept);
}

void prune(Graph& graph) {
  std::unordered_set<std::string> needed(graph.outputs.begin(), graph.outputs.end());
  std::vector<Node> kept;
  for (size_t i = graph.nodes.size(); i-- > 0;) {
    Node& node = graph.nodes[i];
    if (!std::any_of(node.outputs.begin(), node.outputs.end(), [&](const std::string& o) { return needed.count(o); }))
      continue;
    needed.insert(node.inputs.begin(), node.inputs.end());
    kept.push_back(std::move(node));
  }
  graph.nodes.assign(std::make_move_iterator(kept.rbegin()), std::make_move_iterator(kept.rend()));
  std::erase_if(graph.constants, [&](const auto& entry) { return !needed.count(entry.first); });
}

absl::Status check_results(const Graph& graph) {
  if (graph.outputs.empty()) return absl::InvalidArgumentError("the graph has no output");
  if (graph.inputs.empty()) return absl::InvalidArgumentError("the graph has no input");
  std::unordered_set<std::string> results, used;
  for (const Node& node : graph.nodes) {
    results.insert(node.outputs[0]);
    used.insert(node.inputs.begin(), node.inputs.end());
  }
  std::unordered_set<std::string> seen;
  for (const std::string& output : graph.outputs) {
    if (!results.count(output))
      return absl::InvalidArgumentError(absl::StrCat("output '", output, "' is not computed by any node"));
    if (!seen.insert(output).second)
      return absl::InvalidArgumentError(absl::StrCat("output '", output, "' is listed twice"));
    used.insert(output);
  }
  for (const Node& node : graph.nodes)
    for (size_t i = 1; i < node.outputs.size(); ++i)
      if (used.count(node.outputs[i]))
        return absl::UnimplementedError(
            absl::StrCat(node.label(), ": only the first result is supported, but '", node.outputs[i], "' is used"));
  return absl::OkStatus();
}

void put_constants_last(Graph& graph) {
  for (Node& node : graph.nodes) {
    bool commutes = node.op == "Add" || node.op == "Mul" || node.op == "Max" || node.op == "Min" || node.op == "Sum" ||
                    node.op == "Mean";
    if (!commutes) continue;
    std::stable_partition(node.inputs.begin(), node.inputs.end(),
                          [&](const std::string& i) { return !graph.constant(i); });
  }
}

void name_everything(Graph& graph) {
  std::unordered_map<std::string, std::string> names;
  std::unordered_map<std::string, ValuePtr> constants;
  std::unordered_map<std::string, int> counters;
  auto numbered = [](const char* base, size_t i) { return i == 0 ? std::string(base) : absl::StrCat(base, "_", i); };
  for (Node& node : graph.nodes) {
    node.name = absl::StrCat(node.op, "_", counters[node.op]++);
    names[node.outputs[0]] = absl::StrCat(node.name, "_out0");
    node.outputs.resize(1);
  }
  for (size_t i = 0; i < graph.inputs.size(); ++i) names[graph.inputs[i].name] = numbered("global_in", i);
  for (size_t i = 0; i < graph.outputs.size(); ++i) names[graph.outputs[i]] = numbered("global_out", i);
  for (Node& node : graph.nodes) {
    int parameters = 0;
    for (std::string& input : node.inputs) {
      auto it = graph.constants.find(input);
      if (it == graph.constants.end()) {
        if (!input.empty()) input = names[input];
        continue;
      }
      input = absl::StrCat(node.name, "_param", parameters++);
      constants[input] = it->second;
    }
    node.outputs[0] = names[node.outputs[0]];
  }
  std::unordered_map<std::string, Shape> shapes;
  for (auto& [tensor, shape] : graph.shapes)
    if (auto it = names.find(tensor); it != names.end()) shapes[it->second] = std::move(shape);
  for (Port& input : graph.inputs) input.name = names[input.name];
  for (std::string& output : graph.outputs) output = names[output];
  graph.constants = std::move(constants);
  graph.shapes = std::move(shapes);
}

}  // namespace

absl::Status normalise(Graph& graph) {
  if (absl::Status s = sort_by_depth(graph); !s.ok()) return s;
  if (absl::Status s = fold_and_infer(graph); !s.ok()) return s;
  if (absl::Status s = fold_transposes_into_quantisers(graph); !s.ok()) return s;
  drop_transposes_around_batch_norm(graph);
  if (absl::Status s = sort_by_depth(graph); !s.ok()) return s;
  if (absl::Status s = split_gemms(graph); !s.ok()) return s;
  if (absl::Status s = sort_by_depth(graph); !s.ok()) return s;
  if (absl::Status s = fold_and_infer(graph); !s.ok()) return s;
  if (absl::Status s = fold_transposes_into_quantisers(graph); !s.ok()) return s;
  drop_no_ops(graph);
  prune(graph);
  if (absl::Status s = check_results(graph); !s.ok()) return s;
  if (absl::Status s = sort_by_depth(graph); !s.ok()) return s;
  put_constants_last(graph);
  name_everything(graph);
  return absl::OkStatus();
}

}  // namespace strobe::import::onnx_ir
