#pragma once

#include <string_view>
#include <vector>

#include "kernels/model/graph.h"

namespace strobe::quantise {

/// One of the terms that a function is the sum of: a layer without name and inputs.
struct FunctionPiece {
  std::string_view name;
  model::Node node;
  model::FixedType result;
};

/// softplus and softsign of any input of type `in`, by strobe's own rules: one or two terms of a sum that is within
/// 2^-8 (and the result's rounding) of the function over all of the type. softplus(x) = relu(x) + ln(1 + e^-|x|), the
/// second by a table that ends at +-8; softsign is a table in steps of 1/512 up to +-8, and what is missing beyond by
/// one in steps of 1/4 up to +-256.
std::vector<FunctionPiece> function_pieces(std::string_view function, const model::FixedType& in);

}  // namespace strobe::quantise
