#include "kernels/layers/softmax/softmax.h"

#include <bit>

#include "kernels/layers/hooks.h"
#include "kernels/layers/support.h"

namespace strobe::layers {
namespace {

using model::Constant;
using model::FixedType;
using model::Graph;
using model::Node;

int64_t axis_of(const Node& node, const model::Shape& shape) {
  return node.integer("axis", static_cast<int64_t>(shape.size()) - 1);
}

/// Any logit, on the grid of them all.
Extent logit_extent(const model::TensorType& in) {
  Extent all;
  for (const FixedType& type : in.types) all = united(all, extent(type));
  return all;
}

/// Of distances between logits, sums in the accumulator and products, as each implementation has them.
int exact_bits(const Node& node, const model::TensorType& in) {
  const std::string implementation = node.text("implementation");
  const Constant& exp_table = *node.constant("exp_table");
  const Constant& inv_table = *node.constant("inv_table");
  const Extent accum = extent(*node.type("accum"));
  const Extent x = logit_extent(in);
  Extent distance = x + x;
  int bits = (accum + accum).bits();
  if (implementation == "legacy") {
    // Addresses: the number times the table's size, and the span on its grid.
    const auto address = [&](const Extent& value, size_t size, int span) {
      const int grid = std::max(value.fraction, 0);
      return std::max(Extent{value.size * static_cast<long double>(size), grid}.bits(),
                      Extent{static_cast<long double>(span), grid}.bits());
    };
    return std::max(
        {bits, distance.bits(), address(distance, exp_table.raw.size(), 16), address(accum, inv_table.raw.size(), 64)});
  }
  if (implementation == "stable") {
    if (const Constant* offset = node.constant("norm_offset")) distance = distance + extent_at(*offset, 0);
    bits = std::max(bits, distance.bits());
  }
  return std::max(bits, (extent(exp_table.type.at(0)) * extent(inv_table.type.at(0))).bits());
}

absl::Status verify(const Graph& graph, const Node& node) {
  if (absl::Status s = expect_elementwise(graph, node); !s.ok()) return s;
  const auto& in = graph.tensor(node.inputs[0]).type;
  const int64_t axis = axis_of(node, in.shape);
  if (axis < 0 || axis >= static_cast<int64_t>(in.shape.size())) {
    return layer_error(node, absl::StrCat("axis ", axis, " does not exist in ", model::to_string(in.shape)));
  }
  const std::string implementation = node.text("implementation");
  if (implementation == "argmax") return expect_bits(graph, node, logit_extent(in).bits());
  if (implementation != "stable" && implementation != "latency" && implementation != "legacy") {
    return layer_error(node, "implementation '" + implementation + "' is not stable, latency, legacy or argmax");
  }
  for (const char* name : {"exp_table", "inv_table"}) {
    const Constant* table = node.constant(name);
    if (table == nullptr || !table->type.is_uniform() || !std::has_single_bit(table->raw.size())) {
      return layer_error(node, absl::StrCat("constant '", name, "' must have one type and a power of two of entries"));
    }
  }
  if (implementation != "legacy" && !node.has("inv_inp")) return layer_error(node, "attribute 'inv_inp' is missing");
  if (implementation == "stable" && !node.has("inp_norm")) return layer_error(node, "attribute 'inp_norm' is missing");
  if (implementation == "latency" && !in.is_uniform()) return layer_error(node, "needs one type for all inputs");
  if (!node.has("accum")) return layer_error(node, "attribute 'accum' is missing");
  if (implementation == "stable" && node.constant("norm_offset") != nullptr) {
    if (absl::Status s = expect_constant(graph, node, "norm_offset"); !s.ok()) return s;
  }
  return expect_bits(graph, node, exact_bits(node, in));
}

/// The entry that the top bits of a value address.
Exact lookup(const Constant& table, int64_t raw, const FixedType& type) {
  const int address_bits = std::countr_zero(table.raw.size());
  const uint64_t pattern =
      static_cast<uint64_t>(raw) & (type.width == 64 ? ~uint64_t{0} : (uint64_t{1} << type.width) - 1);
  const int shift = type.width - address_bits;
  return constant_at(table, static_cast<int64_t>(shift >= 0 ? pattern >> shift : pattern << -shift));
}

/// One softmax over n values, each step as the docstring in softmax.h has it.
class Slice {
 public:
  Slice(const Node& node, model::OverflowCount* overflow)
      : node_(node), overflow_(overflow), accum_(node.type("accum").value_or(FixedType{})) {}

