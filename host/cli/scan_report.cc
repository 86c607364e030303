#include "host/cli/scan_report.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "host/cli/report_text.h"

namespace strobe::cli {

std::string compile_options(const compile::ModelOptions& model) {
  std::string text;
  const auto add = [&](const char* option, const std::string& value) {
    if (!value.empty()) absl::StrAppend(&text, text.empty() ? "" : " ", option, " ", value);
  };
  const auto quoted = [](const std::string& value) { return value.empty() ? value : absl::StrCat("'", value, "'"); };
  const auto type = [&](const std::optional<model::FixedType>& of) { return of ? quoted(of->to_string()) : ""; };
  add("--weights", quoted(model.weights));
  add("--select", model.formula_choice);
  add("--inputs", quoted(model.formula_inputs));
  add("--config", quoted(model.config));
  add("--input-type", type(model.input_type));
  add("--weight-bits", model.weight_bits ? absl::StrCat(*model.weight_bits) : "");
  add("--score-type", type(model.score_type));
  return text;
}

bool is_on_front(const std::vector<size_t>& front, size_t point) {
  return std::find(front.begin(), front.end(), point) != front.end();
}

void add_figures(nlohmann::ordered_json& point, const scan::Figures& figures, bool on_front) {
  point["accuracy"] = optional_json(figures.merit.accuracy);
  point["difference"] = {{"largest", figures.merit.difference.largest}, {"mean", figures.merit.difference.mean}};
  point["input_overflows"] = figures.input_overflow.total();
  point["overflows"] = {{"wrapped", figures.overflow.wrapped}, {"saturated", figures.overflow.saturated}};
  point["multiplications"] = figures.cost.multiplications;
  point["additions"] = figures.cost.additions;
  point["bit_operations"] = figures.cost.bit_operations;
  point["planned"] = {{"initiation_interval", figures.cost.planned_initiation_interval},
                      {"depth", figures.cost.planned_depth},
                      {"multipliers", figures.cost.planned_multipliers}};
  point["on_front"] = on_front;
}

std::string csv_figures(const scan::Figures& figures) {
  return absl::StrCat(csv_number(figures.merit.difference.largest), ",", csv_number(figures.merit.difference.mean), ",",
                      figures.input_overflow.total(), ",", figures.overflow.total(), ",", figures.cost.multiplications,
                      ",", figures.cost.additions, ",");
}

}  // namespace strobe::cli
