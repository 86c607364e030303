#include "kernels/quantise/softmax_tables.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "kernels/quantise/tables.h"

namespace strobe::quantise {
namespace {

using model::Constant;
using model::Overflow;
using model::Rounding;

int log2_of(int64_t power_of_two) { return std::countr_zero(static_cast<uint64_t>(power_of_two)); }

/// exp(scale * value) at each address in float32, converted to `type`, then to the accumulator in which the kernel
/// holds it.
Constant exp_table(int64_t size, const FixedType& address, float scale, const FixedType& type, const FixedType& accum) {
  Constant table{{{size}, {accum}}, {}};
  for (int64_t i = 0; i < size; ++i) {
    const float x = scale * static_cast<float>(value_at_top_bits(i, log2_of(size), address));
    const int64_t entry = cast_entry(std::exp(x), type);
    table.raw.push_back(model::cast(static_cast<model::Wide>(entry), type.fraction(), accum));
  }
  return table;
}

Constant inverse_table(int64_t size, const FixedType& address, const FixedType& type) {
  Constant table{{{size}, {type}}, {}};
  for (int64_t i = 0; i < size; ++i) {
    table.raw.push_back(cast_entry(1.0F / static_cast<float>(value_at_top_bits(i, log2_of(size), address)), type));
  }
  return table;
}

struct TableSizes {
  int64_t exp, inverse;
};

/// hls4ml 1.3: a table size of its own for the inverse keeps the common one from being cut to what the input and the
/// entries can address; "stable" with signed inputs sizes its exponentials by the inverse's.
TableSizes table_sizes(const TypedLayer& layer, const FixedType& in) {
  const std::string implementation = layer.text("implementation", "stable");
  const bool own_inverse = layer.settings.contains("inv_table_size");
  int64_t common = layer.integer("table_size", 1024);
  if (!own_inverse && implementation != "legacy")
    common = std::min(common, int64_t{1} << std::min({in.width, layer.type("inv_table")->width, 24}));
  TableSizes sizes = {layer.integer("exp_table_size", common), layer.integer("inv_table_size", common)};
  if (implementation == "stable" && in.is_signed) sizes.exp = sizes.inverse;
  const int address_bits = implementation == "stable" ? in.width - in.is_signed : in.width;
  if (implementation != "legacy") sizes.exp = std::min(sizes.exp, int64_t{1} << std::min(address_bits, 24));
  return sizes;
}

absl::Status write_legacy(const TypedLayer& layer, const TableSizes& sizes, model::Node& node) {
  const FixedType type = *layer.type("table");
  node.attributes["accum"] = type;
  Constant exps{{{sizes.exp}, {type}}, {}};
  for (int64_t i = 0; i < sizes.exp; ++i) {
    const auto n = static_cast<float>(sizes.exp);
    const auto x = static_cast<float>(2 * 8.0 * (static_cast<double>(i) - n / 2.0) / n);
    exps.raw.push_back(cast_entry(std::exp(x), type));
  }
  Constant inverses{{{sizes.inverse}, {type}}, {}};
  for (int64_t i = 0; i < sizes.inverse; ++i) {
    const auto n = static_cast<float>(sizes.inverse);
    const auto y = static_cast<float>(64.0 * static_cast<double>(i) / n);
    inverses.raw.push_back(y > 0 ? cast_entry(1.0 / y, type) : 0);
  }
  node.constants["exp_table"] = std::move(exps);
  node.constants["inv_table"] = std::move(inverses);
  return absl::OkStatus();
}

/// strobe's own: distances to the largest input in steps of 1/256 up to 16, rounded up so that only a largest input
/// itself counts as such; exponentials at the middle of their step; an exact sum; its reciprocal in 4096 steps, more
/// from 64 classes on. Probabilities are within 0.01 of the exact softmax and the winning class is never changed.
absl::Status write_own(int64_t n, const FixedType& in, model::Node& node) {
  constexpr int kAddressBits = 12;
  constexpr int64_t kEntries = int64_t{1} << kAddressBits;
  const FixedType distance = FixedType::ufixed(kAddressBits, 4, Rounding::kTrn, Overflow::kSat);
  const FixedType entry = FixedType::ufixed(18, 1, Rounding::kRnd, Overflow::kSat);
  const int sum_bits = std::bit_width(static_cast<uint64_t>(n));
  const FixedType accum = FixedType::ufixed(17 + sum_bits, sum_bits);
  // A sum of many classes needs more steps for the same relative error near 1.
  const int sum_address_bits = std::clamp(sum_bits + 6, kAddressBits, 16);
  const FixedType sum = FixedType::ufixed(sum_address_bits, sum_bits, Rounding::kRnd, Overflow::kSat);

  Constant exps{{{kEntries}, {accum}}, {}};
  for (int64_t i = 0; i < kEntries; ++i) {
    const double middle = i == 0 ? 0.0 : (static_cast<double>(i) - 0.5) * distance.step();
    exps.raw.push_back(
        model::cast(static_cast<model::Wide>(cast_entry(std::exp(-middle), entry)), entry.fraction(), accum));
  }
  const int64_t inverse_entries = int64_t{1} << sum_address_bits;
  Constant inverses{{{inverse_entries}, {entry}}, {}};
  for (int64_t i = 0; i < inverse_entries; ++i) {
    inverses.raw.push_back(i == 0 ? 0 : cast_entry(1.0 / (static_cast<double>(i) * sum.step()), entry));
  }
  if (in.fraction() > distance.fraction()) {
    const FixedType offset = FixedType::ufixed(in.fraction() - distance.fraction(), -distance.fraction());
    node.constants["norm_offset"] = {{{1}, {offset}}, {static_cast<int64_t>(offset.max_raw())}};
  }
  node.attributes["implementation"] = std::string("stable");
  node.attributes["inp_norm"] = distance;
  node.attributes["inv_inp"] = sum;
  node.attributes["accum"] = accum;
  node.constants["exp_table"] = std::move(exps);
  node.constants["inv_table"] = std::move(inverses);
  return absl::OkStatus();
}

}  // namespace

bool softmax_reads(std::string_view key, const TypedLayer& layer, const FixedType& in) {
  const std::string implementation = layer.text("implementation", "stable");
  if (implementation == "argmax" || implementation == "strobe") return false;
  if (key == "inv_table_size") return true;
  if (key == "exp_table_size") return implementation != "stable" || !in.is_signed;
  return key == "exp_scale" && implementation != "legacy";
}

absl::Status write_softmax(const TypedLayer& layer, const FixedType& in, model::Node& node) {
  const std::string implementation = layer.text("implementation", "stable");
  const int64_t axis = layer.integer("axis", static_cast<int64_t>(layer.shape.size()) - 1);
  node.attributes["axis"] = axis;
  node.attributes["implementation"] = implementation;
  if (implementation == "argmax") return absl::OkStatus();
  if (implementation == "strobe") return write_own(layer.shape[axis], in, node);
  const TableSizes sizes = table_sizes(layer, in);
  if (implementation == "legacy") return write_legacy(layer, sizes, node);
  if (implementation != "stable" && implementation != "latency") {
    return absl::InvalidArgumentError(absl::StrCat("layer '", layer.name, "': softmax implementation '", implementation,
                                                   "' is not stable, latency, argmax or legacy"));
  }

  const FixedType exp_type = *layer.type("exp_table");
  const FixedType inv_type = *layer.type("inv_table");
  const FixedType inv_inp = *layer.type("inv_inp");
  const FixedType accum = *layer.type("accum");
  FixedType address = in;
  auto scale = static_cast<float>(layer.real("exp_scale", 1.0));
  if (implementation == "stable") {
    address = FixedType::ufixed(in.width - in.is_signed, in.integer - in.is_signed);
    node.attributes["inp_norm"] = address;
    scale = -scale;
  }
  node.attributes["inv_inp"] = inv_inp;
  node.attributes["accum"] = accum;
  node.constants["exp_table"] = exp_table(sizes.exp, address, scale, exp_type, accum);
  node.constants["inv_table"] = inverse_table(sizes.inverse, inv_inp, inv_type);
  return absl::OkStatus();
}

}  // namespace strobe::quantise
