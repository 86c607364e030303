#include "kernels/layers/dense/dense.h"

#include <bit>
#include <cmath>

#include "kernels/layers/hooks.h"
#include "kernels/layers/support.h"

namespace strobe::layers {
namespace {

using model::Constant;
using model::Graph;
using model::Node;

/// Of the exact sums; with an accumulator, of each product.
int exact_bits(const model::TensorType& in, const Constant& weight, const Constant* bias, bool accumulates) {
  const int64_t n_in = weight.type.shape[0];
  const int64_t n_out = weight.type.shape[1];
  const int64_t rows = in.is_uniform() ? 1 : in.elements() / n_in;
  int bits = 0;
  for (int64_t row = 0; row < rows; ++row) {
    std::vector<Extent> sums(n_out);
    for (int64_t j = 0; bias != nullptr && j < n_out; ++j) sums[j] = extent_at(*bias, j);
    for (int64_t i = 0; i < n_in; ++i) {
      const Extent x = extent(in.at(row * n_in + i));
      for (int64_t j = 0; j < n_out; ++j) {
        const Extent product = x * extent_at(weight, i * n_out + j);
        if (accumulates) {
          bits = std::max(bits, product.bits());
        } else {
          sums[j] = sums[j] + product;
        }
      }
    }
    for (const Extent& sum : sums) bits = std::max(bits, sum.bits());
  }
  return bits;
}

absl::Status verify(const Graph& graph, const Node& node) {
  if (absl::Status s = expect_inputs(node, 1); !s.ok()) return s;
  const auto& in = graph.tensor(node.inputs[0]).type;
  const auto& out = graph.tensor(node.outputs[0]).type;
  const Constant* weight = node.constant("weight");
  if (weight == nullptr) return layer_error(node, "constant 'weight' is missing");
  const model::Shape& extents = weight->type.shape;
  if (extents.size() != 2) return layer_error(node, "weight must be [n_in, n_out], is " + model::to_string(extents));
  if (in.shape.empty() || in.shape.back() != extents[0]) {
    return layer_error(
        node, absl::StrCat("weights are ", extents[0], "x", extents[1], ", input is ", model::to_string(in.shape)));
  }
  model::Shape expected = in.shape;
  expected.back() = extents[1];
  if (out.shape != expected) {
    return layer_error(
        node, absl::StrCat("output is ", model::to_string(out.shape), ", expected ", model::to_string(expected)));
  }
  const Constant* bias = node.constant("bias");
  if (bias != nullptr && static_cast<int64_t>(bias->raw.size()) != extents[1]) {
    return layer_error(node, absl::StrCat("has ", bias->raw.size(), " biases for ", extents[1], " outputs"));
  }
  return expect_bits(graph, node, exact_bits(in, *weight, bias, node.has("accum")));
}

void reference(const EventView& view) {
  const auto& in = view.input_type(0);
  const auto& out = view.output_type();
  const Constant& weight = *view.node.constant("weight");
  const Constant* bias = view.node.constant("bias");
  const auto accum = view.node.type("accum");
  const int64_t n_in = weight.type.shape[0];
  const int64_t n_out = weight.type.shape[1];
  const auto add = [&](Exact& sum, Exact term) {
    if (!accum) {
      sum = sum + term;
      return;
    }
    const Exact converted = {cast(term, *accum, view.overflow), accum->fraction()};
    sum = {cast(sum + converted, *accum, view.overflow), accum->fraction()};
  };
  for (int64_t row = 0; row < out.elements() / n_out; ++row) {
    for (int64_t j = 0; j < n_out; ++j) {
      Exact sum;
      if (bias != nullptr) add(sum, constant_at(*bias, j));
      for (int64_t i = 0; i < n_in; ++i) {
        const int64_t e = row * n_in + i;
        add(sum, exact(view.inputs[0][e], in.at(e)) * exact(weight.raw[i * n_out + j], weight.type.at(i * n_out + j)));
      }
      view.outputs[0][row * n_out + j] = cast(sum, out.at(row * n_out + j), view.overflow);
    }
  }
}

/// Binary digits between the first and the last set one of |raw|, both included; 0 for 0.
int significant_bits(int64_t raw) {
  const uint64_t magnitude = raw < 0 ? -static_cast<uint64_t>(raw) : static_cast<uint64_t>(raw);
  return magnitude == 0 ? 0 : std::bit_width(magnitude) - std::countr_zero(magnitude);
}

Cost cost(const Graph& graph, const Node& node) {
  const auto& in = graph.tensor(node.inputs[0]).type;
  const Constant& weight = *node.constant("weight");
  const int64_t n_in = weight.type.shape[0];
  const int64_t n_out = weight.type.shape[1];
  const int64_t rows = in.elements() / n_in;
  Cost cost;
  for (int64_t row = 0; row < rows; ++row) {
    for (int64_t i = 0; i < n_in; ++i) {
      const int width = in.at(row * n_in + i).width;
      for (int64_t j = 0; j < n_out; ++j) {
        const int64_t raw = weight.raw[i * n_out + j];
        if (raw == 0 || width == 0) continue;
        ++cost.multiplications;
        cost.effective_bit_operations += static_cast<double>(width) * significant_bits(raw);
      }
    }
  }
  cost.effective_bit_operations = node.real("ebops", cost.effective_bit_operations);
  cost.additions = cost.multiplications;
  const double b_a = in.max_width();
  const double b_w = weight.type.max_width();
  cost.bit_operations =
      static_cast<double>(rows * n_in * n_out) * (b_a * b_w + b_a + b_w + std::log2(static_cast<double>(n_in)));
  return with_plan(cost, plan_hls_dense(graph, node));
}

}  // namespace

const Layer kDenseLayer = {"dense",        "matrix times vector plus bias", verify, reference, cost, emulate_dense,
                           write_hls_dense};

}  // namespace strobe::layers
