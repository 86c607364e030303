#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "kernels/compile/compile.h"
#include "kernels/import/float_model.h"
#include "kernels/model/graph.h"
#include "kernels/quantise/quantise.h"

namespace strobe::compile {

/// A model between its file and the HLS project.
struct PreparedModel {
  std::string kernel;                        ///< a C identifier: what v++ takes for a kernel's name
  std::optional<import::FloatModel> source;  ///< a forest engine has none
  model::Graph graph;                        ///< says in its provenance what it was made of
  std::vector<std::string> warnings, without_effect;
  double import_seconds = 0, quantise_seconds = 0;
};

/// What quantising asks for, the configuration's text read. Errors: of reading it, and InvalidArgument for an empty
/// one.
absl::StatusOr<quantise::QuantiseOptions> quantise_options(const ModelOptions& options);

/// Imports and quantises one model. Errors: the importer's and the configuration's.
absl::StatusOr<PreparedModel> prepare(const ModelOptions& options);

}  // namespace strobe::compile
