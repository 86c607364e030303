#include "kernels/quantise/function_pieces.h"

#include <algorithm>
#include <cmath>
#include <functional>

namespace strobe::quantise {
namespace {

using model::FixedType;
using model::Node;
using model::Overflow;
using model::Rounding;

double softsign(double x) { return x / (1 + std::abs(x)); }

/// A table over -reach..reach of `size` steps. Addresses are truncated towards zero: the step at zero reaches to both
/// sides, the outermost hold everything beyond. `entry` is given a step's nearest and furthest distance from zero, the
/// latter infinite for the outermost, and gives its value for positive inputs; negative ones have `sign` times that.
Node table(int64_t size, int64_t reach, const FixedType& type, double sign,
           const std::function<double(double, double)>& entry) {
  Node node;
  node.op = "table";
  node.attributes["scale_numerator"] = size;
  node.attributes["scale_denominator"] = 2 * reach;
  node.attributes["offset"] = size / 2;
  const double step = 2.0 * static_cast<double>(reach) / static_cast<double>(size);
  model::Constant entries{{{size}, {type}}, {}};
  for (int64_t i = 0; i < size; ++i) {
    const int64_t k = i - size / 2;
    const double nearest = step * static_cast<double>(std::abs(k));
    const bool outermost = i == 0 || i == size - 1;
    // The negative half has one step more, which starts where the positive half's range ends.
    const double value = entry(k == -size / 2 ? nearest - step : nearest, outermost ? INFINITY : nearest + step);
    entries.raw.push_back(model::cast(k == 0 && sign < 0 ? 0.0 : k < 0 ? sign * value : value, type));
  }
  node.constants["table"] = std::move(entries);
  return node;
}

std::vector<FunctionPiece> softplus(const FixedType& in) {
  Node line;
  line.op = "relu";
  const int magnitude = in.width - in.is_signed;
  const FixedType line_type{false, std::max(magnitude, 1), in.integer - in.is_signed + (magnitude < 1)};
  const FixedType curve_type = FixedType::ufixed(16, 0, Rounding::kRnd, Overflow::kSat);
  Node curve = table(4096, 8, curve_type, 1, [](double nearest, double furthest) {
    return (std::log1p(std::exp(-nearest)) + std::log1p(std::exp(-furthest))) / 2;
  });
  return {{"line", std::move(line), line_type}, {"curve", std::move(curve), curve_type}};
}

std::vector<FunctionPiece> softsign(const FixedType& in) {
  constexpr int64_t kReach = 8, kSize = 8192;
  constexpr double kStep = 2.0 * kReach / kSize;
  const FixedType type = FixedType::fixed(16, 1, Rounding::kRnd, Overflow::kSat);
  const double last = softsign(kReach - kStep / 2);
  Node fine = table(kSize, kReach, type, -1, [&](double nearest, double furthest) {
    return std::isinf(furthest) ? last : softsign((nearest + furthest) / 2);
  });
  std::vector<FunctionPiece> pieces = {{"fine", std::move(fine), type}};
  if (std::ldexp(1.0, in.integer - in.is_signed) <= kReach) return pieces;
  Node coarse = table(2048, 256, type, -1, [&](double nearest, double furthest) {
    if (nearest < kReach) return 0.0;
    return (softsign(nearest) + (std::isinf(furthest) ? 1.0 : softsign(furthest))) / 2 - last;
  });
  pieces.push_back({"coarse", std::move(coarse), type});
  return pieces;
}

}  // namespace

std::vector<FunctionPiece> function_pieces(std::string_view function, const FixedType& in) {
  return function == "softplus" ? softplus(in) : softsign(in);
}

}  // namespace strobe::quantise
