#include "kernels/emulator/planner.h"

#include <algorithm>
#include <cstring>
#include <map>

#include "kernels/emulator/event_planner.h"
#include "kernels/emulator/forest_plan.h"
#include "kernels/emulator/packed_words.h"
#include "kernels/emulator/slots.h"

namespace strobe::emulator {
namespace {

int64_t low64(Wide v) { return static_cast<int64_t>(static_cast<uint64_t>(v)); }

/// Writes the steps. Offsets are numbers of symbolic slots until `assign_slots`.
class Planner {
 public:
  Planner(const Listing& listing, bool has_byte_products, Plan& plan)
      : listing_(listing), plan_(plan), graph_(plan.simplified.graph), program_(plan.program) {
    std::vector<ValueId> outputs;
    for (const auto& tensor : plan.simplified.outputs) {
      for (const ScaledValue& v : tensor) outputs.push_back(v.id);
    }
    rows_ = form_rows(graph_, outputs);
    dots_ = choose_dots(graph_, rows_, has_byte_products);
    plan.methods = dots_.methods;
    plan.byte_products = has_byte_products;
    slot_of_.assign(graph_.size(), kUnusedWord);
    count_uses_in_words();
  }

  void run() {
    for (const model::TensorId id : listing_.inputs) program_.inputs.push_back(layout(id));
    for (size_t o = 0; o < listing_.outputs.size(); ++o) write_output(o);
    plan_.events = plan_events(listing_, plan_.simplified, rows_,
                               [this](TableId table, Lane lane) { return table_offset(table, lane); });
    assign_slots(slot_bytes_, program_);
    plan_.slots = slot_bytes_.size();
    plan_.scalar_steps = program_.scalars.size();
  }

 private:
  /// How often a value is read by way of each word that it is a part of.
  void count_uses_in_words() {
    for (const DotTile& tile : dots_.tiles) {
      for (const Word& word : tile.words) {
        for (const int32_t row : tile.rows) {
          for (const IntegerTerm& t : graph_.terms_of(graph_.at(rows_.rows[row].root))) {
            if (std::find(word.parts.begin(), word.parts.end(), t.value) != word.parts.end()) {
              ++uses_in_[word][t.value];
            }
          }
        }
      }
    }
  }

  RowLayout layout(model::TensorId id) const {
    RowLayout layout;
    layout.row_bytes = static_cast<uint32_t>(listing_.types[id].row_bytes());
    layout.words.assign((layout.row_bytes + 3) / 4, kUnusedWord);
    return layout;
  }

  uint32_t new_slot(Lane lane) {
    slot_bytes_.push_back(static_cast<uint32_t>(lane_bytes(lane)));
    return static_cast<uint32_t>(slot_bytes_.size() - 1);
  }

  template <class T>
  void append(Step::Kind kind, std::vector<T>& steps, T step) {
    program_.steps.push_back({kind, static_cast<uint32_t>(steps.size())});
    steps.push_back(std::move(step));
  }

  Lane stored_lane(ValueId v) const { return lane_of(graph_.at(v).range); }

  Target new_target(ValueId v) {
    slot_of_[v] = new_slot(stored_lane(v));
    return {slot_of_[v], stored_lane(v)};
  }

  /// The slot of a value; its steps are written first where it has none yet. The recursion is as deep as a sum of one
  /// layer on another, since `prepare` walks chains of values in ascending order.
  Slot slot(ValueId v) {
    if (slot_of_[v] == kUnusedWord) prepare(v);
    return {slot_of_[v], stored_lane(v)};
  }

  /// Writes the steps of v and of all that it needs, operands first, without recursion over long chains.
  void prepare(ValueId v) {
    std::vector<ValueId> pending = {v};
    while (!pending.empty()) {
      const ValueId top = pending.back();
      if (slot_of_[top] != kUnusedWord) {
        pending.pop_back();
        continue;
      }
      const size_t before = pending.size();
      for_each_need(top, [&](ValueId need) {
        if (slot_of_[need] == kUnusedWord) pending.push_back(need);
      });
      if (pending.size() != before) continue;
      pending.pop_back();
      write_value(top);
    }
  }

  template <class Visit>
  void for_each_need(ValueId v, Visit visit) const {
    const int32_t r = rows_.row_of[v];
    if (r < 0) {
      for_each_operand(graph_, graph_.at(v), visit);
      return;
    }
    const auto visit_row = [&](int32_t row) {
      const Row& needed = rows_.rows[row];
      if (needed.root == kNoValue) {
        visit(needed.source);
      } else {
        for_each_operand(graph_, graph_.at(needed.root), visit);
      }
    };
    if (dots_.tile_of[r] < 0) return visit_row(r);
    for (const int32_t row : dots_.tiles[dots_.tile_of[r]].rows) visit_row(row);
  }

