#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "kernels/import/float_model.h"
#include "kernels/model/graph.h"

namespace strobe::quantise {

/// What events arrive in where neither the user, a configuration nor the network says: numbers outside it saturate, as
/// physicists expect of a detector's quantity, instead of coming back with another sign.
inline constexpr model::FixedType kDefaultInputType{true, 16, 6, model::Rounding::kRnd, model::Overflow::kSat};

struct QuantiseOptions {
  std::string config;         ///< YAML text of a configuration in hls4ml's vocabulary; empty: strobe's own defaults
  std::string config_origin;  ///< its file name, for messages
  std::optional<model::FixedType> input_type;  ///< of the events at the kernel's border
  /// Of every weight that was not trained with a quantiser, integer bits from the largest value; biases and scales have
  /// two more. Of a forest, of its thresholds; of a formula, significant bits of its constants.
  std::optional<int> weight_bits;
  std::optional<model::FixedType> score_type;  ///< of every output
};

/// Which widths a model leaves to `QuantiseOptions` beside the input's. An HGQ2 network brings all of its formats, a
/// network trained with quantisers those of its weights.
struct OpenWidths {
  bool weights = true, scores = true;
  bool exact_weights =
      false;  ///< unless a width is given, weights are as exact as the inputs need: a forest's thresholds
};
OpenWidths open_widths(const import::FloatModel& model);

/// A graph, and what a user should know about how it came about.
struct Quantised {
  model::Graph graph;
  std::vector<std::string> warnings;        ///< weights that do not fit their types, with counts; reuse factors changed
  std::vector<std::string> without_effect;  ///< keys of the configuration that change nothing here
};

/// Turns a trained model into exact integer arithmetic.
/// Errors: InvalidArgument (an impossible configuration, a layer name that does not exist, inconsistent layers) and
/// Unimplemented (a layer outside the vocabulary).
absl::StatusOr<Quantised> quantise(const import::FloatModel& model, const QuantiseOptions& options);

}  // namespace strobe::quantise
