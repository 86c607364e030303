#include "kernels/emulator/event_planner.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <map>
#include <tuple>

#include "kernels/emulator/event_groups.h"

namespace strobe::emulator {
namespace {

/// A gather costs about as much as so many products with a broadcast operand.
constexpr size_t kPickCost = 10;
/// Up to so many events run one by one: a block takes about as long for sixteen.
constexpr size_t kFewRows = 5;

/// The slots or numbers of a step's lanes.
template <class T>
using Lanes = std::array<T, kEventLanes>;

/// An operand of sums: a value, whether products with it are cut, and which of a sum's products with it. Two that are
/// cut are not one with the sum of their weights.
struct Column {
  bool truncated = false;
  ValueId value = kNoValue;
  int occurrence = 0;

  auto operator<=>(const Column&) const = default;
};

/// What the lanes of a step multiply an operand by, and how far each product is cut.
struct Numbers {
  Lanes<int64_t> weights = {}, shifts = {};
};

class EventPlanner {
 public:
  EventPlanner(const Listing& listing, const Simplified& simplified, const Rows& rows, const TableOffset& table_offset)
      : listing_(listing),
        outputs_(simplified.outputs),
        graph_(simplified.graph),
        rows_(rows),
        table_offset_(table_offset),
        slot_of_(graph_.size(), 0),
        level_(graph_.size(), 0) {}

  EventProgram run() {
    if (!fits()) return {};
    for (const model::TensorId id : listing_.inputs) add_input(id);
    place_inputs();
    find_levels();
    for (const auto& [group, values] : groups_) {
      for (size_t first = 0; first < values.size(); first += kEventLanes) {
        write(group, std::span(values).subspan(first, std::min(kEventLanes, values.size() - first)));
      }
    }
    for (size_t o = 0; o < outputs_.size(); ++o) add_output(o);
    program_.rows = kFewRows;
    return std::move(program_);
  }

 private:
  bool is_needed(ValueId v) const { return rows_.uses[v] > 0; }

  /// Values that rows pass on in registers need no slot.
  bool is_stored(ValueId v) const { return is_needed(v) && (rows_.row_of[v] >= 0 || is_alone(graph_.at(v).op)); }

  static bool is_alone(IntegerOp op) {
    return op == IntegerOp::kInput || op == IntegerOp::kLookup || op == IntegerOp::kDivide;
  }

  bool fits() const {
    for (const auto* ids : {&listing_.inputs, &listing_.outputs}) {
      for (const model::TensorId id : *ids) {
        if (listing_.types[id].container() > 32) return false;
      }
    }
    for (ValueId v = 0; v < static_cast<ValueId>(graph_.size()); ++v) {
      if (is_needed(v) && graph_.at(v).op == IntegerOp::kForest) return false;  // walks few events itself
      if (is_stored(v) && lane_of(graph_.at(v).range) > Lane::k32) return false;
    }
    for (size_t o = 0; o < outputs_.size(); ++o) {
      for (size_t e = 0; e < outputs_[o].size(); ++e) {
        if (left_shift(o, e) > 31) return false;
      }
    }
    return std::all_of(rows_.rows.begin(), rows_.rows.end(), [](const Row& row) { return row.lane != Lane::k128; });
  }

  /// From an output's value to its raw value.
  int left_shift(size_t output, size_t element) const {
    const ScaledValue& value = outputs_[output][element];
    if (graph_.at(value.id).range == Range{}) return 0;
    const model::TensorType& type = listing_.types[listing_.outputs[output]];
    return type.at(static_cast<int64_t>(element)).fraction() - value.fraction;
  }

  uint32_t take_slots(size_t count) {
    const size_t first = program_.slots;
    program_.slots += (count + kEventLanes - 1) / kEventLanes * kEventLanes;
    return static_cast<uint32_t>(first);
  }

  template <class T>
  uint32_t add_constants(std::span<const T> numbers) {
    const size_t offset = program_.constants.size();
    const auto bytes = std::as_bytes(numbers);
    program_.constants.insert(program_.constants.end(), bytes.begin(), bytes.end());
    return static_cast<uint32_t>(offset);
  }

