#include "host/metrics/front_picture.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "absl/strings/str_cat.h"
#include "host/metrics/plot.h"

namespace strobe::metrics {
namespace {

bool is_drawn(const Tradeoff& t) { return std::isfinite(t.cost) && std::isfinite(t.merit); }

struct Range {
  double low = INFINITY, high = -INFINITY;
  void add(double value) {
    low = std::min(low, value);
    high = std::max(high, value);
  }
  /// With room on both sides for dots and words.
  Axis axis(const std::string& title) const {
    if (!(low <= high)) return Axis::linear(title, 0, 1);
    const double margin = 0.06 * (high - low);
    return Axis::linear(title, low - margin, high + margin);
  }
};

Plot empty_plot(const FrontPicture& picture) {
  Range cost, merit;
  for (const Tradeoff& t : picture.points) {
    if (!is_drawn(t)) continue;
    cost.add(t.cost);
    merit.add(t.merit);
  }
  if (picture.reference) merit.add(*picture.reference);
  return {picture.title, cost.axis(picture.cost_title), merit.axis(picture.merit_title)};
}

void draw_dot(Plot& plot, const Tradeoff& t, bool on_front) {
  const std::string style = on_front ? absl::StrCat("class=\"front\" fill=\"", Plot::colour(0), "\"")
                                     : std::string("class=\"other\" fill=\"#aaaaaa\"");
  plot.dot(plot.x(t.cost), plot.y(t.merit), on_front ? 4 : 2.5, style, t.label);
}

/// Writes labels where no other one stands; a dot's own words are in its tooltip in any case.
class Labels {
 public:
  explicit Labels(Plot& plot) : plot_(plot) {}

  void write(const Tradeoff& t, bool on_front) {
    const double size = on_front ? 9 : 7, x = plot_.x(t.cost) + 5, y = plot_.y(t.merit) + (on_front ? -6 : 8);
    // Letters of the fonts asked for are 0.6 of their size wide at most, on average.
    const Box box = {x, y - size, x + 0.6 * size * static_cast<double>(t.label.size()), y};
    if (std::any_of(taken_.begin(), taken_.end(), [&](const Box& other) { return box.meets(other); })) return;
    taken_.push_back(box);
    plot_.text(x, y, t.label, on_front ? "font-size=\"9\"" : "font-size=\"7\" fill=\"#777777\"");
  }

 private:
  struct Box {
    double left, top, right, bottom;
    bool meets(const Box& b) const { return left < b.right && b.left < right && top < b.bottom && b.top < bottom; }
  };
  Plot& plot_;
  std::vector<Box> taken_;
};

}  // namespace

std::vector<size_t> pareto_front(std::span<const Tradeoff> tradeoffs) {
  std::vector<size_t> order(tradeoffs.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::erase_if(order, [&](size_t i) { return !is_drawn(tradeoffs[i]); });
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    return tradeoffs[a].cost != tradeoffs[b].cost ? tradeoffs[a].cost < tradeoffs[b].cost
                                                  : tradeoffs[a].merit > tradeoffs[b].merit;
  });
  std::vector<size_t> front;
  for (const size_t i : order) {
    if (front.empty() || tradeoffs[i].merit > tradeoffs[front.back()].merit) front.push_back(i);
  }
  return front;
}

std::string front_picture(const FrontPicture& picture) {
  Plot plot = empty_plot(picture);
  const std::vector<size_t> front = pareto_front(picture.points);
  const std::string front_style = absl::StrCat("stroke=\"", Plot::colour(0), "\" stroke-width=\"1.6\"");
  const std::string reference_style = absl::StrCat("stroke=\"", Plot::colour(1), "\" stroke-dasharray=\"6 4\"");
  if (picture.reference) {
    const double at = plot.y(*picture.reference);
    plot.line(plot.left(), at, plot.right(), at, reference_style);
  }
  std::string line;
  for (const size_t i : front) {
    absl::StrAppend(&line, line.empty() ? "" : " ", Plot::pixels(plot.x(picture.points[i].cost)), ",",
                    Plot::pixels(plot.y(picture.points[i].merit)));
  }
  if (front.size() > 1) plot.polyline(line, front_style);
  std::vector<bool> on_front(picture.points.size());
  for (const size_t i : front) on_front[i] = true;
  Labels labels(plot);
  const auto each = [&](bool of_front, auto&& draw) {
    for (size_t i = 0; i < picture.points.size(); ++i) {
      if (on_front[i] == of_front && is_drawn(picture.points[i])) draw(picture.points[i], of_front);
    }
  };
  // The front's dots lie above the others, and its labels come first where there is room for one only.
  for (const bool of_front : {false, true}) each(of_front, [&](const Tradeoff& t, bool f) { draw_dot(plot, t, f); });
  for (const bool of_front : {true, false}) each(of_front, [&](const Tradeoff& t, bool f) { labels.write(t, f); });
  plot.legend(front_style, "Pareto front");
  if (picture.reference) plot.legend(reference_style, picture.reference_name);
  return plot.finish();
}

}  // namespace strobe::metrics
