#include "kernels/quantise/tables.h"

#include <cmath>

#include "absl/strings/str_cat.h"

namespace strobe::quantise {

using model::FixedType;

absl::StatusOr<TableRule> table_rule(std::string_view function, int64_t size) {
  if (function == "sigmoid" || function == "softplus" || function == "softsign")
    return TableRule{size, 16, size / 2, ""};
  if (function == "tanh") return TableRule{size, 8, size / 2, ""};
  if (function == "elu") return TableRule{-size, 8, 0, "identity"};
  if (function == "selu") return TableRule{-size, 8, 0, "scaled"};
  return absl::UnimplementedError(
      absl::StrCat("activation '", std::string(function),
                   "' is not supported; supported: linear, relu, leaky_relu, prelu, thresholded_relu, "
                   "sigmoid, hard_sigmoid, tanh, hard_tanh, softplus, softsign, elu, selu, softmax, "
                   "binary_tanh, ternary_tanh"));
}

double table_entry(std::string_view function, int64_t index, int64_t size) {
  const auto i = static_cast<float>(index);
  const auto n = static_cast<float>(size);
  if (function == "elu" || function == "selu") {
    const auto x = static_cast<float>(-8.0 * static_cast<double>(index) / n);
    const double below = static_cast<double>(std::exp(x)) - 1.0;
    if (function == "elu") return static_cast<float>(below);
    return static_cast<float>(1.0507009873554804934193349852946 * (1.6732632423543772848170429916717 * below));
  }
  const double span = function == "tanh" ? 4.0 : 8.0;
  const auto x = static_cast<float>(2 * span * (i - static_cast<double>(n) / 2.0) / n);
  if (function == "tanh") return std::tanh(static_cast<double>(x));
  if (function == "sigmoid") return static_cast<float>(1.0 / static_cast<double>(1 + std::exp(-x)));
  if (function == "softplus") return static_cast<float>(std::log(static_cast<double>(std::exp(x)) + 1.0));
  return static_cast<float>(x / (static_cast<double>(std::abs(x)) + 1.0));  // softsign
}

int64_t cast_entry(double value, const FixedType& type) {
  if (std::isfinite(value)) return model::cast(value, type);
  if (type.overflow == model::Overflow::kWrap) return 0;
  return static_cast<int64_t>(value > 0 ? type.max_raw() : type.min_raw());
}

model::Constant make_table(std::string_view function, int64_t size, const FixedType& type) {
  model::Constant table{{{size}, {type}}, {}};
  for (int64_t i = 0; i < size; ++i) table.raw.push_back(cast_entry(table_entry(function, i, size), type));
  return table;
}

double value_at_top_bits(int64_t address, int address_bits, const FixedType& type) {
  const int shift = type.width - address_bits;
  auto raw = static_cast<model::Wide>(address);
  raw = shift >= 0 ? raw << shift : raw >> -shift;
  if (type.is_signed && ((raw >> (type.width - 1)) & 1)) raw -= model::Wide{1} << type.width;
  return static_cast<double>(raw) * type.step();
}

}  // namespace strobe::quantise
