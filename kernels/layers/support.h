#pragma once

#include <algorithm>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "kernels/hls/plan.h"
#include "kernels/layers/layer.h"

/// What several layers' checks and reference evaluations share.
namespace strobe::layers {

/// An exact number: value * 2^-fraction.
struct Exact {
  model::Wide value = 0;
  int fraction = 0;
};

inline Exact exact(int64_t raw, const model::FixedType& type) { return {type.width == 0 ? 0 : raw, type.fraction()}; }

/// Brings two numbers to the finer of their grids; zero is on every grid.
inline void align(Exact& a, Exact& b) {
  const int fraction = a.value == 0 ? b.fraction : b.value == 0 ? a.fraction : std::max(a.fraction, b.fraction);
  if (a.value != 0) a.value <<= fraction - a.fraction;
  if (b.value != 0) b.value <<= fraction - b.fraction;
  a.fraction = b.fraction = fraction;
}

inline Exact operator+(Exact a, Exact b) {
  if (a.value == 0) return b;
  if (b.value == 0) return a;
  align(a, b);
  return {a.value + b.value, a.fraction};
}
inline Exact operator-(Exact a) { return {-a.value, a.fraction}; }
inline Exact operator-(Exact a, Exact b) { return a + -b; }
inline Exact operator*(Exact a, Exact b) { return {a.value * b.value, a.fraction + b.fraction}; }
inline bool operator<(Exact a, Exact b) {
  align(a, b);
  return a.value < b.value;
}

inline int64_t cast(Exact a, const model::FixedType& type, model::OverflowCount* count) {
  return model::cast(a.value, a.fraction, type, count);
}

/// One element of a constant. A constant of one element serves every index.
inline Exact constant_at(const model::Constant& constant, int64_t index) {
  if (constant.raw.size() == 1) index = 0;
  return exact(constant.raw[index], constant.type.at(index));
}

/// What an exact number can be: at most `size` from zero, on the grid of 2^-fraction. Verification computes with
/// extents what `reference` computes with numbers.
struct Extent {
  long double size = 0;  ///< 0: always zero, on every grid
  int fraction = 0;

  /// Of a signed integer that holds the number on its grid; 0 for zero.
  int bits() const;
};

Extent extent(const model::FixedType& type);
/// One element of a constant, as `constant_at` gives it.
Extent extent_at(const model::Constant& constant, int64_t index);
/// Covers both numbers, brought to one grid, as comparing or choosing needs it.
Extent united(Extent a, Extent b);
Extent operator+(Extent a, Extent b);
Extent operator*(Extent a, Extent b);

/// An exact number of a layer needs that many bits: the reference and the emulator have 126.
/// Error: InvalidArgument that names the layer, its tensors' and its constants' types.
absl::Status expect_bits(const model::Graph& graph, const model::Node& node, int bits);

/// "layer 'fc1' (dense): flaw"
inline absl::Status layer_error(const model::Node& node, const std::string& flaw) {
  return absl::InvalidArgumentError(absl::StrCat("layer '", node.name, "' (", node.op, "): ", flaw));
}

/// Exactly that many inputs and one output.
absl::Status expect_inputs(const model::Node& node, size_t count);

/// One input, one output, equal shapes.
absl::Status expect_elementwise(const model::Graph& graph, const model::Node& node);

/// The constant exists and has 1, `per_channel` (the last extent, where allowed) or `elements` values.
absl::Status expect_constant(const model::Graph& graph, const model::Node& node, std::string_view name,
                             bool per_channel = false);

/// Cost of an elementwise layer with that many additions and multiplications an element.
Cost elementwise_cost(const model::Graph& graph, const model::Node& node, int additions, int multiplications);
/// The same with the planned figures of the layer's HLS.
Cost with_plan(Cost cost, const hls::Plan& plan);

}  // namespace strobe::layers
