#pragma once

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "kernels/import/float_model.h"

namespace strobe::import {

/// Whether a file's first bytes are the header line of a PySR hall of fame.
bool is_hall_of_fame(std::string_view head);

/// A hall of fame (`hall_of_fame*.csv`, PySR) or a text of expressions (docs/formulas.md) as a model of one layer.
///
/// `choice` says which rows of a hall of fame: "score" or empty (PySR's own choice: among rows whose loss is at most
/// 1.5 times the smallest, the one with the steepest fall of log loss), "loss" (the smallest loss), "complexity=N",
/// "number=N" (row N, from 1), or "all" (each row is an output). `inputs` declares the input vector.
/// Errors: NotFound; InvalidArgument with the file's name, line and column.
absl::StatusOr<FloatModel> import_formula(const std::string& path, const std::string& choice,
                                          const std::string& inputs);

/// The same from a file's content; `path` is used in messages and names the model.
absl::StatusOr<FloatModel> read_formula(std::string_view content, const std::string& path, const std::string& choice,
                                        const std::string& inputs);

/// The expressions that `choice` takes from a hall of fame's text, as a text of the formula language.
absl::StatusOr<std::string> choose_from_hall_of_fame(std::string_view csv, const std::string& choice);

}  // namespace strobe::import
