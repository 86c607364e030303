#include "kernels/quantise/step_writer.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"

namespace strobe::quantise {

using model::FixedType;
using model::Rounding;
using model::Wide;

namespace {

/// All that makes two steps compute the same.
std::vector<int64_t> key_of(const Step& step) {
  const FixedType& type = step.type;
  const bool is_cast = step.op == StepOp::kCast;
  return {
      static_cast<int64_t>(step.op),
      step.a,
      step.b,
      step.c,
      step.d,
      step.value,
      step.op == StepOp::kConstant ? step.fraction : 0,
      is_cast ? type.is_signed + 2 * static_cast<int64_t>(type.rounding) + 16 * static_cast<int64_t>(type.overflow) : 0,
      is_cast ? type.width : 0,
      is_cast ? type.integer : 0};
}

int bits_of(Wide value, bool is_signed) {
  if (value < 0) value = -value - 1;
  int bits = is_signed ? 1 : 0;
  while (value != 0) {
    value >>= 1;
    ++bits;
  }
  return bits;
}

}  // namespace

FixedType type_for(Wide low, Wide high, int fraction, Rounding rounding) {
  const bool is_signed = low < 0;
  const int width = std::max({1, bits_of(low, is_signed), bits_of(high, is_signed)});
  return {is_signed, width, width - fraction, rounding, model::Overflow::kWrap};
}

StepId StepWriter::make(Step step) {
  const auto [entry, is_new] = known_.try_emplace(key_of(step), static_cast<StepId>(program_.steps.size()));
  if (!is_new) return entry->second;
  if (absl::Status s = layers::formula::analyse_step(program_, input_, step); !s.ok()) {
    fail(s);
    step = {.op = StepOp::kConstant};
  }
  program_.steps.push_back(std::move(step));
  return entry->second;
}

StepId StepWriter::input(int64_t element) { return make({.op = StepOp::kInput, .value = element}); }

StepId StepWriter::constant(int64_t raw, int fraction) {
  while (raw != 0 && raw % 2 == 0) {
    raw /= 2;
    --fraction;
  }
  return make({.op = StepOp::kConstant, .value = raw, .fraction = raw == 0 ? 0 : fraction});
}

StepId StepWriter::add(StepId a, StepId b) {
  if (number(a) != nullptr && number(a)->value == 0) return b;
  if (number(b) != nullptr && number(b)->value == 0) return a;
  return make({.op = StepOp::kAdd, .a = std::min(a, b), .b = std::max(a, b)});
}

StepId StepWriter::subtract(StepId a, StepId b) {
  if (number(b) != nullptr && number(b)->value == 0) return a;
  return make({.op = StepOp::kSubtract, .a = a, .b = b});
}

StepId StepWriter::multiply(StepId a, StepId b) {
  for (const auto& [x, y] : {std::pair(a, b), std::pair(b, a)}) {
    const Step* factor = number(x);
    if (factor == nullptr) continue;
    if (factor->value == 0) return constant(0, 0);
    if (factor->value == 1 && factor->fraction == 0) return y;
    if (factor->value == -1 && factor->fraction == 0) return negate(y);
  }
  return make({.op = StepOp::kMultiply, .a = a, .b = b});
}

StepId StepWriter::negate(StepId a) {
  if (const Step* value = number(a)) return constant(-value->value, value->fraction);
  return make({.op = StepOp::kNegate, .a = a});
}

StepId StepWriter::select(StepId a, StepId b, StepId c, StepId d) {
  if (c == d) return c;
  return make({.op = StepOp::kSelect, .a = a, .b = b, .c = c, .d = d});
}

StepId StepWriter::cast(StepId a, const FixedType& type) {
  if (type.width > FixedType::kMaxWidth - (type.is_signed ? 0 : 1)) {
    fail(absl::UnimplementedError(absl::StrCat("a result needs ", type.width, " bits; a value has at most 64")));
    return constant(0, 0);
  }
  return make({.op = StepOp::kCast, .a = a, .type = type});
}

StepId StepWriter::cut(StepId a, int fraction, Rounding rounding) {
  const Step& step = at(a);
  if (step.fraction <= fraction || number(a) != nullptr) return a;
  const int shift = step.fraction - fraction;
  if (shift > 100) {
    fail(absl::UnimplementedError("a result is finer by more than 100 bits than its error allows"));
    return constant(0, 0);
  }
  const Wide low = model::shift_right_rounded(step.low, shift, rounding);
  const Wide high = model::shift_right_rounded(step.high, shift, rounding);
  return cast(a, type_for(low, high, fraction, rounding));
}

StepId StepWriter::clamp(StepId a, int64_t low, int64_t high) {
  const double limits[] = {static_cast<double>(low), static_cast<double>(high)};
  if (this->low(a) < limits[0]) a = maximum(a, constant(low, 0));
  if (this->high(a) > limits[1]) a = minimum(a, constant(high, 0));
  return a;
}

StepId StepWriter::lookup(const model::Constant& table, StepId index) {
  std::vector<int64_t> key = table.raw;
  const FixedType& type = table.type.types[0];
  key.insert(key.end(), {type.is_signed, type.width, type.integer});
  const auto [entry, is_new] = known_tables_.try_emplace(key, static_cast<int64_t>(program_.tables.size()));
  if (is_new) program_.tables.push_back(table);
  return make({.op = StepOp::kLookup, .a = index, .value = entry->second});
}

void StepWriter::name(StepId step, const std::string& name) {
  Step& named = program_.steps[step];
  if (named.name.empty() && named.op != StepOp::kInput && named.op != StepOp::kConstant) named.name = name;
}

double StepWriter::low(StepId step) const { return std::ldexp(static_cast<double>(at(step).low), -at(step).fraction); }
double StepWriter::high(StepId step) const {
  return std::ldexp(static_cast<double>(at(step).high), -at(step).fraction);
}

layers::formula::Program StepWriter::finish(const std::vector<StepId>& results) && {
  std::vector<bool> needed(program_.steps.size());
  for (const StepId result : results) needed[result] = true;
  for (size_t i = program_.steps.size(); i-- > 0;) {
    if (!needed[i]) continue;
    const Step& step = program_.steps[i];
    for (int o = 0; o < layers::formula::operand_count(step.op); ++o) needed[layers::formula::operand(step, o)] = true;
  }
  layers::formula::Program kept;
  std::vector<StepId> place(program_.steps.size(), layers::formula::kNoStep);
  std::vector<int64_t> table_place(program_.tables.size(), -1);
  for (size_t i = 0; i < program_.steps.size(); ++i) {
    if (!needed[i]) continue;
    Step step = program_.steps[i];
    for (StepId* operand : {&step.a, &step.b, &step.c, &step.d}) {
      if (*operand != layers::formula::kNoStep) *operand = place[*operand];
    }
    if (step.op == StepOp::kLookup) {
      int64_t& table = table_place[step.value];
      if (table < 0) {
        table = static_cast<int64_t>(kept.tables.size());
        kept.tables.push_back(program_.tables[step.value]);
      }
      step.value = table;
    }
    place[i] = static_cast<StepId>(kept.steps.size());
    kept.steps.push_back(std::move(step));
  }
  for (const StepId result : results) kept.results.push_back(place[result]);
  return kept;
}

}  // namespace strobe::quantise
