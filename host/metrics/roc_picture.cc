#include "host/metrics/roc_picture.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "absl/strings/str_cat.h"

namespace strobe::metrics {
namespace {

constexpr double kWidth = 760, kHeight = 540;
constexpr double kLeft = 78, kRight = 545, kTop = 48, kBottom = 470;
/// Told apart by people with any colour vision, on screen and in grey print (Okabe and Ito's set).
constexpr const char* kColours[] = {"#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#000000"};
/// A curve of a million events is a line of as many steps; no more than this many can be seen.
constexpr double kSmallestStep = 0.2;

std::string number(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f", value);
  return text;
}

std::string escaped(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '<')
      out += "&lt;";
    else if (c == '>')
      out += "&gt;";
    else if (c == '&')
      out += "&amp;";
    else if (c == '"')
      out += "&quot;";
    else if (static_cast<unsigned char>(c) >= 0x20)
      out += c;
  }
  return out;
}

class Picture {
 public:
  explicit Picture(int decades) : decades_(decades) {}

  double x(double signal) const { return kLeft + signal * (kRight - kLeft); }
  double y(double background) const {
    const double decade =
        background > 0 ? std::clamp(-std::log10(background), 0.0, static_cast<double>(decades_)) : decades_;
    return kTop + decade / decades_ * (kBottom - kTop);
  }

  void line(double x1, double y1, double x2, double y2, const std::string& style) {
    absl::StrAppend(&svg_, "<line x1=\"", number(x1), "\" y1=\"", number(y1), "\" x2=\"", number(x2), "\" y2=\"",
                    number(y2), "\" ", style, "/>\n");
  }
  void text(double at_x, double at_y, const std::string& words, const std::string& style = "") {
    absl::StrAppend(&svg_, "<text x=\"", number(at_x), "\" y=\"", number(at_y), "\"", style.empty() ? "" : " ", style,
                    ">", escaped(words), "</text>\n");
  }
  void raw(const std::string& element) { absl::StrAppend(&svg_, element, "\n"); }

  void axes(const std::string& title) {
    for (int decade = 0; decade <= decades_; ++decade) {
      const double at = y(std::pow(10, -decade));
      line(kLeft, at, kRight, at, "stroke=\"#dddddd\"");
      raw(absl::StrCat("<text x=\"", number(kLeft - 8), "\" y=\"", number(at + 4), "\" text-anchor=\"end\">",
                       decade == 0 ? "1" : absl::StrCat("10<tspan dy=\"-6\" font-size=\"9\">-", decade, "</tspan>"),
                       "</text>"));
      for (int part = 2; part < 10 && decade < decades_; ++part) {
        const double minor = y(part * std::pow(10, -decade - 1));
        line(kLeft, minor, kLeft + 4, minor, "stroke=\"#333333\"");
      }
    }
    for (int tenth = 0; tenth <= 10; tenth += 2) {
      const double at = x(tenth / 10.0);
      line(at, kTop, at, kBottom, "stroke=\"#dddddd\"");
      text(at, kBottom + 18, number(tenth / 10.0), "text-anchor=\"middle\"");
    }
    raw(absl::StrCat("<rect x=\"", number(kLeft), "\" y=\"", number(kTop), "\" width=\"", number(kRight - kLeft),
                     "\" height=\"", number(kBottom - kTop), "\" fill=\"none\" stroke=\"#333333\"/>"));
    text((kLeft + kRight) / 2, kBottom + 42, "signal efficiency", "text-anchor=\"middle\" font-size=\"14\"");
    const std::string middle = number((kTop + kBottom) / 2);
    text(22, (kTop + kBottom) / 2, "background acceptance",
         absl::StrCat("text-anchor=\"middle\" font-size=\"14\" transform=\"rotate(-90 22 ", middle, ")\""));
    text(kLeft, kTop - 18, title, "font-size=\"15\" font-weight=\"bold\"");
  }

  void curve(const Roc& roc, const std::string& colour, bool dashed) {
    std::string points;
    double last_x = -1e9, last_y = -1e9;
    for (const RocPoint& point : roc.points) {
      // Nothing accepted has no place on a logarithmic axis; the curve begins with its first background event.
      if (point.background <= 0) continue;
      const double at_x = x(point.signal), at_y = y(point.background);
      const bool is_last = &point == &roc.points.back();
      if (!is_last && std::abs(at_x - last_x) < kSmallestStep && std::abs(at_y - last_y) < kSmallestStep) continue;
      absl::StrAppend(&points, points.empty() ? "" : " ", number(at_x), ",", number(at_y));
      last_x = at_x;
      last_y = at_y;
    }
    raw(absl::StrCat("<polyline fill=\"none\" stroke=\"", colour, "\" stroke-width=\"1.6\"",
                     dashed ? " stroke-dasharray=\"6 4\"" : "", " points=\"", points, "\"/>"));
  }

  void legend_line(int row, const std::string& colour, bool dashed, const std::string& words) {
    const double at = kTop + 10 + 20 * row;
    line(kRight + 14, at, kRight + 44, at,
         absl::StrCat("stroke=\"", colour, "\" stroke-width=\"2\"", dashed ? " stroke-dasharray=\"6 4\"" : ""));
    text(kRight + 52, at + 4, words);
  }

  void legend_text(int row, const std::string& words) { text(kRight + 52, kTop + 14 + 20 * row, words); }

  std::string finish() const {
    return absl::StrCat("<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"", kWidth, "\" height=\"", kHeight,
                        "\" viewBox=\"0 0 ", kWidth, " ", kHeight,
                        "\" font-family=\"Helvetica, Arial, sans-serif\" font-size=\"12\" fill=\"#222222\">\n",
                        "<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n", svg_, "</svg>\n");
  }

 private:
  int decades_;
  std::string svg_;
};

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
  Picture picture(decades_of(curves));
  picture.axes(title);
  int row = 0;
  for (size_t c = 0; c < curves.size(); ++c) {
    const std::string colour = kColours[c % std::size(kColours)];
    const bool identical = curves[c].floating && same_curve(*curves[c].floating, curves[c].fixed);
    if (curves[c].floating && !identical) picture.curve(*curves[c].floating, colour, true);
    picture.curve(curves[c].fixed, colour, false);
    picture.legend_line(row++, colour, false, absl::StrCat(curves[c].name, ": AUC ", area(curves[c].fixed)));
    if (identical)
      picture.legend_text(row++, "floating point: identical");
    else if (curves[c].floating)
      picture.legend_line(row++, colour, true, absl::StrCat("floating point ", area(*curves[c].floating)));
  }
  return picture.finish();
}

}  // namespace strobe::metrics
