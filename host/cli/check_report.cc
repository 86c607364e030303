#include "host/cli/check_report.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <functional>
#include <nlohmann/json.hpp>
#include <span>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "host/cli/report_text.h"

namespace strobe::cli {
namespace {

using Json = nlohmann::ordered_json;
using metrics::Roc;

const char* state_text(Way::State state) {
  switch (state) {
    case Way::State::kEqual:
      return "equal";
    case Way::State::kDiffers:
      return "DIFFERS";
    case Way::State::kNotBuilt:
      return "not built";
    case Way::State::kNotAvailable:
      return "not available";
    case Way::State::kFailed:
      return "FAILED";
  }
  return "";
}

const char* state_key(Way::State state) {
  switch (state) {
    case Way::State::kEqual:
      return "equal";
    case Way::State::kDiffers:
      return "differs";
    case Way::State::kNotBuilt:
      return "not_built";
    case Way::State::kNotAvailable:
      return "not_available";
    case Way::State::kFailed:
      return "failed";
  }
  return "";
}

void line(const std::string& text) { std::printf("%s\n", text.c_str()); }

int widest(const std::vector<std::string>& texts, size_t least) {
  size_t width = least;
  for (const std::string& text : texts) width = std::max(width, text.size());
  return static_cast<int>(width);
}

void print_ways(const CheckReport& report) {
  line("\nThe same bits in every way?");
  line(absl::StrFormat("  %-18s %-14s %s", "reference", "defines",
                       absl::StrCat("the first ", report.reference_events, " events")));
  for (const Way& way : report.ways) {
    const std::string events =
        way.state == Way::State::kEqual || way.state == Way::State::kDiffers ? absl::StrCat(way.events, " events") : "";
    line(absl::StrFormat("  %-18s %-14s %s%s%s", way.name, state_text(way.state), events,
                         events.empty() || way.detail.empty() ? "" : ": ", way.detail));
  }
}

std::string percent(double share) { return absl::StrFormat("%.2f %%", 100 * share); }

/// "0.1234 (0.1236)": fixed point, and floating point in brackets where there is one.
template <typename Figure>
std::string both(const ClassReport& of, const char* format, Figure figure) {
  char text[32];
  std::string cell;
  for (const auto* roc : {&of.fixed, &of.floating}) {
    if (!roc->has_value()) continue;
    std::snprintf(text, sizeof text, format, figure(**roc));
    absl::StrAppend(&cell, cell.empty() ? "" : " (", text, cell.empty() ? "" : ")");
  }
  return cell;
}

/// "0.0612 +- 0.0042 [196] (0.0615)": share, error and background events in fixed point, the share in floating point. A
/// share that rests on few events is marked.
std::string point_text(const ClassReport& of, const std::function<metrics::WorkingPoint(const Roc&)>& figure) {
  const metrics::WorkingPoint point = figure(*of.fixed);
  std::string cell = absl::StrFormat("%.4f +- %.4f [%d%s]", point.share, point.error, point.background_events,
                                     point.rests_on_few() ? "!" : "");
  if (of.floating) absl::StrAppend(&cell, absl::StrFormat(" (%.4f)", figure(*of.floating).share));
  return cell;
}

/// A table of one row a class. `columns` are its headings, `figure` the point of a curve that stands in one of them.
/// Whether a point rests on few events.
bool print_points(const std::vector<ClassReport>& classes, int width, std::span<const double> columns,
                  const std::function<metrics::WorkingPoint(const Roc&, double)>& figure) {
  std::string header = absl::StrFormat("  %-*s", width, "class");
  for (const double column : columns) absl::StrAppend(&header, absl::StrFormat("  %-33s", absl::StrCat("at ", column)));
  absl::StripTrailingAsciiWhitespace(&header);
  line(header);
  bool few = false;
  for (const ClassReport& c : classes) {
    if (!c.fixed) continue;
    std::string row = absl::StrFormat("  %-*s", width, c.name);
    for (const double column : columns) {
      absl::StrAppend(&row,
                      absl::StrFormat("  %-33s", point_text(c, [&](const Roc& roc) { return figure(roc, column); })));
      few |= figure(*c.fixed, column).rests_on_few();
    }
    absl::StripTrailingAsciiWhitespace(&row);
    line(row);
  }
  return few;
}

void print_classes(const OutputReport& output) {
  std::vector<std::string> names;
  for (const ClassReport& c : output.by_class) names.push_back(c.name);
  const int width = widest(names, 5);
  line(absl::StrFormat("  %-*s  AUC", width, "class"));
  bool any = false;
  for (const ClassReport& c : output.by_class) {
    any |= c.fixed.has_value();
    line(absl::StrFormat("  %-*s  %s", width, c.name,
                         c.fixed ? both(c, "%.4f", [](const Roc& roc) { return roc.area; })
                                 : "no curve: signal and background are not both among the labels"));
  }
  if (!any) return;
  line("  Background accepted at a signal efficiency: share +- statistical error [events accepted]");
  bool few = print_points(output.by_class, width, kSignalEfficiencies,
                          [](const Roc& roc, double at) { return roc.background_at(at); });
  line("  Signal kept at a background acceptance: share +- statistical error [background events accepted]");
  few |= print_points(output.by_class, width, kBackgroundRates,
                      [](const Roc& roc, double at) { return roc.signal_at(at); });
  if (few)
    line(absl::StrCat("  !: rests on fewer than ", metrics::WorkingPoint::kFewEvents,
                      " background events; more events are needed to quote it"));
}

void print_output(const OutputReport& output) {
  line(absl::StrCat("\nScores '", output.name, "', fixed point (floating point in brackets)"));
  if (output.accuracy) {
    line(absl::StrCat("  accuracy         ", percent(*output.accuracy),
                      output.float_accuracy ? absl::StrCat(" (", percent(*output.float_accuracy), ")") : "",
                      output.classes == 1 ? ", deciding at 0.5" : ""));
  }
  if (output.difference) {
    if (output.same_class)
      line(absl::StrCat("  same class       ", percent(*output.same_class), " of events as floating point"));
    line(absl::StrFormat("  difference       largest %.6g, mean %.6g", output.difference->largest,
                         output.difference->mean));
  }
  std::vector<std::string> names;
  for (const ScoreReport& score : output.scores) names.push_back(score.name);
  for (const ScoreReport& score : output.scores)
    line(absl::StrFormat("    %-*s  largest %.6g, mean %.6g", widest(names, 12), score.name, score.difference.largest,
                         score.difference.mean));
  if (!output.by_class.empty()) print_classes(output);
}

void print_layers(const CheckReport& report) {
  std::vector<std::string> names, types;
  for (const LayerReport& layer : report.layers) {
    names.push_back(layer.name);
    types.push_back(layer.type);
  }
  const int name_width = widest(names, 5), type_width = widest(types, 4);
  line(absl::StrCat("\nLayers: differences to floating point over the first ", report.reference_events,
                    " events, overflows over all ", report.events));
  line(absl::StrFormat("  %-*s  %-*s  %11s  %11s  %11s  %10s  %10s  %12s", name_width, "layer", type_width, "type",
                       "largest", "mean", "largest |x|", "wrapped", "saturated", "of values"));
  for (const LayerReport& layer : report.layers) {
    const std::string difference = layer.difference
                                       ? absl::StrFormat("%11.4g  %11.4g  %11.4g", layer.difference->largest,
                                                         layer.difference->mean, layer.largest_value)
                                       : absl::StrFormat("%11s  %11s  %11s", "-", "-", "-");
    line(absl::StrFormat("  %-*s  %-*s  %s  %10d  %10d  %12d", name_width, layer.name, type_width, layer.type,
                         difference, layer.overflow.wrapped, layer.overflow.saturated, layer.values));
  }
  const bool unmatched =
      std::any_of(report.layers.begin(), report.layers.end(), [](const LayerReport& l) { return !l.difference; });
  if (unmatched && report.no_float.empty()) line("  -: a step, or a scale, that only the fixed-point graph has");
}

Json point_json(const char* key, double at, const char* share, const metrics::WorkingPoint& point) {
  return {{key, at},
          {share, point.share},
          {"error", point.error},
          {"background_events", point.background_events},
          {"few_events", point.rests_on_few()}};
}

Json roc_json(const Roc& roc) {
  Json json = {{"auc", roc.area}, {"signal_events", roc.signal_events}, {"background_events", roc.background_events}};
  for (const double e : kSignalEfficiencies)
    json["background_at_signal"].push_back(point_json("signal", e, "background", roc.background_at(e)));
  for (const double r : kBackgroundRates)
    json["signal_at_background"].push_back(point_json("background", r, "signal", roc.signal_at(r)));
  return json;
}

Json difference_json(const metrics::Difference& d) { return {{"largest", d.largest}, {"mean", d.mean}}; }

Json output_json(const OutputReport& output) {
  Json json = {{"name", output.name}, {"scores", output.classes}};
  if (output.accuracy) json["accuracy"]["fixed"] = *output.accuracy;
  if (output.float_accuracy) json["accuracy"]["floating"] = *output.float_accuracy;
  if (output.same_class) json["same_class"] = *output.same_class;
  if (output.difference) json["difference"] = difference_json(*output.difference);
  for (const ScoreReport& score : output.scores) json["by_score"][score.name] = difference_json(score.difference);
  for (const ClassReport& c : output.by_class) {
    Json entry = {{"name", c.name}};
    if (c.fixed) entry["fixed"] = roc_json(*c.fixed);
    if (c.floating) entry["floating"] = roc_json(*c.floating);
    json["classes"].push_back(std::move(entry));
  }
  return json;
}

Json layer_json(const LayerReport& layer) {
  Json json = {{"name", layer.name},
               {"op", layer.op},
               {"type", layer.type},
               {"wrapped", layer.overflow.wrapped},
               {"saturated", layer.overflow.saturated},
               {"values", layer.values}};
  if (layer.difference) {
    json["difference"] = difference_json(*layer.difference);
    json["floating_point_layer"] = layer.step;
    json["largest_value"] = layer.largest_value;
  }
  return json;
}

void print_one(const CheckReport& report) {
  line(absl::StrCat(report.xclbin, ": model ", report.model, ", target ", report.target, ", ", report.events,
                    " events"));
  for (const std::string& warning : report.input_warnings) line("warning: " + warning);
  if (!report.no_float.empty()) line("no comparison with floating point: " + report.no_float);
  print_ways(report);
  for (const OutputReport& output : report.outputs) {
    if (output.difference || output.accuracy) print_output(output);
  }
  print_layers(report);
}

Json report_json(const CheckReport& report) {
  Json json = {{"xclbin", report.xclbin},
               {"model", report.model},
               {"target", report.target},
               {"events", report.events},
               {"reference_events", report.reference_events},
               {"input", {{"wrapped", report.input_overflow.wrapped}, {"saturated", report.input_overflow.saturated}}}};
  if (!report.input_warnings.empty()) json["input"]["warnings"] = report.input_warnings;
  json["agree"] = !report.has_problem();
  if (!report.no_float.empty()) json["no_floating_point"] = report.no_float;
  json["ways"].push_back({{"name", "reference"}, {"state", "defines"}, {"events", report.reference_events}});
  for (const Way& way : report.ways)
    json["ways"].push_back(
        {{"name", way.name}, {"state", state_key(way.state)}, {"events", way.events}, {"detail", way.detail}});
  for (const OutputReport& output : report.outputs) json["outputs"].push_back(output_json(output));
  for (const LayerReport& layer : report.layers) json["layers"].push_back(layer_json(layer));
  return json;
}

}  // namespace

bool CheckReport::has_problem() const {
  return std::any_of(ways.begin(), ways.end(), [](const Way& way) { return way.is_problem(); });
}

std::string CheckReport::problems() const {
  std::string text;
  for (const Way& way : ways) {
    if (way.is_problem())
      absl::StrAppend(&text, text.empty() ? "" : "; ", way.name,
                      way.state == Way::State::kFailed ? " failed: " : " differs: ", way.detail);
  }
  return text;
}

void print_text(std::span<const CheckReport> reports) {
  for (const CheckReport& report : reports) {
    if (&report != &reports.front()) line("");
    print_one(report);
  }
}

void print_json(std::span<const CheckReport> reports) {
  Json json;
  for (const CheckReport& report : reports) json.push_back(report_json(report));
  const Json& whole = reports.size() == 1 ? json[0] : json;
  print_document(whole);
}

}  // namespace strobe::cli
