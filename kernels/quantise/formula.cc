#include "kernels/quantise/formula.h"

#include <algorithm>

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

absl::StatusOr<Quantised> quantise_formula(const import::FloatModel& model, const QuantiseOptions& options) {
  const auto layer = std::find_if(model.layers.begin(), model.layers.end(),
                                  [](const import::FloatLayer& l) { return l.formula != nullptr; });
  auto config = parse_formula_config(options.config, options.config_origin);
  if (!config.ok()) return config.status();
  const model::FixedType fallback = config->hls4ml ? config->precision : kDefaultInputType;
  const model::FixedType type = options.input_type.value_or(fallback);
  const model::TensorType input = {{static_cast<int64_t>(layer->formula->inputs.size())}, {type}};
  auto lowered = config->hls4ml ? lower_formula_as_hls4ml(*layer->formula, input, *config)
                                : lower_formula(*layer->formula, input, *config);
  if (!lowered.ok()) {
    return absl::Status(lowered.status().code(),
                        absl::StrCat("model '", model.name, "': ", lowered.status().message()));
  }
  model::GraphBuilder builder(model.name);
  const model::TensorId x = builder.add_input(layer->inputs[0], input);
  model::Node node{layer->outputs[0], "formula", {x}, {}, {}, {}};
  layers::formula::store(lowered->program, node);
  const auto outputs = static_cast<int64_t>(lowered->program.results.size());
  const model::TensorId y = builder.add(std::move(node), {{outputs}, {lowered->output}});
  builder.set_outputs({y});
  for (const auto& [key, value] : model.provenance) builder.set_provenance(key, value);
  if (!config->hls4ml) builder.set_provenance("error_bound", absl::StrFormat("%.4g", lowered->error_bound));
  auto graph = std::move(builder).build();
  if (!graph.ok()) return graph.status();
  return Quantised{*std::move(graph), std::move(lowered->warnings), {}};
}

}  // namespace strobe::quantise
