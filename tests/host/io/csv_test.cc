#include <gmock/gmock.h>

#include <cmath>
#include <limits>

#include "host/io/files.h"
#include "io_fixture.h"

namespace strobe::io {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

std::string message(std::string_view text) { return std::string(parse_csv(text, "e.csv").status().message()); }

TEST(Csv, HeaderIsOptional) {
  const auto with = parse_csv("pt, \"eta\"\n1.5,2\r\n-3,1e2\n", "e.csv");
  ASSERT_TRUE(with.ok()) << with.status();
  EXPECT_THAT(with->header, ElementsAre("pt", "eta"));
  EXPECT_THAT(with->array.numbers(), ElementsAre(1.5, 2, -3, 100));
  const auto without = parse_csv("1,2\n3,4", "e.csv");
  ASSERT_TRUE(without.ok()) << without.status();
  EXPECT_TRUE(without->header.empty());
  EXPECT_EQ(without->array.to_string(), "int64 [2, 2]");
}

TEST(Csv, IntegersStayExact) {
  const auto csv = parse_csv("9007199254740993,-1\n", "e.csv");
  ASSERT_TRUE(csv.ok());
  EXPECT_THAT(*csv->array.integers(), ElementsAre(9007199254740993, -1));
}

TEST(Csv, OtherSeparatorsAndComments) {
  EXPECT_THAT(parse_csv("# made today\n1;2\n\n3;4\n\n", "e")->array.numbers(), ElementsAre(1, 2, 3, 4));
  EXPECT_THAT(parse_csv("1\t2\n", "e")->array.numbers(), ElementsAre(1, 2));
  EXPECT_THAT(parse_csv("5\n6\n", "e")->array.numbers(), ElementsAre(5, 6));
}

TEST(Csv, ErrorsNameLineAndColumn) {
  EXPECT_THAT(message("a,b\n1,2\n3,x\n"),
              AllOf(HasSubstr("e.csv"), HasSubstr("line 3"), HasSubstr("column 2"), HasSubstr("'x'")));
  EXPECT_THAT(message("1,2\n3\n"), AllOf(HasSubstr("line 2"), HasSubstr("expected 2 columns, found 1")));
  EXPECT_THAT(message("x,2\n"), AllOf(HasSubstr("line 1"), HasSubstr("column 1")));
  EXPECT_THAT(message("1,\n"), AllOf(HasSubstr("line 1"), HasSubstr("column 2")));
  EXPECT_THAT(message(""), HasSubstr("found none"));
  EXPECT_THAT(message(std::string_view("1,2\n\0\0\0", 7)), HasSubstr("line 2"));
}

TEST(Csv, AFlawedFirstEventIsNoHeader) {
  // One bad field, beside good ones or alone; absent values in every notation; a number gone wrong.
  for (const char* line : {"x,2", ",2", "2,", ",", "nan,x", "NA,null", "1.2.3", "1,5e", "0x1F", "--3", "+-1,-", "?,?",
                           "1 2 3", "\"\",\"\"", "1e5x", ".5.", "None", "\t2", "#N/A,#N/A"}) {
    EXPECT_THAT(message(std::string(line) + "\n1,2\n"),
                AllOf(HasSubstr("line 1"), HasSubstr("column"), HasSubstr("expected a number")))
        << line;
  }
  EXPECT_THAT(message("pt,eta\nphi,mass\n"), AllOf(HasSubstr("line 2"), HasSubstr("column 1"), HasSubstr("'phi'")));
  EXPECT_THAT(message("pt,eta\n1,2,3\n"), HasSubstr("line 2: expected 2 columns, found 3"));
  EXPECT_THAT(message("1\t2\t\n"), AllOf(HasSubstr("line 1, column 3"), HasSubstr("found ''")));
  EXPECT_EQ(parse_csv("tau21,m_SD,_x\n1,2,3\n", "e")->array.rows(), 1);
}

TEST(Csv, NotANumberAndInfinityAreNumbersForTheCallerToJudge) {
  const auto csv = parse_csv("nan,inf,-inf,1e999,1e-999\n", "e");
  ASSERT_TRUE(csv.ok()) << csv.status();
  EXPECT_TRUE(std::isnan(csv->array.number(0)));
  EXPECT_EQ(csv->array.number(2), -INFINITY);
  EXPECT_EQ(csv->array.number(3), INFINITY);
  EXPECT_EQ(csv->array.number(4), 0);
}

TEST(Csv, WrittenNumbersComeBackExactly) {
  TemporaryFolder folder;
  const std::vector<double> values = {0.1, -1.0 / 3, 1e-310, std::numeric_limits<double>::max(), 5, -0.0};
  ASSERT_TRUE(write_csv(folder.file("s.csv"), Array::of<double>({2, 3}, values), {"a", "b", "c"}).ok());
  const auto csv = read_csv(folder.file("s.csv"));
  ASSERT_TRUE(csv.ok()) << csv.status();
  EXPECT_THAT(csv->header, ElementsAre("a", "b", "c"));
  EXPECT_EQ(csv->array.numbers(), values);
  EXPECT_FALSE(write_csv(folder.file("t.csv"), Array::of<double>({2, 3}, values), {"a"}).ok());
  EXPECT_EQ(folder.files(), 1u);
}

TEST(Csv, WritesEveryIntegerType) {
  TemporaryFolder folder;
  ASSERT_TRUE(write_csv(folder.file("s.csv"), Array::of<uint64_t>({1, 2}, {UINT64_MAX, 0})).ok());
  EXPECT_EQ(content_of(folder.file("s.csv")), "18446744073709551615,0\n");
  ASSERT_TRUE(write_csv(folder.file("s.csv"), Array::of<int8_t>({2}, {-128, 127})).ok());
  EXPECT_EQ(content_of(folder.file("s.csv")), "-128\n127\n");
}

}  // namespace
}  // namespace strobe::io
