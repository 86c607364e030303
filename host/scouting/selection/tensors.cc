#include "host/scouting/selection/tensors.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <limits>
#include <utility>

#include "host/scouting/selection/kernels.h"

namespace strobe::scouting::selection {
namespace {

using How = ElementPlan::How;

/// Rows of a block as raw values, as far as 32 bits hold them; containers take their low bits.
using RawColumn = std::array<int32_t, kBlockRows + 16>;
/// The same of containers of 64 bits.
using WideColumn = std::array<int64_t, kBlockRows>;

template <typename T>
const T* source(const Operand& operand, size_t row) {
  return reinterpret_cast<const T*>(operand.at) + (row & operand.mask);
}

bool written(const TensorBlock& block, size_t row) {
  return block.targets == nullptr || block.targets[row] != kNowhere;
}

bool in_32_bits(const ElementPlan& element) {
  return std::in_range<int32_t>(element.low) && std::in_range<int32_t>(element.high);
}

template <typename Raw>
void limit_whole(const ElementPlan& element, const TensorBlock& block, const Operand& from, Raw* to,
                 TensorCounts& counts) {
  if constexpr (sizeof(Raw) == sizeof(int32_t)) {
    if (block.targets == nullptr && in_32_bits(element))
      return limit_to(from, block.rows, static_cast<int32_t>(element.low), static_cast<int32_t>(element.high), to,
                      counts.saturated);
  }
  for (size_t row = 0; row < block.rows; ++row) {
    const int64_t value = *source<int32_t>(from, row);
    const int64_t limited = std::clamp(value, element.low, element.high);
    to[row] = static_cast<Raw>(limited);
    counts.saturated += limited != value && written(block, row);
  }
}

template <typename Raw>
void round_real(const ElementPlan& element, const TensorBlock& block, const Operand& from, Raw* to,
                TensorCounts& counts) {
  const auto low = static_cast<double>(element.low), high = static_cast<double>(element.high);
  if constexpr (sizeof(Raw) == sizeof(int32_t)) {
    if (block.targets == nullptr && in_32_bits(element))
      return round_to(from, block.rows, low, high, to, counts.saturated, counts.not_finite);
  }
  for (size_t row = 0; row < block.rows; ++row) {
    const double value = *source<double>(from, row);
    const bool counted = written(block, row);
    if (std::isnan(value)) {
      to[row] = 0;
      counts.not_finite += counted;
      continue;
    }
    const double rounded = std::nearbyint(value);
    const int64_t raw = rounded <= low ? element.low : rounded >= high ? element.high : static_cast<int64_t>(rounded);
    to[row] = static_cast<Raw>(raw);
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

template <typename Raw>
void encode_numbers(const TensorPlan& plan, const ElementPlan& element, const TensorBlock& block, const Operand& from,
                    Raw* to, TensorCounts& counts) {
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
  for (size_t row = 0; row < block.rows; ++row)
    to[row] = static_cast<Raw>(load_raw(raw.data() + row * bytes, bytes, is_signed));
}

/// Raw values of an element that is not one as it stands.
template <typename Raw>
void make_raw(const TensorPlan& plan, const ElementPlan& element, const TensorBlock& block, const Operand& from,
              Raw* to, TensorCounts& counts) {
  switch (element.how) {
    case How::kFits:
      for (size_t row = 0; row < block.rows; ++row) to[row] = static_cast<Raw>(*source<int32_t>(from, row));
      return;
    case How::kWhole:
      return limit_whole(element, block, from, to, counts);
    case How::kReal:
      return round_real(element, block, from, to, counts);
    case How::kNumber:
      return encode_numbers(plan, element, block, from, to, counts);
  }
}

size_t target_of(const TensorBlock& block, size_t row) { return block.targets == nullptr ? row : block.targets[row]; }

void write_wide(const TensorPlan& plan, const std::vector<ElementPlan>& elements, const TensorBlock& block,
                TensorCounts& counts) {
  WideColumn raw;
  for (size_t i = 0; i < elements.size(); ++i) {
    const Operand& from = block.operands[plan.program.read_operand(block.first_read + i)];
    make_raw(plan, elements[i], block, from, raw.data(), counts);
    for (size_t row = 0; row < block.rows; ++row) {
      if (!written(block, row)) continue;
      std::memcpy(block.out + (target_of(block, row) * plan.elements + i) * sizeof raw[0], &raw[row], sizeof raw[0]);
    }
  }
}

/// Up to 16 bytes of each row.
class Group {
 public:
  Group(const TensorPlan& plan, const std::vector<ElementPlan>& elements, const TensorBlock& block)
      : plan_(plan), elements_(elements), block_(block) {}

  void write(size_t first, size_t count, TensorCounts& counts) {
    for (size_t i = 0; i < count; ++i) {
      const ElementPlan& element = elements_[first + i];
      columns_[i] = block_.operands[plan_.program.read_operand(block_.first_read + first + i)];
      if (element.how == How::kFits) continue;
      make_raw(plan_, element, block_, columns_[i], raw_[i].data(), counts);
      columns_[i] = {reinterpret_cast<std::byte*>(raw_[i].data()), ~size_t{0}};
    }
    const size_t bytes = plan_.container_bytes, row_bytes = plan_.elements * bytes;
    std::byte* out = block_.out + first * bytes;
    const bool whole = count * bytes == kPackBytes;
    if (whole && block_.targets == nullptr) return pack(columns_.data(), bytes, block_.rows, out, row_bytes);
    for (size_t i = count; i < kPackBytes / bytes; ++i) columns_[i] = columns_[0];
    pack(columns_.data(), bytes, block_.rows, packed_.data(), kPackBytes);
    for (size_t row = 0; row < block_.rows; ++row) {
      if (!written(block_, row)) continue;
      std::memcpy(out + target_of(block_, row) * row_bytes, packed_.data() + row * kPackBytes, count * bytes);
    }
  }

 private:
  const TensorPlan& plan_;
  const std::vector<ElementPlan>& elements_;
  const TensorBlock& block_;
  std::array<Operand, kPackBytes> columns_;
  std::array<RawColumn, kPackBytes> raw_;
  std::array<std::byte, kBlockRows * kPackBytes> packed_;
};

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
  if (plan.container_bytes == sizeof(int64_t)) {
    write_wide(plan, elements, block, counts);
    return counts;
  }
  const size_t most = kPackBytes / plan.container_bytes;
  Group group(plan, elements, block);
  for (size_t first = 0; first < elements.size(); first += most)
    group.write(first, std::min(most, elements.size() - first), counts);
  return counts;
}

}  // namespace strobe::scouting::selection