  void write_value(ValueId v) {
    const IntegerNode& n = graph_.at(v);
    const int32_t r = rows_.row_of[v];
    if (r >= 0 && dots_.tile_of[r] >= 0) return write_tile(dots_.tile_of[r]);
    if (r >= 0) return write_row(rows_.rows[r]);
    if (n.op == IntegerOp::kInput) return write_input(v, n);
    if (n.op == IntegerOp::kForest) return write_forest(n);
    if (n.op == IntegerOp::kLookup && stored_lane(n.a) != Lane::k128) return write_lookup(v, n);
    write_scalar(v);
  }

  uint32_t input_word(int32_t input, uint32_t word) {
    uint32_t& slot = program_.inputs[input].words[word];
    if (slot == kUnusedWord) slot = new_slot(Lane::k32);
    return slot;
  }

  void write_input(ValueId v, const IntegerNode& n) {
    const int container = listing_.types[listing_.inputs[n.input]].container();
    const auto bit = static_cast<uint32_t>(n.element * container);
    UnpackStep step{.source = input_word(n.input, bit / 32), .bit = static_cast<uint8_t>(bit % 32)};
    step.source_high = step.source;
    step.width = static_cast<uint8_t>(n.width);
    step.is_signed = n.is_signed;
    if (container == 64) {
      step.wide = true;
      step.source_high = input_word(n.input, bit / 32 + 1);
    }
    if (container == 32 && n.width == 32 && n.is_signed) {
      slot_of_[v] = step.source;
      return;
    }
    step.target = new_target(v);
    append(Step::kUnpack, program_.unpacks, step);
  }

  void write_lookup(ValueId v, const IntegerNode& n) {
    const Slot index = slot(n.a);
    LookupStep step{.index = index, .bias = static_cast<int64_t>(n.bias)};
    step.table = table_offset(n.table, stored_lane(v));
    step.target = new_target(v);
    append(Step::kLookup, program_.lookups, step);
  }

  /// All outputs of the forest that one of its outputs belongs to.
  void write_forest(const IntegerNode& n) {
    const Forest& forest = *listing_.forests[n.table];
    ForestStep step;
    std::vector<Range> ranges;
    for (const IntegerTerm& t : graph_.terms_of(n)) {
      step.sources.push_back(slot(t.value));
      ranges.push_back(graph_.at(t.value).range);
    }
    step.plan = std::make_shared<const ForestPlan>(plan_forest(forest, ranges));
    step.targets.assign(forest.outputs.size(), {kUnusedWord, Lane::k16});
    for (ValueId v = 0; v < static_cast<ValueId>(graph_.size()); ++v) {
      const IntegerNode& output = graph_.at(v);
      if (output.op == IntegerOp::kForest && output.table == n.table) step.targets[output.element] = new_target(v);
    }
    append(Step::kForest, program_.forests, std::move(step));
  }

  /// Where the entries lie in lanes. Entries that no index reaches may be cut; they are never read.
  uint32_t table_offset(TableId table, Lane lane) {
    const auto [known, is_new] = tables_.emplace(std::pair{table, lane}, static_cast<uint32_t>(program_.tables.size()));
    if (!is_new) return known->second;
    for (const int64_t entry : graph_.table(table)) {
      const auto* bytes = reinterpret_cast<const std::byte*>(&entry);
      program_.tables.insert(program_.tables.end(), bytes, bytes + lane_bytes(lane));
    }
    program_.tables.resize((program_.tables.size() + 63) / 64 * 64);
    return known->second;
  }

  void write_scalar(ValueId v) {
    const IntegerNode& n = graph_.at(v);
    std::vector<Slot> operands;
    for_each_operand(graph_, n, [&](ValueId o) { operands.push_back(slot(o)); });
    ScalarStep step{.node = v, .first_slot = static_cast<uint32_t>(program_.scalar_slots.size())};
    step.slots = static_cast<uint32_t>(operands.size());
    program_.scalar_slots.insert(program_.scalar_slots.end(), operands.begin(), operands.end());
    const Target target = new_target(v);
    step.target = {target.offset, target.lane};
    append(Step::kScalar, program_.scalars, step);
  }

