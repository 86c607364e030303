#pragma once

#include <string>
#include <vector>

namespace strobe::metrics {

/// One axis of a plot: which numbers it covers and what stands beside it.
struct Axis {
  struct Tick {
    double value = 0;
    std::string label;        ///< empty: a short mark without a line
    std::string superscript;  ///< behind the label
  };
  std::string title;
  double low = 0, high = 1;
  bool logarithmic = false;  ///< numbers below `low` are drawn at it
  std::vector<Tick> ticks;

  /// Ticks at multiples of 1, 2 or 5 times a power of ten, about five of them; large numbers as "20k", "1.5M".
  static Axis linear(std::string title, double low, double high);
  /// 10^-decades to 1, a tick a decade.
  static Axis decades_below_one(std::string title, int decades);

  /// The place of a number on the axis, 0 to 1 within its range.
  double share(double value) const;
};

/// A picture (SVG) with two axes, a frame, and a legend to its right. Equal calls give equal bytes.
class Plot {
 public:
  Plot(const std::string& title, Axis x, Axis y);

  double x(double value) const;  ///< pixels from the left
  double y(double value) const;  ///< pixels from the top
  static double left();          ///< of the frame, pixels
  static double right();

  void line(double x1, double y1, double x2, double y2, const std::string& style);
  /// `words` may hold anything: what means something in SVG is escaped.
  void text(double at_x, double at_y, const std::string& words, const std::string& style = "");
  /// A dot; `words` appear when the pointer rests on it.
  void dot(double at_x, double at_y, double radius, const std::string& style, const std::string& words);
  /// `points`: "x,y x,y", in pixels.
  void polyline(const std::string& points, const std::string& style);
  /// A line of the legend and the words beside it; an empty style: the words alone.
  void legend(const std::string& style, const std::string& words);

  std::string finish() const;

  /// Told apart by people with any colour vision, on screen and in grey print (Okabe and Ito's set).
  static const std::string& colour(size_t index);
  static std::string pixels(double value);

 private:
  void raw(const std::string& element);
  void draw_axes(const std::string& title);

  Axis x_, y_;
  std::string svg_;
  int legend_rows_ = 0;
};

}  // namespace strobe::metrics
