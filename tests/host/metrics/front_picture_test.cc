#include "host/metrics/front_picture.h"

#include <gmock/gmock.h>

#include <cmath>
#include <random>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "host/metrics/plot.h"

namespace strobe::metrics {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::Ge;
using testing::HasSubstr;
using testing::Le;
using testing::Not;

TEST(ParetoFront, HasNoPointThatAnotherBeats) {
  const std::vector<Tradeoff> points = {{5, 10, ""}, {1, 2, ""},  {3, 2, ""},  {3, 8, ""},
                                        {9, 9, ""},  {5, 10, ""}, {1, 1.5, ""}};
  EXPECT_THAT(pareto_front(points), ElementsAre(1, 3, 0));
}

TEST(ParetoFront, LeavesOutWhatIsNotFinite) {
  const std::vector<Tradeoff> points = {{NAN, 10, ""}, {1, NAN, ""}, {2, INFINITY, ""}, {4, 1, ""}};
  EXPECT_THAT(pareto_front(points), ElementsAre(3));
  EXPECT_THAT(pareto_front({}), testing::IsEmpty());
}

TEST(ParetoFront, IsWhatComparingAllPairsGives) {
  const unsigned seed = std::random_device()();
  SCOPED_TRACE(absl::StrCat("seed ", seed));
  std::mt19937 random(seed);
  std::vector<Tradeoff> points;
  for (int i = 0; i < 200; ++i)
    points.push_back({static_cast<double>(random() % 30), static_cast<double>(random() % 30), ""});
  const auto front = pareto_front(points);
  for (size_t i = 0; i < points.size(); ++i) {
    bool beaten = false;
    for (size_t j = 0; j < points.size(); ++j) {
      const bool no_worse = points[j].cost <= points[i].cost && points[j].merit >= points[i].merit;
      const bool equal = points[j].cost == points[i].cost && points[j].merit == points[i].merit;
      beaten = beaten || (no_worse && (!equal || j < i));
    }
    EXPECT_EQ(std::find(front.begin(), front.end(), i) == front.end(), beaten) << i;
  }
}

std::vector<double> attributes(const std::string& svg, const std::string& element, const std::string& attribute) {
  std::vector<double> values;
  for (size_t at = svg.find("<" + element + " "); at != std::string::npos; at = svg.find("<" + element + " ", at + 1)) {
    const size_t begin = svg.find(" " + attribute + "=\"", at) + attribute.size() + 3;
    values.push_back(std::stod(svg.substr(begin)));
  }
  return values;
}

size_t count(const std::string& text, const std::string& word) {
  return std::vector<std::string>(absl::StrSplit(text, word)).size() - 1;
}

FrontPicture three_points() {
  return {"jets",        "bit operations",
          "accuracy, %", {{1000, 60, "8/4/8"}, {4000, 65, "8/8/8"}, {5000, 64, "9/8/8"}, {NAN, NAN, "impossible"}},
          66.0,          "floating point"};
}

TEST(FrontPicture, HasADotAndALabelForEachPointAndTheFrontMarked) {
  const std::string svg = front_picture(three_points());
  EXPECT_EQ(count(svg, "class=\"front\""), 2u);
  EXPECT_EQ(count(svg, "class=\"other\""), 1u);
  for (const char* label : {">8/4/8</text>", ">8/8/8</text>", ">9/8/8</text>", ">bit operations<", ">accuracy, %<",
                            ">Pareto front<", ">floating point<", ">jets<"})
    EXPECT_THAT(svg, HasSubstr(label));
  EXPECT_THAT(svg, Not(HasSubstr("impossible")));
  EXPECT_THAT(svg, Not(HasSubstr("nan")));
  EXPECT_EQ(svg, front_picture(three_points()));
  EXPECT_TRUE(svg.ends_with("</svg>\n"));
}

TEST(FrontPicture, DotsStandWhereTheirNumbersAre) {
  const std::string svg = front_picture(three_points());
  const auto x = attributes(svg, "circle", "cx"), y = attributes(svg, "circle", "cy");
  ASSERT_EQ(x.size(), 3u);
  // The one beside the front first. Along the axis in proportion, up for more; all within the frame.
  EXPECT_NEAR((x[2] - x[1]) / (x[0] - x[1]), 0.75, 0.01);
  EXPECT_NEAR((y[1] - y[0]) / (y[1] - y[2]), 0.8, 0.01);
  EXPECT_THAT(x, testing::Each(AllOf(Ge(78), Le(545))));
  EXPECT_THAT(y, testing::Each(AllOf(Ge(48), Le(470))));
}

TEST(FrontPicture, OfNothingAndOfOnePointIsAPicture) {
  EXPECT_THAT(front_picture({"none", "c", "m", {}, std::nullopt, ""}), HasSubstr("</svg>"));
  const std::string one = front_picture({"one", "c", "m", {{0, 0, "<a&b>"}}, std::nullopt, ""});
  EXPECT_EQ(count(one, "<circle"), 1u);
  EXPECT_THAT(one, HasSubstr("&lt;a&amp;b&gt;"));
  EXPECT_THAT(one, Not(HasSubstr("nan")));
}

TEST(FrontPicture, CrowdedLabelsStayInTheTooltips) {
  FrontPicture picture = three_points();
  for (int i = 0; i < 50; ++i) picture.points.push_back({4500.0 + i, 63, absl::StrCat("crowd ", i)});
  const std::string svg = front_picture(picture);
  EXPECT_EQ(count(svg, "<title>crowd "), 50u);
  EXPECT_EQ(count(svg, ">crowd 0</text>"), 1u);
  EXPECT_LT(count(svg, "</text>") - count(front_picture(three_points()), "</text>"), 5u);
  EXPECT_EQ(count(svg, ">8/4/8</text>") + count(svg, ">8/8/8</text>"), 2u);
}

std::vector<std::string> labels(const Axis& axis) {
  std::vector<std::string> result;
  for (const auto& tick : axis.ticks) result.push_back(tick.label);
  return result;
}

TEST(Axis, HasRoundNumbers) {
  EXPECT_THAT(labels(Axis::linear("", 0, 1)), ElementsAre("0.0", "0.2", "0.4", "0.6", "0.8", "1.0"));
  EXPECT_THAT(labels(Axis::linear("", 52, 66)), ElementsAre("52", "54", "56", "58", "60", "62", "64", "66"));
  EXPECT_THAT(labels(Axis::linear("", 900, 5200)), ElementsAre("1k", "2k", "3k", "4k", "5k"));
  EXPECT_THAT(labels(Axis::linear("", 0, 1.2e6)), ElementsAre("0.0M", "0.2M", "0.4M", "0.6M", "0.8M", "1.0M", "1.2M"));
}

}  // namespace
}  // namespace strobe::metrics
