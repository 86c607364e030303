#include "kernels/quantise/forest_post.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <functional>

#include "absl/strings/str_cat.h"
#include "kernels/quantise/softmax_tables.h"
#include "kernels/quantise/tables.h"

namespace strobe::quantise {
namespace {

using import::PostTransform;
using model::FixedType;
using model::Node;

/// The middle one is twice as wide as the others: of a sigmoid up to 16 it is off by 2^-10 at most.
constexpr int64_t kEntries = 8192;

/// A table over -reach..reach, entries at the middle of their steps.
void fill_table(int64_t reach, const FixedType& type, const std::function<double(double)>& function, Node& node) {
  node.op = "table";
  node.attributes["scale_numerator"] = kEntries;
  node.attributes["scale_denominator"] = 2 * reach;
  node.attributes["offset"] = kEntries / 2;
  model::Constant table{{{kEntries}, {type}}, {}};
  const double step = 2.0 * static_cast<double>(reach) / kEntries;
  for (int64_t i = 0; i < kEntries; ++i) {
    // Addresses are cut towards zero: the entry at the middle serves a step on either side.
    const int64_t from_zero = i - kEntries / 2;
    const double x = (static_cast<double>(from_zero) + (from_zero > 0 ? 0.5 : from_zero < 0 ? -0.5 : 0)) * step;
    table.raw.push_back(cast_entry(function(x), type));
  }
  node.constants["table"] = std::move(table);
}

/// The largest margin of the type, as a power of two, up to 64.
int64_t reach_of(const FixedType& type) {
  return int64_t{1} << std::clamp(type.integer - (type.is_signed ? 1 : 0), 0, 6);
}

absl::Status no_table() {
  return absl::UnimplementedError(
      "Output: probabilities: the file's output transform is none of sigmoid, tanh, exp and softmax of the margins; "
      "take "
      "the margins");
}

}  // namespace

absl::StatusOr<model::TensorId> add_post_transform(const import::Forest& forest, const std::string& layer_name,
                                                   model::TensorId margins, model::GraphBuilder& builder) {
  const model::TensorType in = builder.tensor(margins).type;
  Node node;
  node.name = layer_name + "_probabilities";
  node.inputs = {margins};
  FixedType out = FixedType::ufixed(16, 1, model::Rounding::kRnd, model::Overflow::kSat);
  const double scale = forest.post_scale;
  switch (forest.post) {
    case PostTransform::kNone:
      return margins;
    case PostTransform::kSigmoid:
      fill_table(
          std::min<int64_t>(reach_of(in.types[0]), 16), out, [&](double x) { return 1 / (1 + std::exp(-x * scale)); },
          node);
      break;
    case PostTransform::kExp: {
      const int64_t reach = std::min<int64_t>(reach_of(in.types[0]), 16);
      const int integer =
          std::bit_width(static_cast<uint64_t>(std::ceil(std::exp(static_cast<double>(reach) * std::abs(scale)))));
      out = FixedType::ufixed(integer + 16, integer, model::Rounding::kRnd, model::Overflow::kSat);
      fill_table(
          reach, out, [&](double x) { return std::exp(x * scale); }, node);
      break;
    }
    case PostTransform::kTanh:
      out = FixedType::fixed(17, 1, model::Rounding::kRnd, model::Overflow::kSat);
      fill_table(
          std::min<int64_t>(reach_of(in.types[0]), 8), out, [&](double x) { return std::tanh(x * scale); }, node);
      break;
    case PostTransform::kSoftmax: {
      if (scale != 1) return no_table();
      TypedLayer layer;
      layer.name = node.name;
      layer.shape = in.shape;
      layer.settings["implementation"] = std::string("strobe");
      node.op = "softmax";
      if (absl::Status s = write_softmax(layer, in.types[0], node); !s.ok()) return s;
      break;
    }
    default:
      return no_table();
  }
  return builder.add(std::move(node), {in.shape, {out}});
}

}  // namespace strobe::quantise
