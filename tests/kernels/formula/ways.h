#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "kernels/formula/formula.h"
#include "kernels/quantise/quantise.h"

namespace strobe::testing {

/// A formula, quantised.
absl::StatusOr<quantise::Quantised> quantised(const std::string& text, const std::optional<model::FixedType>& input,
                                              const std::string& config = "");

/// Raw values of the outputs, rows x outputs, by the reference. Fails the test where the emulator differs from it in a
/// bit or in an overflow count, or where the reference fails. `overflow` is the reference's count.
std::vector<int64_t> outputs_of(const model::Graph& graph, const std::vector<int64_t>& inputs, size_t rows,
                                model::OverflowCount* overflow = nullptr);

/// Random raw values over the whole range of the input's type, limits and zero among them.
std::vector<int64_t> random_inputs(const model::Graph& graph, size_t rows, uint64_t seed);

/// The largest difference to the formula in float64, over all rows; results without a finite value do not count.
double largest_error(const model::Graph& graph, const formula::Formula& formula, const std::vector<int64_t>& inputs,
                     size_t rows);

/// "error_bound" of the graph, of several outputs the largest.
double bound_of(const model::Graph& graph);

}  // namespace strobe::testing
