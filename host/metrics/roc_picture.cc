#include "host/metrics/roc_picture.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "absl/strings/str_cat.h"
#include "host/metrics/plot.h"

namespace strobe::metrics {
namespace {

/// A curve of a million events is a line of as many steps; no more than this many pixels can be seen.
constexpr double kSmallestStep = 0.2;

const char* dashes(bool dashed) { return dashed ? " stroke-dasharray=\"6 4\"" : ""; }

void draw_curve(Plot& plot, const Roc& roc, const std::string& colour, bool dashed) {
  std::string points;
  double last_x = -1e9, last_y = -1e9;
  for (const RocPoint& point : roc.points) {
    // Nothing accepted has no place on a logarithmic axis; the curve begins with its first background event.
    if (point.background <= 0) continue;
    const double at_x = plot.x(point.signal), at_y = plot.y(point.background);
    const bool is_last = &point == &roc.points.back();
    if (!is_last && std::abs(at_x - last_x) < kSmallestStep && std::abs(at_y - last_y) < kSmallestStep) continue;
    absl::StrAppend(&points, points.empty() ? "" : " ", Plot::pixels(at_x), ",", Plot::pixels(at_y));
    last_x = at_x;
    last_y = at_y;
  }
  plot.polyline(points, absl::StrCat("stroke=\"", colour, "\" stroke-width=\"1.6\"", dashes(dashed)));
}

/// Decades that the axis needs: down to the smallest background share that the events can show, 1 to 6.
int decades_of(const std::vector<RocCurves>& curves) {
  size_t most = 10;
  for (const RocCurves& curve : curves) most = std::max(most, curve.fixed.background_events);
  return std::clamp(static_cast<int>(std::ceil(std::log10(static_cast<double>(most)) - 1e-9)), 1, 6);
}

/// Whether two curves lie on each other: the same shares, whatever the thresholds.
bool same_curve(const Roc& a, const Roc& b) {
  return std::equal(
      a.points.begin(), a.points.end(), b.points.begin(), b.points.end(),
      [](const RocPoint& x, const RocPoint& y) { return x.signal == y.signal && x.background == y.background; });
}

std::string area(const Roc& roc) {
  char text[16];
  std::snprintf(text, sizeof text, "%.4f", roc.area);
  return text;
}

}  // namespace

std::string roc_picture(const std::string& title, const std::vector<RocCurves>& curves) {
  Plot plot(title, Axis::linear("signal efficiency", 0, 1),
            Axis::decades_below_one("background acceptance", decades_of(curves)));
  for (size_t c = 0; c < curves.size(); ++c) {
    const std::string& colour = Plot::colour(c);
    const auto style = [&](bool dashed) {
      return absl::StrCat("stroke=\"", colour, "\" stroke-width=\"2\"", dashes(dashed));
    };
    const bool identical = curves[c].floating && same_curve(*curves[c].floating, curves[c].fixed);
    if (curves[c].floating && !identical) draw_curve(plot, *curves[c].floating, colour, true);
    draw_curve(plot, curves[c].fixed, colour, false);
    plot.legend(style(false), absl::StrCat(curves[c].name, ": AUC ", area(curves[c].fixed)));
    if (identical)
      plot.legend("", "floating point: identical");
    else if (curves[c].floating)
      plot.legend(style(true), absl::StrCat("floating point ", area(*curves[c].floating)));
  }
  return plot.finish();
}

}  // namespace strobe::metrics
