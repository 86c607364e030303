#include "host/scouting/selection/tensors.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <limits>

namespace strobe::scouting::selection {
namespace {

using How = ElementPlan::How;

/// Rows of a block as raw integers.
using RawColumn = std::array<int64_t, kBlockRows>;

template <typename T>
const T* source(const Operand& operand, size_t row) {
  return reinterpret_cast<const T*>(operand.at) + (row & operand.mask);
}

template <typename Container, typename Raw>
void store_column(const TensorPlan& plan, const TensorBlock& block, size_t element, const Raw* values, size_t mask) {
  const size_t stride = plan.elements;
  auto* out = block.out + element * sizeof(Container);
  const auto put = [&](size_t target, Raw value) {
    const auto container = static_cast<Container>(value);
    std::memcpy(out + target * stride * sizeof(Container), &container, sizeof container);
  };
  if (block.targets == nullptr) {
    for (size_t row = 0; row < block.rows; ++row) put(row, values[row & mask]);
    return;
  }
  for (size_t row = 0; row < block.rows; ++row) {
    if (block.targets[row] != kNowhere) put(block.targets[row], values[row & mask]);
  }
}

template <typename Raw>
void store(const TensorPlan& plan, const TensorBlock& block, size_t element, const Raw* values, size_t mask) {
  switch (plan.container_bytes) {
    case 1:
      return store_column<int8_t>(plan, block, element, values, mask);
    case 2:
      return store_column<int16_t>(plan, block, element, values, mask);
    case 4:
      return store_column<int32_t>(plan, block, element, values, mask);
    default:
      return store_column<int64_t>(plan, block, element, values, mask);
  }
}

bool written(const TensorBlock& block, size_t row) {
  return block.targets == nullptr || block.targets[row] != kNowhere;
}

void limit_whole(const ElementPlan& element, const TensorBlock& block, const Operand& from, RawColumn& to,
                 TensorCounts& counts) {
  for (size_t row = 0; row < block.rows; ++row) {
    const int64_t value = *source<int32_t>(from, row);
    to[row] = std::clamp(value, element.low, element.high);
    counts.saturated += to[row] != value && written(block, row);
  }
}

void round_real(const ElementPlan& element, const TensorBlock& block, const Operand& from, RawColumn& to,
                TensorCounts& counts) {
  const auto low = static_cast<double>(element.low), high = static_cast<double>(element.high);
  for (size_t row = 0; row < block.rows; ++row) {
    const double value = *source<double>(from, row);
    const bool counted = written(block, row);
    if (std::isnan(value)) {
      to[row] = 0;
      counts.not_finite += counted;
      continue;
    }
    const double rounded = std::nearbyint(value);
    to[row] = rounded <= low ? element.low : rounded >= high ? element.high : static_cast<int64_t>(rounded);
    counts.saturated += (rounded < low || rounded > high) && counted;
  }
}

/// Numbers that the codec takes: what is not finite and means nothing to the model becomes finite.
double finite(double value, const model::InputEncoding& encoding, uint64_t& changed) {
  if (std::isfinite(value)) return value;
  const bool keys = encoding.kind == model::InputEncoding::Kind::kOrderedFloat;
  if (std::isnan(value) ? encoding.missing.has_value() : keys) return value;
  ++changed;
  if (std::isnan(value)) return 0;
  return std::copysign(std::numeric_limits<double>::max(), value);
}

int64_t load_raw(const std::byte* from, size_t bytes, bool is_signed) {
  uint64_t bits = 0;
  std::memcpy(&bits, from, bytes);
  const int unused = static_cast<int>(64 - 8 * bytes);
  return is_signed ? static_cast<int64_t>(bits << unused) >> unused : static_cast<int64_t>(bits);
}

void encode_numbers(const TensorPlan& plan, const ElementPlan& element, const TensorBlock& block, const Operand& from,
                    RawColumn& to, TensorCounts& counts) {
  const runtime::Codec& codec = plan.codecs[element.codec];
  std::array<double, kBlockRows> numbers;
  std::array<std::byte, kBlockRows * sizeof(int64_t)> raw;
  for (size_t row = 0; row < block.rows; ++row) {
    const double value = element.whole ? *source<int32_t>(from, row) : *source<double>(from, row);
    numbers[row] = written(block, row) ? finite(value, plan.encoding, counts.not_finite) : 0;
  }
  model::OverflowCount overflow;
  const std::span<const std::byte> values = std::as_bytes(std::span(numbers)).first(block.rows * sizeof(double));
  const size_t bytes = codec.row_bytes();
  // All numbers are finite, or mean something to the model: nothing is left to refuse.
  codec.encode({runtime::ElementKind::kFloat64, false}, values, std::span(raw).first(block.rows * bytes), 0, &overflow)
      .IgnoreError();
  counts.wrapped += overflow.wrapped;
  counts.saturated += overflow.saturated;
  const bool is_signed = codec.type().at(0).is_signed;
  for (size_t row = 0; row < block.rows; ++row) to[row] = load_raw(raw.data() + row * bytes, bytes, is_signed);
}

}  // namespace

void add_element(Terms& terms, TermId term, const model::FixedType& type, bool raw, TensorPlan& plan,
                 std::vector<ElementPlan>& elements) {
  ElementPlan element;
  const bool dead = type.width == 0;
  element.high = static_cast<int64_t>(type.max_raw());
  element.low = type.is_signed && !dead ? -element.high - 1 : 0;
  const auto fits = [&](TermId id) {
    const Term& value = terms.at(id);
    return value.whole && value.low >= static_cast<double>(element.low) &&
           value.high <= static_cast<double>(element.high);
  };
  const bool plain = plan.encoding.kind == model::InputEncoding::Kind::kFixedPoint && !plan.encoding.missing;
  const bool scales = plain && !dead && type.fraction() >= 0 && type.fraction() < 31 && terms.at(term).whole;
  element.term = term;
  if (raw) {
    element.how = fits(term) ? How::kFits : terms.at(term).whole ? How::kWhole : How::kReal;
  } else {
    // Where every value of an integer is a value of the type, converting it is a multiplication.
    const TermId scaled =
        scales ? terms.make(Op::kMultiply, term, terms.constant(std::ldexp(1.0, type.fraction()))) : term;
    const bool symmetric = type.overflow == model::Overflow::kSatSym;
    const bool exact =
        scales && fits(scaled) && !(symmetric && terms.at(scaled).low <= static_cast<double>(element.low));
    element.how = exact ? How::kFits : How::kNumber;
    if (exact) element.term = scaled;
  }
  if (element.how == How::kNumber) {
    const auto same = [&](const runtime::Codec& codec) { return codec.type().at(0) == type; };
    element.codec =
        static_cast<size_t>(std::find_if(plan.codecs.begin(), plan.codecs.end(), same) - plan.codecs.begin());
    if (element.codec == plan.codecs.size())
      plan.codecs.emplace_back("element", model::TensorType{{1}, {type}}, plan.encoding);
  }
  element.whole = terms.at(element.term).whole;
  elements.push_back(element);
}

TensorCounts write_block(const TensorPlan& plan, const std::vector<ElementPlan>& elements, const TensorBlock& block) {
  TensorCounts counts;
  RawColumn raw;
  for (size_t i = 0; i < elements.size(); ++i) {
    const ElementPlan& element = elements[i];
    const Operand& from = block.operands[plan.program.read_operand(block.first_read + i)];
    switch (element.how) {
      case How::kFits:
        store(plan, block, i, reinterpret_cast<const int32_t*>(from.at), from.mask);
        continue;
      case How::kWhole:
        limit_whole(element, block, from, raw, counts);
        break;
      case How::kReal:
        round_real(element, block, from, raw, counts);
        break;
      case How::kNumber:
        encode_numbers(plan, element, block, from, raw, counts);
        break;
    }
    store(plan, block, i, raw.data(), ~size_t{0});
  }
  return counts;
}

}  // namespace strobe::scouting::selection
