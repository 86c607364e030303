#pragma once

#include <string_view>

#include "kernels/model/graph.h"

namespace strobe::quantise {

/// How a tabulated activation is addressed and what it holds (op "table").
struct TableRule {
  int64_t numerator = 0;
  int64_t denominator = 1;
  int64_t offset = 0;
  std::string positive;  ///< as the op's attribute
};

/// The value of one entry as hls4ml computes it, mostly in float32. `size` entries over the function's span.
/// Known: sigmoid, tanh, softplus, softsign, elu, selu. Errors: Unimplemented.
absl::StatusOr<TableRule> table_rule(std::string_view function, int64_t size);
double table_entry(std::string_view function, int64_t index, int64_t size);

/// Entries converted to `type`, as a constant of shape [size].
model::Constant make_table(std::string_view function, int64_t size, const model::FixedType& type);

/// Converts a possibly infinite entry: infinity saturates, or wraps to zero.
int64_t cast_entry(double value, const model::FixedType& type);

/// The value that a table's address stands for: the address as the top bits of a value of `type`, the rest zero.
double value_at_top_bits(int64_t address, int address_bits, const model::FixedType& type);

}  // namespace strobe::quantise
