#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "kernels/compile/compile.h"

/// The options of `strobe compile` that speak of models.
namespace strobe::cli {

inline constexpr int kMostComputeUnits = 64;

/// As they stand on the command line. A model is "FILE" or "NAME=FILE"; any other value is for all models, or with
/// "NAME=" before it for the one of that name, which then goes first.
struct ModelWords {
  std::vector<std::string> models;
  std::string name;  ///< of an only model
  std::vector<std::string> weights, configs, input_types, weight_bits, score_types, compute_units, formula_choices,
      formula_inputs;
  std::optional<layers::EngineShape> engine;  ///< a forest engine beside them, or alone
};

/// Sorts the words to the models; a forest engine comes last, as "forest_engine". Errors: InvalidArgument for no model
/// at all, a name that no model was given or that several were, a
/// value given twice, a type or number that is none; each names the option.
absl::StatusOr<std::vector<compile::ModelOptions>> model_options(const ModelWords& words);

}  // namespace strobe::cli