  uint32_t add_lanes(bool wide, const Lanes<int64_t>& numbers) {
    if (wide) return add_constants<int64_t>(numbers);
    Lanes<int32_t> narrow;
    std::transform(numbers.begin(), numbers.end(), narrow.begin(), [](int64_t n) { return static_cast<int32_t>(n); });
    return add_constants<int32_t>(narrow);
  }

  EventRow row_of(model::TensorId id) const {
    const model::TensorType& type = listing_.types[id];
    return {.row_bytes = static_cast<uint32_t>(type.row_bytes()),
            .element_bytes = static_cast<uint8_t>(type.container() / 8),
            .elements = static_cast<uint32_t>(type.elements())};
  }

  void add_input(model::TensorId id) {
    EventRow row = row_of(id);
    row.first = take_slots(row.elements);
    row.constants = static_cast<uint32_t>(program_.constants.size());
    for (uint32_t first = 0; first < row.elements; first += kEventLanes) {
      Lanes<int64_t> unused = {}, mask = {};
      for (uint32_t e = first; e < std::min<uint32_t>(first + kEventLanes, row.elements); ++e) {
        const model::FixedType& type = listing_.types[id].at(e);
        set_wrap(type.width, type.is_signed, 32, unused[e - first], mask[e - first]);
      }
      add_lanes(false, unused);
      add_lanes(false, mask);
    }
    program_.inputs.push_back(row);
  }

  /// Wrapping is a shift up and down by `unused` and then a mask.
  static void set_wrap(int bits, bool is_signed, int lane, int64_t& unused, int64_t& mask) {
    unused = is_signed && bits > 0 ? std::max(lane - bits, 0) : 0;
    mask = (is_signed && bits > 0) || bits >= lane ? -1 : (int64_t{1} << bits) - 1;
  }

  void place_inputs() {
    for (ValueId v = 0; v < static_cast<ValueId>(graph_.size()); ++v) {
      const IntegerNode& n = graph_.at(v);
      if (n.op == IntegerOp::kInput) slot_of_[v] = program_.inputs[n.input].first + static_cast<uint32_t>(n.element);
    }
  }

  void find_levels() {
    for (ValueId v = 0; v < static_cast<ValueId>(graph_.size()); ++v) {
      if (!is_stored(v) || graph_.at(v).op == IntegerOp::kInput) continue;
      for_each_need(v, [&](ValueId need) { level_[v] = std::max(level_[v], level_[need] + 1); });
      groups_[group_of(graph_, rows_, v, level_[v])].push_back(v);
    }
  }

  template <class Visit>
  void for_each_need(ValueId v, Visit visit) const {
    const int32_t r = rows_.row_of[v];
    if (r >= 0 && rows_.rows[r].root == kNoValue) return visit(rows_.rows[r].source);
    for_each_operand(graph_, graph_.at(r >= 0 ? rows_.rows[r].root : v), visit);
  }

  const Row& row_at(ValueId v) const { return rows_.rows[rows_.row_of[v]]; }

  void write(const EventGroup& group, std::span<const ValueId> values) {
    EventStep step{.kind = group.kind,
                   .wide = group.wide,
                   .first_wraps = group.first_wraps,
                   .clips = group.clips,
                   .zeroes = group.zeroes,
                   .wraps = group.wraps,
                   .shifts = group.shifts,
                   .rounding = group.rounding};
    if (group.kind == EventStep::kScalar) {
      for (const ValueId v : values) write_scalar(v, step);
      return;
    }
    if (group.kind == EventStep::kLookup) {
      write_lookups(values, step);
    } else {
      if (group.kind == EventStep::kBroadcasts) {
        write_sums(values, step);
      } else {
        write_operands(values, step);
      }
      write_epilogue(values, step);
    }
    step.target = take_slots(kEventLanes);
    for (size_t lane = 0; lane < values.size(); ++lane) {
      slot_of_[values[lane]] = step.target + static_cast<uint32_t>(lane);
    }
    program_.steps.push_back(step);
  }

