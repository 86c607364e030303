#pragma once

#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "kernels/formula/formula.h"

namespace strobe::quantise {

/// Sums and products in SymPy's normal form, as far as it moves constants: sums and products are flat, numbers in them
/// merged, equal terms collected, and a number times a sum alone is multiplied into the sum.
struct NormalForm {
  enum class Kind { kNumber, kInput, kSum, kProduct, kFunction };

  struct Part {
    int node = 0;
    double coefficient = 1;  ///< in a sum
    int power = 1;           ///< in a product
  };

  struct Node {
    Kind kind = Kind::kNumber;
    double number = 0;  ///< a number; of a sum the number added, of a product the number in front
    int index = 0;      ///< of the input or function
    std::vector<Part> parts;
  };

  std::vector<Node> nodes;   ///< parts before what they are part of
  std::vector<int> outputs;  ///< nodes
};

/// Errors: Unimplemented for operations that hls4ml cannot compute by products and tables, with line and column.
absl::StatusOr<NormalForm> normal_form(const formula::Formula& formula);

}  // namespace strobe::quantise
