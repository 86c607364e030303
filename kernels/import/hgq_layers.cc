#include <algorithm>
#include <cmath>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "kernels/import/keras_layers.h"

namespace strobe::import {
namespace {

using Shape = std::vector<int64_t>;
using Handler = absl::Status (*)(LayerContext&);

/// Formats wider than this come from damaged files, not from training (HGQ2 clips at 24).
constexpr double kMaxBits = 1024;

/// Rounds each number half to even, in place.
absl::Status round_all(const LayerContext& at, const std::string& what, Array* array) {
  for (double& value : array->data) {
    if (!(std::fabs(value) <= kMaxBits)) return at.invalid(absl::StrCat(what, ": a width of ", value, " bits"));
    const double down = std::floor(value), rest = value - down;
    value = rest < 0.5 || (rest == 0.5 && std::fmod(down, 2.0) == 0) ? down : down + 1;
  }
  return absl::OkStatus();
}

/// Whether formats of shape `widths` can be spread over a tensor of shape `tensor` by repeating extents of 1.
bool broadcasts(const Shape& widths, const Shape& tensor) {
  if (widths.size() > tensor.size()) return false;
  for (size_t i = 0; i < widths.size(); ++i) {
    const int64_t extent = widths[widths.size() - 1 - i];
    if (extent != 1 && extent != tensor[tensor.size() - 1 - i]) return false;
  }
  return true;
}

Shape with_batch(const Shape& shape) {
  Shape full = {1};
  full.insert(full.end(), shape.begin(), shape.end());
  return full;
}

struct FormatVariables {
  Array sign, integer, width;  ///< width: b of kbi, f of kif
};

/// Tells the variables apart. Trainable ones come first, the others follow, each group in the order k, then b, i (kbi)
/// or i, f (kif). The sign is never trained and is the only one of 8 bits; what is trained follows from where it
/// stands:
///   k first: nothing is trained; k second: only b or f; k third: both.
absl::StatusOr<FormatVariables> read_variables(const LayerContext& at, const std::string& group,
                                               const std::string& what, bool kbi) {
  int sign_at = -1;
  for (int i = 0; i < 3 && sign_at < 0; ++i) {
    absl::StatusOr<bool> is_sign = at.weights.file().is_uint8(absl::StrCat(group, "/", i));
    if (!is_sign.ok()) return at.invalid(absl::StrCat(what, ": ", is_sign.status().message()));
    if (*is_sign) sign_at = i;
  }
  if (sign_at < 0)
    return at.invalid(absl::StrCat(what, ": expected a sign among its first three variables, found none"));
  int width_at = sign_at == 0 ? (kbi ? 1 : 2) : 0;
  int integer_at = sign_at == 0 ? (kbi ? 2 : 1) : (sign_at == 1 ? 2 : 1);
  if (sign_at == 2 && !kbi) std::swap(width_at, integer_at);
  FormatVariables read;
  const std::pair<int, Array*> kPlaces[] = {
      {sign_at, &read.sign}, {integer_at, &read.integer}, {width_at, &read.width}};
  for (const auto& [place, target] : kPlaces) {
    absl::StatusOr<Array> array =
        at.weights.read_finite(absl::StrCat(group, "/", place), absl::StrCat("layer '", at.source.name, "', ", what));
    if (!array.ok()) return array.status();
    *target = *std::move(array);
    if (target->shape != read.sign.shape) {
      return at.invalid(absl::StrCat(what, ": expected variables of one shape, found ", shape_text(read.sign.shape),
                                     " and ", shape_text(target->shape)));
    }
    if (absl::Status s = round_all(at, what, target); !s.ok()) return s;
  }
  return read;
}

/// Reads the quantiser in the group `place` below the layer's ("iq/quantizer") into `layer.quantizers[name]`.
/// `tensor` is the shape of what it quantises, the batch axis included where it is data.
absl::Status read_quantizer(LayerContext& at, const Json& entry, const std::string& place, const std::string& name,
                            const Shape& tensor) {
  const std::string what = absl::StrCat("quantiser '", name, "'");
  const Json& config = member(entry, "config");
  const std::string type = as_text(member(config, "q_type")).value_or("");
  if (type == "dummy") return absl::OkStatus();
  if (type != "kif" && type != "kbi") {
    return at.unsupported(absl::StrCat(what, " of type '", type, "'; supported are kif and kbi"));
  }
  for (const char* key : {"scaler", "affine"}) {
    if (!member(config, key).is_null()) return at.unsupported(absl::StrCat(what, " with '", key, "'"));
  }
  ElementQuantizer quantizer;
  // Older versions wrote the modes as the user typed them, in small letters too.
  quantizer.rounding = absl::AsciiStrToUpper(as_text(member(config, "round_mode")).value_or(""));
  quantizer.overflow = absl::AsciiStrToUpper(as_text(member(config, "overflow_mode")).value_or(""));
  // "S_RND" draws random numbers while training and is RND afterwards.
  if (quantizer.rounding == "S_RND") quantizer.rounding = "RND";
  if (quantizer.rounding == "S_RND_CONV") quantizer.rounding = "RND_CONV";
  static const std::set<std::string> kRoundings = {"TRN", "RND", "RND_CONV"}, kOverflows = {"WRAP", "SAT", "SAT_SYM"};
  if (!kRoundings.contains(quantizer.rounding) || !kOverflows.contains(quantizer.overflow)) {
    return at.unsupported(absl::StrCat(what, " with rounding '", quantizer.rounding, "' and overflow '",
                                       quantizer.overflow,
                                       "'; supported are TRN, RND, RND_CONV and WRAP, SAT, SAT_SYM"));
  }
  const std::string group = absl::StrCat(at.weights.group(at.source), "/", place, "/vars");
  absl::StatusOr<FormatVariables> read = read_variables(at, group, what, type == "kbi");
  if (!read.ok()) return read.status();
  if (!broadcasts(read->sign.shape, tensor)) {
    return at.invalid(absl::StrCat(what, ": formats of shape ", shape_text(read->sign.shape),
                                   " do not fit a tensor of ", shape_text(tensor)));
  }
  if (type == "kbi") {
    for (size_t i = 0; i < read->width.data.size(); ++i) read->width.data[i] -= read->integer.data[i];
  }
  const bool is_weight = as_bool(member(config, "is_weight")).value_or(false);
  quantizer.trainable_wrap = is_weight && quantizer.overflow == "WRAP" &&
                             as_bool(member(config, "trainable")).value_or(true) &&
                             (type == "kif" || quantizer.rounding == "RND");
  quantizer.k = std::move(read->sign);
  quantizer.i = std::move(read->integer);
  quantizer.f = std::move(read->width);
  at.layer.quantizers[name] = std::move(quantizer);
  return absl::OkStatus();
}

/// The data quantisers in front of and behind a layer. `at.output` must be set.
absl::Status read_data_quantizers(LayerContext& at) {
  if (as_bool(at.config("enable_iq")).value_or(false)) {
    if (absl::Status s = read_quantizer(at, at.config("iq_conf"), "iq/quantizer", "input", with_batch(at.inputs[0]));
        !s.ok())
      return s;
  }
  if (!as_bool(at.config("enable_oq")).value_or(false)) return absl::OkStatus();
  return read_quantizer(at, at.config("oq_conf"), "oq/quantizer", "output", with_batch(at.output));
}

/// Reads a dense layer of `plan`, its weights in the order `specs`.
absl::Status read_dense(LayerContext& at, const EinsumPlan& plan, const std::vector<WeightSpec>& specs) {
  at.layer.kind = "Dense";
  at.output = plan.output;
  if (absl::Status s = at.load(specs); !s.ok()) return s;
  // HGQ2's own counters and regularisation strengths lie between the weights.
  if (const Array* ebops = at.layer.array("ebops")) at.layer.settings["ebops"] = ebops->data.at(0);
  std::erase_if(at.layer.arrays, [](const auto& entry) { return entry.first.starts_with("ebops"); });
  if (absl::Status s = set_activation(at, at.config("activation"), "activation"); !s.ok()) return s;
  if (absl::Status s = read_data_quantizers(at); !s.ok()) return s;
  if (absl::Status s = read_quantizer(at, at.config("kq_conf"), "kq/quantizer", "kernel", plan.kernel); !s.ok())
    return s;
  const bool has_bias = !plan.bias.empty();
  if (has_bias && !at.config("bq_conf").is_null()) {
    if (absl::Status s = read_quantizer(at, at.config("bq_conf"), "bq/quantizer", "bias", plan.bias); !s.ok()) return s;
  }
  finish_einsum(at, plan);
  return absl::OkStatus();
}

/// Whether the layer keeps the two variables of the bit-operations count.
bool counts_ebops(const LayerContext& at) { return as_bool(at.config("enable_ebops")).value_or(false); }

absl::Status read_plain_dense(LayerContext& at, const absl::StatusOr<EinsumPlan>& plan) {
  if (!plan.ok()) return plan.status();
  std::vector<WeightSpec> specs = {{"kernel", plan->kernel}};
  if (!plan->bias.empty()) specs.push_back({"bias", plan->bias});
  if (counts_ebops(at)) {
    specs.push_back({"ebops_beta", {}});
    specs.push_back({"ebops", {}});
  }
  return read_dense(at, *plan, specs);
}

absl::Status q_dense(LayerContext& at) { return read_plain_dense(at, dense_plan(at)); }
absl::Status q_einsum_dense(LayerContext& at) { return read_plain_dense(at, equation_plan(at)); }

/// A dense layer with a batch normalisation of `channels`, on the outputs or on the inputs.
absl::Status read_normalised_dense(LayerContext& at, const EinsumPlan& plan, const Shape& channels) {
  std::vector<WeightSpec> specs = {{"kernel", plan.kernel}};
  if (!plan.bias.empty()) specs.push_back({"bias", plan.bias});
  if (as_bool(at.config("scale")).value_or(true)) specs.push_back({"gamma", channels});
  if (counts_ebops(at)) {
    specs.push_back({"ebops_beta", {}});
    specs.push_back({"ebops", {}});
  }
  specs.push_back({"moving_mean", channels});
  specs.push_back({"moving_variance", channels});
  return read_dense(at, plan, specs);
}

/// Normalises its outputs, with Keras' own epsilon whatever the configuration says.
absl::Status q_einsum_dense_batchnorm(LayerContext& at) {
  absl::StatusOr<EinsumPlan> plan = equation_plan(at);
  if (!plan.ok()) return plan.status();
  if (plan->bias.empty()) return at.unsupported("a batch normalisation without bias axes");
  at.layer.settings["epsilon"] = 1e-7;
  return read_normalised_dense(at, *plan, plan->bias);
}

/// Normalises its inputs.
absl::Status q_batch_norm_dense(LayerContext& at) {
  absl::StatusOr<EinsumPlan> plan = dense_plan(at);
  if (!plan.ok()) return plan.status();
  at.layer.settings["epsilon"] = as_number(at.config("epsilon")).value_or(1e-3);
  return read_normalised_dense(at, *plan, {plan->kernel[0]});
}

absl::Status q_batch_normalization(LayerContext& at) {
  absl::StatusOr<int64_t> extent = normalised_extent(at);
  if (!extent.ok()) return extent.status();
  at.layer.kind = "BatchNormalization";
  at.output = at.inputs[0];
  at.layer.settings["epsilon"] = as_number(at.config("epsilon")).value_or(1e-3);
  std::vector<WeightSpec> specs;
  if (as_bool(at.config("scale")).value_or(true)) specs.push_back({"gamma", {*extent}});
  if (as_bool(at.config("center")).value_or(true)) specs.push_back({"beta", {*extent}});
  specs.push_back({"moving_mean", {*extent}});
  specs.push_back({"moving_variance", {*extent}});
  if (absl::Status s = at.load(specs); !s.ok()) return s;
  if (absl::Status s = read_data_quantizers(at); !s.ok()) return s;
  if (absl::Status s = read_quantizer(at, at.config("kq_conf"), "kq/quantizer", "kernel", {*extent}); !s.ok()) return s;
  return read_quantizer(at, at.config("bq_conf"), "bq/quantizer", "bias", {*extent});
}

absl::Status quantizer(LayerContext& at) {
  at.layer.kind = "Quantizer";
  at.output = at.inputs[0];
  return read_quantizer(at, at.config("config"), "quantizer", "output", with_batch(at.output));
}

/// Merges quantise each input by itself: "input_0", "input_1"...
absl::Status merge(LayerContext& at) {
  std::string kind = at.source.class_name.substr(1);
  if (absl::Status s = convert_merge(at, kind); !s.ok()) return s;
  if (as_bool(at.config("enable_iq")).value_or(false)) {
    const Json& entries = at.config("iq_confs");
    for (size_t i = 0; i < at.inputs.size(); ++i) {
      const std::string place =
          absl::StrCat("iq/quantizers/quantizer", i == 0 ? "" : absl::StrCat("_", i), "/quantizer");
      const Json entry = entries.is_array() && i < entries.size() ? entries[i] : entries.is_object() ? entries : Json();
      if (absl::Status s = read_quantizer(at, entry, place, absl::StrCat("input_", i), with_batch(at.inputs[i]));
          !s.ok())
        return s;
    }
  }
  if (!as_bool(at.config("enable_oq")).value_or(false)) return absl::OkStatus();
  return read_quantizer(at, at.config("oq_conf"), "oq/quantizer", "output", with_batch(at.output));
}

/// Quantisers: "input" (where enabled), "exp_input" (stable only), "exp_output", "inverse_input", "inverse_output".
/// Settings: "axis" (the batch counted), "stable", "scale" (the exponent's factor).
absl::Status softmax(LayerContext& at) {
  at.layer.kind = "Activation";
  at.output = at.inputs[0];
  at.layer.settings["activation"] = std::string("softmax");
  const std::optional<Shape> axes = as_integers(at.config("axes").is_null() ? at.config("axis") : at.config("axes"));
  if (!axes || axes->size() != 1) return at.unsupported("a softmax over several axes");
  at.layer.settings["axis"] = axes->front();
  const bool stable = as_bool(at.config("stable")).value_or(true);
  at.layer.settings["stable"] = stable;
  at.layer.settings["scale"] = as_number(at.config("input_scaler")).value_or(1.0);
  if (as_bool(at.config("allow_heterogeneous_table")).value_or(false))
    return at.unsupported("a table for each element");
  if (absl::Status s = read_data_quantizers(at); !s.ok()) return s;
  const Shape tensor = with_batch(at.inputs[0]);
  const struct {
    const char *entry, *place, *name;
  } kTables[] = {{"exp_iq_conf", "exp_table/iq/quantizer", "exp_input"},
                 {"exp_oq_conf", "exp_table/oq/quantizer", "exp_output"},
                 {"inv_iq_conf", "inv_table/iq/quantizer", "inverse_input"},
                 {"inv_oq_conf", "inv_table/oq/quantizer", "inverse_output"}};
  for (const auto& table : kTables) {
    if (at.config(table.entry).is_null()) continue;
    if (!stable && std::string_view(table.name) == "exp_input") continue;
    if (absl::Status s = read_quantizer(at, at.config(table.entry), table.place, table.name, tensor); !s.ok()) return s;
  }
  return absl::OkStatus();
}

const std::map<std::string, Handler>& handlers() {
  static const std::map<std::string, Handler> kHandlers = {
      {"Quantizer", quantizer},
      {"QDense", q_dense},
      {"QEinsumDense", q_einsum_dense},
      {"QEinsumDenseBatchnorm", q_einsum_dense_batchnorm},
      {"QBatchNormDense", q_batch_norm_dense},
      {"QBatchNormalization", q_batch_normalization},
      {"QSoftmax", softmax},
      {"QAdd", merge},
      {"QSubtract", merge},
      {"QMultiply", merge},
      {"QMaximum", merge},
      {"QMinimum", merge},
      {"QAveragePow2", merge},
  };
  return kHandlers;
}

}  // namespace

std::vector<std::string> hgq_layer_names() {
  std::vector<std::string> names;
  for (const auto& [name, unused] : handlers()) names.push_back(name);
  return names;
}

absl::Status convert_hgq_layer(LayerContext& at, bool* found) {
  const auto handler = handlers().find(at.source.class_name);
  *found = handler != handlers().end();
  if (!*found) return absl::OkStatus();
  if (!at.weights.is_numbered()) return at.unsupported("HGQ2 layers outside a .keras file");
  const bool joins = handler->second == merge;
  if (!joins && at.inputs.size() != 1) return at.invalid(absl::StrCat("expected 1 input, found ", at.inputs.size()));
  return handler->second(at);
}

}  // namespace strobe::import
