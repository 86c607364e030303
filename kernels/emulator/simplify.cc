#include "kernels/emulator/simplify.h"

#include <algorithm>

namespace strobe::emulator {
namespace {

using model::FixedType;
using model::Overflow;
using model::Rounding;

int trailing_zeros(Wide value) {
  int zeros = 0;
  while (value != 0 && (value & 1) == 0) {
    value >>= 1;
    ++zeros;
  }
  return zeros;
}

class Simplifier {
 public:
  Simplifier(const Listing& listing, Simplified& result) : listing_(listing), graph_(result.graph) {
    for (const Instruction& i : listing.instructions) {
      graph_.begin_node(i.node);
      values_.push_back(translate(i));
    }
    for (const model::TensorId tensor : listing.outputs) {
      result.outputs.emplace_back();
      for (const ValueId v : listing.tensors[tensor]) result.outputs.back().push_back(values_[v]);
    }
  }

  bool ok() const { return ok_ && graph_.ok(); }

 private:
  /// x on the grid 2^-fraction, which is finer than its own or as fine.
  ValueId on_grid(ScaledValue x, int fraction) {
    const Range& range = graph_.at(x.id).range;
    if (range == Range{}) return x.id;
    return graph_.scaled(x.id, shifted(1, fraction - x.fraction));
  }

  /// value * 2^bits; where that is too wide, the result is of no use and `ok` false.
  Wide shifted(Wide value, int bits) {
    Wide result = 0;
    if (!checked_shift_left(value, bits, result)) ok_ = false;
    return result;
  }

  int finest(ScaledValue a, ScaledValue b) const {
    if (graph_.at(a.id).range == Range{}) return b.fraction;
    if (graph_.at(b.id).range == Range{}) return a.fraction;
    return std::max(a.fraction, b.fraction);
  }

  ScaledValue cast(ScaledValue x, const FixedType& type) {
    if (type.width == 0) return {graph_.constant(0), 0};
    const int shift = x.fraction - type.fraction();
    if (shift > 0) {
      x = {graph_.round(x.id, shift, type.rounding), type.fraction()};
    } else if (type.overflow == Overflow::kWrap) {
      // The low bits that the shift would bring in are zeros: wrapping before it takes as many bits less.
      return {graph_.wrap(x.id, type.width + shift, type.is_signed), x.fraction};
    }
    const Range limits = {type.min_raw(), type.max_raw()};
    if (type.overflow == Overflow::kWrap) return {graph_.wrap(x.id, type.width, type.is_signed), x.fraction};
    const int left = type.fraction() - x.fraction;  // >= 0
    const Range& range = graph_.at(x.id).range;
    Range shifted_range;
    const bool fits = checked_shift_left(range.low, left, shifted_range.low) &&
                      checked_shift_left(range.high, left, shifted_range.high);
    if (fits && limits.contains(shifted_range)) return x;
    // Saturation on the finer grid; what would leave 126 bits there is cut to just beyond the limits before.
    ValueId cut = x.id;
    if (!fits) {
      const int bits = std::min(left, kMaxBits);
      const Range reach = {(limits.low >> bits) - 1, (limits.high >> bits) + 1};
      cut = type.overflow == Overflow::kSatZero ? graph_.zero_outside(x.id, reach) : graph_.clip(x.id, reach);
    }
    const ValueId aligned = on_grid({cut, x.fraction}, type.fraction());
    const ValueId result =
        type.overflow == Overflow::kSatZero ? graph_.zero_outside(aligned, limits) : graph_.clip(aligned, limits);
    return {result, type.fraction()};
  }

  ScaledValue linear(std::span<const Term> terms) {
    // Weights without their common power of two: sums stay as narrow as they can.
    int fraction = INT32_MIN;
    for (const Term& t : terms) fraction = std::max(fraction, product_fraction(t) - trailing_zeros(t.weight));
    std::vector<IntegerTerm> sum;
    Wide bias = 0;
    for (const Term& t : terms) {
      const int zeros = trailing_zeros(t.weight);
      const Wide weight = shifted(t.weight >> zeros, fraction - (product_fraction(t) - zeros));
      if (t.value == kNoValue) {
        bias += weight;
      } else {
        sum.push_back({values_[t.value].id, 0, weight});
      }
    }
    return {graph_.linear(std::move(sum), bias), fraction};
  }

