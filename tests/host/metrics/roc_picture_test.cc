#include "host/metrics/roc_picture.h"

#include <gmock/gmock.h>

#include <random>

#include "absl/strings/str_split.h"

namespace strobe::metrics {
namespace {

using testing::HasSubstr;
using testing::Not;

Roc roc_of(int events, unsigned seed) {
  std::mt19937 random(seed);
  std::vector<double> scores;
  std::vector<bool> is_signal;
  for (int i = 0; i < events; ++i) {
    is_signal.push_back(i % 2 == 0);
    scores.push_back(static_cast<double>(random() % 1000) + (is_signal.back() ? 300 : 0));
  }
  return *make_roc(scores, is_signal);
}

size_t count(const std::string& text, const std::string& word) {
  return std::vector<std::string>(absl::StrSplit(text, word)).size() - 1;
}

TEST(RocPicture, HasACurveAndALegendLineForEach) {
  const std::string svg =
      roc_picture("jets", {{"t", roc_of(200, 1), roc_of(200, 2)}, {"w", roc_of(200, 3), std::nullopt}});
  EXPECT_EQ(count(svg, "<polyline"), 3u);
  EXPECT_THAT(svg, HasSubstr(">signal efficiency<"));
  EXPECT_THAT(svg, HasSubstr(">background acceptance<"));
  EXPECT_THAT(svg, HasSubstr(">t: AUC 0."));
  EXPECT_EQ(count(svg, "floating point 0."), 1u);
  // One dashed curve and its legend line.
  EXPECT_EQ(count(svg, "stroke-dasharray"), 2u);
  EXPECT_EQ(count(svg, "<svg"), 1u);
  EXPECT_TRUE(svg.ends_with("</svg>\n"));
}

TEST(RocPicture, SaysIdenticalInsteadOfDrawingACurveTwice) {
  const std::string svg = roc_picture("jets", {{"t", roc_of(200, 1), roc_of(200, 1)}});
  EXPECT_EQ(count(svg, "<polyline"), 1u);
  EXPECT_EQ(count(svg, "stroke-dasharray"), 0u);
  EXPECT_THAT(svg, HasSubstr(">floating point: identical<"));
}

TEST(RocPicture, EqualCurvesGiveEqualBytes) {
  EXPECT_EQ(roc_picture("jets", {{"t", roc_of(500, 1), roc_of(500, 2)}}),
            roc_picture("jets", {{"t", roc_of(500, 1), roc_of(500, 2)}}));
  EXPECT_NE(roc_picture("jets", {{"t", roc_of(500, 1), {}}}), roc_picture("jets", {{"t", roc_of(500, 3), {}}}));
}

TEST(RocPicture, NamesCannotBreakIt) {
  const std::string svg = roc_picture("<script>", {{"a & \"b\" < c", roc_of(50, 1), std::nullopt}});
  EXPECT_THAT(svg, Not(HasSubstr("<script>")));
  EXPECT_THAT(svg, HasSubstr("a &amp; &quot;b&quot; &lt; c"));
}

TEST(RocPicture, ManyEventsDoNotMakeItLong) {
  std::vector<double> scores;
  std::vector<bool> is_signal;
  for (int i = 0; i < 200000; ++i) {
    scores.push_back(static_cast<double>(i * 7919LL % 200003));
    is_signal.push_back(i % 3 == 0);
  }
  EXPECT_LT(roc_picture("many", {{"a", *make_roc(scores, is_signal), std::nullopt}}).size(), 100000u);
}

TEST(RocPicture, AllPointsLieInItsFrame) {
  const std::string svg = roc_picture("frame", {{"a", roc_of(3000, 9), std::nullopt}});
  const size_t begin = svg.find("points=\"") + 8;
  const std::string points = svg.substr(begin, svg.find('"', begin) - begin);
  size_t checked = 0;
  for (const auto point : absl::StrSplit(points, ' ')) {
    const std::vector<std::string> xy = absl::StrSplit(point, ',');
    EXPECT_THAT(std::stod(xy.at(0)), testing::AllOf(testing::Ge(78), testing::Le(545)));
    EXPECT_THAT(std::stod(xy.at(1)), testing::AllOf(testing::Ge(48), testing::Le(470)));
    ++checked;
  }
  EXPECT_GT(checked, 20u);
}

}  // namespace
}  // namespace strobe::metrics
