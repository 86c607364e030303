#include "kernels/emulator/forest_slices.h"

#include <algorithm>
#include <bit>
#include <limits>

#include "kernels/emulator/forest_kernels.h"
#include "kernels/emulator/forest_trees.h"
#include "kernels/emulator/rows.h"

namespace strobe::emulator {
namespace {

/// Cycles for a block of kEvents events, counted for Zen 4 (loads, stores and shuffles a cycle).
constexpr double kCutCycles = 2.5;
constexpr double kChoiceCycles = 3;
constexpr double kPlaneCycles = 12;
constexpr double kSumCycles = 24;
constexpr int kMostRankBits = 14;
constexpr uint32_t kMostInSegment = 32;
constexpr uint32_t kLargestSum = 65535;

int bits_for(size_t values) { return values <= 1 ? 0 : std::bit_width(values - 1); }

/// Cycles to look up a block's values by numbers of so many bits.
double lookup_cycles(int bits) {
  const int pages = 1 << std::max(bits - forest_page_bits(), 0);
  return 16 * (2 * pages - 1) * (forest_page_bits() < 7 ? 2 : bits > 6 ? 2 : 1);
}

class SlicePlanner {
 public:
  SlicePlanner(const Forest& forest, const CutForest& cuts, const std::vector<Range>& ranges, double most_cycles,
               ForestSlices& slices)
      : forest_(forest),
        cuts_(cuts),
        ranges_(ranges),
        most_cycles_(most_cycles * ForestSlices::kEvents),
        slices_(slices) {}

  /// As plan_slices.
  bool run() {
    zero_ = new_words(1);
    ones_ = new_words(1);
    for (size_t f = 0; f < cuts_.cuts.size(); ++f) {
      if (bits_for(cuts_.cuts[f].size() + 1) > kMostRankBits) return false;
      add_feature(f);
      if (is_too_dear(0)) return false;
    }
    for (const CutForest::Predicate& p : cuts_.predicates) predicate_words_.push_back(predicate_word(p));
    double trees_cycles = 0;
    numbers_.resize(cuts_.trees.size());
    planes_.assign(cuts_.trees.size(), -1);
    for (size_t t = 0; t < cuts_.trees.size(); ++t) {
      if (bits_for(cuts_.trees[t].leaves.size()) > ForestSlices::kMostBits) return false;
      numbers_[t] = best_numbers(cuts_.trees[t], trees_cycles);
      if (is_too_dear(trees_cycles)) return false;
    }
    for (size_t o = 0; o < forest_.outputs.size(); ++o) {
      add_output(o);
      if (is_too_dear(0)) return false;
    }
    slices_.scratch = next_word_;
    slices_.storage_bytes = next_word_ + scratch_bytes_;
    slices_.cycles = cycles_ / ForestSlices::kEvents;
    return true;
  }

 private:
  using Word = ForestSlices::Word;

  /// With so many cycles still to come, or words beyond what an offset can name.
  bool is_too_dear(double to_come) const {
    return cycles_ + to_come >= most_cycles_ || next_word_ > std::numeric_limits<Word>::max() / 2;
  }

  Word new_words(size_t count) {
    const size_t word = next_word_;
    next_word_ += count * ForestSlices::kWordBytes;
    return static_cast<Word>(word);
  }

  void add_feature(size_t f) {
    const std::vector<int64_t>& cuts = cuts_.cuts[f];
    ForestSlices::Feature feature{.source = static_cast<uint32_t>(f), .cuts = static_cast<uint32_t>(cuts.size())};
    feature.bits = bits_for(cuts.size() + 1);
    feature.first_word = new_words((cuts.size() + 3) / 4 * 4);
    feature_words_.push_back(feature.first_word);
    if (cuts.empty()) return;
    feature.lane = lane_of(ranges_[f]);
    add_search(cuts, feature);
    slices_.features.push_back(feature);
    // Planes of the rank, ranks, and two stages of words before the last.
    const size_t words = feature.bits + cuts.size() / 2 + 4 * kMostRankBits;
    scratch_bytes_ = std::max(scratch_bytes_, words * ForestSlices::kWordBytes + 2 * ForestSlices::kEvents);
    const double events_a_step = feature.lane == Lane::k16 ? 32 : feature.lane == Lane::k32 ? 16 : 4;
    cycles_ += feature.bits * 4 * ForestSlices::kEvents / events_a_step + static_cast<double>(cuts.size()) * kCutCycles;
  }

