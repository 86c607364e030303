#include "kernels/emulator/dots.h"

#include <algorithm>
#include <map>
#include <set>

namespace strobe::emulator {
namespace {

// Cycles for 32 events in registers of 512 bits, as measured on Zen 4.
constexpr double kRowTerm16 = 1.25;
constexpr double kRowTerm32 = 5.0;
constexpr double kDotWord = 2.2;      ///< a word of a tile, per row
constexpr double kLoneDotWord = 3.0;  ///< where a tile has one row only
constexpr double kPackWord = 12.0;

bool fits(const Range& range, int64_t low, int64_t high) { return range.low >= low && range.high <= high; }

struct LayerRows {
  std::vector<int32_t> pair_rows;  ///< rows that packed 16-bit products can compute
  std::vector<int32_t> byte_rows;
  std::vector<int32_t> all;
};

bool all_terms(const IntegerGraph& graph, const IntegerNode& sum, auto condition) {
  const auto terms = graph.terms_of(sum);
  return std::all_of(terms.begin(), terms.end(), condition);
}

bool is_pair_sum(const IntegerGraph& graph, const Row& row, const IntegerNode& sum) {
  if (row.lane > Lane::k32) return false;
  return all_terms(graph, sum, [&](const IntegerTerm& t) {
    return lane_of(graph.at(t.value).range) == Lane::k16 && t.weight == static_cast<int16_t>(t.weight);
  });
}

bool is_byte_sum(const IntegerGraph& graph, const Row& row, const IntegerNode& sum) {
  if (row.lane > Lane::k32) return false;
  return all_terms(graph, sum, [&](const IntegerTerm& t) {
    const Range& range = graph.at(t.value).range;
    return (fits(range, 0, 255) || fits(range, -128, 127)) && t.weight == static_cast<int8_t>(t.weight);
  });
}

class LayerChoice {
 public:
  LayerChoice(const IntegerGraph& graph, const Rows& rows) : graph_(graph), rows_(rows) {}

  const IntegerNode& sum(int32_t row) const { return graph_.at(rows_.rows[row].root); }

  double row_cost(int32_t row) const {
    const double lanes =
        rows_.rows[row].lane == Lane::k16 ? kRowTerm16 : kRowTerm32 * lane_bytes(rows_.rows[row].lane) / 4;
    return lanes * sum(row).terms;
  }

  double row_cost(const std::vector<int32_t>& rows) const {
    double cost = 0;
    for (const int32_t r : rows) cost += row_cost(r);
    return cost;
  }

  /// Words for the operands of those rows: operands that occur in the same rows share one.
  std::vector<Word> words_for(const std::vector<int32_t>& rows, bool bytes) const {
    std::map<ValueId, std::set<int32_t>> where;
    for (const int32_t r : rows) {
      for (const IntegerTerm& t : graph_.terms_of(sum(r))) where[t.value].insert(r);
    }
    std::vector<Word> words;
    std::set<ValueId> left;
    for (const auto& [value, in] : where) left.insert(value);
    const size_t parts = bytes ? 4 : 2;
    while (!left.empty()) {
      Word word;
      word.bytes = bytes;
      word.parts[0] = *left.begin();
      left.erase(left.begin());
      std::set<int32_t> covered = where[word.parts[0]];
      for (size_t p = 1; p < parts && !left.empty(); ++p) {
        const ValueId partner = best_partner(covered, left, where);
        word.parts[p] = partner;
        left.erase(partner);
        covered.insert(where[partner].begin(), where[partner].end());
      }
      words.push_back(word);
    }
    return words;
  }

  std::vector<DotTile> tiles(const std::vector<int32_t>& rows, const std::vector<Word>& words, bool bytes,
                             double& cost) const {
    std::map<ValueId, size_t> word_of;
    for (size_t w = 0; w < words.size(); ++w) {
      for (const ValueId v : words[w].parts) {
        if (v != kNoValue) word_of[v] = w;
      }
    }
    cost += kPackWord * static_cast<double>(words.size());
    std::vector<DotTile> tiles;
    for (size_t first = 0; first < rows.size(); first += DotStep::kTile) {
      const std::vector<int32_t> group(rows.begin() + first,
                                       rows.begin() + std::min(first + DotStep::kTile, rows.size()));
      std::set<size_t> shared;
      double apart = 0;
      for (const int32_t r : group) {
        const std::set<size_t> own = words_of(r, word_of);
        apart += kLoneDotWord * static_cast<double>(own.size());
        shared.insert(own.begin(), own.end());
      }
      const double together = kDotWord * static_cast<double>(shared.size() * group.size());
      cost += std::min(together, apart);
      if (together <= apart) {
        tiles.push_back(tile(group, shared, words, bytes));
      } else {
        for (const int32_t r : group) tiles.push_back(tile({r}, words_of(r, word_of), words, bytes));
      }
    }
    return tiles;
  }

