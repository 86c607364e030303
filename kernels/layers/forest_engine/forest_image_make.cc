#include <algorithm>
#include <numeric>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "kernels/layers/forest_engine/forest_image.h"
#include "kernels/layers/support.h"
#include "kernels/model/intervals.h"

namespace strobe::layers {
namespace {

using model::FixedType;
using model::Graph;
using model::Intervals;
using model::Node;

absl::Status beyond(const Node& node, const std::string& what) {
  return absl::UnimplementedError(absl::StrCat("a forest engine does not compute layer '", node.name, "' (", node.op,
                                               "): ", what, "; as an xclbin of its own the forest can be run"));
}

/// A predicate as thresholds between which its answer alternates: `first` for x <= thresholds[0]. At the odd value the
/// answer is the opposite (`odd`).
struct Question {
  uint16_t feature = 0;
  bool first = false, odd = false;
  std::vector<int64_t> thresholds;
};

Intervals intervals_of(const Node& node, int64_t predicate, int64_t lowest, int64_t highest) {
  const auto& begin = node.constant("predicate_begin")->raw;
  Intervals intervals;
  for (int64_t i = begin[predicate]; i < begin[predicate + 1]; ++i) {
    model::append(intervals, {std::max(node.constant("interval_low")->raw[i], lowest),
                              std::min(node.constant("interval_high")->raw[i], highest)});
  }
  return intervals;
}

void set_thresholds(const Intervals& intervals, int64_t lowest, int64_t highest, Question& question) {
  question.thresholds.clear();
  question.first = false;
  for (const auto& [low, high] : intervals) {
    low <= lowest ? void(question.first = true) : question.thresholds.push_back(low - 1);
    if (high < highest) question.thresholds.push_back(high);
  }
}

/// `odd`: the value that an odd node takes the other way.
Question question_of(const Node& node, int64_t predicate, const FixedType& type, std::optional<int64_t> odd) {
  const auto highest = static_cast<int64_t>(type.max_raw());
  const int64_t lowest = type.is_signed ? -highest - 1 : 0;
  const Intervals intervals = intervals_of(node, predicate, lowest, highest);
  Question question, other;
  question.feature = other.feature = static_cast<uint16_t>(node.constant("predicate_feature")->raw[predicate]);
  set_thresholds(intervals, lowest, highest, question);
  if (!odd) return question;
  other.odd = true;
  const model::Interval turned = {*odd, *odd};
  const bool inside = model::contains(intervals, *odd);
  set_thresholds(inside ? model::without(intervals, turned) : model::joined(intervals, {turned}), lowest, highest,
                 other);
  // An odd question needs a node to be asked at, and is asked at one only: at more, the odd value would turn at each.
  return other.thresholds.size() == 1 && question.thresholds.size() > 1 ? other : question;
}

/// One tree as nodes of its own, numbered from 0; what leads to their count leaves the tree.
class TreeProgram {
 public:
  TreeProgram(const Node& node, const std::vector<Question>& questions, int64_t outputs)
      : node_(node),
        questions_(questions),
        outputs_(outputs),
        node_start_(node.constant("node_predicate")->raw.size()),
        leaf_start_(node.constant("leaf_id")->raw.size()) {}

  std::vector<ForestInstruction> write(int64_t tree) {
    tree_ = tree;
    place(node_.constant("tree_root")->raw[tree]);
    program_.clear();
    program_.reserve(size_);
    for (const int64_t child : order_) child >= 0 ? write_split(child) : write_leaf(~child);
    return std::move(program_);
  }

 private:
  const Question& question(int64_t n) const { return questions_[node_.constant("node_predicate")->raw[n]]; }
  int64_t child(int64_t n, bool answer) const {
    return settled(node_.constant(answer ? "node_true" : "node_false")->raw[n]);
  }

  /// Follows questions that every event answers alike.
  int64_t settled(int64_t child) const {
    while (child >= 0 && question(child).thresholds.empty()) {
      child = node_.constant(question(child).first ? "node_true" : "node_false")->raw[child];
    }
    return child;
  }

