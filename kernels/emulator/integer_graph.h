#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "kernels/emulator/listing.h"

namespace strobe::emulator {

/// Operations on plain integers: binary points are gone, they live in weights and shifts.
enum class IntegerOp : uint8_t {
  kInput,
  kConstant,   ///< bias
  kLinear,     ///< bias + sum of weight value
  kTruncated,  ///< bias + sum of floor(weight value / 2^shift)
  kRound,      ///< a / 2^shift, rounded
  kClip,       ///< a brought into limits
  kWrap,       ///< the low `width` bits of a
  kZero,       ///< a where it is within limits, else 0
  kMaximum,
  kMinimum,
  kProduct,
  kSelect,  ///< a >= b ? c : d
  kDivide,  ///< a / bias, truncated towards zero
  kLookup,  ///< table[a + bias]
  kForest,  ///< output `element` of the listing's forest `table`; its features are the terms
};

struct IntegerTerm {
  ValueId value = kNoValue;
  int shift = 0;  ///< kTruncated
  Wide weight = 0;
};

struct IntegerNode {
  IntegerOp op = IntegerOp::kConstant;
  model::Rounding rounding = model::Rounding::kTrn;
  bool is_signed = false;
  model::NodeId node = -1;  ///< the layer it belongs to
  ValueId a = kNoValue, b = kNoValue, c = kNoValue, d = kNoValue;
  uint32_t first_term = 0, terms = 0;
  int shift = 0;
  int width = 0;
  int32_t input = 0, element = 0;
  TableId table = -1;
  Wide bias = 0;
  Range limits;
  Range range;  ///< of the result
};

/// A directed acyclic graph of integer operations without duplicates: each maker looks for an equal node first, folds
/// constants, and drops what cannot change a value of the operand's range.
class IntegerGraph {
 public:
  static constexpr Range kUnbounded = {-kWidest, kWidest};
  /// Functions of one value with at most so many values become one table where a table is needed anyway.
  static constexpr int64_t kLargestTable = 4096;

  void begin_node(model::NodeId node) { node_ = node; }

  ValueId input(int32_t input, int32_t element, const model::FixedType& type);
  ValueId constant(Wide value);
  ValueId linear(std::vector<IntegerTerm> terms, Wide bias);
  ValueId truncated(std::vector<IntegerTerm> terms, Wide bias);
  ValueId scaled(ValueId x, Wide factor) { return linear({{x, 0, factor}}, 0); }
  ValueId round(ValueId x, int shift, model::Rounding rounding);
  ValueId clip(ValueId x, Range limits);
  ValueId wrap(ValueId x, int width, bool is_signed);
  ValueId zero_outside(ValueId x, Range limits);
  ValueId maximum(ValueId a, ValueId b);
  ValueId minimum(ValueId a, ValueId b);
  ValueId product(ValueId a, ValueId b);
  ValueId select(ValueId a, ValueId b, ValueId c, ValueId d);
  ValueId divide(ValueId x, Wide divisor);
  ValueId lookup(const std::vector<int64_t>& entries, ValueId index);

  ValueId forest(std::vector<IntegerTerm> features, TableId forest, int32_t output, Range range);

  const IntegerNode& at(ValueId v) const { return nodes_[v]; }
  size_t size() const { return nodes_.size(); }
  std::span<const IntegerTerm> terms_of(const IntegerNode& n) const {
    return std::span(terms_).subspan(n.first_term, n.terms);
  }
  const std::vector<int64_t>& table(TableId id) const { return tables_[id]; }
  bool is_constant(ValueId v) const { return nodes_[v].range.is_single(); }
  /// False once an operation left 126 bits: the graph is then of no use.
  bool ok() const { return ok_; }

  /// The node's result, given its operands' values by `value_of`.
  template <class ValueOf>
  Wide evaluate(const IntegerNode& n, ValueOf value_of) const;

 private:
  ValueId unary(IntegerNode node, ValueId x);
  ValueId append(IntegerNode node, std::vector<IntegerTerm> terms = {});
  ValueId refuse();
  TableId intern(std::vector<int64_t> entries);
  ValueId map_table(const IntegerNode& op, ValueId x);
  /// Looks through functions of one operand for the one with few values from which `index` follows.
  ValueId narrow_root(ValueId index) const;
  Wide follow(ValueId v, ValueId root, Wide root_value) const;

  std::vector<IntegerNode> nodes_;
  std::vector<IntegerTerm> terms_;
  std::vector<std::vector<int64_t>> tables_;
  std::map<std::string, ValueId, std::less<>> known_;
  std::map<std::vector<int64_t>, TableId> known_tables_;
  model::NodeId node_ = -1;
  bool ok_ = true;
};

/// What clipping, wrapping and so on do to one integer.
Wide wrapped(Wide value, int width, bool is_signed);

template <class ValueOf>
Wide IntegerGraph::evaluate(const IntegerNode& n, ValueOf value_of) const {
  switch (n.op) {
    case IntegerOp::kInput:
      return 0;
    case IntegerOp::kConstant:
      return n.bias;
    case IntegerOp::kLinear:
    case IntegerOp::kTruncated: {
      Wide sum = n.bias;
      for (const IntegerTerm& t : terms_of(n)) sum += (t.weight * value_of(t.value)) >> t.shift;
      return sum;
    }
    case IntegerOp::kRound:
      return model::shift_right_rounded(value_of(n.a), n.shift, n.rounding);
    case IntegerOp::kClip:
      return std::clamp(value_of(n.a), n.limits.low, n.limits.high);
    case IntegerOp::kWrap:
      return wrapped(value_of(n.a), n.width, n.is_signed);
    case IntegerOp::kZero: {
      const Wide a = value_of(n.a);
      return a >= n.limits.low && a <= n.limits.high ? a : 0;
    }
    case IntegerOp::kMaximum:
      return std::max(value_of(n.a), value_of(n.b));
    case IntegerOp::kMinimum:
      return std::min(value_of(n.a), value_of(n.b));
    case IntegerOp::kProduct:
      return value_of(n.a) * value_of(n.b);
    case IntegerOp::kSelect:
      return value_of(n.a) >= value_of(n.b) ? value_of(n.c) : value_of(n.d);
    case IntegerOp::kDivide:
      return value_of(n.a) / n.bias;
    case IntegerOp::kLookup:
      return tables_[n.table][static_cast<size_t>(value_of(n.a) + n.bias)];
    case IntegerOp::kForest:
      break;  // has steps of its own
  }
  return 0;
}

}  // namespace strobe::emulator
