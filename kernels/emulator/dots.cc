#include "kernels/emulator/dots.h"

#include <algorithm>
#include <iterator>
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
constexpr double kOwnWord = 3.0;  ///< a word that a tile of the layer before stores itself

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

  /// `tiled`: the layers of the rows that are known to be in tiles.
  double packing_cost(const std::vector<Word>& words, const std::map<int32_t, model::NodeId>& tiled) const {
    double cost = 0;
    for (const Word& word : words) cost += rows_of(word, tiled).empty() ? kPackWord : kOwnWord;
    return cost;
  }

  /// The rows of a full word's bytes where all are tiled in one layer, else none.
  std::vector<int32_t> rows_of(const Word& word, const std::map<int32_t, model::NodeId>& tiled) const {
    std::vector<int32_t> rows;
    for (const ValueId v : word.parts) {
      if (!word.bytes || v == kNoValue || tiled.count(rows_.row_of[v]) == 0) return {};
      rows.push_back(rows_.row_of[v]);
      if (tiled.at(rows[0]) != tiled.at(rows.back())) return {};
    }
    return rows;
  }

  std::vector<DotTile> tiles(const std::vector<int32_t>& rows, const std::vector<Word>& words, bool bytes,
                             double& cost) const {
    std::map<ValueId, size_t> word_of;
    for (size_t w = 0; w < words.size(); ++w) {
      for (const ValueId v : words[w].parts) {
        if (v != kNoValue) word_of[v] = w;
      }
    }
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

/// How a layer's sums are to be computed.
struct Choice {
  std::vector<int32_t> rows;  ///< those in tiles
  std::vector<Word> words;
  bool bytes = false;
};

/// Chooses for one layer. `tiled`: rows of earlier layers that are in tiles.
Choice choose(const LayerChoice& layers, const LayerRows& layer, const std::vector<int32_t>& wide_rows,
              bool has_byte_products, const std::map<int32_t, model::NodeId>& tiled, Method& method) {
  method.row_cycles = layers.row_cost(layer.all);
  method.chosen = "products one by one";
  Choice best;
  double least = method.row_cycles;
  const auto consider = [&](const std::vector<int32_t>& rows, bool bytes, double& cycles, const char* name) {
    if (rows.empty()) return;
    Choice choice{rows, layers.words_for(rows, bytes), bytes};
    cycles = method.row_cycles - layers.row_cost(rows) + layers.packing_cost(choice.words, tiled);
    layers.tiles(rows, choice.words, bytes, cycles);
    if (cycles >= least) return;
    least = cycles;
    best = std::move(choice);
    method.chosen = name;
  };
  consider(wide_rows, false, method.pair_cycles, "pairs of 16-bit products");
  if (has_byte_products) consider(layer.byte_rows, true, method.byte_cycles, "fours of byte products");
  return best;
}

/// The rows of a layer so that those whose results make up a word of a later layer come as one tile.
std::vector<int32_t> in_order_of_words(const LayerChoice& layers, const std::vector<int32_t>& rows,
                                       const std::set<Word>& words, const std::map<int32_t, model::NodeId>& tiled) {
  std::set<int32_t> left(rows.begin(), rows.end());
  std::vector<int32_t> ordered;
  for (const Word& word : words) {
    const std::vector<int32_t> of_word = layers.rows_of(word, tiled);
    const bool all_left =
        !of_word.empty() && std::all_of(of_word.begin(), of_word.end(), [&](int32_t r) { return left.count(r) != 0; });
    if (!all_left) continue;
    for (const int32_t r : of_word) left.erase(r);
    ordered.insert(ordered.end(), of_word.begin(), of_word.end());
  }
  std::copy_if(rows.begin(), rows.end(), std::back_inserter(ordered), [&](int32_t r) { return left.count(r) != 0; });
  return ordered;
}

}  // namespace

Dots choose_dots(const IntegerGraph& graph, const Rows& rows, bool has_byte_products) {
  Dots dots;
  dots.tile_of.assign(rows.rows.size(), -1);
  const LayerChoice layers(graph, rows);
  std::vector<Choice> choices;
  std::map<int32_t, model::NodeId> tiled;
  std::set<Word> words;
  for (const auto& [node, layer] : sums_by_layer(graph, rows)) {  // operands' layers come first
    Method method{.node = node, .sums = layer.all.size()};
    for (const int32_t r : layer.all) method.products += layers.sum(r).terms;
    std::vector<int32_t> wide_rows;  // narrow sums are as fast one by one
    std::copy_if(layer.pair_rows.begin(), layer.pair_rows.end(), std::back_inserter(wide_rows),
                 [&](int32_t r) { return rows.rows[r].lane == Lane::k32; });
    choices.push_back(choose(layers, layer, wide_rows, has_byte_products, tiled, method));
    for (const int32_t r : choices.back().rows) tiled[r] = node;
    words.insert(choices.back().words.begin(), choices.back().words.end());
    dots.methods.push_back(method);
  }
  for (const Choice& choice : choices) {
    double cycles = 0;
    const std::vector<int32_t> ordered = in_order_of_words(layers, choice.rows, words, tiled);
    for (DotTile& tile : layers.tiles(ordered, choice.words, choice.bytes, cycles)) {
      for (const int32_t r : tile.rows) dots.tile_of[r] = static_cast<int32_t>(dots.tiles.size());
      dots.tiles.push_back(std::move(tile));
    }
  }
  return dots;
}

}  // namespace strobe::emulator
