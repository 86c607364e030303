#include <algorithm>
#include <array>
#include <unordered_map>
#include <unordered_set>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "kernels/import/onnx_graph.h"

namespace strobe::import::onnx_ir {
namespace {

bool makes_labels(const Node& node) {
  return node.op == "ArgMax" || node.op == "LabelEncoder" || node.op == "ArrayFeatureExtractor";
}

/// Whether there is more behind an ensemble than what makes labels, and what `absorb_neighbours` knows.
bool works_on_scores(const Graph& graph) {
  static constexpr std::array<const char*, 5> kKnown = {"ZipMap", "Normalizer", "Identity", "Cast", "Reshape"};
  return std::any_of(graph.nodes.begin(), graph.nodes.end(), [](const Node& node) {
    return node.forest == nullptr && !makes_labels(node) &&
           std::find(kKnown.begin(), kKnown.end(), node.op) == kKnown.end();
  });
}

/// Drops graph outputs that are labels, and the nodes that make them. Labels are a classifier's first result, and what
/// is computed from them or by an operator that picks classes.
void drop_labels(Graph& graph, const std::unordered_set<std::string>& first_results) {
  std::unordered_set<std::string> labels = first_results;
  std::vector<Node> kept;
  for (Node& node : graph.nodes) {
    const bool label = makes_labels(node) || std::any_of(node.inputs.begin(), node.inputs.end(),
                                                         [&](const std::string& i) { return labels.contains(i); });
    if (!label) {
      kept.push_back(std::move(node));
      continue;
    }
    labels.insert(node.outputs.begin(), node.outputs.end());
  }
  graph.nodes = std::move(kept);
  std::erase_if(graph.outputs, [&](const std::string& output) { return labels.contains(output); });
}

/// ZipMap names the columns of its input; Normalizer right behind a forest becomes the forest's post transform.
absl::Status absorb_neighbours(Graph& graph) {
  std::unordered_map<std::string, size_t> forests;
  for (size_t n = 0; n < graph.nodes.size(); ++n) {
    Node& node = graph.nodes[n];
    if (node.forest != nullptr) forests[node.outputs[0]] = n;
    if (node.op == "ZipMap") {
      node.op = "Identity";
      node.domain.clear();
    }
    const auto source = forests.find(node.input(0));
    if (source == forests.end()) continue;
    if (node.op == "Identity" || node.op == "Cast") forests[node.outputs[0]] = source->second;
    if (node.op != "Normalizer") continue;
    const Forest& from = *graph.nodes[source->second].forest;
    const std::string norm = node.text("norm", "MAX");
    if (norm != "L1" || from.post != PostTransform::kNone)
      return absl::UnimplementedError(absl::StrCat(node.label(), " with norm ", norm,
                                                   "; behind a forest strobe reads L1 without a post transform"));
    Forest normalised = from;
    normalised.post = PostTransform::kNormalise;
    graph.nodes[source->second].forest = std::make_shared<const Forest>(std::move(normalised));
    node.op = "Identity";
    node.domain.clear();
  }
  return absl::OkStatus();
}

}  // namespace

bool is_tree_ensemble(const Node& node) {
  return node.domain == "ai.onnx.ml" &&
         (node.op == "TreeEnsembleClassifier" || node.op == "TreeEnsembleRegressor" || node.op == "TreeEnsemble");
}

absl::Status read_trees(Graph& graph, std::string& note) {
  size_t count = 0;
  std::unordered_set<std::string> labels;
  for (Node& node : graph.nodes) {
    if (!is_tree_ensemble(node)) continue;
    absl::StatusOr<Forest> forest = read_forest(node);
    if (!forest.ok()) return forest.status();
    node.forest = std::make_shared<const Forest>(*std::move(forest));
    node.attributes.clear();
    node.domain.clear();
    ++count;
    if (node.op != "TreeEnsembleClassifier") continue;
    if (node.outputs.size() < 2 || node.outputs[1].empty())
      return absl::UnimplementedError(absl::StrCat(node.label(), ": gives labels only; expected scores as well"));
    labels.insert(node.outputs[0]);
    node.outputs = {node.outputs[1]};
  }
  if (count == 0) return absl::OkStatus();
  if (count > 1 || works_on_scores(graph)) {
    // Of one ensemble alone, what cannot be joined is left for others to name.
    if (absl::Status s = join_trees(graph, note); !s.ok() && count > 1) return s;
  }
  drop_labels(graph, labels);
  return absorb_neighbours(graph);
}

}  // namespace strobe::import::onnx_ir
