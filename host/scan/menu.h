#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "host/metrics/front_picture.h"
#include "host/scan/figures.h"
#include "kernels/quantise/quantise.h"

namespace strobe::scan {

/// One level of symbolic regression's menu: every output by its best equation of at most that complexity.
struct MenuPoint {
  int complexity = 0;
  std::vector<std::string> equations;  ///< one an output
  double file_loss = 0;                ///< the equations' mean, as the search noted it down
  std::string problem;                 ///< empty: the rest holds
  std::optional<double> float_accuracy;
  Figures figures;
};

struct Menu {
  std::vector<MenuPoint> points;  ///< by rising complexity; each differs from the one before in an equation
  std::vector<size_t> front;      ///< no other is as simple and has as much merit
};

struct MenuSettings {
  std::string path;    ///< a PySR hall of fame, or a folder of them
  std::string inputs;  ///< as import::ImportOptions has it
  quantise::QuantiseOptions options;
  int threads = 1;
  std::function<void(size_t done)> progress;  ///< may be empty
};

/// The complexities at which the menu changes, from the first that every output has an equation for.
/// Errors: those of reading the files.
absl::StatusOr<std::vector<int>> menu_levels(const std::string& path);

/// What all levels give and cost. A level that cannot be quantised is kept with the reason. Errors: of reading.
absl::StatusOr<Menu> scan_menu(const Sample& sample, const MenuSettings& settings);

/// Complexity as cost, planned cycles as label; as merit accuracy in percent, without labels the negative loss of the
/// file.
std::vector<metrics::Tradeoff> tradeoffs(const std::vector<MenuPoint>& points);
std::string merit_title(const std::vector<MenuPoint>& points);

}  // namespace strobe::scan
