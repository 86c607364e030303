#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "kernels/import/float_model.h"

namespace strobe::import {

/// One equation of a hall of fame.
struct HallOfFameRow {
  int complexity = 0;
  double loss = 0;
  std::string equation;
};

/// Whether a file's first bytes are the header line of a PySR hall of fame.
bool is_hall_of_fame(std::string_view head);

/// Whether a path is a hall of fame's file, or a folder.
bool is_hall_of_fame_path(const std::string& path);

/// A hall of fame (`hall_of_fame*.csv`, PySR) or a text of expressions (docs/formulas.md) as a model of one layer.
///
/// `choice` says which rows of a hall of fame: "score" or empty (PySR's own choice: among rows whose loss is at most
/// 1.5 times the smallest, the one with the steepest fall of log loss), "loss" (the smallest loss), "complexity=N",
/// "max-complexity=N" (the smallest loss of at most that complexity), "number=N" (row N, from 1), or "all" (each row is
/// an output). A folder is one model: an output for each of its `hall_of_fame_files`, by the same choice. `inputs`
/// declares the input vector. Errors: NotFound; InvalidArgument with the file's name, line and column.
absl::StatusOr<FloatModel> import_formula(const std::string& path, const std::string& choice,
                                          const std::string& inputs);

/// The same from a file's content; `path` is used in messages and names the model.
absl::StatusOr<FloatModel> read_formula(std::string_view content, const std::string& path, const std::string& choice,
                                        const std::string& inputs);

/// All rows of a hall of fame. Errors: as import_formula.
absl::StatusOr<std::vector<HallOfFameRow>> read_hall_of_fame(const std::string& path);

/// The equation of the smallest loss of at most that complexity, the first of equal ones; null: none is that simple.
const HallOfFameRow* best_within(const std::vector<HallOfFameRow>& rows, int complexity);

/// The `hall_of_fame*.csv` of a folder, by the number in their names; a path that is no folder by itself.
/// Errors: NotFound where a folder has none.
absl::StatusOr<std::vector<std::string>> hall_of_fame_files(const std::string& path);

/// The expressions that `choice` takes from a hall of fame's text, as a text of the formula language.
absl::StatusOr<std::string> choose_from_hall_of_fame(std::string_view csv, const std::string& choice);

}  // namespace strobe::import