  /// The cuts as a heap: those of the search's step l are entries 2^l .. 2^(l + 1) - 1.
  void add_search(const std::vector<int64_t>& cuts, ForestSlices::Feature& feature) {
    const size_t size = size_t{1} << feature.bits;
    std::vector<int64_t> heap(size, 0);
    const int64_t beyond = static_cast<int64_t>(ranges_[feature.source].high);
    for (int level = 0; level < feature.bits; ++level) {
      const size_t stride = size >> level;
      for (size_t i = 0; i < size_t{1} << level; ++i) {
        const size_t cut = i * stride + stride / 2 - 1;
        heap[(size_t{1} << level) + i] = cut < cuts.size() ? cuts[cut] : beyond;
      }
    }
    const size_t padded = std::max<size_t>(size, 64);
    heap.resize(padded, beyond);
    const auto append = [&](auto& tables) {
      feature.search = static_cast<uint32_t>(tables.size());
      for (const int64_t cut : heap) tables.push_back(static_cast<std::decay_t<decltype(tables[0])>>(cut));
    };
    if (feature.lane == Lane::k16) return append(slices_.search16);
    if (feature.lane == Lane::k32) return append(slices_.search32);
    append(slices_.search64);
  }

  Word predicate_word(const CutForest::Predicate& predicate) {
    const Word first = feature_words_[predicate.feature];
    ForestSlices::Union join;
    for (const int32_t cut : predicate.cuts) {
      join.cuts.push_back(first + static_cast<Word>(cut * ForestSlices::kWordBytes));
    }
    if (join.cuts.empty()) return zero_;  // no node asks for it
    if (join.cuts.size() == 1) return join.cuts[0];
    cycles_ += static_cast<double>(join.cuts.size()) + 2;
    join.target = new_words(1);
    slices_.unions.push_back(join);
    return join.target;
  }

  /// Adds what they cost to `total_cycles`.
  static LeafNumbers best_numbers(const CutForest::Tree& tree, double& total_cycles) {
    LeafNumbers best;
    double best_cycles = std::numeric_limits<double>::infinity();
    const int fewest = bits_for(tree.leaves.size());
    for (int bits = fewest; bits <= std::min(fewest + 3, ForestSlices::kMostBits) && fewest > 0; ++bits) {
      LeafNumbers numbers = number_leaves(tree, bits);
      const double cycles =
          static_cast<double>(numbers.choices) * kChoiceCycles + bits * kPlaneCycles + lookup_cycles(bits);
      if (cycles >= best_cycles) continue;
      best_cycles = cycles;
      best = std::move(numbers);
    }
    if (fewest > 0) total_cycles += best_cycles;
    return best;
  }

  Word take_temporary() {
    if (free_.empty()) return new_words(1) | kTemporary;
    const Word word = free_.back();
    free_.pop_back();
    return word;
  }

  void give_back(Word word) {
    if (word & kTemporary) free_.push_back(word);
  }

  /// Writes the choices that give bit `bit` of the leaf's number; returns its word.
  Word choose(const CutForest::Tree& tree, const LeafNumbers& numbers, int bit) {
    std::vector<Word> words(tree.nodes.size());
    const auto word = [&](int32_t child) {
      if (child >= 0) return words[child];
      const LeafNumbers::Number& n = numbers.numbers[~child];
      return (n.care >> bit & 1) == 0 ? kAny : (n.value >> bit & 1) != 0 ? ones_ : zero_;
    };
    for (size_t n = tree.nodes.size(); n-- > 0;) {
      const CutForest::Node& node = tree.nodes[n];
      const Word yes = word(node.yes), no = word(node.no), chooser = predicate_words_[node.predicate];
      if (yes == kAny || no == kAny || yes == no) {
        words[n] = yes == kAny ? no : yes;
      } else if (yes == ones_ && no == zero_) {
        words[n] = chooser;
      } else {
        give_back(yes);
        give_back(no);
        words[n] = take_temporary();
        slices_.choices.push_back({chooser, yes, no, words[n]});
      }
    }
    if (words[0] == kAny) return zero_;
    if (!(words[0] & kTemporary)) return words[0];
    // The tree's result outlives the temporary: its last choice writes elsewhere.
    const auto last = std::find_if(slices_.choices.rbegin(), slices_.choices.rend(),
                                   [&](const ForestSlices::Choice& c) { return c.target == words[0]; });
    give_back(words[0]);
    return last->target = new_words(1);
  }

  /// Writes what gives the bits of a tree's leaf number, at its first use.
  uint32_t planes_of(int32_t tree) {
    if (planes_[tree] >= 0) return static_cast<uint32_t>(planes_[tree]);
    const LeafNumbers& numbers = numbers_[tree];
    std::vector<Word> planes;
    const size_t before = slices_.choices.size();
    for (int b = 0; b < numbers.bits; ++b) planes.push_back(choose(cuts_.trees[tree], numbers, b));
    for (size_t c = before; c < slices_.choices.size(); ++c) {
      ForestSlices::Choice& choice = slices_.choices[c];
      for (Word* word : {&choice.chooser, &choice.yes, &choice.no, &choice.target}) *word &= ~kTemporary;
    }
    cycles_ += static_cast<double>(slices_.choices.size() - before) * kChoiceCycles;
    planes_[tree] = static_cast<int64_t>(slices_.planes.size());
    slices_.planes.insert(slices_.planes.end(), planes.begin(), planes.end());
    return static_cast<uint32_t>(planes_[tree]);
  }

