#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "kernels/model/fixed_type.h"

namespace strobe::quantise {

/// A function by table as hls4ml has it: `size` entries over [from, to).
struct Hls4mlTable {
  int64_t size = 1024;
  double from = -8, to = 8;
};

/// A setting for all inputs or outputs, or for some by their names.
template <typename T>
struct ByName {
  std::optional<T> all;
  std::map<std::string, T> named;

  /// Of that input or output. Without the number that its name ends in, a name means a vector: "x" is x0, x1, ...
  std::optional<T> of(const std::string& name) const {
    auto found = named.find(name);
    if (found == named.end()) found = named.find(name.substr(0, name.find_last_not_of("0123456789") + 1));
    return found == named.end() ? all : found->second;
  }
};

/// The section `Formula` of a configuration.
struct FormulaConfig {
  static constexpr double kOutputError = 0x1p-10;

  ByName<double> output_error;           ///< the largest difference to the formula in float64; else kOutputError
  double step_error = 0;                 ///< of what floor, comparisons and the like see; 0: a 16th of the least one
  bool saturate = false;                 ///< `Domain: saturate`: a division by what may be 0 is not an error
  ByName<model::FixedType> output_type;  ///< else the narrowest
  ByName<model::FixedType> input_type;   ///< else what is asked for elsewhere

  bool hls4ml = false;         ///< `Compatibility: hls4ml`
  model::FixedType precision;  ///< hls4ml: of inputs, constants, functions' arguments and values, and results
  std::map<std::string, Hls4mlTable, std::less<>> tables;  ///< hls4ml: by function; "default" for the others

  /// Each output has a type of its own, instead of one for all.
  bool has_type_each() const { return !output_error.named.empty() || !output_type.named.empty(); }
};

/// Reads YAML for a formula of these inputs and outputs; empty text gives the defaults. Errors: InvalidArgument with
/// `origin`, line and key; a name that is none of the formula's is told with those there are.
absl::StatusOr<FormulaConfig> parse_formula_config(const std::string& yaml, const std::string& origin,
                                                   const std::vector<std::string>& inputs,
                                                   const std::vector<std::string>& outputs);

}  // namespace strobe::quantise
