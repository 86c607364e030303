#include "host/scouting/selection/objects.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "host/scouting/selection/kernels.h"

namespace strobe::scouting::selection {
namespace {

/// Objects taken at a time, in whole crossings; one crossing alone may have more.
constexpr size_t kBlockObjects = 512;

bool needs_ranks(const List& list) { return list.places > 0 || list.limit != List::kNoLimit; }

/// Objects of a crossing beyond this, and keys that are doubles, are sorted one by one.
bool ranks_in_registers(const CollectionPlan& plan, const List& list, size_t most) {
  return most <= kRankReach + 1 && (list.key == kNoTerm || plan.terms->at(list.key).whole);
}

/// One block of objects on its way.
struct Block {
  const CollectionPlan& plan;
  const Collection& objects;
  size_t first, count;
  size_t most;  ///< in one crossing
  Columns& columns;
  ObjectScratch& scratch;
};

void reserve(const CollectionPlan& plan, size_t count, ObjectScratch& scratch) {
  if (count <= scratch.capacity && scratch.lists.size() == plan.lists.size()) return;
  scratch.capacity = std::max(count, kBlockObjects);
  const size_t rows = scratch.capacity + 2 * kRankMargin;
  plan.program.prepare(scratch.operands, scratch.registers, scratch.capacity);
  scratch.fields.resize(plan.format->fields.size());
  for (auto& field : scratch.fields) field.resize(rows);
  scratch.rows.resize(rows);
  std::fill(scratch.rows.begin(), scratch.rows.end(), -1);
  scratch.lists.resize(plan.lists.size());
  for (auto& list : scratch.lists) {
    for (Buffer<int32_t>* column : {&list.pass, &list.member, &list.target, &list.ranks}) column->resize(rows);
    list.keys.resize(rows * sizeof(double));
    std::memset(list.keys.data(), 0, list.keys.size());
  }
  for (size_t i = 0; i < plan.program.leaves().size(); ++i) {
    Buffer<int32_t>& field = scratch.fields[static_cast<size_t>(plan.program.leaves()[i])];
    scratch.operands[i].at = reinterpret_cast<std::byte*>(field.data());
  }
  for (size_t i = 0; i < plan.lists.size(); ++i) {
    ObjectScratch::ListScratch& list = scratch.lists[i];
    const size_t width = plan.terms->at(plan.lists[i].key).whole ? sizeof(int32_t) : sizeof(double);
    scratch.operands[plan.program.stored_operand(2 * i)].at = reinterpret_cast<std::byte*>(list.pass.data());
    scratch.operands[plan.program.stored_operand(2 * i + 1)].at = list.keys.data() + kRankMargin * width;
  }
}

void extract_fields(const Block& block) {
  for (const int32_t index : block.plan.program.leaves()) {
    const Field& field = block.plan.format->fields[static_cast<size_t>(index)];
    int32_t* to = block.scratch.fields[static_cast<size_t>(index)].data();
    if (block.plan.format->word_bits[field.word] == 32) {
      extract(field, block.objects.narrow[field.word].data() + block.first, block.count, to);
    } else {
      extract(field, block.objects.wide[field.word].data() + block.first, block.count, to);
    }
  }
}

template <typename Key>
void sort_crossing(const Key* keys, std::span<uint32_t> members, int32_t* ranks) {
  const auto key = [&](uint32_t i) {
    if constexpr (std::is_floating_point_v<Key>) return std::isnan(keys[i]) ? -HUGE_VAL : keys[i];
    return keys[i];
  };
  std::sort(members.begin(), members.end(), [&](uint32_t i, uint32_t j) {
    const auto a = key(i), b = key(j);
    return a != b ? a > b : i < j;
  });
  for (size_t k = 0; k < members.size(); ++k) ranks[members[k]] = static_cast<int32_t>(k);
}

/// Ranks of the objects that pass, crossing by crossing.
template <typename Key>
void sort_objects(const Key* keys, const int32_t* pass, const int32_t* rows, size_t count, Buffer<uint32_t>& order,
                  int32_t* ranks) {
  for (size_t begin = 0, end = 0; begin < count; begin = end) {
    order.clear();
    for (end = begin; end < count && rows[end] == rows[begin]; ++end) {
      if (pass[end] > 0) order.push_back(static_cast<uint32_t>(end));
    }
    sort_crossing(keys, order.view(), ranks);
  }
}

void order_list(const Block& block, size_t index) {
  const List& list = block.plan.lists[index];
  ObjectScratch::ListScratch& scratch = block.scratch.lists[index];
  Ranking ranking;
  ranking.rows = block.scratch.rows.data() + kRankMargin;
  ranking.pass = scratch.pass.data();
  ranking.keys = reinterpret_cast<int32_t*>(scratch.keys.data()) + kRankMargin;
  ranking.masked = scratch.ranks.data() + kRankMargin;
  ranking.count = block.count;
  ranking.most = block.most;
  ranking.limit = list.limit;
  ranking.slots = list.places;
  ranking.stride = static_cast<int32_t>(block.columns.stride());
  ranking.member = scratch.member.data();
  ranking.target = scratch.target.data();
  if (!needs_ranks(list)) {
    std::copy_n(ranking.pass, block.count, ranking.member);
  } else if (ranks_in_registers(block.plan, list, block.most)) {
    rank(ranking);
  } else {
    int32_t* ranks = scratch.ranks.data();
    if (block.plan.terms->at(list.key).whole) {
      sort_objects(ranking.keys, ranking.pass, ranking.rows, block.count, block.scratch.order, ranks);
    } else {
      const auto* keys = reinterpret_cast<const double*>(scratch.keys.data()) + kRankMargin;
      sort_objects(keys, ranking.pass, ranking.rows, block.count, block.scratch.order, ranks);
    }
    place(ranking, ranks);
  }
}

/// Adds one value to what its crossing has. A value that is not a number is neither the largest nor the smallest.
template <typename T>
T accumulate(Op op, T sum, T value) {
  if (op == Op::kMinimum) return value < sum ? value : sum;
  if (op == Op::kMaximum) return sum < value ? value : sum;
  return sum + value;
}

template <typename From, typename To>
void aggregate(Op op, const Operand& values, const int32_t* member, const int32_t* rows, size_t count, To* to) {
  for (size_t i = 0; i < count; ++i) {
    const auto value = static_cast<To>(reinterpret_cast<const From*>(values.at)[i & values.mask]);
    To& sum = to[rows[i]];
    sum = member[i] > 0 ? accumulate(op, sum, value) : sum;
  }
}

/// Puts fields `first` to `first` + kFields - 1 into the places that `target` says: together, for the stores of one
/// alone do not keep the core busy.
template <size_t kFields>
void place_together(const Block& block, const List& list, size_t first, const int32_t* target) {
  const int32_t* from[kFields];
  int32_t* to[kFields];
  for (size_t f = 0; f < kFields; ++f) {
    from[f] = block.scratch.fields[list.fields[first + f].field].data();
    to[f] = block.columns.whole(list.fields[first + f].column.number);
  }
  for (size_t i = 0; i < block.count; ++i) {
    const auto at = static_cast<ptrdiff_t>(target[i]);
    for (size_t f = 0; f < kFields; ++f) to[f][at] = from[f][i];
  }
}

void place_fields(const Block& block, const List& list, const int32_t* target) {
  size_t first = 0;
  for (; first + 4 <= list.fields.size(); first += 4) place_together<4>(block, list, first, target);
  switch (list.fields.size() - first) {
    case 3:
      return place_together<3>(block, list, first, target);
    case 2:
      return place_together<2>(block, list, first, target);
    case 1:
      return place_together<1>(block, list, first, target);
    default:
      return;
  }
}

void fill_list(const Block& block, size_t index, size_t& next_read) {
  const List& list = block.plan.lists[index];
  ObjectScratch::ListScratch& scratch = block.scratch.lists[index];
  const int32_t* rows = block.scratch.rows.data() + kRankMargin;
  place_fields(block, list, scratch.target.data());
  if (list.counted) add_members(scratch.member.data(), rows, block.count, block.columns.whole(list.count.number));
  for (const Aggregate& each : list.aggregates) {
    const Operand& values = block.scratch.operands[block.plan.program.read_operand(next_read++)];
    const bool whole = block.plan.terms->at(each.term).whole;
    if (each.column.whole) {
      int32_t* to = block.columns.whole(each.column.number);
      aggregate<int32_t>(each.op, values, scratch.member.data(), rows, block.count, to);
    } else {
      double* to = block.columns.real(each.column.number);
      if (whole) {
        aggregate<int32_t>(each.op, values, scratch.member.data(), rows, block.count, to);
      } else {
        aggregate<double>(each.op, values, scratch.member.data(), rows, block.count, to);
      }
    }
  }
}

template <typename T>
T worst(Op op) {
  using Limits = std::numeric_limits<T>;
  if (op == Op::kAdd) return 0;
  if constexpr (Limits::has_infinity) return op == Op::kMinimum ? Limits::infinity() : -Limits::infinity();
  return op == Op::kMinimum ? Limits::max() : Limits::min();
}

}  // namespace

TermId field_term(const ObjectFormat& format, size_t index, Terms& terms) {
  const Field& field = format.fields[index];
  const double span = std::ldexp(1.0, field.width);
  const double low = field.is_signed ? -span / 2 : 0;
  return terms.whole_leaf(static_cast<int32_t>(index), low, low + span - 1);
}

void CollectionPlan::compile() {
  std::vector<TermId> stored, read, fields;
  for (List& list : lists) {
    if (list.pass == kNoTerm) list.pass = terms->constant(1);
    if (list.key == kNoTerm) list.key = terms->constant(0);
    stored.insert(stored.end(), {list.pass, list.key});
    for (const Aggregate& each : list.aggregates) read.push_back(each.term);
    for (const LeadingField& each : list.fields) {
      fields.push_back(field_term(*format, each.field, *terms));
    }
  }
  read.insert(read.end(), fields.begin(), fields.end());
  program = Program::compile(*terms, stored, read);
}

void clear_columns(const CollectionPlan& plan, size_t rows, Columns& columns) {
  for (const List& list : plan.lists) {
    for (const LeadingField& field : list.fields) {
      for (int32_t place = 0; place < list.places; ++place)
        std::fill_n(columns.whole(field.column.number + place), rows, 0);
    }
    if (list.counted) std::fill_n(columns.whole(list.count.number), rows, 0);
    for (const Aggregate& each : list.aggregates) {
      if (each.column.whole) {
        std::fill_n(columns.whole(each.column.number), rows, worst<int32_t>(each.op));
      } else {
        std::fill_n(columns.real(each.column.number), rows, worst<double>(each.op));
      }
    }
  }
}

void add_objects(const CollectionPlan& plan, const Collection& objects, const RowRange& range, Columns& columns,
                 ObjectScratch& scratch) {
  const uint32_t* first = objects.first.data();
  for (size_t begin = range.begin, end = begin; begin < range.end; begin = end) {
    const uint32_t* last = std::upper_bound(first + begin + 1, first + range.end + 1, first[begin] + kBlockObjects);
    end = std::max(static_cast<size_t>(last - first) - 1, begin + 1);
    const size_t count = first[end] - first[begin];
    if (count == 0) continue;
    reserve(plan, count, scratch);
    int32_t* rows = scratch.rows.data() + kRankMargin;
    const uint32_t most = expand_rows(first + begin, end - begin, range.rows == nullptr ? nullptr : range.rows + begin,
                                      range.base + static_cast<int32_t>(begin - range.begin), rows);
    std::fill_n(rows + count, kRankMargin, -1);
    const Block block{plan, objects, first[begin], count, most, columns, scratch};
    extract_fields(block);
    run(plan.program.code(), scratch.operands.data(), count);
    size_t next_read = 0;
    for (size_t i = 0; i < plan.lists.size(); ++i) {
      order_list(block, i);
      fill_list(block, i, next_read);
    }
  }
}

void finish_columns(const CollectionPlan& plan, size_t rows, Columns& columns) {
  for (const List& list : plan.lists) {
    if (!list.counted) continue;
    const int32_t* counts = columns.whole(list.count.number);
    for (const Aggregate& each : list.aggregates) {
      if (each.op == Op::kAdd) continue;
      for (size_t i = 0; i < rows; ++i) {
        if (counts[i] > 0) continue;
        if (each.column.whole) {
          columns.whole(each.column.number)[i] = 0;
        } else {
          columns.real(each.column.number)[i] = 0;
        }
      }
    }
  }
}

}  // namespace strobe::scouting::selection
