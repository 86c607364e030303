#include "kernels/quantise/hgq_softmax.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "kernels/import/file_rules.h"
#include "kernels/quantise/hgq_weights.h"
#include "kernels/quantise/tables.h"

namespace strobe::quantise {
namespace {

using import::ElementQuantizer;
using import::FloatLayer;
using model::Constant;
using model::FixedType;

constexpr int kMaxAddressBits = 16;

absl::Status unsupported(const FloatLayer& layer, const std::string& text) {
  return absl::UnimplementedError(absl::StrCat("layer '", layer.name, "' (", layer.class_name, "): ", text));
}

/// The one format of a quantiser.
absl::StatusOr<FixedType> single_type(const FloatLayer& layer, const char* name) {
  auto it = layer.quantizers.find(name);
  const auto* quantizer = it == layer.quantizers.end() ? nullptr : std::get_if<ElementQuantizer>(&it->second);
  if (quantizer == nullptr) return unsupported(layer, absl::StrCat("has no quantiser '", name, "'"));
  if (quantizer->k.data.size() != 1)
    return unsupported(layer, absl::StrCat("quantiser '", name, "' has more than one format"));
  auto types = element_types(*quantizer, {1});
  if (!types.ok()) return types.status();
  return types->at(0);
}

/// An entry for each bit pattern of `address`, in float32 as the framework computes it.
template <typename Function>
absl::StatusOr<Constant> tabulate(const FloatLayer& layer, const FixedType& address, const FixedType& entry,
                                  Function function) {
  if (address.width > kMaxAddressBits) {
    return unsupported(layer, absl::StrCat("a table of ", address.width, " address bits; at most ", kMaxAddressBits,
                                           " are supported"));
  }
  const int64_t size = int64_t{1} << address.width;
  Constant table{{{size}, {entry}}, {}};
  for (int64_t pattern = 0; pattern < size; ++pattern) {
    const int64_t raw = address.is_signed && pattern >= size / 2 ? pattern - size : pattern;
    const auto x = address.width == 0 ? 0.0F : static_cast<float>(model::to_double(raw, address));
    table.raw.push_back(entry.width == 0 ? 0 : cast_entry(function(x), entry));
  }
  return table;
}

Lane lane_of_entries(const Constant& table) {
  const auto [low, high] = std::minmax_element(table.raw.begin(), table.raw.end());
  return {*low, *high, table.type.types[0].fraction()};
}

/// The type that holds a sum of `n` entries exactly.
FixedType sum_type(const FixedType& entry, int64_t n) {
  const int carries = std::bit_width(static_cast<uint64_t>(n));
  return {entry.is_signed, entry.width + carries, entry.integer + carries};
}

}  // namespace

absl::StatusOr<HgqSoftmax> hgq_softmax(const FloatLayer& layer, const model::Shape& shape, const std::vector<Lane>& x) {
  const auto axis = import::event_axis(layer, shape.size());
  if (!axis) return import::layer_error(layer, "its axis does not exist");
  const bool stable = layer.setting<bool>("stable").value_or(true);
  const auto scale = static_cast<float>(layer.setting<double>("scale").value_or(1.0));

  HgqSoftmax result;
  absl::StatusOr<FixedType> exp_in;
  if (stable) {
    exp_in = single_type(layer, "exp_input");
  } else {
    Lane all;
    for (const Lane& lane : x) all = united(all, lane);
    exp_in = holding(all);
    result.input_type = *exp_in;
  }
  const auto exp_out = single_type(layer, "exp_output");
  const auto inv_in = single_type(layer, "inverse_input");
  const auto inv_out = single_type(layer, "inverse_output");
  for (const absl::Status& status : {exp_in.status(), exp_out.status(), inv_in.status(), inv_out.status()}) {
    if (!status.ok()) return status;
  }
  auto exps = tabulate(layer, *exp_in, *exp_out, [&](float v) { return std::exp(stable ? -v * scale : v * scale); });
  if (!exps.ok()) return exps.status();
  auto inverses = tabulate(layer, *inv_in, *inv_out, [](float v) { return 1.0F / (v + 1e-7F); });
  if (!inverses.ok()) return inverses.status();

  result.result = lane_of_entries(*exps) * lane_of_entries(*inverses);
  const FixedType accum = sum_type(*exp_out, shape[*axis]);
  exps->type.types = {accum};
  result.node.name = layer.name;
  result.node.op = "softmax";
  result.node.attributes["axis"] = static_cast<int64_t>(*axis);
  result.node.attributes["implementation"] = std::string(stable ? "stable" : "latency");
  if (stable) result.node.attributes["inp_norm"] = *exp_in;
  result.node.attributes["inv_inp"] = *inv_in;
  result.node.attributes["accum"] = accum;
  result.node.constants["exp_table"] = *std::move(exps);
  result.node.constants["inv_table"] = *std::move(inverses);
  return result;
}

}  // namespace strobe::quantise
