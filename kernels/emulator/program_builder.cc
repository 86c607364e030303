#include "kernels/emulator/program_builder.h"

#include <bit>

#include "absl/strings/str_cat.h"

namespace strobe::emulator {

using model::FixedType;

ProgramBuilder::ProgramBuilder(const model::Graph& graph) : graph_(graph) {
  listing_.inputs = graph.inputs();
  listing_.outputs = graph.outputs();
  listing_.tensors.resize(graph.tensors().size());
  for (const model::Tensor& tensor : graph.tensors()) listing_.types.push_back(tensor.type);
  for (const model::Node& node : graph.nodes()) {
    listing_.node_names.push_back(node.name);
    listing_.node_ops.push_back(node.op);
  }
  for (size_t i = 0; i < graph.inputs().size(); ++i) {
    const model::TensorType& type = graph.input(i).type;
    for (int64_t e = 0; e < type.elements(); ++e) {
      Instruction input{.op = Op::kInput, .fraction = type.at(e).fraction(), .range = format_range(type.at(e))};
      input.input = static_cast<int32_t>(i);
      input.element = static_cast<int32_t>(e);
      input.type = type.at(e);
      listing_.tensors[graph.inputs()[i]].push_back(append(input));
    }
  }
}

ValueId ProgramBuilder::append(Instruction instruction) {
  instruction.node = node_;
  listing_.instructions.push_back(instruction);
  return static_cast<ValueId>(listing_.instructions.size() - 1);
}

ValueId ProgramBuilder::too_wide() {
  if (status_.ok()) {
    const model::Node& node = graph_.nodes()[node_];
    status_ = absl::UnimplementedError(absl::StrCat("layer '", node.name, "' (", node.op,
                                                    "): exact intermediate values need more than ", kMaxBits, " bits"));
  }
  return constant(0);
}

ValueId ProgramBuilder::constant(int64_t raw, int fraction) {
  return append({.op = Op::kConstant, .fraction = fraction, .range = {raw, raw}, .immediate = raw});
}

ValueId ProgramBuilder::constant(const model::Constant& values, int64_t element) {
  const int64_t e = element % static_cast<int64_t>(values.raw.size());
  const FixedType& type = values.type.at(e);
  return type.width == 0 ? constant(0) : constant(values.raw[e], type.fraction());
}

Term ProgramBuilder::term(ValueId x, int64_t raw, int weight_fraction) const {
  return {x, at(x).fraction + weight_fraction, raw};
}

Term ProgramBuilder::term(ValueId x, const model::Constant& weight, int64_t element) const {
  const int64_t e = element % static_cast<int64_t>(weight.raw.size());
  const FixedType& type = weight.type.at(e);
  return term(x, type.width == 0 ? 0 : weight.raw[e], type.fraction());
}

bool ProgramBuilder::linear_range(std::span<const Term> terms, int fraction, Range& range) const {
  range = {};
  for (const Term& t : terms) {
    Wide weight = 0;
    if (!checked_shift_left(t.weight, fraction - t.fraction, weight)) return false;
    Range product = {weight, weight};
    if (t.value != kNoValue && !multiply(at(t.value).range, {weight, weight}, product)) return false;
    if (!checked_add(range.low, product.low, range.low) || !checked_add(range.high, product.high, range.high))
      return false;
  }
  return true;
}

ValueId ProgramBuilder::linear(std::span<const Term> terms) {
  std::vector<Term> kept;
  for (const Term& t : terms) {
    if (t.weight != 0 && (t.value == kNoValue || at(t.value).range != Range{})) kept.push_back(t);
  }
  if (kept.empty()) return constant(0);
  Instruction sum{.op = Op::kLinear, .fraction = kept[0].fraction};
  for (const Term& t : kept) sum.fraction = std::max(sum.fraction, t.fraction);
  if (!linear_range(kept, sum.fraction, sum.range)) return too_wide();
  sum.first_term = static_cast<uint32_t>(listing_.terms.size());
  sum.terms = static_cast<uint32_t>(kept.size());
  listing_.terms.insert(listing_.terms.end(), kept.begin(), kept.end());
  return append(sum);
}

ValueId ProgramBuilder::accumulate(std::span<const Term> terms, const FixedType& accum) {
  if (accum.width == 0) return constant(0);
  Instruction sum{.op = Op::kAccumulate, .fraction = accum.fraction(), .type = accum};
  sum.first_term = static_cast<uint32_t>(listing_.terms.size());
  for (const Term& t : terms) {
    if (t.weight == 0) continue;
    Range product = {t.weight, t.weight};
    if (t.value != kNoValue && !multiply(at(t.value).range, product, product)) return too_wide();
    const Range added = cast_range(product, t.fraction, accum);
    const Range partial = {sum.range.low + added.low, sum.range.high + added.high};
    sum.range = cast_range(partial, accum.fraction(), accum);
    listing_.terms.push_back(t);
    ++sum.terms;
  }
  return append(sum);
}

ValueId ProgramBuilder::add(ValueId a, ValueId b) {
  const Term terms[] = {term(a, 1, 0), term(b, 1, 0)};
  return linear(terms);
}

ValueId ProgramBuilder::subtract(ValueId a, ValueId b) {
  const Term terms[] = {term(a, 1, 0), term(b, -1, 0)};
  return linear(terms);
}

ValueId ProgramBuilder::cast(ValueId x, const FixedType& type) {
  const Instruction& from = at(x);
  Instruction cast{
      .op = Op::kCast, .fraction = type.fraction(), .range = cast_range(from.range, from.fraction, type), .a = x};
  cast.type = type;
  return append(cast);
}

bool ProgramBuilder::aligned(ValueId a, ValueId b, Range& x, Range& y, int& fraction) const {
  x = at(a).range;
  y = at(b).range;
  const bool a_is_zero = x == Range{};
  const bool b_is_zero = y == Range{};
  fraction = a_is_zero ? at(b).fraction : b_is_zero ? at(a).fraction : std::max(at(a).fraction, at(b).fraction);
  for (auto [range, v] : {std::pair{&x, a}, std::pair{&y, b}}) {
    const int shift = fraction - at(v).fraction;
    if (*range == Range{}) continue;
    if (!checked_shift_left(range->low, shift, range->low) || !checked_shift_left(range->high, shift, range->high))
      return false;
  }
  return true;
}

ValueId ProgramBuilder::maximum(ValueId a, ValueId b) {
  Instruction result{.op = Op::kMaximum, .a = a, .b = b};
  Range x, y;
  if (!aligned(a, b, x, y, result.fraction)) return too_wide();
  result.range = {std::max(x.low, y.low), std::max(x.high, y.high)};
  return append(result);
}

ValueId ProgramBuilder::minimum(ValueId a, ValueId b) {
  Instruction result{.op = Op::kMinimum, .a = a, .b = b};
  Range x, y;
  if (!aligned(a, b, x, y, result.fraction)) return too_wide();
  result.range = {std::min(x.low, y.low), std::min(x.high, y.high)};
  return append(result);
}

ValueId ProgramBuilder::product(ValueId a, ValueId b) {
  Instruction result{.op = Op::kProduct, .fraction = at(a).fraction + at(b).fraction, .a = a, .b = b};
  const bool fits = a == b ? square(at(a).range, result.range) : multiply(at(a).range, at(b).range, result.range);
  if (!fits) return too_wide();
  return append(result);
}

ValueId ProgramBuilder::select(ValueId a, ValueId b, ValueId c, ValueId d) {
  Instruction result{.op = Op::kSelect, .a = a, .b = b, .c = c, .d = d};
  Range x, y;
  int compared = 0;
  if (!aligned(a, b, x, y, compared)) return too_wide();
  if (!aligned(c, d, x, y, result.fraction)) return too_wide();
  result.range = hull(x, y);
  return append(result);
}

ValueId ProgramBuilder::index(ValueId x, int64_t numerator, int64_t denominator, int64_t offset, int64_t size) {
  const Instruction& from = at(x);
  Instruction result{.op = Op::kIndex, .range = {0, size - 1}, .a = x};
  result.numerator = numerator;
  result.denominator = denominator;
  result.offset = offset;
  result.size = size;
  Range scaled;
  Wide divisor = denominator;
  if (!multiply(from.range, {numerator, numerator}, scaled)) return too_wide();
  if (from.fraction >= 0) {
    if (!checked_shift_left(divisor, from.fraction, divisor)) return too_wide();
  } else if (!checked_shift_left(scaled.low, -from.fraction, scaled.low) ||
             !checked_shift_left(scaled.high, -from.fraction, scaled.high)) {
    return too_wide();
  }
  const auto clamp = [&](Wide v) { return std::clamp<Wide>(v / divisor + offset, 0, size - 1); };
  result.range = {clamp(scaled.low), clamp(scaled.high)};
  return append(result);
}

ValueId ProgramBuilder::top_bits(ValueId x, const FixedType& type, int address_bits) {
  Instruction result{.op = Op::kTopBits, .range = {0, (Wide{1} << address_bits) - 1}, .a = x};
  result.type = type;
  result.address_bits = address_bits;
  return append(result);
}

TableId ProgramBuilder::add_table(const model::Constant& constant) {
  Table table;
  bool all_zero = true;
  for (size_t i = 0; i < constant.raw.size(); ++i) {
    const FixedType& type = constant.type.at(static_cast<int64_t>(i));
    if (constant.raw[i] == 0 || type.width == 0) continue;
    table.fraction = all_zero ? type.fraction() : std::max(table.fraction, type.fraction());
    all_zero = false;
  }
  for (size_t i = 0; i < constant.raw.size(); ++i) {
    const FixedType& type = constant.type.at(static_cast<int64_t>(i));
    Wide entry = 0;
    const bool fits = type.width == 0 || constant.raw[i] == 0 ||
                      checked_shift_left(constant.raw[i], table.fraction - type.fraction(), entry);
    if (!fits || entry != static_cast<int64_t>(entry)) too_wide();
    table.entries.push_back(static_cast<int64_t>(entry));
    table.range = i == 0 ? Range{entry, entry} : hull(table.range, {entry, entry});
  }
  listing_.tables.push_back(std::move(table));
  return static_cast<TableId>(listing_.tables.size() - 1);
}

ValueId ProgramBuilder::lookup(TableId table, ValueId index) {
  const Table& entries = listing_.tables[table];
  Instruction result{.op = Op::kLookup, .fraction = entries.fraction, .range = entries.range, .a = index};
  result.table = table;
  return append(result);
}

ValueId ProgramBuilder::quotient(ValueId x, int64_t n, int fraction) {
  const int bits = std::bit_width(static_cast<uint64_t>(n - 1));
  Instruction result{.op = Op::kQuotient, .fraction = fraction + bits, .range = at(x).range, .a = x};
  result.denominator = n;
  const int shift = result.fraction - at(x).fraction;
  Range& range = result.range;
  if (range == Range{}) return constant(0);
  if (!checked_shift_left(range.low, shift, range.low) || !checked_shift_left(range.high, shift, range.high))
    return too_wide();
  range = {range.low / n, range.high / n};
  return append(result);
}

std::vector<ValueId> ProgramBuilder::forest(std::span<const ValueId> features, Forest forest, int fraction) {
  // Terms are the features that a predicate looks at; the predicates count those.
  const auto first_term = static_cast<uint32_t>(listing_.terms.size());
  std::vector<int32_t> term_of(features.size(), -1);
  for (Forest::Predicate& predicate : forest.predicates) {
    int32_t& term = term_of[predicate.feature];
    if (term < 0) {
      term = static_cast<int32_t>(listing_.terms.size() - first_term);
      listing_.terms.push_back(this->term(features[predicate.feature], 1, 0));
    }
    predicate.feature = term;
  }
  Instruction instruction{.op = Op::kForest, .fraction = fraction, .first_term = first_term};
  instruction.terms = static_cast<uint32_t>(listing_.terms.size() - first_term);
  instruction.table = static_cast<TableId>(listing_.forests.size());
  std::vector<ValueId> outputs;
  for (const Forest::Output& output : forest.outputs) {
    instruction.element = static_cast<int32_t>(outputs.size());
    instruction.range = forest.range_of(output);
    outputs.push_back(append(instruction));
  }
  listing_.forests.push_back(std::make_shared<const Forest>(std::move(forest)));
  return outputs;
}

}  // namespace strobe::emulator
