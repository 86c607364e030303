#include "host/cli/scan_width_report.h"

#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "host/cli/report_text.h"

namespace strobe::cli {
namespace {

using Json = nlohmann::ordered_json;
using scan::Figures;
using scan::WidthPoint;
using scan::WidthScan;

std::string bits(const std::optional<int>& of) { return of ? absl::StrCat(*of) : "-"; }
std::string type_text(const std::optional<model::FixedType>& type) { return type ? type->to_string() : ""; }
/// The options of `strobe compile` that give a point again.
std::string compile_options(const ScanSubject& subject, const WidthPoint& point) {
  compile::ModelOptions model = subject.model;
  model.input_type = point.options.input_type;
  model.weight_bits = point.options.weight_bits;
  model.score_type = point.options.score_type;
  return cli::compile_options(model);
}

void print_point(const WidthPoint& point, bool on_front) {
  const scan::Widths& w = point.widths;
  std::printf("%s %5s %6s %5s  ", on_front ? "*" : " ", bits(w.input).c_str(), bits(w.weight).c_str(),
              bits(w.score).c_str());
  if (!point.problem.empty()) {
    std::printf("not possible: %s\n", point.problem.c_str());
    return;
  }
  const Figures& f = point.figures;
  std::printf("%9s %9s %9.3g %9.3g %9llu %9llu %10.0f %10.0f %11lld %11lld\n", percent(f.merit.accuracy).c_str(),
              percent(f.merit.same_class).c_str(), f.merit.difference.largest, f.merit.difference.mean,
              static_cast<unsigned long long>(f.input_overflow.total()),
              static_cast<unsigned long long>(f.overflow.total()), f.cost.bit_operations,
              f.cost.effective_bit_operations, static_cast<long long>(f.cost.planned_multipliers),
              static_cast<long long>(f.comparisons));
}

Json point_json(const ScanSubject& subject, const WidthPoint& point, bool on_front) {
  Json json = {{"input_bits", optional_json(point.widths.input)},
               {"weight_bits", optional_json(point.widths.weight)},
               {"score_bits", optional_json(point.widths.score)},
               {"compile_options", compile_options(subject, point)}};
  if (!point.problem.empty()) {
    json["problem"] = point.problem;
    return json;
  }
  const Figures& f = point.figures;
  add_figures(json, f, on_front);
  json["same_class"] = optional_json(f.merit.same_class);
  json["comparisons"] = f.comparisons;
  json["effective_bit_operations"] = f.cost.effective_bit_operations;
  return json;
}

std::string csv_line(const WidthPoint& point, bool on_front) {
  const auto width = [](const std::optional<int>& of) { return of ? absl::StrCat(*of) : std::string(); };
  std::string line = absl::StrCat(width(point.widths.input), ",", width(point.widths.weight), ",",
                                  width(point.widths.score), ",", csv_field(type_text(point.options.input_type)), ",",
                                  csv_field(type_text(point.options.score_type)), ",");
  if (!point.problem.empty()) return absl::StrCat(line, std::string(15, ','), csv_field(point.problem), "\n");
  const Figures& f = point.figures;
  absl::StrAppend(&line, csv_number(f.merit.accuracy), ",", csv_number(f.merit.same_class), ",", csv_figures(f),
                  f.comparisons, ",", csv_number(f.cost.bit_operations), ",",
                  csv_number(f.cost.effective_bit_operations), ",", f.cost.planned_multipliers, ",",
                  f.cost.planned_initiation_interval, ",", f.cost.planned_depth, ",", on_front ? 1 : 0, ",\n");
  return line;
}

}  // namespace

void print_text(const ScanSubject& subject, const WidthScan& scan) {
  std::printf(
      "%s: %zu combinations of widths, %zu events; bits, '-' as strobe compile chooses; * on the Pareto front\n",
      subject.model.path.c_str(), scan.points.size(), subject.events);
  if (scan.float_accuracy) std::printf("accuracy in floating point: %s\n", percent(scan.float_accuracy).c_str());
  std::printf("\n  %5s %6s %5s  %9s %9s %9s %9s %9s %9s %10s %10s %11s %11s\n", "input", "weight", "score", "accuracy",
              "same", "largest", "mean", "input", "", "", "", "planned", "");
  std::printf("  %5s %6s %5s  %9s %9s %9s %9s %9s %9s %10s %10s %11s %11s\n", "", "", "", "", "class", "diff.", "diff.",
              "overflows", "overflows", "BOPs", "EBOPs", "multipliers", "comparisons");
  for (size_t p = 0; p < scan.points.size(); ++p) print_point(scan.points[p], is_on_front(scan.front, p));
  std::printf("\nThe front, as options of strobe compile:\n");
  for (const size_t p : scan.front) {
    const std::string options = compile_options(subject, scan.points[p]);
    std::printf("  %-9s %s\n", scan.points[p].widths.to_string().c_str(), options.empty() ? "(none)" : options.c_str());
  }
}

void print_json(const ScanSubject& subject, const WidthScan& scan) {
  Json json = {{"model", subject.model.path},
               {"events", subject.events},
               {"float_accuracy", optional_json(scan.float_accuracy)}};
  for (size_t p = 0; p < scan.points.size(); ++p)
    json["points"].push_back(point_json(subject, scan.points[p], is_on_front(scan.front, p)));
  json["front"] = scan.front;
  print_document(json);
}

std::string csv_text(const WidthScan& scan) {
  std::string text = absl::StrCat(
      "input_bits,weight_bits,score_bits,input_type,score_type,accuracy,same_class,", kCsvFigures,
      "comparisons,bit_operations,effective_bit_operations,planned_multipliers,planned_initiation_interval,"
      "planned_depth,on_front,problem\n");
  for (size_t p = 0; p < scan.points.size(); ++p) text += csv_line(scan.points[p], is_on_front(scan.front, p));
  return text;
}

std::string picture(const ScanSubject& subject, const WidthScan& scan) {
  metrics::FrontPicture picture;
  picture.title = absl::StrCat(subject.model.path, ", ", subject.events, " events: input/weight/score bits");
  picture.cost_title = "bit operations (BOPs)";
  picture.merit_title = scan::merit_title(scan.points);
  picture.points = scan::tradeoffs(scan.points);
  if (scan.float_accuracy) {
    picture.reference = 100 * *scan.float_accuracy;
    picture.reference_name = "floating point";
  }
  return metrics::front_picture(picture);
}

}  // namespace strobe::cli