  /// Decides where each node and leaf begins: parents first.
  void place(int64_t root) {
    order_.clear();
    size_ = 0;
    std::vector<int64_t> stack = {settled(root)};
    while (!stack.empty()) {
      const int64_t at = stack.back();
      stack.pop_back();
      order_.push_back(at);
      (at >= 0 ? node_start_ : leaf_start_)[at >= 0 ? at : ~at] = size_;
      if (at < 0) {
        size_ += static_cast<uint32_t>(leaf_terms(~at).size());
        continue;
      }
      size_ += static_cast<uint32_t>(question(at).thresholds.size());
      stack.push_back(child(at, false));
      stack.push_back(child(at, true));
    }
  }

  uint32_t start(int64_t child) { return child >= 0 ? node_start_[child] : leaf_start_[~child]; }

  void write_split(int64_t n) {
    const uint32_t ends[2] = {start(child(n, false)), start(child(n, true))};
    write_thresholds(question(n), 0, question(n).thresholds.size(), ends);
  }

  /// A balanced search among the thresholds [from, to); returns where it begins.
  uint32_t write_thresholds(const Question& q, size_t from, size_t to, const uint32_t (&ends)[2]) {
    if (from == to) return ends[q.first != (from % 2 == 1) ? 1 : 0];
    const auto at = static_cast<uint32_t>(program_.size());
    const size_t middle = from + (to - from) / 2;
    ForestInstruction node;
    node.value = q.thresholds[middle];
    node.item = q.feature;
    node.odd = q.odd;
    program_.push_back(node);
    const uint32_t next = write_thresholds(q, from, middle, ends), other = write_thresholds(q, middle + 1, to, ends);
    program_[at].next = next;
    program_[at].other = other;
    return at;
  }

  /// (output, value) pairs; zeros are left out but for a lone one.
  std::vector<std::pair<uint16_t, int64_t>> leaf_terms(int64_t leaf) const {
    const auto& value = node_.constant("leaf_value")->raw;
    if (const model::Constant* output = node_.constant("tree_output"))
      return {{static_cast<uint16_t>(output->raw[tree_]), value[leaf]}};
    std::vector<std::pair<uint16_t, int64_t>> terms;
    for (int64_t k = 0; k < outputs_; ++k) {
      if (value[leaf * outputs_ + k] != 0) terms.emplace_back(static_cast<uint16_t>(k), value[leaf * outputs_ + k]);
    }
    if (terms.empty()) terms.emplace_back(uint16_t{0}, 0);
    return terms;
  }

  void write_leaf(int64_t leaf) {
    const auto terms = leaf_terms(leaf);
    for (size_t i = 0; i < terms.size(); ++i) {
      ForestInstruction node;
      node.adds = true;
      node.item = terms[i].first;
      node.value = terms[i].second;
      node.next = i + 1 < terms.size() ? static_cast<uint32_t>(program_.size()) + 1 : size_;
      program_.push_back(node);
    }
  }

  const Node& node_;
  const std::vector<Question>& questions_;
  int64_t outputs_;
  int64_t tree_ = 0;
  uint32_t size_ = 0;
  std::vector<uint32_t> node_start_, leaf_start_;
  std::vector<int64_t> order_;
  std::vector<ForestInstruction> program_;
};

/// Nodes on the longest way through a tree.
int64_t longest_way(const std::vector<ForestInstruction>& tree) {
  std::vector<int64_t> left(tree.size() + 1, 0);
  for (size_t n = tree.size(); n-- > 0;)
    left[n] = 1 + std::max(left[tree[n].next], tree[n].adds ? 0 : left[tree[n].other]);
  return left[0];
}

/// The trees of each engine, such that the engines' longest ways are about equal. Largest first, each to the engine
/// that has least so far; where that leaves no room, by nodes instead of ways. Empty where the trees do not fit so.
std::vector<std::vector<size_t>> share_out(const std::vector<std::vector<ForestInstruction>>& trees,
                                           const std::vector<int64_t>& load, const EngineShape& shape) {
  std::vector<size_t> order(trees.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return load[a] > load[b]; });
  std::vector<std::vector<size_t>> engines(static_cast<size_t>(shape.engines));
  std::vector<int64_t> loads(engines.size(), 0), nodes(engines.size(), 0);
  for (const size_t tree : order) {
    const auto size = static_cast<int64_t>(trees[tree].size());
    size_t best = engines.size();
    for (size_t e = 0; e < engines.size(); ++e) {
      if (nodes[e] + size <= shape.nodes && (best == engines.size() || loads[e] < loads[best])) best = e;
    }
    if (best == engines.size()) return {};
    engines[best].push_back(tree);
    loads[best] += load[tree];
    nodes[best] += size;
  }
  for (auto& engine : engines) std::sort(engine.begin(), engine.end());
  return engines;
}

}  // namespace

