#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "kernels/emulator/listing.h"

namespace strobe::emulator {

/// Executes a listing as it stands, one event after the other, with 128-bit integers: any width, every overflow
/// counted.
class ExactRun {
 public:
  /// `overflow` has one count a node, or is empty.
  ExactRun(const Listing& listing, std::span<model::OverflowCount> overflow);

  /// Evaluates one event. `inputs[i]` points at its row of the i-th input.
  void evaluate(std::span<const std::byte* const> inputs);
  /// The raw value after `evaluate`.
  int64_t raw(ValueId v) const { return static_cast<int64_t>(values_[v]); }
  /// Writes the row of a tensor in its containers.
  void store(model::TensorId tensor, std::byte* row) const;

 private:
  Wide value_of(const Instruction& i);
  Wide aligned(ValueId v, int fraction) const;
  Wide accumulate(const Instruction& i);
  Wide linear(const Instruction& i) const;
  Wide forest(const Instruction& i);
  model::OverflowCount* count(const Instruction& i);

  const Listing& listing_;
  std::span<model::OverflowCount> overflow_;
  std::span<const std::byte* const> inputs_;
  std::vector<Wide> values_;
  std::vector<int32_t> leaves_;  ///< per tree of the forest whose outputs come now
};

/// The value of an instruction with one operand, for one value of that operand on the operand's grid.
Wide evaluate_unary(const Listing& listing, const Instruction& i, Wide operand);

/// Reads an element from its container and takes the bits of its type.
int64_t load_raw(const std::byte* row, int64_t element, int container, const model::FixedType& type);

}  // namespace strobe::emulator