 private:
  static ValueId best_partner(const std::set<int32_t>& covered, const std::set<ValueId>& left,
                              const std::map<ValueId, std::set<int32_t>>& where) {
    ValueId best = *left.begin();
    double best_score = -1;
    for (const ValueId v : left) {
      const std::set<int32_t>& in = where.at(v);
      size_t common = 0;
      for (const int32_t r : in) common += covered.count(r);
      const double score = static_cast<double>(common) / static_cast<double>(covered.size() + in.size() - common);
      if (score > best_score + 1e-9) {
        best = v;
        best_score = score;
      }
    }
    return best;
  }

  std::set<size_t> words_of(int32_t row, const std::map<ValueId, size_t>& word_of) const {
    std::set<size_t> words;
    for (const IntegerTerm& t : graph_.terms_of(sum(row))) words.insert(word_of.at(t.value));
    return words;
  }

  static DotTile tile(const std::vector<int32_t>& rows, const std::set<size_t>& used, const std::vector<Word>& words,
                      bool bytes) {
    DotTile tile{rows, {}, bytes};
    for (const size_t w : used) tile.words.push_back(words[w]);
    return tile;
  }

  const IntegerGraph& graph_;
  const Rows& rows_;
};

bool has_operand_of_own_layer(const IntegerGraph& graph, const Rows& rows, ValueId v) {
  const int32_t r = rows.row_of[v];
  if (r < 0 || rows.rows[r].root == kNoValue) return true;
  bool found = false;
  for_each_operand(graph, graph.at(rows.rows[r].root),
                   [&](ValueId o) { found = found || graph.at(o).node == graph.at(v).node; });
  return found;
}

/// Sums by layer. Those that only feed other sums of their layer (halves that several share) stay rows of their own; a
/// layer in which sums build on each other further than that is left out.
std::map<model::NodeId, LayerRows> sums_by_layer(const IntegerGraph& graph, const Rows& rows) {
  std::vector<int32_t> sums;
  std::set<model::NodeId> chained;
  std::set<int32_t> feeding;
  for (size_t r = 0; r < rows.rows.size(); ++r) {
    const Row& row = rows.rows[r];
    if (row.root == kNoValue || rows.row_of[row.result] != static_cast<int32_t>(r)) continue;
    const IntegerNode& sum = graph.at(row.root);
    if (sum.op != IntegerOp::kLinear) continue;
    sums.push_back(static_cast<int32_t>(r));
    for (const IntegerTerm& t : graph.terms_of(sum)) {
      if (graph.at(t.value).node != sum.node) continue;
      if (has_operand_of_own_layer(graph, rows, t.value)) chained.insert(sum.node);
      feeding.insert(rows.row_of[t.value]);
    }
  }
  std::map<model::NodeId, LayerRows> layers;
  for (const int32_t r : sums) {
    const IntegerNode& sum = graph.at(rows.rows[r].root);
    if (chained.count(sum.node) != 0 || feeding.count(r) != 0) continue;
    LayerRows& layer = layers[sum.node];
    layer.all.push_back(r);
    if (is_byte_sum(graph, rows.rows[r], sum)) layer.byte_rows.push_back(r);
    if (is_pair_sum(graph, rows.rows[r], sum)) layer.pair_rows.push_back(r);
  }
  return layers;
}

}  // namespace

Dots choose_dots(const IntegerGraph& graph, const Rows& rows, bool has_byte_products) {
  Dots dots;
  dots.tile_of.assign(rows.rows.size(), -1);
  const LayerChoice choice(graph, rows);
  for (const auto& [node, layer] : sums_by_layer(graph, rows)) {
    Method method{.node = node, .sums = layer.all.size()};
    for (const int32_t r : layer.all) method.products += choice.sum(r).terms;
    method.row_cycles = choice.row_cost(layer.all);
    method.chosen = "products one by one";

    std::vector<int32_t> wide_rows;  // narrow sums are as fast one by one
    for (const int32_t r : layer.pair_rows) {
      if (rows.rows[r].lane == Lane::k32) wide_rows.push_back(r);
    }
    std::vector<DotTile> chosen;
    double best = method.row_cycles;
    if (!wide_rows.empty()) {
      method.pair_cycles = method.row_cycles - choice.row_cost(wide_rows);
      auto tiles = choice.tiles(wide_rows, choice.words_for(wide_rows, false), false, method.pair_cycles);
      if (method.pair_cycles < best) {
        best = method.pair_cycles;
        chosen = std::move(tiles);
        method.chosen = "pairs of 16-bit products";
      }
    }
    if (has_byte_products && !layer.byte_rows.empty()) {
      method.byte_cycles = method.row_cycles - choice.row_cost(layer.byte_rows);
      auto tiles = choice.tiles(layer.byte_rows, choice.words_for(layer.byte_rows, true), true, method.byte_cycles);
      if (method.byte_cycles < best) {
        best = method.byte_cycles;
        chosen = std::move(tiles);
        method.chosen = "fours of byte products";
      }
    }
    for (DotTile& tile : chosen) {
      for (const int32_t r : tile.rows) dots.tile_of[r] = static_cast<int32_t>(dots.tiles.size());
      dots.tiles.push_back(std::move(tile));
    }
    dots.methods.push_back(method);
  }
  return dots;
}

}  // namespace strobe::emulator