class ForestImageWriter {
 public:
  ForestImageWriter(const Graph& graph, const EngineShape& shape) : graph_(graph), shape_(shape) {}

  absl::StatusOr<ForestImage> write() && {
    if (absl::Status s = shape_.check(); !s.ok()) return s;
    if (absl::Status s = find_forest(); !s.ok()) return s;
    if (absl::Status s = check_elements(); !s.ok()) return s;
    if (absl::Status s = check_sum(); !s.ok()) return s;
    if (absl::Status s = check_room(); !s.ok()) return s;
    image_.base_ = node_->constant("base")->raw;
    if (absl::Status s = write_programs(); !s.ok()) return s;
    image_.serialize();
    return std::move(image_);
  }

 private:
  absl::Status find_forest() {
    for (const Node& node : graph_.nodes()) {
      if (node.op != "forest") return beyond(node, "it walks trees and adds their leaves");
      if (node_ != nullptr) return beyond(node, "it holds one forest at a time");
      node_ = &node;
    }
    if (node_ == nullptr) return absl::InvalidArgumentError(absl::StrCat("'", graph_.name(), "' holds no forest"));
    if (node_->text("result", "scores") != "scores") return beyond(*node_, "its result is not scores");
    return absl::OkStatus();
  }

  absl::Status check_elements() {
    const auto& in = graph_.input(0).type;
    const auto& out = graph_.output(0).type;
    for (const auto* type : {&in, &out}) {
      const bool alike =
          std::all_of(type->types.begin(), type->types.end(), [&](const FixedType& t) { return t == type->types[0]; });
      if (!alike) return beyond(*node_, "elements of several types");
    }
    if (in.at(0).width < 1 || in.at(0).width > 32)
      return beyond(*node_, absl::StrCat("features of ", in.at(0).width, " bits; it compares up to 32"));
    if (out.at(0).width < 1) return beyond(*node_, "scores without a bit");
    image_.features_ = static_cast<size_t>(in.elements());
    image_.input_ = {in.at(0).width, in.at(0).is_signed, in.container()};
    image_.score_ = {out.at(0).width, out.at(0).is_signed, out.container()};
    return absl::OkStatus();
  }

  /// Sums are exact in 64 bits. conifer's, converted after each addition, are the same where they wrap.
  absl::Status check_sum() {
    const std::string sum = node_->text("sum", "exact");
    const FixedType result = graph_.output(0).type.at(0);
    const int fraction = node_->constant("leaf_value")->type.types[0].fraction();
    if (sum == "file_order" || sum == "balanced") {
      const FixedType accumulator = *node_->type("accumulator");
      const bool wraps = accumulator.overflow == model::Overflow::kWrap && accumulator.fraction() == fraction;
      if (!wraps || !accumulator.same_format(result) || result.overflow != model::Overflow::kWrap) {
        return beyond(*node_, absl::StrCat("sum '", sum, "' that converts to ", accumulator.to_string(),
                                           " after each tree; it adds exactly, or modulo a type's range (AP_WRAP)"));
      }
    } else if (sum != "exact") {
      return beyond(*node_, absl::StrCat("the ", sum, " of trees; it adds them"));
    }
    if (node_->constant("scale") != nullptr) return beyond(*node_, "it does not scale sums");
    if (result.fraction() != fraction) {
      return beyond(*node_, absl::StrCat("scores with ", result.fraction(), " bits after the point from leaves with ",
                                         fraction, "; it does not round"));
    }
    image_.low_ = static_cast<int64_t>(result.min_raw());
    image_.high_ = static_cast<int64_t>(result.max_raw());
    image_.overflow_ = result.overflow == model::Overflow::kWrap      ? ForestImage::Overflow::kWrap
                       : result.overflow == model::Overflow::kSatZero ? ForestImage::Overflow::kZero
                                                                      : ForestImage::Overflow::kClamp;
    const Extent leaf = extent(node_->constant("leaf_value")->type.types[0]);
    const Extent trees = {static_cast<long double>(node_->constant("tree_root")->raw.size()), 0};
    const int bits = (trees * leaf + extent(node_->constant("base")->type.types[0])).bits();
    return bits <= 64 ? absl::OkStatus()
                      : beyond(*node_, absl::StrCat("sums of ", bits, " bits; it has accumulators of 64"));
  }

