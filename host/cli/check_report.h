#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "host/metrics/metrics.h"
#include "kernels/model/fixed_type.h"

/// What `strobe check` found, and how it is told.
namespace strobe::cli {

/// One way of running the model, held against the reference.
struct Way {
  enum class State { kEqual, kDiffers, kNotBuilt, kNotAvailable, kFailed };
  std::string name;
  State state = State::kEqual;
  std::string detail;  ///< the device, the first difference, or why it did not run
  size_t events = 0;

  bool is_problem() const { return state == State::kDiffers || state == State::kFailed; }
};

struct LayerReport {
  std::string name, op, type;
  std::string step;  ///< of the floating-point model; empty: it has none of this meaning
  std::optional<metrics::Difference> difference;
  double largest_value = 0;  ///< in floating point
  model::OverflowCount overflow;
  size_t values = 0;  ///< that could overflow: elements of all events
};

struct ClassReport {
  std::string name;
  std::optional<metrics::Roc> fixed, floating;
};

/// A score by its own name, as formulas' have.
struct ScoreReport {
  std::string name;
  metrics::Difference difference;  ///< to floating point
};

struct OutputReport {
  std::string name;
  size_t classes = 1;
  std::optional<metrics::Difference> difference;  ///< to floating point
  std::optional<double> same_class;
  std::optional<double> accuracy, float_accuracy;
  std::vector<ClassReport> by_class;  ///< empty without labels
  std::vector<ScoreReport> scores;    ///< empty without names, or without floating point
};

struct CheckReport {
  std::string xclbin, model, target;
  size_t events = 0;
  size_t reference_events = 0;  ///< that the reference evaluated: the first ones
  model::OverflowCount input_overflow;
  std::vector<std::string> input_warnings;  ///< what did not fit its input type, a line for each tensor
  std::string no_float;                     ///< why there is no floating-point model; empty: there is
  std::vector<Way> ways;
  std::vector<OutputReport> outputs;
  std::vector<LayerReport> layers;

  /// Whether a way disagrees or failed.
  bool has_problem() const;
  std::string problems() const;
};

/// The shares of signal and the rates of background at which working points are quoted.
inline constexpr double kSignalEfficiencies[] = {0.5, 0.8, 0.9};
inline constexpr double kBackgroundRates[] = {1e-3, 1e-2, 1e-1};

/// One report a model.
void print_text(std::span<const CheckReport> reports);
/// One report as an object, several as a list of them.
void print_json(std::span<const CheckReport> reports);

}  // namespace strobe::cli