  void write_row(const Row& row) {
    const IntegerOp op = row.root == kNoValue ? IntegerOp::kLinear : graph_.at(row.root).op;
    if (row.lane == Lane::k128) {
      for (const ValueId member : row.members) write_scalar(member);
    } else if (op == IntegerOp::kLinear || op == IntegerOp::kTruncated || op == IntegerOp::kConstant) {
      write_sum(row);
    } else {
      write_binary(row);
    }
  }

  void write_sum(const Row& row) {
    std::vector<IntegerTerm> terms = {{row.source, 0, 1}};
    RowStep step{.lane = row.lane, .epilogue = row.epilogue};
    if (row.root != kNoValue) {
      const IntegerNode& n = graph_.at(row.root);
      terms.assign(graph_.terms_of(n).begin(), graph_.terms_of(n).end());
      step.bias = low64(n.bias);
    }
    std::stable_sort(terms.begin(), terms.end(),
                     [&](auto& x, auto& y) { return stored_lane(x.value) < stored_lane(y.value); });
    step.first_term = static_cast<uint32_t>(program_.terms.size());
    for (const IntegerTerm& t : terms) {
      ++step.count[static_cast<int>(stored_lane(t.value))];
      program_.terms.push_back(plan_term(t, row.lane));
    }
    // Terms of one kind side by side: the kernel's branch on the kind is then foreseen.
    auto first = program_.terms.begin() + step.first_term;
    for (const uint32_t count : step.count) {
      std::stable_sort(first, first + count, [](const PlanTerm& x, const PlanTerm& y) { return x.kind < y.kind; });
      first += count;
    }
    step.target = new_target(row.result);
    append(Step::kRow, program_.rows, step);
  }

  PlanTerm plan_term(const IntegerTerm& t, Lane lane) {
    PlanTerm term{.offset = slot(t.value).offset, .shift = static_cast<uint8_t>(t.shift)};
    term.kind = t.shift > 0      ? PlanTerm::kTruncated
                : t.weight == 1  ? PlanTerm::kPlus
                : t.weight == -1 ? PlanTerm::kMinus
                                 : PlanTerm::kProduct;
    // Lanes of 16 bits cut a product by taking the upper half of one with a larger weight.
    const auto weight = static_cast<uint64_t>(t.shift > 0 && lane == Lane::k16 ? t.weight << (16 - t.shift) : t.weight);
    term.weight = static_cast<int64_t>(lane == Lane::k16   ? (weight & 0xffff) * 0x0001000100010001
                                       : lane == Lane::k32 ? (weight & 0xffffffff) * 0x0000000100000001
                                                           : weight);
    return term;
  }

  void write_binary(const Row& row) {
    const IntegerNode& n = graph_.at(row.root);
    BinaryStep step{.lane = row.lane, .epilogue = row.epilogue};
    step.kind = n.op == IntegerOp::kMaximum   ? BinaryStep::kMaximum
                : n.op == IntegerOp::kMinimum ? BinaryStep::kMinimum
                : n.op == IntegerOp::kProduct ? BinaryStep::kProduct
                                              : BinaryStep::kSelect;
    size_t operand = 0;
    for_each_operand(graph_, n, [&](ValueId v) { step.source[operand++] = slot(v); });
    while (operand < 4) step.source[operand++] = step.source[0];
    step.target = new_target(row.result);
    append(Step::kBinary, program_.binaries, step);
  }

  uint32_t word_slot(const Word& word) {
    const auto known = word_slots_.find(word);
    if (known != word_slots_.end()) return known->second;
    if (is_input_word(graph_, word)) {
      const IntegerNode& n = graph_.at(word.parts[0]);
      return word_slots_[word] = input_word(n.input, n.element / 2);
    }
    PackStep step{.parts = static_cast<uint8_t>(word.bytes ? 4 : 2)};
    for (size_t p = 0; p < step.parts; ++p) {
      if (word.parts[p] == kNoValue) continue;
      step.present[p] = true;
      step.source[p] = slot(word.parts[p]);
      if (is_flipped(graph_, word, p)) step.flip |= static_cast<uint8_t>(1 << p);
    }
    step.target = new_slot(Lane::k32);
    append(Step::kPack, program_.packs, step);
    return word_slots_[word] = step.target;
  }

