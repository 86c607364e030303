#pragma once

#include <map>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "kernels/model/fixed_type.h"

namespace strobe::quantise {

/// A function by table as hls4ml has it: `size` entries over [from, to).
struct Hls4mlTable {
  int64_t size = 1024;
  double from = -8, to = 8;
};

/// The section `Formula` of a configuration.
struct FormulaConfig {
  double output_error = 0x1p-10;  ///< the largest difference to the formula in float64
  bool has_output_error = false;  ///< the configuration gives it
  double step_error = 0;          ///< of what floor, comparisons and the like see; 0: a 16th of output_error
  bool saturate = false;          ///< `Domain: saturate`: a division by what may be 0 is not an error
  std::optional<model::FixedType> output_type;

  bool hls4ml = false;         ///< `Compatibility: hls4ml`
  model::FixedType precision;  ///< hls4ml: of inputs, constants, functions' arguments and values, and results
  std::map<std::string, Hls4mlTable, std::less<>> tables;  ///< hls4ml: by function; "default" for the others
};

/// Reads YAML; empty text gives the defaults. Errors: InvalidArgument with `origin`, line and key.
absl::StatusOr<FormulaConfig> parse_formula_config(const std::string& yaml, const std::string& origin);

}  // namespace strobe::quantise
