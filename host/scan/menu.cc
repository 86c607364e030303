#include "host/scan/menu.h"

#include <algorithm>
#include <limits>
#include <set>

#include "absl/strings/str_cat.h"
#include "kernels/import/float_model.h"
#include "kernels/import/formula_file.h"

namespace strobe::scan {
namespace {

using import::HallOfFameRow;
using HallsOfFame = std::vector<std::vector<HallOfFameRow>>;  // one an output

absl::StatusOr<HallsOfFame> read_halls(const std::string& path) {
  auto files = import::hall_of_fame_files(path);
  if (!files.ok()) return files.status();
  HallsOfFame halls;
  for (const std::string& file : *files) {
    auto rows = import::read_hall_of_fame(file);
    if (!rows.ok()) return rows.status();
    halls.push_back(*std::move(rows));
  }
  return halls;
}

std::vector<const HallOfFameRow*> level(const HallsOfFame& halls, int complexity) {
  std::vector<const HallOfFameRow*> rows;
  for (const auto& hall : halls) rows.push_back(import::best_within(hall, complexity));
  return rows;
}

std::vector<int> levels_of(const HallsOfFame& halls) {
  std::set<int> complexities;
  for (const auto& hall : halls) {
    for (const HallOfFameRow& row : hall) complexities.insert(row.complexity);
  }
  std::vector<int> levels;
  std::vector<const HallOfFameRow*> last;
  for (const int complexity : complexities) {
    auto rows = level(halls, complexity);
    if (rows == last || std::find(rows.begin(), rows.end(), nullptr) != rows.end()) continue;
    levels.push_back(complexity);
    last = std::move(rows);
  }
  return levels;
}

absl::Status evaluate_level(const Sample& sample, const MenuSettings& settings, MenuPoint& point) {
  auto model =
      import::import_formula(settings.path, absl::StrCat("max-complexity=", point.complexity), settings.inputs);
  if (!model.ok()) return model.status();
  auto quantised = quantise::quantise(*model, settings.options);
  if (!quantised.ok()) return quantised.status();
  const model::Graph& graph = quantised->graph;
  auto floating = float_scores(*model, &graph, sample);
  if (!floating.ok()) return floating.status();
  point.float_accuracy = accuracy_of(*floating, sample);
  auto figures = evaluate(graph, sample, *floating);
  if (!figures.ok()) return figures.status();
  point.figures = *std::move(figures);
  return absl::OkStatus();
}

bool all_labelled(const std::vector<MenuPoint>& points) {
  return std::all_of(points.begin(), points.end(),
                     [](const MenuPoint& p) { return !p.problem.empty() || p.figures.merit.accuracy.has_value(); });
}

}  // namespace

absl::StatusOr<std::vector<int>> menu_levels(const std::string& path) {
  auto halls = read_halls(path);
  if (!halls.ok()) return halls.status();
  return levels_of(*halls);
}

absl::StatusOr<Menu> scan_menu(const Sample& sample, const MenuSettings& settings) {
  auto halls = read_halls(settings.path);
  if (!halls.ok()) return halls.status();
  Menu menu;
  for (const int complexity : levels_of(*halls)) {
    MenuPoint point;
    point.complexity = complexity;
    for (const HallOfFameRow* row : level(*halls, complexity)) {
      point.equations.push_back(row->equation);
      point.file_loss += row->loss / static_cast<double>(halls->size());
    }
    menu.points.push_back(std::move(point));
  }
  const auto evaluate_point = [&](size_t i) {
    menu.points[i].problem = std::string(evaluate_level(sample, settings, menu.points[i]).message());
  };
  for_each(menu.points.size(), settings.threads, evaluate_point, settings.progress);
  menu.front = metrics::pareto_front(tradeoffs(menu.points));
  return menu;
}

std::string merit_title(const std::vector<MenuPoint>& points) {
  return all_labelled(points) ? "accuracy, %" : "loss of the search, negative";
}

std::vector<metrics::Tradeoff> tradeoffs(const std::vector<MenuPoint>& points) {
  constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
  const bool labelled = all_labelled(points);
  std::vector<metrics::Tradeoff> result;
  for (const MenuPoint& point : points) {
    metrics::Tradeoff t{kNone, kNone, ""};
    if (point.problem.empty()) {
      t.cost = point.complexity;
      t.merit = labelled ? 100 * *point.figures.merit.accuracy : -point.file_loss;
      t.label = absl::StrCat(point.figures.cost.planned_depth);
    }
    result.push_back(std::move(t));
  }
  return result;
}

}  // namespace strobe::scan
