#include "kernels/emulator/exact.h"

#include <bit>
#include <cstring>

namespace strobe::emulator {
namespace {

static_assert(std::endian::native == std::endian::little, "rows are little-endian and copied as they are");

/// clamp(trunc(x numerator / denominator) + offset, 0, size - 1)
Wide scaled_index(const Instruction& i, Wide x, int fraction) {
  Wide scaled = x * i.numerator;
  Wide divisor = i.denominator;
  (fraction >= 0 ? divisor : scaled) <<= std::abs(fraction);
  return std::clamp<Wide>(scaled / divisor + i.offset, 0, i.size - 1);
}

Wide top_bits(const Instruction& i, Wide x) {
  const int width = i.type.width;
  const uint64_t pattern = static_cast<uint64_t>(x) & (width >= 64 ? ~uint64_t{0} : (uint64_t{1} << width) - 1);
  const int shift = width - i.address_bits;
  return shift >= 0 ? pattern >> shift : pattern << -shift;
}

}  // namespace

int64_t load_raw(const std::byte* row, int64_t element, int container, const model::FixedType& type) {
  const int bytes = container / 8;
  uint64_t bits = 0;
  std::memcpy(&bits, row + element * bytes, bytes);
  if (type.width == 0) return 0;
  const int unused = 64 - type.width;
  bits <<= unused;
  return type.is_signed ? static_cast<int64_t>(bits) >> unused : static_cast<int64_t>(bits >> unused);
}

Wide evaluate_unary(const Listing& listing, const Instruction& i, Wide x) {
  const int fraction = listing.instructions[i.a].fraction;
  switch (i.op) {
    case Op::kCast:
      return model::cast(x, fraction, i.type);
    case Op::kIndex:
      return scaled_index(i, x, fraction);
    case Op::kTopBits:
      return top_bits(i, x);
    case Op::kLookup:
      return listing.tables[i.table].entries[static_cast<size_t>(x)];
    case Op::kQuotient:
      return (x << (i.fraction - fraction)) / i.denominator;
    default:
      return 0;
  }
}

ExactRun::ExactRun(const Listing& listing, std::span<model::OverflowCount> overflow)
    : listing_(listing), overflow_(overflow), values_(listing.instructions.size()) {}

void ExactRun::evaluate(std::span<const std::byte* const> inputs) {
  inputs_ = inputs;
  for (size_t v = 0; v < values_.size(); ++v) values_[v] = value_of(listing_.instructions[v]);
}

model::OverflowCount* ExactRun::count(const Instruction& i) {
  return overflow_.empty() || i.node < 0 ? nullptr : &overflow_[i.node];
}

Wide ExactRun::aligned(ValueId v, int fraction) const {
  const Wide value = values_[v];
  return value == 0 ? 0 : value << (fraction - listing_.instructions[v].fraction);
}

Wide ExactRun::linear(const Instruction& i) const {
  Wide sum = 0;
  for (const Term& t : listing_.terms_of(i)) {
    const Wide product = t.value == kNoValue ? Wide{t.weight} : values_[t.value] * t.weight;
    sum += product << (i.fraction - t.fraction);
  }
  return sum;
}

Wide ExactRun::accumulate(const Instruction& i) {
  Wide sum = 0;
  for (const Term& t : listing_.terms_of(i)) {
    const Wide product = t.value == kNoValue ? Wide{t.weight} : values_[t.value] * t.weight;
    const Wide term = model::cast(product, t.fraction, i.type, count(i));
    sum = model::cast(sum + term, i.type.fraction(), i.type, count(i));
  }
  return sum;
}

Wide ExactRun::forest(const Instruction& i) {
  const Forest& forest = *listing_.forests[i.table];
  const Term* features = listing_.terms.data() + i.first_term;
  const auto value_of = [&](int32_t feature) { return values_[features[feature].value]; };
  if (i.element == 0) {  // a forest's outputs follow one another
    leaves_.resize(forest.roots.size());
    for (size_t t = 0; t < leaves_.size(); ++t) leaves_[t] = forest.leaf_of(static_cast<int32_t>(t), value_of);
  }
  const Forest::Output& output = forest.outputs[i.element];
  Wide sum = output.base;
  for (const Forest::Part& part : output.parts) sum += forest.columns[part.column][leaves_[part.tree]];
  return sum;
}

Wide ExactRun::value_of(const Instruction& i) {
  switch (i.op) {
    case Op::kInput: {
      const model::TensorType& type = listing_.types[listing_.inputs[i.input]];
      return load_raw(inputs_[i.input], i.element, type.container(), i.type);
    }
    case Op::kConstant:
      return i.immediate;
    case Op::kLinear:
      return linear(i);
    case Op::kAccumulate:
      return accumulate(i);
    case Op::kCast:
      return model::cast(values_[i.a], listing_.instructions[i.a].fraction, i.type, count(i));
    case Op::kMaximum:
      return std::max(aligned(i.a, i.fraction), aligned(i.b, i.fraction));
    case Op::kMinimum:
      return std::min(aligned(i.a, i.fraction), aligned(i.b, i.fraction));
    case Op::kProduct:
      return values_[i.a] * values_[i.b];
    case Op::kSelect: {
      const int grid = std::max(listing_.instructions[i.a].fraction, listing_.instructions[i.b].fraction);
      const bool first = values_[i.b] == 0   ? values_[i.a] >= 0
                         : values_[i.a] == 0 ? values_[i.b] <= 0
                                             : aligned(i.a, grid) >= aligned(i.b, grid);
      return aligned(first ? i.c : i.d, i.fraction);
    }
    case Op::kForest:
      return forest(i);
    case Op::kIndex:
    case Op::kTopBits:
    case Op::kLookup:
    case Op::kQuotient:
      return evaluate_unary(listing_, i, values_[i.a]);
  }
  return 0;
}

void ExactRun::store(model::TensorId tensor, std::byte* row) const {
  const int bytes = listing_.types[tensor].container() / 8;
  for (const ValueId v : listing_.tensors[tensor]) {
    const int64_t value = raw(v);
    std::memcpy(row, &value, bytes);
    row += bytes;
  }
}

}  // namespace strobe::emulator
