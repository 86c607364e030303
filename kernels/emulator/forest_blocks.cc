#include "kernels/emulator/forest_blocks.h"

#include <algorithm>
#include <bit>
#include <functional>
#include <limits>
#include <map>
#include <numeric>
#include <queue>
#include <utility>

#include "kernels/emulator/forest_trees.h"

namespace strobe::emulator {
namespace {

constexpr int kSplits = ForestBlocks::kSplits;
constexpr double kStageCycles = 6;
constexpr double kDoublingCycles = 1;
constexpr double kPartCycles = 2;

/// Which splits of a tree share a block.
///
/// A split's rank is the number of blocks that the way down from it needs: subtrees of up to 31 splits have rank 1, and
/// so on with 31 of the rest. Blocks are the connected splits of one rank, so no way is longer than it must be. Then
/// blocks that have room take in small ones below.
class TreeCutter {
 public:
  explicit TreeCutter(const CutForest::Tree& tree)
      : tree_(tree), size_(tree.nodes.size()), top_(tree.nodes.size()), below_(tree.nodes.size()) {
    std::vector<int> rank(size_.size());
    const auto size = [&](int32_t child, int of) { return child >= 0 && rank[child] == of ? size_[child] : 0; };
    for (size_t n = size_.size(); n-- > 0;) {
      const auto [no, yes] = children(n);
      rank[n] = std::max({1, no < 0 ? 0 : rank[no], yes < 0 ? 0 : rank[yes]});
      size_[n] = 1 + size(no, rank[n]) + size(yes, rank[n]);
      if (size_[n] > kSplits) {
        ++rank[n];
        size_[n] = 1;
      }
    }
    for (size_t n = 0; n < size_.size(); ++n) {
      const auto [no, yes] = children(n);
      for (const int32_t child : {no, yes}) {
        if (child < 0) continue;
        top_[child] = rank[child] == rank[n] ? top_[n] : child;
        if (top_[child] == child) below_[top_[n]].push_back(child);
      }
    }
    for (size_t n = 0; n < size_.size(); ++n) {
      if (top_[n] == static_cast<int32_t>(n)) take_in(static_cast<int32_t>(n));
      top_[n] = top_[top_[n]];
    }
  }

  /// The first split of the block that a split belongs to.
  int32_t top(int32_t split) const { return top_[split]; }

 private:
  std::pair<int32_t, int32_t> children(size_t n) const { return {tree_.nodes[n].no, tree_.nodes[n].yes}; }

  /// The smallest blocks below a block, as long as there is room.
  void take_in(int32_t block) {
    std::priority_queue<std::pair<int, int32_t>, std::vector<std::pair<int, int32_t>>, std::greater<>> smallest;
    const auto add_below = [&](int32_t of) {
      for (const int32_t b : below_[of]) smallest.emplace(size_[b], b);
    };
    add_below(block);
    while (!smallest.empty() && size_[block] + smallest.top().first <= kSplits) {
      const auto [size, taken] = smallest.top();
      smallest.pop();
      size_[block] += size;
      top_[taken] = block;
      add_below(taken);
    }
  }

  const CutForest::Tree& tree_;
  std::vector<int> size_;  ///< of a block's first split: the block's
  std::vector<int32_t> top_;
  std::vector<std::vector<int32_t>> below_;  ///< blocks right below a block, by first splits
};

/// Which values splits compare. False where one is not a single comparison.
class Values {
 public:
  Values(const CutForest& cuts, const std::vector<Range>& ranges) : cuts_(cuts) {
    constexpr Range k16 = {std::numeric_limits<int16_t>::min(), std::numeric_limits<int16_t>::max()};
    constexpr Range k32 = {std::numeric_limits<int32_t>::min(), std::numeric_limits<int32_t>::max()};
    for (const CutForest::Tree& tree : cuts.trees) {
      for (const CutForest::Node& n : tree.nodes) {
        const CutForest::Predicate& p = cuts.predicates[n.predicate];
        fit_ = fit_ && (p.cuts.size() == 1 || is_band(p)) && k32.contains(ranges[p.feature]);
        if (!fit_) return;
        if (!k16.contains(ranges[p.feature])) lane_ = Lane::k32;
        numbers_.emplace(std::pair(p.feature, is_band(p)), 0);
      }
    }
    uint8_t number = 0;
    fit_ = numbers_.size() <= ForestBlocks::kValueBytes / lane_bytes(lane_);
    for (auto& [value, place] : numbers_) place = number++;
  }

