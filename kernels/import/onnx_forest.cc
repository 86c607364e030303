#include <algorithm>
#include <array>
#include <set>

#include "absl/strings/str_cat.h"
#include "kernels/import/onnx_tree_nodes.h"

namespace strobe::import::onnx_ir {
namespace {

class Reader {
 public:
  explicit Reader(const Node& node) : node_(node) {}

  absl::StatusOr<Forest> read() {
    for (auto step : {&Reader::read_header, &Reader::read_nodes, &Reader::finish}) {
      if (absl::Status s = (this->*step)(); !s.ok())
        return absl::Status(s.code(), absl::StrCat(node_.label(), ": ", s.message()));
    }
    return std::move(forest_);
  }

 private:
  absl::Status read_header() {
    is_v5_ = node_.op == "TreeEnsemble";
    int64_t outputs = node_.integer("n_targets", 1);
    if (node_.op == "TreeEnsembleClassifier") {
      const auto* names = node_.attribute<std::vector<std::string>>("classlabels_strings");
      outputs = static_cast<int64_t>(names != nullptr ? names->size() : list_length(node_, "classlabels_int64s"));
      // One column of weights for two classes: the margin of the second.
      const auto* ids = node_.attribute<std::vector<int64_t>>("class_ids");
      one_column_ = outputs == 2 && ids != nullptr && std::set<int64_t>(ids->begin(), ids->end()).size() == 1;
      if (one_column_) outputs = 1;
    }
    if (outputs < 1 || outputs > kMaxForestOutputs)
      return absl::InvalidArgumentError(absl::StrCat("expected 1 to ", kMaxForestOutputs, " outputs, found ", outputs));
    forest_.outputs = static_cast<int32_t>(outputs);
    if (absl::Status s = read_base(); !s.ok()) return s;
    if (absl::Status s = read_aggregation(); !s.ok()) return s;
    return read_post_transform();
  }

  absl::Status read_base() {
    const auto count = static_cast<size_t>(forest_.outputs);
    const auto* plain = node_.attribute<std::vector<double>>("base_values");
    const auto* tensor = node_.attribute<ValuePtr>("base_values_as_tensor");
    std::vector<double> base = plain != nullptr ? *plain : tensor != nullptr ? (*tensor)->data : std::vector<double>();
    if (base.empty()) base.assign(count, 0);
    if (one_column_ && base.size() == 2) base.erase(base.begin());
    if (base.size() == 1) base.resize(count, base[0]);
    if (base.size() != count)
      return absl::InvalidArgumentError(absl::StrCat("base_values: expected ", count, ", found ", base.size()));
    forest_.base = std::move(base);
    return absl::OkStatus();
  }

  absl::Status read_aggregation() {
    static constexpr std::array<std::pair<const char*, Aggregation>, 4> kNames = {{{"AVERAGE", Aggregation::kAverage},
                                                                                   {"SUM", Aggregation::kSum},
                                                                                   {"MIN", Aggregation::kMinimum},
                                                                                   {"MAX", Aggregation::kMaximum}}};
    const int64_t number = node_.integer("aggregate_function", 1);
    const std::string name = is_v5_ ? (number >= 0 && number < 4 ? kNames[static_cast<size_t>(number)].first : "")
                                    : node_.text("aggregate_function", "SUM");
    for (const auto& [key, aggregation] : kNames) {
      if (name != key) continue;
      forest_.aggregation = aggregation;
      return absl::OkStatus();
    }
    return absl::InvalidArgumentError(absl::StrCat("aggregate_function '", name, "' is not known"));
  }

  absl::Status read_post_transform() {
    static constexpr std::array<std::pair<const char*, PostTransform>, 5> kNames = {
        {{"NONE", PostTransform::kNone},
         {"SOFTMAX", PostTransform::kSoftmax},
         {"LOGISTIC", PostTransform::kSigmoid},
         {"SOFTMAX_ZERO", PostTransform::kSoftmaxZero},
         {"PROBIT", PostTransform::kProbit}}};
    const int64_t number = node_.integer("post_transform", 0);
    const std::string name = is_v5_ ? (number >= 0 && number < 5 ? kNames[static_cast<size_t>(number)].first : "")
                                    : node_.text("post_transform", "NONE");
    for (const auto& [key, post] : kNames) {
      if (name != key) continue;
      forest_.post = post;
      return absl::OkStatus();
    }
    return absl::InvalidArgumentError(absl::StrCat("post_transform '", name, "' is not known"));
  }

  absl::Status read_nodes() {
    auto open = is_v5_ ? read_interior_nodes(node_, forest_.outputs)
                       : read_nodes_with_leaves(node_, forest_.outputs, one_column_);
    if (!open.ok()) return open.status();
    trees_ = std::move(open->trees);
    forest_.category_sets = std::move(open->category_sets);
    return absl::OkStatus();
  }

  /// Trees that give to one output each have leaves of one value; if one gives to several, all have rows.
  absl::Status finish() {
    if (trees_.empty()) return absl::InvalidArgumentError("has no tree");
    bool narrow = true;
    size_t leaves = 0;
    for (OpenTree& open : trees_) {
      std::set<int64_t> outputs;
      for (const auto& leaf : open.leaves) {
        for (const Contribution& c : leaf) outputs.insert(c.output);
      }
      narrow = narrow && outputs.size() <= 1;
      open.tree.output = outputs.empty() ? 0 : static_cast<int32_t>(*outputs.begin());
      leaves += open.leaves.size();
    }
    forest_.leaf_width = narrow ? 1 : forest_.outputs;
    if (static_cast<int64_t>(leaves) > kMaxElements / forest_.leaf_width)
      return absl::InvalidArgumentError(
          absl::StrCat(leaves, " leaves of ", forest_.leaf_width, " values are too many"));
    for (OpenTree& open : trees_) {
      if (absl::Status s = fill_leaves(open, narrow); !s.ok()) return s;
      if (absl::Status s = append_tree(open.tree, forest_); !s.ok()) return s;
    }
    return absl::OkStatus();
  }

  absl::Status fill_leaves(OpenTree& open, bool narrow) const {
    const auto width = static_cast<size_t>(forest_.leaf_width);
    const bool extreme = forest_.aggregation == Aggregation::kMinimum || forest_.aggregation == Aggregation::kMaximum;
    open.tree.leaf_values.assign(open.leaves.size() * width, 0);
    if (!narrow) open.tree.output = -1;
    for (size_t leaf = 0; leaf < open.leaves.size(); ++leaf) {
      if (extreme && open.leaves[leaf].size() != width)
        return absl::UnimplementedError(
            absl::StrCat(open.tree.label, ": a leaf gives to ", open.leaves[leaf].size(), " of ", width,
                         " outputs; with MIN and MAX strobe reads leaves that give to each once"));
      for (const Contribution& c : open.leaves[leaf])
        open.tree.leaf_values[leaf * width + (narrow ? 0 : static_cast<size_t>(c.output))] += c.value;
    }
    return absl::OkStatus();
  }

  const Node& node_;
  bool is_v5_ = false, one_column_ = false;
  Forest forest_;
  std::vector<OpenTree> trees_;
};

}  // namespace

absl::StatusOr<Forest> read_forest(const Node& node) { return Reader(node).read(); }

}  // namespace strobe::import::onnx_ir