  /// The fraction of a term's product of integers, which may differ from the listing's where binary points moved.
  int product_fraction(const Term& t) const {
    if (t.value == kNoValue) return t.fraction;
    return t.fraction - listing_.instructions[t.value].fraction + values_[t.value].fraction;
  }

  Range product_range(const Term& t) const {
    Range range = {t.weight, t.weight};
    if (t.value != kNoValue) multiply(graph_.at(values_[t.value].id).range, range, range);
    return range;
  }

  /// No product and no partial sum can leave the accumulator's range.
  bool never_overflows(std::span<const Term> terms, const FixedType& accum) const {
    const Range limits = {accum.min_raw(), accum.max_raw()};
    FixedType unlimited = accum;
    unlimited.width = 100;  // wider than any accumulator, so that what saturates shows
    unlimited.integer = unlimited.width - accum.fraction();
    unlimited.is_signed = true;
    unlimited.overflow = Overflow::kSat;
    Range sum;
    for (const Term& t : terms) {
      const Range product = cast_range(product_range(t), product_fraction(t), unlimited);
      if (!limits.contains(product)) return false;
      sum = {sum.low + product.low, sum.high + product.high};
      if (!limits.contains(sum)) return false;
    }
    return true;
  }

  ScaledValue accumulate(const Instruction& i) {
    const std::span<const Term> terms = listing_.terms_of(i);
    const FixedType& accum = i.type;
    const bool is_exact = std::all_of(terms.begin(), terms.end(), [&](const Term& t) {
      return product_fraction(t) - trailing_zeros(t.weight) <= accum.fraction();
    });
    const bool never = never_overflows(terms, accum);
    // Wrapping is modular: where it happens along the way does not matter, so one wrap at the end does it all.
    if (never || accum.overflow == Overflow::kWrap) {
      if (terms.empty()) return {graph_.constant(0), 0};
      const ScaledValue sum = is_exact ? linear(terms) : rounded_products(terms, accum);
      return never ? sum : cast(sum, accum);
    }
    ScaledValue sum = {graph_.constant(0), accum.fraction()};
    for (const Term& t : terms) {
      const ScaledValue product = cast(linear(std::span(&t, 1)), accum);
      const ValueId x = on_grid(sum, accum.fraction());
      sum = cast({graph_.linear({{x, 0, 1}, {on_grid(product, accum.fraction()), 0, 1}}, 0), accum.fraction()}, accum);
    }
    return sum;
  }

  /// The sum of the products, each rounded to the accumulator's grid.
  ScaledValue rounded_products(std::span<const Term> terms, const FixedType& accum) {
    std::vector<IntegerTerm> sum;
    Wide bias = 0;
    for (const Term& t : terms) {
      const int shift = product_fraction(t) - accum.fraction();
      if (t.value == kNoValue) {
        bias += shift >= 0 ? model::shift_right_rounded(t.weight, shift, accum.rounding) : shifted(t.weight, -shift);
      } else if (shift <= 0) {
        sum.push_back({values_[t.value].id, 0, shifted(t.weight, -shift)});
      } else if (accum.rounding == Rounding::kTrn) {
        cut_product(values_[t.value].id, t.weight, shift, sum);
      } else {
        const ValueId product = graph_.scaled(values_[t.value].id, t.weight);
        sum.push_back({graph_.round(product, shift, accum.rounding), 0, 1});
      }
    }
    return {graph_.truncated(std::move(sum), bias), accum.fraction()};
  }

  /// floor(x weight / 2^shift) as terms. A narrow x is moved up first, so that one product fits lanes that multiply to
  /// the upper half. Else, with weight = q 2^shift + r, it is q x + floor(x r / 2^shift), q x being an integer; with r
  /// between -2^(shift - 1) and 2^(shift - 1) the second product fits them. Where half steps are cut, floor(-x / 2) is
  /// a value of its own that all sums share: they are then exact in whole products.
  void cut_product(ValueId x, int64_t weight, int shift, std::vector<IntegerTerm>& sum) {
    const int zeros = std::min(trailing_zeros(weight), shift);
    weight >>= zeros;
    shift = std::min(shift - zeros, kMaxBits);
    if (shift == 0 || shift > 16) {
      sum.push_back({x, shift, weight});
      return;
    }
    const int64_t whole = (weight + (int64_t{1} << (shift - 1))) >> shift;
    const int room = std::min(16 - signed_bits(graph_.at(x).range), 16 - shift);
    if (whole != 0 && room > 0) {
      const int64_t upper = weight * (int64_t{1} << (16 - shift - room));
      if (upper == static_cast<int16_t>(upper)) {
        sum.push_back({graph_.scaled(x, Wide{1} << room), shift + room, weight});
        return;
      }
    }
    if (whole != 0) sum.push_back({x, 0, whole});
    if (shift == 1) {
      sum.push_back({graph_.round(graph_.scaled(x, -1), 1, Rounding::kTrn), 0, 1});
    } else {
      sum.push_back({x, shift, weight - (whole << shift)});
    }
  }

