#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "kernels/emulator/forest.h"
#include "kernels/emulator/range.h"
#include "kernels/model/graph.h"

namespace strobe::emulator {

/// A scalar of one event: the result of an instruction of the listing.
using ValueId = int32_t;
using TableId = int32_t;
inline constexpr ValueId kNoValue = -1;

enum class Op : uint8_t {
  kInput,       ///< element `element` of the graph's input `input`
  kConstant,    ///< `immediate`
  kLinear,      ///< the exact sum of the terms
  kAccumulate,  ///< the sum of the terms, each cast to `type` first, each partial sum cast to `type`
  kCast,        ///< a rounded and brought into the range of `type`
  kMaximum,     ///< max(a, b)
  kMinimum,     ///< min(a, b)
  kProduct,     ///< a b, exact
  kSelect,      ///< a >= b ? c : d
  kIndex,       ///< clamp(trunc(a numerator / denominator) + offset, 0, size - 1); truncated towards zero
  kTopBits,     ///< the `address_bits` top bits of a's two's complement pattern of `type.width` bits
  kLookup,      ///< table[a]; a is within the table
  kQuotient,    ///< a / denominator, truncated towards zero on the result's grid
  kForest,      ///< output `element` of forest `table`; its features are the terms
};

/// weight * 2^-(fraction - fraction of value) times a value, or a constant: the product has the value
/// raw(value) * weight * 2^-fraction.
struct Term {
  ValueId value = kNoValue;  ///< kNoValue: the constant weight * 2^-fraction
  int fraction = 0;          ///< of the product
  int64_t weight = 0;
};

/// One scalar operation. Its result is an integer times 2^-fraction, the integer within `range`.
struct Instruction {
  Op op = Op::kConstant;
  model::NodeId node = -1;  ///< the layer it belongs to; -1 for inputs and constants
  int fraction = 0;
  Range range;
  ValueId a = kNoValue, b = kNoValue, c = kNoValue, d = kNoValue;
  uint32_t first_term = 0, terms = 0;                            ///< kLinear, kAccumulate, kForest
  int32_t input = 0;                                             ///< kInput
  int32_t element = 0;                                           ///< kInput, kForest
  int64_t immediate = 0;                                         ///< kConstant
  model::FixedType type;                                         ///< kCast, kAccumulate, kTopBits
  TableId table = -1;                                            ///< kLookup, kForest
  int64_t numerator = 1, denominator = 1, offset = 0, size = 0;  ///< kIndex; kQuotient: denominator
  int address_bits = 0;                                          ///< kTopBits
};

/// Entries of a table, all on the grid 2^-fraction.
struct Table {
  std::vector<int64_t> entries;
  int fraction = 0;
  Range range;
};

/// A graph as scalar operations of one event, in an order in which operands come first: what layers append to, what the
/// exact path executes as it stands, and what the planner turns into SIMD steps.
class Listing {
 public:
  std::vector<Instruction> instructions;
  std::vector<Term> terms;
  std::vector<Table> tables;
  std::vector<std::shared_ptr<const Forest>> forests;
  /// Per tensor of the graph, per element: the value, on the grid of the element's type.
  std::vector<std::vector<ValueId>> tensors;
  std::vector<model::TensorId> inputs, outputs;
  std::vector<model::TensorType> types;  ///< per tensor
  std::vector<std::string> node_names;
  std::vector<std::string> node_ops;

  std::span<const Term> terms_of(const Instruction& i) const { return std::span(terms).subspan(i.first_term, i.terms); }
};

}  // namespace strobe::emulator
