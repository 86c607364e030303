#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

namespace strobe::metrics {

/// One possibility: what it costs and what it gives.
struct Tradeoff {
  double cost = 0;   ///< less is better
  double merit = 0;  ///< more is better
  std::string label;
};

/// The possibilities that no other beats: none costs as little or less and gives more, or costs less and gives as much.
/// Of equal ones the first. Indices, by rising cost. A cost or merit that is not finite is never among them.
std::vector<size_t> pareto_front(std::span<const Tradeoff> tradeoffs);

struct FrontPicture {
  std::string title, cost_title, merit_title;
  std::vector<Tradeoff> points;
  std::optional<double> reference;  ///< a merit to compare with, drawn dashed
  std::string reference_name;
};

/// A picture (SVG) of merit against cost: the front as a line through filled dots; every
/// point has its label as a tooltip, and beside it where there is room. Points
/// that are not finite are left out. Equal input gives equal bytes.
std::string front_picture(const FrontPicture& picture);

}  // namespace strobe::metrics