  ScaledValue index(const Instruction& i) {
    const ScaledValue x = values_[i.a];
    ValueId scaled = graph_.scaled(x.id, i.numerator);
    Wide divisor = i.denominator;
    if (x.fraction >= 0) {
      divisor = shifted(divisor, x.fraction);
    } else {
      scaled = graph_.scaled(scaled, shifted(1, -x.fraction));
    }
    if (divisor == 0) return {graph_.constant(0), 0};  // too wide, as `ok` says
    const ValueId quotient = graph_.divide(scaled, divisor);
    return {graph_.clip(graph_.linear({{quotient, 0, 1}}, i.offset), {0, i.size - 1}), 0};
  }

  ScaledValue top_bits(const Instruction& i) {
    const ScaledValue x = values_[i.a];
    const ValueId pattern = graph_.wrap(on_grid(x, i.type.fraction()), i.type.width, false);
    return {graph_.round(pattern, i.type.width - i.address_bits, Rounding::kTrn), 0};
  }

  ScaledValue select(const Instruction& i) {
    const ScaledValue a = values_[i.a], b = values_[i.b], c = values_[i.c], d = values_[i.d];
    const int compared = finest(a, b);
    const int result = finest(c, d);
    return {graph_.select(on_grid(a, compared), on_grid(b, compared), on_grid(c, result), on_grid(d, result)), result};
  }

  ScaledValue forest(const Instruction& i) {
    std::vector<IntegerTerm> features;
    for (const Term& t : listing_.terms_of(i)) features.push_back({on_grid(values_[t.value], t.fraction), 0, 1});
    return {graph_.forest(std::move(features), i.table, i.element, i.range), i.fraction};
  }

  ScaledValue translate(const Instruction& i) {
    switch (i.op) {
      case Op::kInput:
        return {graph_.input(i.input, i.element, i.type), i.fraction};
      case Op::kConstant:
        return {graph_.constant(i.immediate), i.fraction};
      case Op::kLinear:
        return linear(listing_.terms_of(i));
      case Op::kAccumulate:
        return accumulate(i);
      case Op::kCast:
        return cast(values_[i.a], i.type);
      case Op::kMaximum:
      case Op::kMinimum: {
        const int fraction = finest(values_[i.a], values_[i.b]);
        const ValueId a = on_grid(values_[i.a], fraction);
        const ValueId b = on_grid(values_[i.b], fraction);
        return {i.op == Op::kMaximum ? graph_.maximum(a, b) : graph_.minimum(a, b), fraction};
      }
      case Op::kProduct:
        return {graph_.product(values_[i.a].id, values_[i.b].id), values_[i.a].fraction + values_[i.b].fraction};
      case Op::kSelect:
        return select(i);
      case Op::kIndex:
        return index(i);
      case Op::kTopBits:
        return top_bits(i);
      case Op::kLookup:
        // A cast may have kept its operand on a coarser grid; an index is a whole number.
        return {graph_.lookup(listing_.tables[i.table].entries, on_grid(values_[i.a], 0)), i.fraction};
      case Op::kForest:
        return forest(i);
      case Op::kQuotient:
        return {graph_.divide(on_grid(values_[i.a], i.fraction), i.denominator), i.fraction};
    }
    return {};
  }

  const Listing& listing_;
  IntegerGraph& graph_;
  std::vector<ScaledValue> values_;
  bool ok_ = true;
};

}  // namespace

bool simplify(const Listing& listing, Simplified& result) {
  Simplifier simplifier(listing, result);
  return simplifier.ok();
}

}  // namespace strobe::emulator