  void write_scalar(ValueId v, EventStep step) {
    const auto slot = [](uint32_t at) { return Slot{at * 4, Lane::k32}; };
    ScalarStep scalar{.node = v, .first_slot = static_cast<uint32_t>(program_.scalar_slots.size())};
    for_each_operand(graph_, graph_.at(v),
                     [&](ValueId o) { program_.scalar_slots.push_back(slot(slot_of_[o])), ++scalar.slots; });
    slot_of_[v] = take_slots(1);
    scalar.target = slot(slot_of_[v]);
    step.first = static_cast<uint32_t>(program_.scalars.size());
    program_.scalars.push_back(scalar);
    program_.steps.push_back(step);
  }

  void write_lookups(std::span<const ValueId> values, EventStep& step) {
    step.first = static_cast<uint32_t>(program_.lookups.size());
    step.count = static_cast<uint32_t>(values.size());
    for (const ValueId v : values) {
      const IntegerNode& n = graph_.at(v);
      const Lane lane = lane_of(n.range);
      program_.lookups.push_back({slot_of_[n.a], table_offset_(n.table, lane), lane, static_cast<int64_t>(n.bias)});
    }
  }

  std::vector<IntegerTerm> terms_of(ValueId v) const {
    const Row& row = row_at(v);
    if (row.root == kNoValue) return {{row.source, 0, 1}};
    const auto terms = graph_.terms_of(graph_.at(row.root));
    return {terms.begin(), terms.end()};
  }

  Wide bias_of(ValueId v) const {
    const Row& row = row_at(v);
    return row.root == kNoValue ? 0 : graph_.at(row.root).bias;
  }

  static int64_t low64(Wide v) { return static_cast<int64_t>(static_cast<uint64_t>(v)); }

  void write_sums(std::span<const ValueId> values, EventStep& step) {
    Lanes<int64_t> bias = {};
    std::map<Column, Numbers> columns;
    size_t longest = 0;
    for (size_t lane = 0; lane < values.size(); ++lane) {
      bias[lane] = low64(bias_of(values[lane]));
      const auto terms = terms_of(values[lane]);
      longest = std::max(longest, terms.size());
      std::map<std::pair<bool, ValueId>, int> seen;
      for (const IntegerTerm& t : terms) {
        const bool truncated = t.shift > 0;
        Numbers& numbers = columns[{truncated, t.value, seen[{truncated, t.value}]++}];
        numbers.weights[lane] = low64(t.weight);
        numbers.shifts[lane] = t.shift;
      }
    }
    step.constants = add_lanes(step.wide, bias);
    const bool has_truncated = !columns.empty() && columns.rbegin()->first.truncated;
    if (!has_truncated && longest * kPickCost < columns.size()) return write_picked_sums(values, longest, step);
    step.first = static_cast<uint32_t>(program_.sources.size());
    for (const auto& [column, numbers] : columns) {
      program_.sources.push_back(slot_of_[column.value]);
      add_lanes(step.wide, numbers.weights);
      ++(column.truncated ? step.truncated : step.count);
      if (column.truncated) add_lanes(step.wide, numbers.shifts);
    }
  }

  void write_picked_sums(std::span<const ValueId> values, size_t longest, EventStep& step) {
    step.kind = EventStep::kPicks;
    step.first = static_cast<uint32_t>(program_.picks.size());
    step.count = static_cast<uint32_t>(longest);
    for (size_t t = 0; t < longest; ++t) {
      Lanes<int64_t> weights = {};
      std::vector<uint32_t> slots;
      for (size_t lane = 0; lane < values.size(); ++lane) {
        const auto terms = terms_of(values[lane]);
        if (t < terms.size()) weights[lane] = low64(terms[t].weight);
        slots.push_back(t < terms.size() ? slot_of_[terms[t].value] : 0);
      }
      add_pick(slots);
      add_lanes(step.wide, weights);
    }
  }

