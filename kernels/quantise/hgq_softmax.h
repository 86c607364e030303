#pragma once

#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "kernels/import/float_model.h"
#include "kernels/model/graph.h"
#include "kernels/quantise/lanes.h"

namespace strobe::quantise {

/// A QSoftmax as the graph's softmax: everything but the node's inputs.
struct HgqSoftmax {
  model::Node node;
  std::optional<model::FixedType>
      input_type;  ///< one type that its inputs must be brought to first; no value changes by it
  Lane result;     ///< what any output can be
};

/// Tables of exp(-scale (max - x)), or of exp(scale x) where it is not stable, and of 1 / (sum + 1e-7), with an entry
/// for each value of the quantisers in front of them; the sum and the product are exact. `x`: what the inputs, of that
/// shape, can be. Errors: Unimplemented for formats that differ along a table, or of more than 16 bits in front of one.
absl::StatusOr<HgqSoftmax> hgq_softmax(const import::FloatLayer& layer, const model::Shape& shape,
                                       const std::vector<Lane>& x);

}  // namespace strobe::quantise