  void add_output(size_t o) {
    const Forest::Output& output = forest_.outputs[o];
    auto base = static_cast<uint64_t>(output.base);
    std::vector<uint64_t> largest;
    for (const Forest::Part& part : output.parts) {
      const auto [low, high] = limits(part);
      base += static_cast<uint64_t>(low);
      largest.push_back(static_cast<uint64_t>(high) - static_cast<uint64_t>(low));
    }
    slices_.bases.push_back(static_cast<int64_t>(base));
    for (int shift = 0; shift < 64; shift += 16) {
      uint64_t sum = kLargestSum + 1;  // the first opens a segment
      for (size_t p = 0; p < output.parts.size(); ++p) {
        const uint64_t most = std::min<uint64_t>(largest[p] >> shift, kLargestSum);
        if (most == 0) continue;
        if (sum + most > kLargestSum || slices_.segments.back().lookups == kMostInSegment) {
          open_segment(o, shift);
          sum = 0;
        }
        sum += most;
        add_lookup(output.parts[p], shift, most > 255);
      }
    }
  }

  std::pair<int64_t, int64_t> limits(const Forest::Part& part) const {
    const auto& values = forest_.columns[part.column];
    const auto& leaves = cuts_.trees[part.tree].leaves;
    const auto [low, high] =
        std::minmax_element(leaves.begin(), leaves.end(), [&](auto a, auto b) { return values[a] < values[b]; });
    return {values[*low], values[*high]};
  }

  void open_segment(size_t output, int shift) {
    ForestSlices::Segment segment{.output = static_cast<uint32_t>(output), .shift = shift};
    segment.first_choice = static_cast<uint32_t>(slices_.choices.size());
    segment.first_lookup = static_cast<uint32_t>(slices_.lookups.size());
    slices_.segments.push_back(segment);
    cycles_ += kSumCycles;
  }

  void add_lookup(const Forest::Part& part, int shift, bool has_high) {
    ForestSlices::Lookup lookup{.first_plane = planes_of(part.tree), .has_high = has_high};
    const LeafNumbers& numbers = numbers_[part.tree];
    lookup.bits = numbers.bits;
    const size_t size = std::max<size_t>(size_t{1} << lookup.bits, 64);
    lookup.low = static_cast<uint32_t>(slices_.tables.size());
    lookup.high = lookup.low + static_cast<uint32_t>(size);
    slices_.tables.resize(slices_.tables.size() + (has_high ? 2 : 1) * size);
    const auto low = static_cast<uint64_t>(limits(part).first);
    const auto& leaves = cuts_.trees[part.tree].leaves;
    for (size_t l = 0; l < leaves.size(); ++l) {
      const uint64_t value = (static_cast<uint64_t>(forest_.columns[part.column][leaves[l]]) - low) >> shift;
      const uint32_t any = ~numbers.numbers[l].care & ((uint32_t{1} << lookup.bits) - 1);
      for (uint32_t extra = any;; extra = (extra - 1) & any) {
        const uint32_t number = numbers.numbers[l].value | extra;
        slices_.tables[lookup.low + number] = static_cast<uint8_t>(value);
        if (has_high) slices_.tables[lookup.high + number] = static_cast<uint8_t>(value >> 8);
        if (extra == 0) break;
      }
    }
    slices_.lookups.push_back(lookup);
    ForestSlices::Segment& segment = slices_.segments.back();
    ++segment.lookups;
    segment.choices = static_cast<uint32_t>(slices_.choices.size()) - segment.first_choice;
    cycles_ += lookup.bits * kPlaneCycles + lookup_cycles(lookup.bits) + kSumCycles;
  }

  static constexpr Word kAny = ~Word{0};
  /// Words are multiples of 64: a low bit marks those that are used again.
  static constexpr Word kTemporary = 1;

  const Forest& forest_;
  const CutForest& cuts_;
  const std::vector<Range>& ranges_;
  const double most_cycles_;  ///< of a block
  ForestSlices& slices_;
  size_t next_word_ = 0;
  Word zero_ = 0, ones_ = 0;
  size_t scratch_bytes_ = 0;
  double cycles_ = 0;
  std::vector<Word> feature_words_, predicate_words_, free_;
  std::vector<LeafNumbers> numbers_;
  std::vector<int64_t> planes_;  ///< per tree: into the slices', or -1
};

}  // namespace

bool plan_slices(const Forest& forest, const CutForest& cuts, const std::vector<Range>& ranges, double most_cycles,
                 ForestSlices& slices) {
  return SlicePlanner(forest, cuts, ranges, most_cycles, slices).run();
}

}  // namespace strobe::emulator
