#include "host/metrics/plot.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>

#include "absl/strings/str_cat.h"

namespace strobe::metrics {
namespace {

constexpr double kWidth = 760, kHeight = 540;
constexpr double kLeft = 78, kRight = 545, kTop = 48, kBottom = 470;

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

/// 1, 2 or 5 times a power of ten: about a fifth of `span`.
double step_of(double span) {
  const double power = std::pow(10, std::floor(std::log10(span / 5)));
  const double factor = span / 5 / power;
  return power * (factor < 1.5 ? 1 : factor < 3.5 ? 2 : factor < 7.5 ? 5 : 10);
}

/// As many decimals as multiples of `step` need, in thousands or millions where they are large.
std::string tick_label(double value, double step) {
  const double largest = std::max(std::abs(value), step);
  const bool millions = step >= 1e5, thousands = !millions && step >= 100 && largest >= 1000;
  const double unit = millions ? 1e6 : thousands ? 1e3 : 1;
  const int decimals = std::max(0, -static_cast<int>(std::floor(std::log10(step / unit) + 1e-9)));
  char text[48];
  std::snprintf(text, sizeof text, "%.*f%s", decimals, value / unit, millions ? "M" : thousands ? "k" : "");
  return text;
}

}  // namespace

Axis Axis::linear(std::string title, double low, double high) {
  Axis axis{std::move(title), low, high, false, {}};
  if (!(high > low)) {
    const double margin = std::max(std::abs(low) * 0.05, 1e-6);
    axis.low = low - margin;
    axis.high = high + margin;
  }
  const double step = step_of(axis.high - axis.low);
  const auto first = static_cast<int64_t>(std::ceil(axis.low / step - 1e-9));
  const auto last = static_cast<int64_t>(std::floor(axis.high / step + 1e-9));
  for (int64_t i = first; i <= last; ++i) {
    const double value = static_cast<double>(i) * step;
    axis.ticks.push_back({value, tick_label(value, step), ""});
  }
  return axis;
}

Axis Axis::decades_below_one(std::string title, int decades) {
  Axis axis{std::move(title), std::pow(10, -decades), 1, true, {}};
  for (int decade = 0; decade <= decades; ++decade) {
    axis.ticks.push_back(
        {std::pow(10, -decade), decade == 0 ? "1" : "10", decade == 0 ? "" : absl::StrCat("-", decade)});
    for (int part = 2; part < 10 && decade < decades; ++part)
      axis.ticks.push_back({part * std::pow(10, -decade - 1), "", ""});
  }
  return axis;
}

double Axis::share(double value) const {
  if (!logarithmic) return (value - low) / (high - low);
  const double decades = std::log10(high / low);
  return value > 0 ? 1 - std::clamp(std::log10(high / value), 0.0, decades) / decades : 0;
}

Plot::Plot(const std::string& title, Axis x, Axis y) : x_(std::move(x)), y_(std::move(y)) { draw_axes(title); }

const std::string& Plot::colour(size_t index) {
  static const std::array<std::string, 7> kColours = {"#0072b2", "#d55e00", "#009e73", "#cc79a7",
                                                      "#56b4e9", "#e69f00", "#000000"};
  return kColours[index % kColours.size()];
}

std::string Plot::pixels(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f", value);
  return text;
}

double Plot::x(double value) const { return kLeft + x_.share(value) * (kRight - kLeft); }
double Plot::y(double value) const { return kTop + (1 - y_.share(value)) * (kBottom - kTop); }

double Plot::left() { return kLeft; }
double Plot::right() { return kRight; }

void Plot::raw(const std::string& element) { absl::StrAppend(&svg_, element, "\n"); }

void Plot::line(double x1, double y1, double x2, double y2, const std::string& style) {
  raw(absl::StrCat("<line x1=\"", pixels(x1), "\" y1=\"", pixels(y1), "\" x2=\"", pixels(x2), "\" y2=\"", pixels(y2),
                   "\" ", style, "/>"));
}

void Plot::text(double at_x, double at_y, const std::string& words, const std::string& style) {
  raw(absl::StrCat("<text x=\"", pixels(at_x), "\" y=\"", pixels(at_y), "\"", style.empty() ? "" : " ", style, ">",
                   escaped(words), "</text>"));
}

void Plot::dot(double at_x, double at_y, double radius, const std::string& style, const std::string& words) {
  raw(absl::StrCat("<circle cx=\"", pixels(at_x), "\" cy=\"", pixels(at_y), "\" r=\"", pixels(radius), "\" ", style,
                   "><title>", escaped(words), "</title></circle>"));
}

void Plot::polyline(const std::string& points, const std::string& style) {
  raw(absl::StrCat("<polyline fill=\"none\" ", style, " points=\"", points, "\"/>"));
}

void Plot::legend(const std::string& style, const std::string& words) {
  const double at = kTop + 10 + 20 * legend_rows_++;
  if (!style.empty()) line(kRight + 14, at, kRight + 44, at, style);
  text(kRight + 52, at + 4, words);
}

void Plot::draw_axes(const std::string& title) {
  for (const Axis::Tick& tick : y_.ticks) {
    const double at = y(tick.value);
    line(kLeft, at, tick.label.empty() ? kLeft + 4 : kRight, at,
         tick.label.empty() ? "stroke=\"#333333\"" : "stroke=\"#dddddd\"");
    if (tick.label.empty()) continue;
    const std::string power = tick.superscript.empty() ? ""
                                                       : absl::StrCat("<tspan dy=\"-6\" font-size=\"9\">",
                                                                      escaped(tick.superscript), "</tspan>");
    raw(absl::StrCat("<text x=\"", pixels(kLeft - 8), "\" y=\"", pixels(at + 4), "\" text-anchor=\"end\">",
                     escaped(tick.label), power, "</text>"));
  }
  for (const Axis::Tick& tick : x_.ticks) {
    const double at = x(tick.value);
    line(at, kTop, at, kBottom, "stroke=\"#dddddd\"");
    text(at, kBottom + 18, tick.label, "text-anchor=\"middle\"");
  }
  raw(absl::StrCat("<rect x=\"", pixels(kLeft), "\" y=\"", pixels(kTop), "\" width=\"", pixels(kRight - kLeft),
                   "\" height=\"", pixels(kBottom - kTop), "\" fill=\"none\" stroke=\"#333333\"/>"));
  text((kLeft + kRight) / 2, kBottom + 42, x_.title, "text-anchor=\"middle\" font-size=\"14\"");
  const std::string middle = pixels((kTop + kBottom) / 2);
  text(22, (kTop + kBottom) / 2, y_.title,
       absl::StrCat("text-anchor=\"middle\" font-size=\"14\" transform=\"rotate(-90 22 ", middle, ")\""));
  text(kLeft, kTop - 18, title, "font-size=\"15\" font-weight=\"bold\"");
}

std::string Plot::finish() const {
  return absl::StrCat("<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"", kWidth, "\" height=\"", kHeight,
                      "\" viewBox=\"0 0 ", kWidth, " ", kHeight,
                      "\" font-family=\"Helvetica, Arial, sans-serif\" font-size=\"12\" fill=\"#222222\">\n",
                      "<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n", svg_, "</svg>\n");
}

}  // namespace strobe::metrics