  bool fit() const { return fit_; }
  Lane lane() const { return lane_; }

  std::vector<ForestBlocks::Value> list() const {
    std::vector<ForestBlocks::Value> values;
    for (const auto& [value, number] : numbers_) {
      const auto [feature, band] = value;
      values.push_back({static_cast<uint32_t>(feature),
                        band ? static_cast<int32_t>(cuts_.cuts[feature][0]) : std::numeric_limits<int32_t>::min()});
    }
    return values;
  }

  /// Between the feature's first cut and another.
  static bool is_band(const CutForest::Predicate& p) { return p.cuts.size() == 2 && p.cuts[0] == 0; }
  uint8_t number(const CutForest::Predicate& p) const { return numbers_.at({p.feature, is_band(p)}); }
  int64_t cut(const CutForest::Predicate& p) const { return cuts_.cuts[p.feature][p.cuts.back()]; }

 private:
  const CutForest& cuts_;
  bool fit_ = true;
  Lane lane_ = Lane::k16;
  std::map<std::pair<int32_t, bool>, uint8_t> numbers_;
};

/// Writes the trees' blocks.
template <class T>
class BlockWriter {
 public:
  BlockWriter(const CutForest& cuts, const Values& values, std::vector<ForestBlocks::Block<T>>& blocks)
      : cuts_(cuts), values_(values), blocks_(blocks) {}

  struct Tree {
    uint32_t root = 0;
    int stages = 1, doublings = 0;
    std::vector<int32_t> leaves;  ///< the forest's, in the order of the tree's leaf numbers
  };

  Tree write(const CutForest::Tree& tree) {
    const TreeCutter cutter(tree);
    Tree result{.root = static_cast<uint32_t>(blocks_.size())};
    std::vector<Pending> pending = {{tree.nodes.empty() ? ~0 : 0, 1}};
    blocks_.emplace_back();
    for (size_t b = 0; b < pending.size(); ++b) {
      const Pending now = pending[b];
      result.stages = std::max(result.stages, now.stage);
      write_block(tree, cutter, now, result.root + b, pending, result);
    }
    return result;
  }

 private:
  struct Pending {
    int32_t top = 0;  ///< a split, or a leaf that is the whole tree
    int stage = 0;
  };
  struct Place {
    int32_t child = 0;
    int depth = 0;
  };

  void write_block(const CutForest::Tree& tree, const TreeCutter& cutter, const Pending& now, size_t number,
                   std::vector<Pending>& pending, Tree& result) {
    std::vector<Place> splits;
    std::vector<int32_t> leaves, below;
    const auto visit = [&](int32_t child, int depth) {
      if (child < 0) return leaves.push_back(~child);
      if (cutter.top(child) != now.top) return below.push_back(child);
      splits.push_back({child, depth});
    };
    visit(now.top, 1);
    for (size_t s = 0; s < splits.size(); ++s) {
      const auto [split, depth] = splits[s];
      result.doublings = std::max<int>(result.doublings, std::bit_width(static_cast<unsigned>(depth) - 1));
      visit(tree.nodes[split].no, depth + 1);
      visit(tree.nodes[split].yes, depth + 1);
    }
    ForestBlocks::Block<T>& block = blocks_[number];
    block.leaves = static_cast<int32_t>(leaves.size());
    block.first_leaf = static_cast<int32_t>(result.leaves.size());
    block.first_block = static_cast<int32_t>(blocks_.size()) - block.leaves;
    if (splits.empty()) block.next[0] = kFirstExit | kFirstExit << 8;
    // Children were visited in the order in which they are met again here.
    int split = 1, leaf = kFirstExit, exit = kFirstExit + block.leaves;
    const auto place = [&](int32_t child) {
      return child < 0 ? leaf++ : cutter.top(child) != now.top ? exit++ : split++;
    };
    for (size_t s = 0; s < splits.size(); ++s) {
      const CutForest::Node& n = tree.nodes[splits[s].child];
      const CutForest::Predicate& p = cuts_.predicates[n.predicate];
      int below_cut = place(n.no), above_cut = place(n.yes);
      if (Values::is_band(p)) std::swap(below_cut, above_cut);
      block.next[s] = static_cast<uint16_t>(below_cut | above_cut << 8);
      block.cuts[s] = static_cast<T>(values_.cut(p));
      block.values[s] = values_.number(p);
    }
    for (const int32_t l : leaves) result.leaves.push_back(tree.leaves[l]);
    for (const int32_t top : below) pending.push_back({top, now.stage + 1});
    blocks_.resize(blocks_.size() + below.size());
  }