  void write_operands(std::span<const ValueId> values, EventStep& step) {
    step.first = static_cast<uint32_t>(program_.picks.size());
    step.count = step.kind == EventStep::kSelect ? 4 : 2;
    for (uint32_t operand = 0; operand < step.count; ++operand) {
      std::vector<uint32_t> slots;
      for (const ValueId v : values) {
        const IntegerNode& n = graph_.at(row_at(v).root);
        slots.push_back(slot_of_[std::array{n.a, n.b, n.c, n.d}[operand]]);
      }
      add_pick(slots);
    }
  }

  /// Lanes that the step does not have are read all the same: slots behind the last, or the first.
  void add_pick(const std::vector<uint32_t>& slots) {
    Pick pick{.first = slots[0]};
    const auto out_of_order = [](uint32_t a, uint32_t b) { return b != a + 1; };
    const bool in_order = std::adjacent_find(slots.begin(), slots.end(), out_of_order) == slots.end();
    if (!in_order || slots[0] + kEventLanes > program_.slots) {
      pick.indices = static_cast<uint32_t>(program_.indices.size());
      program_.indices.insert(program_.indices.end(), slots.begin(), slots.end());
      program_.indices.resize(pick.indices + kEventLanes, slots[0]);
    }
    program_.picks.push_back(pick);
  }

  void write_epilogue(std::span<const ValueId> values, EventStep& step) {
    const int bits = step.wide ? 64 : 32;
    const auto [least, most] =
        step.wide ? std::pair{INT64_MIN, INT64_MAX} : std::pair<int64_t, int64_t>{INT32_MIN, INT32_MAX};
    std::array<Lanes<int64_t>, kEpilogueConstants> constants = {};
    for (size_t lane = 0; lane < values.size(); ++lane) {
      const Epilogue& e = row_at(values[lane]).epilogue;
      set_wrap(e.first_wrap, e.first_wrap_signed, bits, constants[kFirstUnused][lane], constants[kFirstMask][lane]);
      set_wrap(e.wrap, e.wrap_signed, bits, constants[kUnused][lane], constants[kMask][lane]);
      constants[kShift][lane] = e.shift;
      const bool has_low = e.clip != Epilogue::kHigh;
      const bool has_high = e.clip != Epilogue::kLow;
      constants[kLow][lane] = has_low ? std::clamp(e.low, least, most) : least;
      constants[kHigh][lane] = has_high ? std::clamp(e.high, least, most) : most;
    }
    step.epilogue = static_cast<uint32_t>(program_.constants.size());
    for (const Lanes<int64_t>& numbers : constants) add_lanes(step.wide, numbers);
  }

  void add_output(size_t o) {
    EventRow row = row_of(listing_.outputs[o]);
    row.first = static_cast<uint32_t>(program_.picks.size());
    row.constants = static_cast<uint32_t>(program_.constants.size());
    for (uint32_t first = 0; first < row.elements; first += kEventLanes) {
      Lanes<int64_t> left = {};
      std::vector<uint32_t> slots;
      for (uint32_t e = first; e < std::min<uint32_t>(first + kEventLanes, row.elements); ++e) {
        slots.push_back(slot_of_[outputs_[o][e].id]);
        left[e - first] = left_shift(o, e);
      }
      add_pick(slots);
      add_lanes(false, left);
    }
    program_.outputs.push_back(row);
  }

  const Listing& listing_;
  const std::vector<std::vector<ScaledValue>>& outputs_;
  const IntegerGraph& graph_;
  const Rows& rows_;
  const TableOffset& table_offset_;
  EventProgram program_;
  std::vector<uint32_t> slot_of_;
  std::vector<int> level_;  ///< how many steps a value waits for
  std::map<EventGroup, std::vector<ValueId>> groups_;
};

}  // namespace

EventProgram plan_events(const Listing& listing, const Simplified& simplified, const Rows& rows,
                         const TableOffset& table_offset) {
  return EventPlanner(listing, simplified, rows, table_offset).run();
}

}  // namespace strobe::emulator
