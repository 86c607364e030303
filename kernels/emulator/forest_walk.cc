#include "kernels/emulator/forest_walk.h"

#include <algorithm>
#include <bit>
#include <limits>
#include <map>
#include <tuple>

#include "kernels/emulator/forest_trees.h"
#include "kernels/emulator/slot_access.h"

namespace strobe::emulator {
namespace {

/// Trees walked at once, so that each step's loads run while the others' are under way.
constexpr size_t kTogether = 8;
constexpr double kStepCycles = 2;
constexpr double kPartCycles = 2;

class WalkPlanner {
 public:
  WalkPlanner(const CutForest& cuts, const std::vector<Range>& ranges, ForestWalk& walk) : cuts_(cuts), walk_(walk) {
    constexpr Range kFits = {std::numeric_limits<int32_t>::min(), std::numeric_limits<int32_t>::max()};
    for (size_t f = 0; f < ranges.size(); ++f) {
      const bool fits = kFits.contains(ranges[f]);
      walk.ranked.push_back(fits ? std::vector<int64_t>() : cuts.cuts[f]);
      walk.first_cuts.push_back(!fits                  ? 1
                                : cuts.cuts[f].empty() ? std::numeric_limits<int32_t>::min()
                                                       : static_cast<int32_t>(cuts.cuts[f][0]));
    }
    walk.features = static_cast<uint32_t>(ranges.size());
    for (size_t t = 0; t < cuts.trees.size(); ++t) add_tree(static_cast<uint32_t>(t));
    std::stable_sort(walk.trees.begin(), walk.trees.end(), [](auto& a, auto& b) { return a.depth < b.depth; });
  }

 private:
  /// A node where from `low` to `high` cuts of its predicate are known to be at most the value; or a leaf.
  using State = std::tuple<int32_t, int32_t, int32_t>;

  int32_t cuts_of(const CutForest::Node& n) const {
    return static_cast<int32_t>(cuts_.predicates[n.predicate].cuts.size());
  }

  /// Between the feature's first cut and another.
  bool is_band(const CutForest::Node& n) const {
    const std::vector<int32_t>& cuts = cuts_.predicates[n.predicate].cuts;
    return cuts.size() == 2 && cuts[0] == 0;
  }

  State enter(const CutForest::Tree& tree, int32_t child) const {
    return {child, 0, child < 0 ? 0 : cuts_of(tree.nodes[child])};
  }

  uint32_t depth(const CutForest::Tree& tree) const {
    std::vector<uint32_t> depths(tree.nodes.size());
    const auto below = [&](int32_t child) { return child < 0 ? 0 : depths[child]; };
    for (size_t n = tree.nodes.size(); n-- > 0;) {
      const uint32_t steps = is_band(tree.nodes[n]) ? 1 : std::bit_width(static_cast<uint32_t>(cuts_of(tree.nodes[n])));
      depths[n] = steps + std::max(below(tree.nodes[n].yes), below(tree.nodes[n].no));
    }
    return depths.empty() ? 0 : depths[0];
  }

  /// Steps come in pairs, breadth first; states that several steps lead to have a copy of one step each, which goes on
  /// to the same pair.
  void add_tree(uint32_t number) {
    const CutForest::Tree& tree = cuts_.trees[number];
    walk_.trees.push_back({static_cast<uint32_t>(walk_.steps.size()), depth(tree), number});
    std::map<State, size_t> pairs;
    std::vector<std::pair<State, size_t>> pending = {{enter(tree, tree.nodes.empty() ? ~0 : 0), walk_.steps.size()}};
    walk_.steps.emplace_back();
    for (size_t next = 0; next < pending.size(); ++next) {
      auto [state, place] = pending[next];
      auto [child, low, high] = state;
      while (child >= 0 && low == high) {
        const CutForest::Node& n = tree.nodes[child];
        std::tie(child, low, high) = enter(tree, low % 2 == 1 ? n.yes : n.no);
      }
      if (child < 0) {
        walk_.steps[place] = {tree.leaves[~child], 0, 2 * walk_.features};
        continue;
      }
      const auto [pair, is_new] = pairs.emplace(State{child, low, high}, walk_.steps.size());
      const bool band = is_band(tree.nodes[child]);
      const int32_t middle = band ? 2 : (low + high + 1) / 2;
      if (is_new) {
        pending.push_back({band ? State{child, 1, 1} : State{child, low, middle - 1}, pair->second});
        pending.push_back({{child, middle, high}, pair->second + 1});
        walk_.steps.resize(walk_.steps.size() + 2);
      }
      const CutForest::Predicate& p = cuts_.predicates[tree.nodes[child].predicate];
      const int32_t cut = p.cuts[middle - 1];
      walk_.steps[place].cut =
          walk_.ranked[p.feature].empty() ? static_cast<int32_t>(cuts_.cuts[p.feature][cut]) : cut + 1;
      walk_.steps[place].next = static_cast<int32_t>(static_cast<int64_t>(pair->second) - static_cast<int64_t>(place));
      walk_.steps[place].feature = static_cast<uint32_t>(p.feature) + (band ? walk_.features : 0);
    }
  }

