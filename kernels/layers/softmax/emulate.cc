#include <bit>

#include "kernels/emulator/program_builder.h"
#include "kernels/layers/hooks.h"

namespace strobe::layers {
namespace {

using emulator::ProgramBuilder;
using emulator::TableId;
using emulator::ValueId;
using model::FixedType;
using model::Node;

/// One softmax over n values, step by step as softmax.h defines it.
class SliceEmulator {
 public:
  SliceEmulator(const Node& node, ProgramBuilder& builder)
      : node_(node),
        builder_(builder),
        implementation_(node.text("implementation")),
        accum_(node.type("accum").value_or(FixedType{})) {
    if (implementation_ == "argmax") return;
    exp_table_ = builder.add_table(*node.constant("exp_table"));
    inv_table_ = builder.add_table(*node.constant("inv_table"));
    exp_size_ = static_cast<int64_t>(node.constant("exp_table")->raw.size());
    inv_size_ = static_cast<int64_t>(node.constant("inv_table")->raw.size());
  }

  std::vector<ValueId> emulate(std::span<const ValueId> x, const FixedType& in) {
    if (implementation_ == "argmax") return argmax(x);
    if (implementation_ == "legacy") return legacy(x);
    std::vector<ValueId> e;
    const ValueId largest = implementation_ == "stable" ? maximum(x) : emulator::kNoValue;
    for (const ValueId value : x) {
      e.push_back(implementation_ == "stable" ? exponential_below(largest, value)
                                              : lookup(exp_table_, exp_size_, value, in));
    }
    const FixedType inv_inp = *node_.type("inv_inp");
    const ValueId inverse = lookup(inv_table_, inv_size_, builder_.cast(tree_sum(e), inv_inp), inv_inp);
    for (ValueId& value : e) value = builder_.product(value, inverse);
    return e;
  }

 private:
  ValueId maximum(std::span<const ValueId> x) {
    ValueId largest = x[0];
    for (const ValueId value : x.subspan(1)) largest = builder_.maximum(largest, value);
    return largest;
  }

  ValueId lookup(TableId table, int64_t size, ValueId value, const FixedType& type) {
    return builder_.lookup(table, builder_.top_bits(value, type, std::countr_zero(static_cast<uint64_t>(size))));
  }

  ValueId exponential_below(ValueId largest, ValueId value) {
    const FixedType inp_norm = *node_.type("inp_norm");
    ValueId distance = builder_.subtract(largest, value);
    if (const model::Constant* offset = node_.constant("norm_offset")) {
      distance = builder_.add(distance, builder_.constant(*offset, 0));
    }
    return lookup(exp_table_, exp_size_, builder_.cast(distance, inp_norm), inp_norm);
  }

  ValueId tree_sum(std::span<const ValueId> terms) {
    if (terms.size() == 1) return builder_.cast(terms[0], accum_);
    const size_t left = std::bit_floor(terms.size() - 1);
    return builder_.cast(builder_.add(tree_sum(terms.first(left)), tree_sum(terms.subspan(left))), accum_);
  }

  /// 1 where nothing before is as large and nothing after is larger.
  std::vector<ValueId> argmax(std::span<const ValueId> x) {
    const ValueId zero = builder_.constant(0);
    const ValueId one = builder_.constant(1);
    const ValueId largest = maximum(x);
    std::vector<ValueId> y;
    ValueId before = emulator::kNoValue;
    for (const ValueId value : x) {
      ValueId hit = builder_.select(value, largest, one, zero);
      if (before != emulator::kNoValue) hit = builder_.select(before, value, zero, hit);
      before = before == emulator::kNoValue ? value : builder_.maximum(before, value);
      y.push_back(hit);
    }
    return y;
  }

  std::vector<ValueId> legacy(std::span<const ValueId> x) {
    std::vector<ValueId> y;
    const ValueId one = builder_.constant(1);
    for (size_t i = 0; i < x.size(); ++i) {
      ValueId sum = builder_.constant(0);
      for (size_t j = 0; j < x.size(); ++j) {
        const ValueId term = i == j
                                 ? one
                                 : builder_.lookup(exp_table_, builder_.index(builder_.subtract(x[j], x[i]), exp_size_,
                                                                              16, exp_size_ / 2, exp_size_));
        sum = builder_.cast(builder_.add(sum, builder_.cast(term, accum_)), accum_);
      }
      y.push_back(builder_.lookup(inv_table_, builder_.index(sum, inv_size_, 64, 0, inv_size_)));
    }
    return y;
  }

  const Node& node_;
  ProgramBuilder& builder_;
  std::string implementation_;
  FixedType accum_;
  TableId exp_table_ = -1, inv_table_ = -1;
  int64_t exp_size_ = 0, inv_size_ = 0;
};

}  // namespace

absl::Status emulate_softmax(const model::Graph& graph, const Node& node, ProgramBuilder& builder) {
  const model::TensorType& in = graph.tensor(node.inputs[0]).type;
  const model::TensorType& out = graph.tensor(node.outputs[0]).type;
  const int64_t axis = node.integer("axis", static_cast<int64_t>(in.shape.size()) - 1);
  int64_t inner = 1;
  for (size_t a = axis + 1; a < in.shape.size(); ++a) inner *= in.shape[a];
  const int64_t n = in.shape[axis];
  SliceEmulator slice(node, builder);
  std::vector<ValueId> result(out.elements());
  for (int64_t start = 0; start < in.elements(); ++start) {
    if (start / inner % n != 0) continue;
    std::vector<ValueId> x;
    for (int64_t k = 0; k < n; ++k) x.push_back(builder.tensor(node.inputs[0])[start + k * inner]);
    const std::vector<ValueId> y = slice.emulate(x, in.types[0]);
    for (int64_t k = 0; k < n; ++k) result[start + k * inner] = builder.cast(y[k], out.at(start + k * inner));
  }
  builder.define(node.outputs[0], std::move(result));
  return absl::OkStatus();
}

}  // namespace strobe::layers