  void write_tile(int32_t index) {
    const DotTile& tile = dots_.tiles[index];
    DotStep step{.bytes = tile.bytes};
    std::vector<uint32_t> sources;
    for (const Word& word : tile.words) sources.push_back(word_slot(word));
    step.first_source = static_cast<uint32_t>(program_.dot_sources.size());
    step.sources = static_cast<uint32_t>(sources.size());
    step.rows = static_cast<uint8_t>(tile.rows.size());
    program_.dot_sources.insert(program_.dot_sources.end(), sources.begin(), sources.end());
    step.first_weight = static_cast<uint32_t>(program_.dot_weights.size());
    program_.dot_weights.resize(program_.dot_weights.size() + sources.size() * step.rows);
    for (size_t r = 0; r < tile.rows.size(); ++r) {
      const Row& row = rows_.rows[tile.rows[r]];
      const IntegerNode& sum = graph_.at(row.root);
      Wide bias = sum.bias;
      for (size_t w = 0; w < tile.words.size(); ++w) {
        program_.dot_weights[step.first_weight + w * step.rows + r] = packed_weights(graph_, sum, tile.words[w], bias);
      }
      step.bias[r] = static_cast<int32_t>(low64(bias));
      step.epilogue[r] = row.epilogue;
    }
    write_word_of_tile(tile, step);
    for (size_t r = 0; r < tile.rows.size(); ++r) {
      const ValueId result = rows_.rows[tile.rows[r]].result;
      if (step.stores) {
        step.target[r] = new_target(result);
      } else {
        slot_of_[result] = kOnlyInWord;
      }
    }
    append(Step::kDot, program_.dots, step);
  }

  /// Where the tile's results are a word that a later layer multiplies, the tile stores that.
  void write_word_of_tile(const DotTile& tile, DotStep& step) {
    Word word{.bytes = true};
    if (tile.rows.size() != word.parts.size()) return;
    for (size_t r = 0; r < tile.rows.size(); ++r) word.parts[r] = rows_.rows[tile.rows[r]].result;
    const auto uses = uses_in_.find(word);
    if (uses == uses_in_.end()) return;
    step.word = word_slots_[word] = new_slot(Lane::k32);
    uint32_t bias = 0;
    step.stores = false;
    for (size_t p = 0; p < word.parts.size(); ++p) {
      if (is_flipped(graph_, word, p)) bias += 128u << (8 * p);
      const auto in_word = uses->second.find(word.parts[p]);
      step.stores |= in_word == uses->second.end() || in_word->second != rows_.uses[word.parts[p]];
    }
    step.word_bias = static_cast<int32_t>(bias);
  }

  void write_output(size_t o) {
    const model::TensorType& type = listing_.types[listing_.outputs[o]];
    const std::vector<ScaledValue>& values = plan_.simplified.outputs[o];
    RowLayout layout = this->layout(listing_.outputs[o]);
    const int container = type.container();
    for (size_t w = 0; w < layout.words.size(); ++w) {
      PackStep step{.parts = static_cast<uint8_t>(std::max(32 / container, 1))};
      step.high_half = container == 64 && w % 2 == 1;
      for (size_t p = 0; p < step.parts; ++p) {
        const size_t e = container == 64 ? w / 2 : w * step.parts + p;
        if (e >= values.size()) continue;
        const FixedType& element = type.at(static_cast<int64_t>(e));
        step.present[p] = true;
        step.source[p] = slot(values[e].id);
        const bool zero = graph_.at(values[e].id).range == Range{};
        step.left[p] = static_cast<uint8_t>(zero ? 0 : std::min(element.fraction() - values[e].fraction, 63));
      }
      const bool as_it_is = container == 32 && step.left[0] == 0 && step.source[0].lane == Lane::k32;
      if (as_it_is) {
        layout.words[w] = step.source[0].offset;
        continue;
      }
      step.target = new_slot(Lane::k32);
      layout.words[w] = step.target;
      append(Step::kPack, program_.packs, step);
    }
    program_.outputs.push_back(std::move(layout));
  }

  using FixedType = model::FixedType;

  const Listing& listing_;
  Plan& plan_;
  const IntegerGraph& graph_;
  Program& program_;
  Rows rows_;
  Dots dots_;
  static constexpr uint32_t kOnlyInWord = kUnusedWord - 1;  ///< instead of a slot of its own
  std::vector<uint32_t> slot_of_;
  std::map<Word, std::map<ValueId, int32_t>> uses_in_;
  std::vector<uint32_t> slot_bytes_;
  std::map<Word, uint32_t> word_slots_;
  std::map<std::pair<TableId, Lane>, uint32_t> tables_;
};

}  // namespace

void make_plan(const Listing& listing, bool has_byte_products, Plan& plan) {
  Planner(listing, has_byte_products, plan).run();
}

}  // namespace strobe::emulator
