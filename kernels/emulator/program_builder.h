#pragma once

#include <span>
#include <vector>

#include "absl/status/status.h"
#include "kernels/emulator/listing.h"
#include "kernels/model/graph.h"

namespace strobe::emulator {

/// What a layer's `emulate` writes to: it says in scalar operations, element by element, what the layer means.
///
/// Layers write the plain definition; what can be shared, fused or left out is the planner's business. Every operation
/// computes the exact range of its result. One that leaves 126 bits makes `status` an error, and the builder carries on
/// with a harmless value, so that layers need not check each step.
class ProgramBuilder {
 public:
  explicit ProgramBuilder(const model::Graph& graph);

  /// Operations from here on belong to this node.
  void begin_node(model::NodeId node) { node_ = node; }

  std::span<const ValueId> tensor(model::TensorId id) const { return listing_.tensors[id]; }
  /// Sets the elements of a tensor that the current node makes. Each must come from a `cast` to the element's type.
  void define(model::TensorId id, std::vector<ValueId> values) { listing_.tensors[id] = std::move(values); }

  ValueId constant(int64_t raw, int fraction = 0);
  /// One element of a constant; a constant of fewer elements repeats.
  ValueId constant(const model::Constant& constant, int64_t element);

  /// raw * 2^-weight_fraction times x, as a term of a sum.
  Term term(ValueId x, int64_t raw, int weight_fraction) const;
  Term term(ValueId x, const model::Constant& weight, int64_t element) const;
  static Term constant_term(int64_t raw, int fraction) { return {kNoValue, fraction, raw}; }

  ValueId linear(std::span<const Term> terms);
  ValueId accumulate(std::span<const Term> terms, const model::FixedType& accum);
  ValueId add(ValueId a, ValueId b);
  ValueId subtract(ValueId a, ValueId b);
  ValueId cast(ValueId x, const model::FixedType& type);
  ValueId maximum(ValueId a, ValueId b);
  ValueId minimum(ValueId a, ValueId b);
  ValueId product(ValueId a, ValueId b);
  /// a >= b ? c : d
  ValueId select(ValueId a, ValueId b, ValueId c, ValueId d);
  /// clamp(trunc(x numerator / denominator) + offset, 0, size - 1), truncated towards zero; denominator > 0.
  ValueId index(ValueId x, int64_t numerator, int64_t denominator, int64_t offset, int64_t size);
  /// The top bits of x's pattern in `type`, as an unsigned number of `address_bits` bits. x is a value of that type.
  ValueId top_bits(ValueId x, const model::FixedType& type, int address_bits);
  TableId add_table(const model::Constant& table);
  ValueId lookup(TableId table, ValueId index);
  /// x / n truncated towards zero on a grid ceil(log2 n) bits finer than 2^-fraction, which x must lie on.
  ValueId quotient(ValueId x, int64_t n, int fraction);

  /// The forest's outputs on the grid 2^-fraction; its predicates look at `features`, each on its own grid. Every
  /// output must fit 64 bits.
  std::vector<ValueId> forest(std::span<const ValueId> features, Forest forest, int fraction);

  const absl::Status& status() const { return status_; }
  Listing&& take() && { return std::move(listing_); }

 private:
  const Instruction& at(ValueId v) const { return listing_.instructions[v]; }
  ValueId append(Instruction instruction);
  ValueId too_wide();
  /// Ranges of a and b on their common grid; false where that leaves the widest integer.
  bool aligned(ValueId a, ValueId b, Range& x, Range& y, int& fraction) const;
  bool linear_range(std::span<const Term> terms, int fraction, Range& range) const;

  const model::Graph& graph_;
  Listing listing_;
  model::NodeId node_ = -1;
  absl::Status status_;
};

}  // namespace strobe::emulator