  absl::Status check_room() {
    const auto outputs = graph_.output(0).type.elements();
    if (static_cast<int64_t>(image_.features_) <= shape_.features && outputs <= shape_.outputs) return absl::OkStatus();
    return absl::ResourceExhaustedError(absl::StrCat("the engine takes ", shape_.features, " features and ",
                                                     shape_.outputs, " outputs; the forest has ", image_.features_,
                                                     " and ", outputs));
  }

  absl::Status write_programs() {
    std::vector<Question> questions;
    const auto predicates = static_cast<int64_t>(node_->constant("predicate_feature")->raw.size());
    const std::optional<int64_t> odd = graph_.input(0).encoding.missing;
    image_.odd_ = odd.value_or(0);
    for (int64_t p = 0; p < predicates; ++p)
      questions.push_back(question_of(*node_, p, graph_.input(0).type.at(0), odd));
    std::vector<std::vector<ForestInstruction>> trees;
    std::vector<int64_t> ways, sizes;
    TreeProgram writer(*node_, questions, graph_.output(0).type.elements());
    for (size_t t = 0; t < node_->constant("tree_root")->raw.size(); ++t) {
      trees.push_back(writer.write(static_cast<int64_t>(t)));
      ways.push_back(longest_way(trees.back()));
      sizes.push_back(static_cast<int64_t>(trees.back().size()));
    }
    auto engines = share_out(trees, ways, shape_);
    if (engines.empty()) engines = share_out(trees, sizes, shape_);
    if (engines.empty()) {
      return absl::ResourceExhaustedError(absl::StrCat(
          "the engine has ", shape_.engines, " memories of ", shape_.nodes, " nodes; the forest's ", trees.size(),
          " trees have ", std::accumulate(sizes.begin(), sizes.end(), int64_t{0}), " nodes, the largest ",
          *std::max_element(sizes.begin(), sizes.end()), ", and a tree must lie in one memory"));
    }
    for (const auto& of_engine : engines) image_.programs_.push_back(joined(trees, of_engine));
    while (image_.programs_.size() > 1 && image_.programs_.back().empty()) image_.programs_.pop_back();
    return absl::OkStatus();
  }

  /// One tree after the other; the last one's leaves are the end.
  static std::vector<ForestInstruction> joined(const std::vector<std::vector<ForestInstruction>>& trees,
                                               const std::vector<size_t>& chosen) {
    std::vector<ForestInstruction> program;
    for (size_t i = 0; i < chosen.size(); ++i) {
      const auto first = static_cast<uint32_t>(program.size());
      for (ForestInstruction node : trees[chosen[i]]) {
        node.last = node.adds && i + 1 == chosen.size() && node.next == trees[chosen[i]].size();
        node.next = node.last ? 0 : node.next + first;
        if (!node.adds) node.other += first;
        program.push_back(node);
      }
    }
    return program;
  }

  const Graph& graph_;
  const EngineShape& shape_;
  const Node* node_ = nullptr;
  ForestImage image_;
};

absl::StatusOr<ForestImage> ForestImage::make(const Graph& graph, const EngineShape& shape) {
  return ForestImageWriter(graph, shape).write();
}

}  // namespace strobe::layers
