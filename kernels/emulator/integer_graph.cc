#include "kernels/emulator/integer_graph.h"

#include <algorithm>

namespace strobe::emulator {

using model::Rounding;

namespace {

template <class T>
void add_bytes(std::string& key, const T& value) {
  key.append(reinterpret_cast<const char*>(&value), sizeof(value));
}

/// All that makes two nodes compute the same, as bytes; the layer does not.
std::string key_of(const IntegerNode& n, const std::vector<IntegerTerm>& terms) {
  std::string key;
  for (const int field : {static_cast<int>(n.op), static_cast<int>(n.rounding), n.is_signed ? 1 : 0, n.shift, n.width})
    add_bytes(key, field);
  for (const ValueId field : {n.a, n.b, n.c, n.d, n.input, n.element, n.table}) add_bytes(key, field);
  for (const Wide field : {n.bias, n.limits.low, n.limits.high}) add_bytes(key, field);
  for (const IntegerTerm& t : terms) {
    add_bytes(key, t.value);
    add_bytes(key, t.shift);
    add_bytes(key, t.weight);
  }
  return key;
}

bool is_unary(IntegerOp op) {
  return op == IntegerOp::kRound || op == IntegerOp::kClip || op == IntegerOp::kWrap || op == IntegerOp::kZero ||
         op == IntegerOp::kDivide || op == IntegerOp::kLookup;
}

}  // namespace

Wide wrapped(Wide value, int width, bool is_signed) {
  const Wide low = value & ((Wide{1} << width) - 1);
  return is_signed && ((low >> (width - 1)) & 1) ? low - (Wide{1} << width) : low;
}

ValueId IntegerGraph::append(IntegerNode node, std::vector<IntegerTerm> terms) {
  if (node.range.is_single() && node.op != IntegerOp::kConstant) return constant(node.range.low);
  if (!kUnbounded.contains(node.range)) return refuse();
  const auto [entry, is_new] = known_.emplace(key_of(node, terms), static_cast<ValueId>(nodes_.size()));
  if (!is_new) return entry->second;
  node.node = node_;
  node.first_term = static_cast<uint32_t>(terms_.size());
  node.terms = static_cast<uint32_t>(terms.size());
  terms_.insert(terms_.end(), terms.begin(), terms.end());
  nodes_.push_back(node);
  return entry->second;
}

ValueId IntegerGraph::refuse() {
  ok_ = false;
  return constant(0);
}

ValueId IntegerGraph::constant(Wide value) {
  return append({.op = IntegerOp::kConstant, .bias = value, .range = {value, value}});
}

ValueId IntegerGraph::input(int32_t input, int32_t element, const model::FixedType& type) {
  IntegerNode node{
      .op = IntegerOp::kInput, .is_signed = type.is_signed, .width = type.width, .range = format_range(type)};
  node.input = input;
  node.element = element;
  return append(node);
}

ValueId IntegerGraph::linear(std::vector<IntegerTerm> terms, Wide bias) {
  std::vector<IntegerTerm> kept;
  std::sort(terms.begin(), terms.end(), [](auto& x, auto& y) { return x.value < y.value; });
  Range range;
  for (const IntegerTerm& t : terms) {
    if (t.weight == 0) continue;
    if (is_constant(t.value)) {
      Wide product = 0;
      if (!checked_multiply(t.weight, at(t.value).range.low, product) || !checked_add(bias, product, bias))
        return refuse();
    } else if (!kept.empty() && kept.back().value == t.value) {
      kept.back().weight += t.weight;
      if (kept.back().weight == 0) kept.pop_back();
    } else {
      kept.push_back(t);
    }
  }
  if (kept.empty()) return constant(bias);
  if (kept.size() == 1 && kept[0].weight == 1 && bias == 0) return kept[0].value;
  range = {bias, bias};
  for (const IntegerTerm& t : kept) {
    Range product;
    if (!multiply(at(t.value).range, {t.weight, t.weight}, product)) return refuse();
    if (!checked_add(range.low, product.low, range.low) || !checked_add(range.high, product.high, range.high))
      return refuse();
  }
  IntegerNode node{.op = IntegerOp::kLinear, .bias = bias, .range = range};
  if (kept.size() == 1 && at(kept[0].value).op == IntegerOp::kLookup) {
    const TableId table = at(kept[0].value).table;
    std::vector<int64_t> entries = tables_[table];
    bool fits = true;
    for (int64_t& e : entries) {
      const Wide mapped = kept[0].weight * e + bias;
      fits = fits && mapped == static_cast<int64_t>(mapped);
      e = static_cast<int64_t>(mapped);
    }
    if (fits) {
      IntegerNode lookup = at(kept[0].value);
      lookup.table = intern(std::move(entries));
      lookup.range = range;
      return append(lookup);
    }
  }
  return append(node, std::move(kept));
}

ValueId IntegerGraph::truncated(std::vector<IntegerTerm> terms, Wide bias) {
  std::vector<IntegerTerm> kept;
  Range range;
  for (const IntegerTerm& t : terms) {
    Range product;
    if (!multiply(at(t.value).range, {t.weight, t.weight}, product)) return refuse();
    product = {product.low >> t.shift, product.high >> t.shift};
    if (product.is_single()) {
      bias += product.low;
      continue;
    }
    range = {range.low + product.low, range.high + product.high};
    kept.push_back(t);
  }
  if (kept.empty()) return constant(bias);
  if (std::all_of(kept.begin(), kept.end(), [](auto& t) { return t.shift == 0; })) return linear(std::move(kept), bias);
  return append({.op = IntegerOp::kTruncated, .bias = bias, .range = {range.low + bias, range.high + bias}},
                std::move(kept));
}

ValueId IntegerGraph::map_table(const IntegerNode& op, ValueId x) {
  IntegerNode lookup = at(x);
  std::vector<int64_t> entries = tables_[lookup.table];
  for (int64_t& e : entries) {
    const Wide mapped = evaluate(op, [&](ValueId) { return Wide{e}; });
    if (mapped != static_cast<int64_t>(mapped)) return kNoValue;
    e = static_cast<int64_t>(mapped);
  }
  lookup.range = op.range;
  lookup.table = intern(std::move(entries));
  return append(lookup);
}

ValueId IntegerGraph::unary(IntegerNode node, ValueId x) {
  node.a = x;
  if (is_constant(x)) return constant(evaluate(node, [&](ValueId) { return at(x).range.low; }));
  if (at(x).op == IntegerOp::kLookup && !node.range.is_single()) {
    const ValueId mapped = map_table(node, x);
    if (mapped != kNoValue) return mapped;
  }
  return append(node);
}

ValueId IntegerGraph::round(ValueId x, int shift, Rounding rounding) {
  if (shift <= 0) return scaled(x, Wide{1} << std::min(-shift, kMaxBits - 1));
  shift = std::min(shift, 126);
  // Beyond the operand's bits every value is far below half a step: only the sign is left, and one shift is as good as
  // another.
  const int bits = signed_bits(at(x).range);
  if (shift > bits) {
    if (rounding != Rounding::kTrn) return constant(0);
    shift = bits;
  }
  const auto rounded = [&](Wide v) { return model::shift_right_rounded(v, shift, rounding); };
  const Range range = {rounded(at(x).range.low), rounded(at(x).range.high)};
  return unary({.op = IntegerOp::kRound, .rounding = rounding, .shift = shift, .range = range}, x);
}

ValueId IntegerGraph::clip(ValueId x, Range limits) {
  const Range& from = at(x).range;
  if (limits.contains(from)) return x;
  // A limit that is never reached is left open.
  if (limits.low <= from.low) limits.low = -kWidest;
  if (limits.high >= from.high) limits.high = kWidest;
  const Range range = {std::clamp(from.low, limits.low, limits.high), std::clamp(from.high, limits.low, limits.high)};
  return unary({.op = IntegerOp::kClip, .limits = limits, .range = range}, x);
}

ValueId IntegerGraph::wrap(ValueId x, int width, bool is_signed) {
  if (width <= 0) return constant(0);
  const Range all =
      is_signed ? Range{-(Wide{1} << (width - 1)), (Wide{1} << (width - 1)) - 1} : Range{0, (Wide{1} << width) - 1};
  if (all.contains(at(x).range)) return x;
  return unary({.op = IntegerOp::kWrap, .is_signed = is_signed, .width = width, .range = all}, x);
}

ValueId IntegerGraph::zero_outside(ValueId x, Range limits) {
  const Range& from = at(x).range;
  if (limits.contains(from)) return x;
  if (limits.low > from.high || limits.high < from.low) return constant(0);
  const Range inside = {std::max(from.low, limits.low), std::min(from.high, limits.high)};
  return unary({.op = IntegerOp::kZero, .limits = inside, .range = hull(inside, {})}, x);
}

ValueId IntegerGraph::maximum(ValueId a, ValueId b) {
  if (a == b) return a;
  const Range x = at(a).range, y = at(b).range;
  if (x.low >= y.high) return a;
  if (y.low >= x.high) return b;
  if (y.is_single()) return clip(a, {y.low, kWidest});
  if (x.is_single()) return clip(b, {x.low, kWidest});
  return append({.op = IntegerOp::kMaximum,
                 .a = std::min(a, b),
                 .b = std::max(a, b),
                 .range = {std::max(x.low, y.low), std::max(x.high, y.high)}});
}

ValueId IntegerGraph::minimum(ValueId a, ValueId b) {
  if (a == b) return a;
  const Range x = at(a).range, y = at(b).range;
  if (x.low >= y.high) return b;
  if (y.low >= x.high) return a;
  if (y.is_single()) return clip(a, {-kWidest, y.low});
  if (x.is_single()) return clip(b, {-kWidest, x.low});
  return append({.op = IntegerOp::kMinimum,
                 .a = std::min(a, b),
                 .b = std::max(a, b),
                 .range = {std::min(x.low, y.low), std::min(x.high, y.high)}});
}

ValueId IntegerGraph::product(ValueId a, ValueId b) {
  if (is_constant(a)) return scaled(b, at(a).range.low);
  if (is_constant(b)) return scaled(a, at(b).range.low);
  IntegerNode node{.op = IntegerOp::kProduct, .a = std::min(a, b), .b = std::max(a, b)};
  const bool fits = a == b ? square(at(a).range, node.range) : multiply(at(a).range, at(b).range, node.range);
  if (!fits) return refuse();
  return append(node);
}

ValueId IntegerGraph::select(ValueId a, ValueId b, ValueId c, ValueId d) {
  const Range x = at(a).range, y = at(b).range;
  if (c == d || x.low >= y.high) return c;
  if (x.high < y.low) return d;
  return append({.op = IntegerOp::kSelect, .a = a, .b = b, .c = c, .d = d, .range = hull(at(c).range, at(d).range)});
}

ValueId IntegerGraph::divide(ValueId x, Wide divisor) {
  if (divisor == 1) return x;
  if ((divisor & (divisor - 1)) == 0) {
    int shift = 0;
    while ((Wide{1} << shift) < divisor) ++shift;
    return round(x, shift, at(x).range.low >= 0 ? Rounding::kTrn : Rounding::kTrnZero);
  }
  return unary(
      {.op = IntegerOp::kDivide, .bias = divisor, .range = {at(x).range.low / divisor, at(x).range.high / divisor}}, x);
}

TableId IntegerGraph::intern(std::vector<int64_t> entries) {
  const auto [known, is_new] = known_tables_.emplace(entries, static_cast<TableId>(tables_.size()));
  if (is_new) tables_.push_back(std::move(entries));
  return known->second;
}

ValueId IntegerGraph::narrow_root(ValueId index) const {
  ValueId best = index;
  for (ValueId v = index;;) {
    const IntegerNode& n = at(v);
    if (n.range.high - n.range.low < kLargestTable) best = v;
    if (is_unary(n.op)) {
      v = n.a;
    } else if (n.op == IntegerOp::kLinear && n.terms == 1) {
      v = terms_of(n)[0].value;
    } else {
      return best;
    }
  }
}

Wide IntegerGraph::follow(ValueId v, ValueId root, Wide root_value) const {
  if (v == root) return root_value;
  return evaluate(at(v), [&](ValueId operand) { return follow(operand, root, root_value); });
}

ValueId IntegerGraph::lookup(const std::vector<int64_t>& entries, ValueId index) {
  if (is_constant(index)) return constant(entries[static_cast<size_t>(at(index).range.low)]);
  const ValueId root = narrow_root(index);
  const Range from = at(root).range;
  std::vector<int64_t> direct = entries;
  IntegerNode node{.op = IntegerOp::kLookup, .a = root};
  if (root != index) {
    direct.clear();
    for (Wide x = from.low; x <= from.high; ++x) direct.push_back(entries[static_cast<size_t>(follow(index, root, x))]);
    node.bias = -from.low;
  }
  const auto first = direct.begin() + static_cast<ptrdiff_t>(from.low + node.bias);
  const auto last = direct.begin() + static_cast<ptrdiff_t>(from.high + node.bias) + 1;
  node.range = {*std::min_element(first, last), *std::max_element(first, last)};
  node.table = intern(std::move(direct));
  return append(node);
}

ValueId IntegerGraph::forest(std::vector<IntegerTerm> features, TableId forest, int32_t output, Range range) {
  return append({.op = IntegerOp::kForest, .element = output, .table = forest, .range = range}, std::move(features));
}

}  // namespace strobe::emulator
