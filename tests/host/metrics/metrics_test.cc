#include "host/metrics/metrics.h"

#include <gmock/gmock.h>

#include <cmath>
#include <random>

namespace strobe::metrics {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

Roc must_make(const std::vector<double>& scores, const std::vector<bool>& is_signal) {
  auto roc = make_roc(scores, is_signal);
  EXPECT_TRUE(roc.ok()) << roc.status();
  return roc.ok() ? *std::move(roc) : Roc{};
}

/// The definition: over all pairs of a signal and a background event.
double area_by_pairs(const std::vector<double>& scores, const std::vector<bool>& is_signal) {
  double wins = 0, pairs = 0;
  for (size_t s = 0; s < scores.size(); ++s) {
    for (size_t b = 0; b < scores.size(); ++b) {
      if (!is_signal[s] || is_signal[b]) continue;
      ++pairs;
      wins += scores[s] > scores[b] ? 1 : scores[s] == scores[b] ? 0.5 : 0;
    }
  }
  return wins / pairs;
}

TEST(Roc, AreaIsTheShareOfWonPairsTiesCountedHalf) {
  const unsigned seed = 4711;
  SCOPED_TRACE(seed);
  std::mt19937 random(seed);
  for (const int levels : {2, 5, 1000000}) {
    std::vector<double> scores;
    std::vector<bool> is_signal;
    for (int i = 0; i < 400; ++i) {
      is_signal.push_back(random() % 3 == 0);
      scores.push_back(static_cast<double>(static_cast<int>(random() % static_cast<unsigned>(levels)) +
                                           (is_signal.back() ? levels / 4 : 0)));
    }
    EXPECT_DOUBLE_EQ(must_make(scores, is_signal).area, area_by_pairs(scores, is_signal)) << levels;
  }
}

TEST(Roc, PerfectWorstAndConstantScores) {
  EXPECT_EQ(must_make({0.9, 0.8, 0.2, 0.1}, {true, true, false, false}).area, 1);
  EXPECT_EQ(must_make({0.9, 0.8, 0.2, 0.1}, {false, false, true, true}).area, 0);
  EXPECT_EQ(must_make({0.5, 0.5, 0.5, 0.5}, {true, false, true, false}).area, 0.5);
}

TEST(Roc, EqualScoresAreAcceptedTogether) {
  const Roc roc = must_make({3, 2, 2, 1}, {true, true, false, false});
  ASSERT_EQ(roc.points.size(), 4u);
  EXPECT_EQ(roc.points[2].signal, 1);
  EXPECT_EQ(roc.points[2].background, 0.5);
  EXPECT_EQ(roc.background_at(0.6).share, 0.5);
  EXPECT_EQ(roc.background_at(0.5).share, 0);
}

TEST(Roc, WorkingPointsAreThoseOfATrigger) {
  // 4 signal events, 10 background events of scores 0.05 ... 0.95.
  std::vector<double> scores = {0.99, 0.9, 0.5, 0.2};
  std::vector<bool> is_signal = {true, true, true, true};
  for (int i = 0; i < 10; ++i) {
    scores.push_back(0.05 + 0.1 * i);
    is_signal.push_back(false);
  }
  const Roc roc = must_make(scores, is_signal);
  EXPECT_DOUBLE_EQ(roc.background_at(0.5).share, 0.1);
  EXPECT_DOUBLE_EQ(roc.background_at(0.75).share, 0.5);
  EXPECT_DOUBLE_EQ(roc.background_at(1).share, 0.8);
  EXPECT_DOUBLE_EQ(roc.signal_at(0).share, 0.25);
  EXPECT_DOUBLE_EQ(roc.signal_at(0.099).share, 0.25);
  EXPECT_DOUBLE_EQ(roc.signal_at(0.1).share, 0.5);
  EXPECT_DOUBLE_EQ(roc.signal_at(1).share, 1);
}

TEST(Roc, AWorkingPointKnowsItsEventsAndItsError) {
  std::vector<double> scores;
  std::vector<bool> is_signal;
  for (int i = 0; i < 400; ++i) {
    scores.push_back(i % 100);
    is_signal.push_back(i < 200);
  }
  const Roc roc = must_make(scores, is_signal);  // signal and background alike: shares are equal
  const WorkingPoint half = roc.background_at(0.5), tight = roc.background_at(0.02), rate = roc.signal_at(0.1);
  EXPECT_EQ(half.background_events, 100u);
  EXPECT_DOUBLE_EQ(half.error, std::sqrt(0.25 / 200));
  EXPECT_FALSE(half.rests_on_few());
  EXPECT_EQ(tight.background_events, 4u);
  EXPECT_TRUE(tight.rests_on_few());
  EXPECT_EQ(rate.background_events, 20u);
  EXPECT_DOUBLE_EQ(rate.share, 0.1);
  EXPECT_TRUE(roc.signal_at(0).rests_on_few());
  EXPECT_EQ(roc.signal_at(0).share, 0);
}

TEST(Roc, InfiniteScoresAreOrderedAndNansRefused) {
  EXPECT_EQ(must_make({INFINITY, 1, -INFINITY}, {true, false, false}).area, 1);
  EXPECT_THAT(std::string(make_roc(std::vector<double>{1, NAN}, {true, false}).status().message()),
              AllOf(HasSubstr("event 1"), HasSubstr("number")));
}

TEST(Roc, OneKindAloneIsRefused) {
  EXPECT_THAT(std::string(make_roc(std::vector<double>{1, 2}, {true, true}).status().message()), HasSubstr("2 and 0"));
}

TEST(Accuracy, FirstOfEqualHighestScoresWins) {
  const std::vector<double> values = {0.2, 0.8, 0.4, 0.4, 0.1, 0.3};
  const Scores scores{values, 2};
  EXPECT_EQ(best_class(scores, 1), 0u);
  EXPECT_DOUBLE_EQ(accuracy(scores, std::vector<int64_t>{1, 1, 1}), 2.0 / 3);
}

TEST(Accuracy, OneScoreIsADecisionByThreshold) {
  const std::vector<double> values = {0.2, 0.8, 0.5, -1};
  EXPECT_DOUBLE_EQ(accuracy({values, 1}, std::vector<int64_t>{0, 1, 0, 1}), 0.75);
  EXPECT_DOUBLE_EQ(accuracy({values, 1}, std::vector<int64_t>{1, 1, 1, 0}, 0), 1);
}

TEST(Accuracy, AgreementCountsRowsOfTheSameClass) {
  const std::vector<double> a = {1, 0, 0, 1, 1, 0}, b = {2, 1, 3, 4, 0, 1};
  EXPECT_DOUBLE_EQ(same_best_class({a, 2}, {b, 2}), 2.0 / 3);
}

TEST(Difference, LargestAndMeanOfAbsoluteDifferences) {
  const Difference d = difference(std::vector<double>{1, -2, 3, INFINITY}, std::vector<double>{1, 2, 2, INFINITY});
  EXPECT_EQ(d.largest, 4);
  EXPECT_EQ(d.mean, 1.25);
}

TEST(Difference, NanIsNotHidden) {
  const Difference d = difference(std::vector<double>{NAN, 1, 9}, std::vector<double>{1, 1, 1});
  EXPECT_TRUE(std::isnan(d.largest));
  EXPECT_TRUE(std::isnan(d.mean));
}

TEST(OneAgainstRest, HasACurveForEachClassThatOccurs) {
  const std::vector<double> values = {0.7, 0.2, 0.1, 0.1, 0.8, 0.1, 0.3, 0.4, 0.3};
  const auto curves = one_against_rest({values, 3}, std::vector<int64_t>{0, 1, 0});
  ASSERT_EQ(curves.size(), 3u);
  EXPECT_EQ(curves[0]->area, 1);
  EXPECT_EQ(curves[1]->area, 1);
  EXPECT_FALSE(curves[2].has_value());
}

TEST(OneAgainstRest, OneScoreIsClassOneAgainstClassZero) {
  const std::vector<double> values = {0.9, 0.1};
  EXPECT_EQ(one_against_rest({values, 1}, std::vector<int64_t>{1, 0}).at(0)->area, 1);
}

TEST(Labels, IndicesOrOneHot) {
  EXPECT_THAT(*class_labels(std::vector<double>{2, 0, 1}, 3, 3), ElementsAre(2, 0, 1));
  EXPECT_THAT(*class_labels(std::vector<double>{0, 0, 1, 1, 0, 0}, 2, 3), ElementsAre(2, 0));
}

TEST(Labels, WrongOnesAreNamed) {
  const auto message = [](const std::vector<double>& numbers, size_t rows, size_t classes) {
    return std::string(class_labels(numbers, rows, classes).status().message());
  };
  EXPECT_THAT(message({0, 5}, 2, 5), AllOf(HasSubstr("label 5"), HasSubstr("event 1"), HasSubstr("0 to 4")));
  EXPECT_THAT(message({0, 0.5}, 2, 5), HasSubstr("0.5"));
  EXPECT_THAT(message({0, NAN}, 2, 5), HasSubstr("event 1"));
  EXPECT_THAT(message({0, 1, 2}, 2, 5), AllOf(HasSubstr("expected 2 labels"), HasSubstr("found 3")));
}

}  // namespace
}  // namespace strobe::metrics