  std::vector<Exact> evaluate(const std::vector<Exact>& x, const FixedType& in) const {
    const std::string implementation = node_.text("implementation");
    if (implementation == "argmax") return argmax(x);
    if (implementation == "legacy") return legacy(x);
    std::vector<Exact> e;
    const Exact largest = *std::max_element(x.begin(), x.end());
    for (const Exact& value : x) {
      e.push_back(implementation == "stable"
                      ? exponential_below(largest - value)
                      : lookup(*node_.constant("exp_table"), static_cast<int64_t>(value.value), in));
    }
    const FixedType inv_inp = *node_.type("inv_inp");
    const Exact inverse = lookup(*node_.constant("inv_table"), cast(tree_sum(e), inv_inp, overflow_), inv_inp);
    for (Exact& value : e) value = value * inverse;
    return e;
  }

 private:
  Exact exponential_below(Exact distance) const {
    const FixedType inp_norm = *node_.type("inp_norm");
    if (const Constant* offset = node_.constant("norm_offset")) distance = distance + constant_at(*offset, 0);
    return lookup(*node_.constant("exp_table"), cast(distance, inp_norm, overflow_), inp_norm);
  }

  Exact to_accum(Exact value) const { return {cast(value, accum_, overflow_), accum_.fraction()}; }

  Exact tree_sum(std::span<const Exact> terms) const {
    if (terms.size() == 1) return to_accum(terms[0]);
    const size_t left = std::bit_floor(terms.size() - 1);
    return to_accum(tree_sum(terms.first(left)) + tree_sum(terms.subspan(left)));
  }

  static std::vector<Exact> argmax(const std::vector<Exact>& x) {
    std::vector<Exact> y(x.size());
    y[std::max_element(x.begin(), x.end()) - x.begin()].value = 1;
    return y;
  }

  /// clamp(trunc(value size / span) + offset)
  static int64_t legacy_index(Exact value, int64_t size, int span, int64_t offset) {
    if (value.value == 0) return std::clamp<int64_t>(offset, 0, size - 1);
    model::Wide scaled = value.value * size;
    model::Wide divisor = span;
    (value.fraction >= 0 ? divisor : scaled) <<= std::abs(value.fraction);
    return static_cast<int64_t>(std::clamp<model::Wide>(scaled / divisor + offset, 0, size - 1));
  }

  std::vector<Exact> legacy(const std::vector<Exact>& x) const {
    const Constant& exp_table = *node_.constant("exp_table");
    const Constant& inv_table = *node_.constant("inv_table");
    const auto exp_size = static_cast<int64_t>(exp_table.raw.size());
    const auto inv_size = static_cast<int64_t>(inv_table.raw.size());
    std::vector<Exact> y(x.size());
    for (size_t i = 0; i < x.size(); ++i) {
      Exact sum;
      for (size_t j = 0; j < x.size(); ++j) {
        const Exact term =
            i == j ? Exact{1, 0} : constant_at(exp_table, legacy_index(x[j] - x[i], exp_size, 16, exp_size / 2));
        sum = to_accum(sum + to_accum(term));
      }
      y[i] = constant_at(inv_table, legacy_index(sum, inv_size, 64, 0));
    }
    return y;
  }

  const Node& node_;
  model::OverflowCount* overflow_;
  FixedType accum_;
};

void reference(const EventView& view) {
  const auto& in = view.input_type(0);
  const auto& out = view.output_type();
  const int64_t axis = axis_of(view.node, in.shape);
  int64_t inner = 1;
  for (size_t a = axis + 1; a < in.shape.size(); ++a) inner *= in.shape[a];
  const int64_t n = in.shape[axis];
  const Slice slice(view.node, view.overflow);
  for (int64_t start = 0; start < in.elements(); ++start) {
    if (start / inner % n != 0) continue;
    std::vector<Exact> x;
    for (int64_t k = 0; k < n; ++k) x.push_back(exact(view.inputs[0][start + k * inner], in.at(start + k * inner)));
    const std::vector<Exact> y = slice.evaluate(x, in.types[0]);
    for (int64_t k = 0; k < n; ++k) {
      view.outputs[0][start + k * inner] = cast(y[k], out.at(start + k * inner), view.overflow);
    }
  }
}

Cost cost(const Graph& graph, const Node& node) {
  const Cost cost = node.text("implementation") == "argmax" ? elementwise_cost(graph, node, 1, 0)
                                                            : elementwise_cost(graph, node, 2, 1);
  return with_plan(cost, plan_hls_softmax(graph, node));
}

}  // namespace

const Layer kSoftmaxLayer = {"softmax", "normalised exponentials", verify,           reference,
                             cost,      emulate_softmax,           write_hls_softmax};

}  // namespace strobe::layers
