#include "host/scan/menu.h"

#include <gmock/gmock.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "kernels/import/formula_file.h"

namespace strobe::scan {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;

class MenuOfTwo : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::path(testing::TempDir()) / ("strobe-menu-" + std::to_string(::getpid()));
    fs::create_directories(folder_);
    put("hall_of_fame_output0.csv",
        "Complexity,Loss,Equation\n1,0.5,\"x0\"\n3,0.25,\"x0 + 0.5\"\n5,0.25,\"x0 * x1\"\n");
    put("hall_of_fame_output1.csv", "Complexity,Loss,Equation\n2,0.75,\"x1\"\n7,0.125,\"x0 + x1\"\n");
    put("notes.txt", "not a hall of fame");
  }
  void TearDown() override { fs::remove_all(folder_); }
  void put(const std::string& name, const std::string& text) const { std::ofstream(folder_ / name) << text; }

  static Sample sample() {
    Sample sample;
    sample.rows = 4;
    sample.inputs = {{1, 0, 0, 1, 0.5, 0.75, 0.25, 0.75}};
    sample.labels = {{0, 1, 0, 1}};
    return sample;
  }

  fs::path folder_;
};

TEST_F(MenuOfTwo, EachLevelTakesTheBestEquationsOfAtMostItsComplexity) {
  EXPECT_THAT(*menu_levels(folder_.string()), ElementsAre(2, 3, 7));
  size_t calls = 0;
  const auto menu =
      scan_menu(sample(), {folder_.string(), "x[2]", {}, 2, [&](size_t done) { EXPECT_EQ(done, ++calls); }});
  ASSERT_TRUE(menu.ok()) << menu.status();
  EXPECT_EQ(calls, 3u);
  ASSERT_EQ(menu->points.size(), 3u);
  EXPECT_THAT(menu->points[0].equations, ElementsAre("x0", "x1"));
  EXPECT_THAT(menu->points[1].equations, ElementsAre("x0 + 0.5", "x1"));
  EXPECT_THAT(menu->points[2].equations, ElementsAre("x0 + 0.5", "x0 + x1"));
  EXPECT_DOUBLE_EQ(menu->points[0].file_loss, 0.625);
  EXPECT_DOUBLE_EQ(menu->points[1].file_loss, 0.5);
  EXPECT_DOUBLE_EQ(menu->points[2].file_loss, 0.1875);
  // Classes by x0 against x1: 0, 1, 1, 1; by x0 + 0.5 against x1: 0, 1, 0, 0 (equal: the first); by x0 + 0.5 against
  // x0 + x1: 0, 1, 1, 1. All exact in fixed point.
  for (const MenuPoint& point : menu->points) {
    ASSERT_EQ(point.problem, "");
    EXPECT_DOUBLE_EQ(*point.figures.merit.accuracy, 0.75) << point.complexity;
    EXPECT_DOUBLE_EQ(*point.float_accuracy, 0.75);
    EXPECT_EQ(point.figures.merit.difference.largest, 0);
  }
  EXPECT_EQ(menu->points[0].figures.cost.additions, 0);
  EXPECT_EQ(menu->points[1].figures.cost.additions, 1);
  EXPECT_EQ(menu->points[2].figures.cost.additions, 2);
  EXPECT_EQ(menu->points[2].figures.cost.multiplications, 0);
  EXPECT_THAT(menu->front, ElementsAre(0));
  EXPECT_EQ(tradeoffs(menu->points)[2].label, std::to_string(menu->points[2].figures.cost.planned_depth));
}

TEST_F(MenuOfTwo, AFolderIsOneModelWithAnOutputAFile) {
  for (int i = 2; i < 11; ++i) {
    put("hall_of_fame_output" + std::to_string(i) + ".csv",
        "Complexity,Loss,Equation\n1,1,\"x0 + " + std::to_string(i) + "\"\n");
  }
  const auto files = import::hall_of_fame_files(folder_.string());
  ASSERT_TRUE(files.ok()) << files.status();
  ASSERT_EQ(files->size(), 11u);
  EXPECT_TRUE((*files)[2].ends_with("output2.csv"));
  EXPECT_TRUE((*files)[10].ends_with("output10.csv"));
  const auto model = import::import_model(folder_.string(), {"", "loss", "x[2]"});
  ASSERT_TRUE(model.ok()) << model.status();
  EXPECT_THAT(model->outputs[0].shape, ElementsAre(11));
  const auto graph = quantise::quantise(*model, {});
  ASSERT_TRUE(graph.ok()) << graph.status();
  const auto scores = float_scores(*model, &graph->graph, sample());
  ASSERT_TRUE(scores.ok()) << scores.status();
  EXPECT_DOUBLE_EQ((*scores)[0][10], 1 + 10);  // the first event's x0 = 1, the last file's formula
}

TEST_F(MenuOfTwo, ErrorsNameTheFile) {
  const auto flaw = [&](const std::string& choice) {
    return std::string(import::import_model(folder_.string(), {"", choice, "x[2]"}).status().message());
  };
  EXPECT_THAT(flaw("all"), HasSubstr("not a folder"));
  EXPECT_THAT(flaw("max-complexity=1"), HasSubstr("hall_of_fame_output1.csv"));
  put("hall_of_fame_output1.csv", "Complexity,Loss,Equation\n2,0.75,\"x1 +\"\n");
  EXPECT_THAT(flaw("loss"), HasSubstr("hall_of_fame_output1.csv"));
  put("hall_of_fame_output1.csv", "nothing");
  EXPECT_THAT(std::string(menu_levels(folder_.string()).status().message()), HasSubstr("hall_of_fame_output1.csv"));
  fs::remove(folder_ / "hall_of_fame_output0.csv");
  fs::remove(folder_ / "hall_of_fame_output1.csv");
  EXPECT_THAT(flaw(""), HasSubstr("a folder without hall_of_fame*.csv"));
}

TEST_F(MenuOfTwo, ALevelThatCannotBeIsKeptWithTheReason) {
  put("hall_of_fame_output0.csv", "Complexity,Loss,Equation\n1,0.5,\"x0\"\n3,0.25,\"x0 / x1\"\n");
  const auto menu = scan_menu(sample(), {folder_.string(), "x[2]", {}, 1, nullptr});
  ASSERT_TRUE(menu.ok()) << menu.status();
  ASSERT_EQ(menu->points.size(), 3u);
  EXPECT_EQ(menu->points[0].problem, "");
  EXPECT_NE(menu->points[1].problem, "");
  EXPECT_THAT(menu->front, ElementsAre(0));
}

}  // namespace
}  // namespace strobe::scan