  static constexpr int kFirstExit = ForestBlocks::kPlaces;

  const CutForest& cuts_;
  const Values& values_;
  std::vector<ForestBlocks::Block<T>>& blocks_;
};

template <class T>
void write_trees(const Forest& forest, const CutForest& cuts, const Values& values,
                 std::vector<ForestBlocks::Block<T>>& blocks, ForestBlocks& plan) {
  using Tree = typename BlockWriter<T>::Tree;
  BlockWriter<T> writer(cuts, values, blocks);
  std::vector<Tree> trees;
  for (const CutForest::Tree& tree : cuts.trees) trees.push_back(writer.write(tree));
  std::vector<uint32_t> order(trees.size());
  std::iota(order.begin(), order.end(), 0);
  const auto kind = [&](uint32_t t) { return std::pair(trees[t].stages, trees[t].doublings); };
  std::stable_sort(order.begin(), order.end(), [&](uint32_t a, uint32_t b) { return kind(a) < kind(b); });
  std::vector<uint32_t> position(trees.size());
  for (const uint32_t t : order) {
    const auto [stages, doublings] = kind(t);
    if (plan.groups.empty() || kind(order[plan.groups.back().end - 1]) != kind(t)) {
      plan.groups.push_back({stages, doublings, static_cast<uint32_t>(plan.roots.size())});
    }
    position[t] = plan.groups.back().end++;
    plan.roots.push_back(trees[t].root);
    plan.cycles += stages * (kStageCycles + doublings * kDoublingCycles);
  }
  std::map<std::pair<int32_t, int32_t>, uint32_t> known;
  for (const Forest::Output& output : forest.outputs) {
    plan.outputs.push_back({.base = output.base});
    for (const Forest::Part& part : output.parts) {
      const auto first = static_cast<uint32_t>(plan.leaf_values.size());
      const auto [entry, is_new] = known.emplace(std::pair(part.tree, part.column), first);
      plan.outputs.back().parts.push_back({position[part.tree], entry->second});
      plan.cycles += kPartCycles;
      if (!is_new) continue;
      for (const int32_t leaf : trees[part.tree].leaves) {
        plan.leaf_values.push_back(forest.columns[part.column][leaf]);
      }
    }
  }
}

}  // namespace

bool plan_blocks(const Forest& forest, const CutForest& cuts, const std::vector<Range>& ranges, ForestBlocks& blocks) {
  const Values values(cuts, ranges);
  if (!values.fit()) return false;
  blocks.lane = values.lane();
  blocks.values = values.list();
  blocks.cycles = 2.0 * static_cast<double>(blocks.values.size());
  if (blocks.lane == Lane::k16) {
    write_trees(forest, cuts, values, blocks.blocks16, blocks);
  } else {
    write_trees(forest, cuts, values, blocks.blocks32, blocks);
  }
  blocks.storage_bytes = ForestBlocks::kValueBytes + sizeof(int32_t) * blocks.roots.size();
  return true;
}

}  // namespace strobe::emulator