  const CutForest& cuts_;
  ForestWalk& walk_;
};

template <size_t kCount>
void walk_trees(const ForestWalk& walk, const ForestWalk::Tree* trees, const int32_t* values, int32_t* leaves) {
  const ForestWalk::Step* at[kCount];
  for (size_t t = 0; t < kCount; ++t) at[t] = walk.steps.data() + trees[t].root;
  for (uint32_t depth = trees[kCount - 1].depth; depth > 0; --depth) {
    for (size_t t = 0; t < kCount; ++t) at[t] += at[t]->next + (values[at[t]->feature] >= at[t]->cut ? 1 : 0);
  }
  for (size_t t = 0; t < kCount; ++t) leaves[trees[t].number] = at[t]->cut;
}

}  // namespace

ForestWalk plan_walk(const Forest& forest, const CutForest& cuts, const std::vector<Range>& ranges) {
  ForestWalk walk;
  WalkPlanner(cuts, ranges, walk);
  walk.outputs = forest.outputs;
  walk.columns = forest.columns;
  walk.storage_bytes = sizeof(int32_t) * (walk.values() + walk.trees.size());
  walk.cycles = static_cast<double>(ranges.size());
  for (const ForestWalk::Tree& tree : walk.trees) walk.cycles += kStepCycles * tree.depth;
  for (const Forest::Output& output : walk.outputs)
    walk.cycles += kPartCycles * static_cast<double>(output.parts.size());
  return walk;
}

void walk_forest(const ForestWalk& walk, const Slot* sources, const Slot* targets, std::byte* arena, std::byte* storage,
                 size_t events) {
  auto* values = reinterpret_cast<int32_t*>(storage);
  int32_t* leaves = values + walk.values();
  values[2 * walk.features] = -1;  // below the numbers of leaves
  for (size_t e = 0; e < events; ++e) {
    for (uint32_t f = 0; f < walk.features; ++f) {
      const int64_t value = load_value(sources[f], arena, e);
      const std::vector<int64_t>& cuts = walk.ranked[f];
      values[f] =
          static_cast<int32_t>(cuts.empty() ? value : std::upper_bound(cuts.begin(), cuts.end(), value) - cuts.begin());
      values[walk.features + f] = values[f] < walk.first_cuts[f] ? std::numeric_limits<int32_t>::max() : values[f];
    }
    size_t t = 0;
    for (; t + kTogether <= walk.trees.size(); t += kTogether) {
      walk_trees<kTogether>(walk, walk.trees.data() + t, values, leaves);
    }
    for (; t < walk.trees.size(); ++t) walk_trees<1>(walk, walk.trees.data() + t, values, leaves);
    for (size_t o = 0; o < walk.outputs.size(); ++o) {
      if (targets[o].offset == kUnusedWord) continue;
      auto sum = static_cast<uint64_t>(walk.outputs[o].base);
      for (const Forest::Part& part : walk.outputs[o].parts) {
        sum += static_cast<uint64_t>(walk.columns[part.column][leaves[part.tree]]);
      }
      store_value(sum, targets[o], arena, e);
    }
  }
}

}  // namespace strobe::emulator
