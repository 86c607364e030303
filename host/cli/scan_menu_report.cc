#include "host/cli/scan_menu_report.h"

#include <cstdio>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "host/cli/report_text.h"

namespace strobe::cli {
namespace {

using Json = nlohmann::ordered_json;
using scan::Figures;
using scan::Menu;
using scan::MenuPoint;

void print_point(const MenuPoint& point, bool on_front) {
  std::printf("%s %10d %9.4g  ", on_front ? "*" : " ", point.complexity, point.file_loss);
  if (!point.problem.empty()) {
    std::printf("not possible: %s\n", point.problem.c_str());
    return;
  }
  const Figures& f = point.figures;
  std::printf("%9s %9s %10.3g %9llu %7d %9lld %9lld %10.0f\n", percent(f.merit.accuracy).c_str(),
              percent(point.float_accuracy).c_str(), f.merit.difference.largest,
              static_cast<unsigned long long>(f.overflow.total() + f.input_overflow.total()), f.cost.planned_depth,
              static_cast<long long>(f.cost.multiplications), static_cast<long long>(f.cost.additions),
              f.cost.bit_operations);
}

compile::ModelOptions at_level(const ScanSubject& subject, const std::string& complexity) {
  compile::ModelOptions options = subject.model;
  options.formula_choice = "max-complexity=" + complexity;
  return options;
}

Json point_json(const ScanSubject& subject, const MenuPoint& point, bool on_front) {
  Json json = {{"complexity", point.complexity}, {"file_loss", point.file_loss}, {"equations", point.equations}};
  json["compile_options"] = compile_options(at_level(subject, absl::StrCat(point.complexity)));
  if (!point.problem.empty()) {
    json["problem"] = point.problem;
    return json;
  }
  add_figures(json, point.figures, on_front);
  json["float_accuracy"] = optional_json(point.float_accuracy);
  return json;
}

std::string csv_line(const MenuPoint& point, bool on_front) {
  const std::string begin = absl::StrCat(point.complexity, ",", csv_number(point.file_loss), ",");
  const std::string end = absl::StrCat(csv_field(absl::StrJoin(point.equations, "; ")), "\n");
  if (!point.problem.empty()) return absl::StrCat(begin, ",,,,,,,,,,,,", csv_field(point.problem), ",", end);
  const Figures& f = point.figures;
  return absl::StrCat(begin, csv_number(f.merit.accuracy), ",", csv_number(point.float_accuracy), ",", csv_figures(f),
                      csv_number(f.cost.bit_operations), ",", f.cost.planned_multipliers, ",", f.cost.planned_depth,
                      ",", on_front ? 1 : 0, ",,", end);
}

}  // namespace

void print_text(const ScanSubject& subject, const Menu& menu) {
  std::printf(
      "%s: %zu levels of complexity, %zu events; each output by its best equation of at most that complexity;\n"
      "* none simpler is as good\n\n",
      subject.model.path.c_str(), menu.points.size(), subject.events);
  std::printf("  %10s %9s  %9s %9s %10s %9s %7s %9s %9s %10s\n", "", "loss in", "", "floating", "largest", "",
              "planned", "multipli-", "", "");
  std::printf("  %10s %9s  %9s %9s %10s %9s %7s %9s %9s %10s\n", "complexity", "the file", "accuracy", "point",
              "difference", "overflows", "cycles", "cations", "additions", "BOPs");
  for (size_t p = 0; p < menu.points.size(); ++p) print_point(menu.points[p], is_on_front(menu.front, p));
  std::printf("\nA level's xclbin: strobe compile %s %s\n", subject.model.path.c_str(),
              compile_options(at_level(subject, "N")).c_str());
}

void print_json(const ScanSubject& subject, const Menu& menu) {
  Json json = {{"model", subject.model.path}, {"events", subject.events}, {"levels", Json::array()}};
  for (size_t p = 0; p < menu.points.size(); ++p)
    json["levels"].push_back(point_json(subject, menu.points[p], is_on_front(menu.front, p)));
  json["front"] = menu.front;
  print_document(json);
}

std::string csv_text(const Menu& menu) {
  std::string text = absl::StrCat("complexity,file_loss,accuracy,float_accuracy,", kCsvFigures,
                                  "bit_operations,planned_multipliers,planned_depth,on_front,problem,equations\n");
  for (size_t p = 0; p < menu.points.size(); ++p) text += csv_line(menu.points[p], is_on_front(menu.front, p));
  return text;
}

std::string picture(const ScanSubject& subject, const Menu& menu) {
  metrics::FrontPicture picture;
  picture.title = absl::StrCat(subject.model.path, ", ", subject.events, " events; at each dot its planned cycles");
  picture.cost_title = "complexity";
  picture.merit_title = scan::merit_title(menu.points);
  picture.points = scan::tradeoffs(menu.points);
  return metrics::front_picture(picture);
}

}  // namespace strobe::cli
