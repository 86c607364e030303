#include "kernels/quantise/formula.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "kernels/formula/formula.h"
#include "kernels/quantise/formula_config.h"
#include "kernels/quantise/formula_hls4ml.h"
#include "kernels/quantise/formula_lower.h"

namespace strobe::quantise {

bool is_formula(const import::FloatModel& model) {
  return std::any_of(model.layers.begin(), model.layers.end(),
                     [](const import::FloatLayer& layer) { return layer.formula != nullptr; });
}

namespace {

/// Of scores so fine that nobody asked for their last bits.
constexpr double kLeastOutputError = 0x1p-16;

/// To so many significant bits.
double rounded_to(double number, int bits) {
  int exponent = 0;
  const double mantissa = std::frexp(number, &exponent);
  return std::ldexp(std::nearbyint(std::ldexp(mantissa, bits)), exponent - bits);
}

/// The formula with every constant rounded.
formula::Formula with_short_constants(formula::Formula formula, int bits) {
  for (formula::Term& term : formula.terms) {
    if (term.op == formula::Op::kConstant) term.number = rounded_to(term.number, bits);
  }
  return formula;
}

absl::Status settle_widths(const QuantiseOptions& options, FormulaConfig& config) {
  if (options.input_type && config.input_type.all && *options.input_type != *config.input_type.all) {
    return absl::InvalidArgumentError(absl::StrCat("--input-type is ", options.input_type->to_string(), ", ",
                                                   options.config_origin,
                                                   " says InputPrecision: ", config.input_type.all->to_string()));
  }
  if (options.input_type) config.input_type.all = options.input_type;
  if (!options.score_type && !options.weight_bits) return absl::OkStatus();
  if (config.hls4ml)
    return absl::InvalidArgumentError("Compatibility: hls4ml has one Precision, which the configuration gives");
  if (!options.score_type) return absl::OkStatus();
  config.output_type.all = options.score_type;
  if (!config.output_error.all) config.output_error.all = std::max(options.score_type->step() / 2, kLeastOutputError);
  return absl::OkStatus();
}

/// Its beginning, where it is very long.
std::string shortened(const std::string& text) {
  size_t end = 1000;
  if (text.size() <= end) return text;
  while ((static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;  // not within a character
  return text.substr(0, end) + " ...";
}

layers::formula::Texts texts_of(const formula::Formula& formula) {
  layers::formula::Texts texts;
  texts.inputs = formula.inputs;
  for (const formula::Output& output : formula.outputs) {
    texts.outputs.push_back(output.name);
    texts.expressions.push_back(shortened(output.expression));
  }
  return texts;
}

/// One type where all inputs have the same, else one for each.
model::TensorType input_of(const formula::Formula& formula, const FormulaConfig& config) {
  std::vector<model::FixedType> types;
  for (const std::string& name : formula.inputs)
    types.push_back(config.input_type.of(name).value_or(config.hls4ml ? config.precision : kDefaultInputType));
  if (std::all_of(types.begin(), types.end(), [&](const model::FixedType& t) { return t == types[0]; }))
    types.resize(1);
  return {{static_cast<int64_t>(formula.inputs.size())}, std::move(types)};
}

/// "0.0009", or "mt: 0.0156, dphi: 0.0009" where outputs may be off by different amounts.
std::string bounds_text(const LoweredFormula& lowered, const formula::Formula& formula, bool each) {
  const auto& bounds = lowered.error_bounds;
  if (!each) return absl::StrFormat("%.4g", *std::max_element(bounds.begin(), bounds.end()));
  std::string text;
  for (size_t o = 0; o < bounds.size(); ++o)
    absl::StrAppendFormat(&text, "%s%s: %.4g", o == 0 ? "" : ", ", formula.outputs[o].name, bounds[o]);
  return text;
}

}  // namespace

absl::StatusOr<Quantised> quantise_formula(const import::FloatModel& model, const QuantiseOptions& options) {
  const auto layer = std::find_if(model.layers.begin(), model.layers.end(),
                                  [](const import::FloatLayer& l) { return l.formula != nullptr; });
  auto config = parse_formula_config(options.config, options.config_origin, layer->formula->inputs,
                                     texts_of(*layer->formula).outputs);
  if (!config.ok()) return config.status();
  if (absl::Status s = settle_widths(options, *config); !s.ok()) return s;
  const formula::Formula formula =
      options.weight_bits ? with_short_constants(*layer->formula, *options.weight_bits) : *layer->formula;
  const model::TensorType input = input_of(formula, *config);
  auto lowered =
      config->hls4ml ? lower_formula_as_hls4ml(formula, input, *config) : lower_formula(formula, input, *config);
  if (!lowered.ok()) {
    return absl::Status(lowered.status().code(),
                        absl::StrCat("model '", model.name, "': ", lowered.status().message()));
  }
  model::GraphBuilder builder(model.name);
  const model::TensorId x = builder.add_input(layer->inputs[0], input);
  model::Node node{layer->outputs[0], "formula", {x}, {}, {}, {}};
  layers::formula::store(lowered->program, node);
  layers::formula::store(texts_of(formula), node);
  const auto outputs = static_cast<int64_t>(lowered->program.results.size());
  const model::TensorId y = builder.add(std::move(node), {{outputs}, lowered->outputs});
  builder.set_outputs({y});
  for (const auto& [key, value] : model.provenance) builder.set_provenance(key, value);
  if (!config->hls4ml) builder.set_provenance("error_bound", bounds_text(*lowered, formula, config->has_type_each()));
  auto graph = std::move(builder).build();
  if (!graph.ok()) return graph.status();
  return Quantised{*std::move(graph), std::move(lowered->warnings), {}};
}

}  // namespace strobe::quantise
