#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "kernels/import/forest.h"
#include "kernels/model/graph.h"
#include "kernels/quantise/forest_config.h"
#include "kernels/quantise/forest_predicates.h"

namespace strobe::quantise {

/// What the forest node looks at: the graph's input, or projections of it.
class ForestInputs {
 public:
  /// Adds the graph's input and, for oblique splits or where conifer converts inputs, a node of projections.
  /// Errors: InvalidArgument for types that a forest does not take.
  static absl::StatusOr<ForestInputs> write(const import::Forest& forest, const ForestConfig& config,
                                            const std::string& input_name, const std::string& layer_name,
                                            model::GraphBuilder& builder);

  model::TensorId tensor() const { return tensor_; }
  /// The element of `tensor` that a split looks at.
  int64_t element(const import::ForestNode& node) const {
    return node.projection >= 0 ? features_ + node.projection : node.feature;
  }
  const RawGrid& grid(int64_t element) const { return grids_[grids_.size() == 1 ? 0 : element]; }
  /// The split's threshold, converted to the configuration's type where it names one.
  double threshold(const import::ForestNode& node, const ForestConfig& config) const;

 private:
  model::TensorId tensor_ = -1;
  int64_t features_ = 0;
  bool single_thresholds_ = false;
  std::vector<RawGrid> grids_;
};

}  // namespace strobe::quantise
