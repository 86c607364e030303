#include "kernels/quantise/forest_inputs.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"

namespace strobe::quantise {
namespace {

using import::Forest;
using import::ForestNode;
using import::SplitTest;
using model::FixedType;
using model::InputEncoding;
using model::Node;

constexpr int kWidestInput = 48;

bool has_categories(const Forest& forest) {
  return std::any_of(forest.nodes.begin(), forest.nodes.end(), [](const ForestNode& n) { return n.categories >= 0; });
}

/// Whether every value of `from` is one of `to`.
bool holds_all(const FixedType& to, const FixedType& from) {
  const bool sign = to.is_signed || !from.is_signed;
  const int room = to.integer - (to.is_signed ? 1 : 0), needed = from.integer - (from.is_signed ? 1 : 0);
  return sign && room >= needed && to.fraction() >= from.fraction();
}

absl::Status check_input_type(const FixedType& type) {
  if (type.width >= 2 && type.width <= kWidestInput) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("inputs of type ", type.to_string(), "; a forest takes 2 to ", kWidestInput, " bits"));
}

/// A threshold on a coarser grid that parts its values as the original does.
double round_threshold(double t, SplitTest test, const FixedType& type) {
  const double steps = std::ldexp(t, type.fraction());
  const bool up = test == SplitTest::kLess || test == SplitTest::kGreaterEqual;
  const double limit_high = static_cast<double>(type.max_raw());
  const double limit_low = type.is_signed ? -limit_high - 1 : 0;
  return std::ldexp(std::clamp(up ? std::ceil(steps) : std::floor(steps), limit_low, limit_high), -type.fraction());
}

/// conifer's C++ multiplies every input by a weight of 1 in the threshold's type and converts the product to that type:
/// nothing changes where that type holds 1 and every input.
bool conifer_converts(const ForestConfig& config, const FixedType& input) {
  if (!config.conifer || config.sum != ForestConfig::Sum::kFileOrder) return false;
  const FixedType type = *config.threshold;
  return model::to_double(model::cast(1.0, type), type) != 1 || !holds_all(type, input);
}

/// Inputs, then the file's projections, each a row of weights, and the type of the sums.
struct Projected {
  model::Constant weight;
  FixedType result;
};

/// The widest sum of a row, as a power of two.
int sum_integer(const std::vector<std::vector<double>>& rows, const FixedType& input) {
  double largest = 1;
  for (const auto& row : rows) {
    double sum = 0;
    for (const double w : row) sum += std::abs(w);
    largest = std::max(largest, sum);
  }
  return static_cast<int>(std::ceil(std::log2(largest))) + input.integer + 1;
}

absl::StatusOr<Projected> projection_of(const Forest& forest, const ForestConfig& config, const FixedType& input) {
  constexpr int kWeightFraction = 24;  // of a float32 weight near 1
  std::vector<std::vector<double>> rows(forest.features, std::vector<double>(forest.features, 0.0));
  for (int32_t f = 0; f < forest.features; ++f) rows[f][f] = 1;
  rows.insert(rows.end(), forest.projections.begin(), forest.projections.end());
  Projected projected;
  FixedType weight_type;
  if (config.conifer) {
    weight_type = projected.result = *config.threshold;
  } else {
    double largest = 1;
    for (const auto& row : rows) {
      for (const double w : row) largest = std::max(largest, std::abs(w));
    }
    const int integer = static_cast<int>(std::floor(std::log2(largest))) + 2;
    weight_type = FixedType::fixed(integer + kWeightFraction, integer, model::Rounding::kRnd, model::Overflow::kSat);
    const int sum = sum_integer(rows, input), width = sum + input.fraction() + kWeightFraction;
    if (!std::isfinite(largest) || width > 62) {
      return absl::InvalidArgumentError(absl::StrCat("sums of inputs of ", input.to_string(),
                                                     " in oblique splits need ", width,
                                                     " bits; at most 62 are supported"));
    }
    projected.result = FixedType::fixed(width, sum);
  }
  projected.weight.type = {{static_cast<int64_t>(rows.size()), forest.features}, {weight_type}};
  for (const auto& row : rows) {
    for (const double w : row) projected.weight.raw.push_back(model::cast(w, weight_type));
  }
  return projected;
}

}  // namespace

absl::StatusOr<ForestInputs> ForestInputs::write(const Forest& forest, const ForestConfig& config,
                                                 const std::string& input_name, const std::string& layer_name,
                                                 model::GraphBuilder& builder) {
  ForestInputs inputs;
  inputs.features_ = forest.features;
  inputs.single_thresholds_ = forest.single_precision_thresholds;
  InputEncoding encoding;
  const FixedType type = config.input.value_or(model::kOrderedFloatType);
  if (config.input) {
    if (absl::Status s = check_input_type(type); !s.ok()) return s;
  } else {
    encoding.kind = InputEncoding::Kind::kOrderedFloat;
  }
  if (!config.conifer && forest.projections.empty() && import::knows_missing(forest))
    encoding.missing = model::missing_code(type);
  if (config.conifer && has_categories(forest))
    return absl::InvalidArgumentError("Compatibility: conifer knows no category sets, this forest has some");
  inputs.tensor_ = builder.add_input(input_name, {{forest.features}, {type}}, encoding);
  if (forest.projections.empty() && !conifer_converts(config, type)) {
    inputs.grids_.emplace_back(type, encoding);
    return inputs;
  }
  if (!config.input) {
    return absl::InvalidArgumentError(
        "oblique splits add inputs up, which needs fixed-point numbers: give --input-type or InputPrecision");
  }
  auto projected = projection_of(forest, config, type);
  if (!projected.ok()) return projected.status();
  inputs.grids_.emplace_back(projected->result, InputEncoding{});
  Node node;
  node.name = layer_name + "_projections";
  node.op = "projection";
  node.inputs = {inputs.tensor_};
  const int64_t rows = projected->weight.type.shape[0];
  node.constants["weight"] = std::move(projected->weight);
  inputs.tensor_ = builder.add(std::move(node), {{rows}, {projected->result}});
  return inputs;
}

double ForestInputs::threshold(const ForestNode& node, const ForestConfig& config) const {
  if (node.test == SplitTest::kInCategories) return node.threshold;
  if (config.conifer) return model::to_double(model::cast(node.threshold, *config.threshold), *config.threshold);
  const double threshold = single_thresholds_ ? static_cast<float>(node.threshold) : node.threshold;
  return config.threshold ? round_threshold(threshold, node.test, *config.threshold) : threshold;
}

}  // namespace strobe::quantise
