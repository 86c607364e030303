#include "host/scouting/generate/filling_scheme.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace strobe::scouting {
namespace {

using ::testing::HasSubstr;

TEST(FillingScheme, TheShippedOnesAreWhatTheirTitlesSay) {
  const auto measured = find_filling_scheme("cms-2024");
  ASSERT_TRUE(measured.ok()) << measured.status();
  EXPECT_EQ(measured->colliding.size(), 2269);
  const auto nominal = find_filling_scheme("nominal-2340");
  ASSERT_TRUE(nominal.ok()) << nominal.status();
  EXPECT_EQ(nominal->colliding.size(), 2340);
  for (const auto* scheme : {&*measured, &*nominal}) {
    EXPECT_EQ(scheme->colliding.front(), 71);
    EXPECT_EQ(scheme->colliding.back(), 3443);
  }
}

TEST(FillingScheme, ReadsTrains) {
  const auto scheme = parse_filling_scheme("trains:\n  - 1-3, 10-10\n  - 3563-3563\n", "own.yaml");
  ASSERT_TRUE(scheme.ok()) << scheme.status();
  EXPECT_THAT(scheme->colliding, testing::ElementsAre(1, 2, 3, 10, 3563));
}

TEST(FillingScheme, ErrorsNameThePlace) {
  const auto message = [](const char* yaml) {
    return std::string(parse_filling_scheme(yaml, "own.yaml").status().message());
  };
  EXPECT_THAT(message("trains:\n  - 1-3\n  - 3-5\n"), HasSubstr("own.yaml:3: train 3-5: trains ascend"));
  EXPECT_THAT(message("trains:\n  - 5-3\n"), HasSubstr("own.yaml:2"));
  EXPECT_THAT(message("trains:\n  - 1-3564\n"), HasSubstr("at most 3563"));
  EXPECT_THAT(message("trains:\n  - x\n"), HasSubstr("first-last"));
  EXPECT_THAT(message("trains: [[1]]\n"), HasSubstr("own.yaml:1"));
  EXPECT_THAT(message("trains: []\n"), HasSubstr("no train"));
  EXPECT_THAT(message("a: b"), HasSubstr("'trains'"));
  EXPECT_THAT(message("{"), HasSubstr("own.yaml:"));
  EXPECT_THAT(std::string(find_filling_scheme("/nowhere").status().message()), HasSubstr("cms-2024, nominal-2340"));
}

}  // namespace
}  // namespace strobe::scouting
