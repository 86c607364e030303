#include "kernels/emulator/forest_trees.h"

#include <algorithm>
#include <map>
#include <tuple>

namespace strobe::emulator {
namespace {

/// The values at which a predicate changes its answer, ascending, and what it answers below the first.
struct Changes {
  std::vector<int64_t> at;
  bool below = false;
};

Changes changes_of(const Forest::Predicate& predicate, const Range& range) {
  Changes changes;
  const auto change = [&](Wide at) {
    if (at <= range.low) {
      changes.below = !changes.below;
    } else if (at > range.high) {
      return;
    } else if (!changes.at.empty() && changes.at.back() == at) {
      changes.at.pop_back();
    } else {
      changes.at.push_back(static_cast<int64_t>(at));
    }
  };
  for (const model::Interval& i : predicate.intervals) {
    change(i.low);
    change(Wide{i.high} + 1);
  }
  return changes;
}

class Cutter {
 public:
  Cutter(const Forest& forest, const std::vector<Range>& ranges) : forest_(forest) {
    for (const Forest::Predicate& p : forest.predicates) changes_.push_back(changes_of(p, ranges[p.feature]));
    result_.cuts.resize(ranges.size());
    for (size_t p = 0; p < changes_.size(); ++p) {
      auto& cuts = result_.cuts[forest.predicates[p].feature];
      cuts.insert(cuts.end(), changes_[p].at.begin(), changes_[p].at.end());
    }
    for (auto& cuts : result_.cuts) {
      std::sort(cuts.begin(), cuts.end());
      cuts.erase(std::unique(cuts.begin(), cuts.end()), cuts.end());
    }
    std::map<CutForest::Predicate, int32_t> known;
    for (size_t p = 0; p < changes_.size(); ++p) {
      CutForest::Predicate predicate{.feature = forest.predicates[p].feature};
      const auto& cuts = result_.cuts[predicate.feature];
      for (const int64_t at : changes_[p].at) {
        predicate.cuts.push_back(static_cast<int32_t>(std::lower_bound(cuts.begin(), cuts.end(), at) - cuts.begin()));
      }
      const auto [entry, is_new] = known.emplace(predicate, static_cast<int32_t>(result_.predicates.size()));
      if (is_new) result_.predicates.push_back(std::move(predicate));
      number_.push_back(entry->second);
    }
    for (const int32_t root : forest.roots) result_.trees.push_back(tree(root));
  }

  CutForest&& take() { return std::move(result_); }

 private:
  /// The child that is left of those whose answer the range decides.
  int32_t settled(int32_t child) const {
    while (child >= 0 && changes_[forest_.nodes[child].predicate].at.empty()) {
      const Forest::Node& n = forest_.nodes[child];
      child = changes_[n.predicate].below ? n.yes : n.no;
    }
    return child;
  }

  CutForest::Tree tree(int32_t root) const {
    CutForest::Tree tree;
    struct Pending {
      int32_t child, parent;
      bool is_yes;
    };
    std::vector<Pending> pending = {{settled(root), -1, false}};
    while (!pending.empty()) {
      const auto [child, parent, is_yes] = pending.back();
      pending.pop_back();
      const size_t number = child < 0 ? tree.leaves.size() : tree.nodes.size();
      const int32_t place = child < 0 ? ~static_cast<int32_t>(number) : static_cast<int32_t>(number);
      if (parent >= 0) (is_yes ? tree.nodes[parent].yes : tree.nodes[parent].no) = place;
      if (child < 0) {
        tree.leaves.push_back(~child);
        continue;
      }
      const Forest::Node& n = forest_.nodes[child];
      const bool below = changes_[n.predicate].below;
      tree.nodes.push_back({number_[n.predicate], 0, 0});
      pending.push_back({settled(below ? n.no : n.yes), place, true});
      pending.push_back({settled(below ? n.yes : n.no), place, false});
    }
    return tree;
  }

  const Forest& forest_;
  std::vector<Changes> changes_;
  std::vector<int32_t> number_;  ///< of the result's predicate, per predicate
  CutForest result_;
};

class Numbering {
 public:
  Numbering(const CutForest::Tree& tree, int bits) : tree_(tree) {
    result_.bits = bits;
    leaves_.assign(tree.nodes.size(), 0);
    for (size_t n = tree.nodes.size(); n-- > 0;) leaves_[n] = count(tree.nodes[n].yes) + count(tree.nodes[n].no);
    result_.numbers.resize(tree.leaves.size());
    assign();
    count_choices();
  }

  LeafNumbers&& take() { return std::move(result_); }

 private:
  uint32_t count(int32_t child) const { return child < 0 ? 1 : leaves_[child]; }

  /// Goes down with 2^width numbers from `first` on. Where each side of a node fits half of them, one bit tells the
  /// sides apart; else the leaves below are numbered one after the other, those of the larger side first.
  void assign() {
    const uint32_t all = (uint32_t{1} << result_.bits) - 1;
    std::vector<std::tuple<int32_t, uint32_t, int>> pending = {{0, 0, result_.bits}};
    while (!pending.empty()) {
      const auto [at, first, width] = pending.back();
      pending.pop_back();
      if (at < 0) {
        result_.numbers[~at] = {first, all & ~((uint32_t{1} << width) - 1)};
        continue;
      }
      const CutForest::Node& n = tree_.nodes[at];
      if (std::max(count(n.yes), count(n.no)) > uint32_t{1} << (width - 1)) {
        one_by_one(at, first);
        continue;
      }
      pending.push_back({n.no, first, width - 1});
      pending.push_back({n.yes, first + (uint32_t{1} << (width - 1)), width - 1});
    }
  }

  void one_by_one(int32_t root, uint32_t next) {
    std::vector<int32_t> pending = {root};
    while (!pending.empty()) {
      const int32_t at = pending.back();
      pending.pop_back();
      if (at < 0) {
        result_.numbers[~at] = {next++, (uint32_t{1} << result_.bits) - 1};
        continue;
      }
      const CutForest::Node& n = tree_.nodes[at];
      const bool yes_first = count(n.yes) > count(n.no);
      pending.push_back(yes_first ? n.no : n.yes);
      pending.push_back(yes_first ? n.yes : n.no);
    }
  }

  /// As `SlicedPlanner::choose` does it: per bit and node what is known of the leaves below.
  void count_choices() {
    enum State : uint8_t { kAny, kZero, kOne, kWord };
    std::vector<State> states(tree_.nodes.size());
    for (int b = 0; b < result_.bits; ++b) {
      const auto state = [&](int32_t child) {
        if (child >= 0) return states[child];
        const LeafNumbers::Number& n = result_.numbers[~child];
        return (n.care >> b & 1) == 0 ? kAny : (n.value >> b & 1) != 0 ? kOne : kZero;
      };
      for (size_t n = tree_.nodes.size(); n-- > 0;) {
        const State yes = state(tree_.nodes[n].yes), no = state(tree_.nodes[n].no);
        const bool free = yes == kAny || no == kAny || (yes == no && yes != kWord);
        states[n] = !free ? kWord : yes == kAny ? no : yes;
        if (!free && !(yes == kOne && no == kZero)) ++result_.choices;
      }
    }
  }

  const CutForest::Tree& tree_;
  std::vector<uint32_t> leaves_;  ///< below each node
  LeafNumbers result_;
};

}  // namespace

CutForest cut_forest(const Forest& forest, const std::vector<Range>& ranges) { return Cutter(forest, ranges).take(); }

LeafNumbers number_leaves(const CutForest::Tree& tree, int bits) { return Numbering(tree, bits).take(); }

}  // namespace strobe::emulator
