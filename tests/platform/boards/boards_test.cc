#include "platform/boards/boards.h"

#include <algorithm>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace strobe::boards {
namespace {

using testing::HasSubstr;

TEST(Boards, AreAllThere) {
  std::vector<std::string> names;
  for (const Board& board : all()) names.push_back(board.name);
  EXPECT_THAT(names, testing::ElementsAre("u200", "u250", "u280", "u50", "u55c", "vu9p"));
}

TEST(Boards, AddUp) {
  for (const Board& board : all()) {
    Resources sum;
    for (const Slr& slr : board.slrs) {
      sum.luts += slr.resources.luts;
      sum.flip_flops += slr.resources.flip_flops;
      sum.dsps += slr.resources.dsps;
      sum.bram_18k += slr.resources.bram_18k;
      sum.urams += slr.resources.urams;
    }
    EXPECT_EQ(sum.luts, board.resources.luts) << board.name;
    EXPECT_EQ(sum.flip_flops, board.resources.flip_flops) << board.name;
    EXPECT_EQ(sum.dsps, board.resources.dsps) << board.name;
    EXPECT_EQ(sum.bram_18k, board.resources.bram_18k) << board.name;
    EXPECT_EQ(sum.urams, board.resources.urams) << board.name;
    EXPECT_LE(board.default_clock_mhz, board.maximum_clock_mhz) << board.name;
  }
}

TEST(Boards, HaveBanksThatDoNotOverlapAndFitAnXclbin) {
  for (const Board& board : all()) {
    for (size_t i = 0; i < board.banks.size(); ++i) {
      const Bank& bank = board.banks[i];
      EXPECT_LT(bank.tag.size(), 16u) << board.name;
      for (size_t j = 0; j < i; ++j) {
        const Bank& other = board.banks[j];
        EXPECT_TRUE(bank.base_address >= other.base_address + other.size_bytes ||
                    other.base_address >= bank.base_address + bank.size_bytes)
            << board.name << ": " << bank.tag << " and " << other.tag;
      }
    }
    EXPECT_EQ(std::count(board.vbnv.begin(), board.vbnv.end(), ':'), 3) << board.name;
  }
}

TEST(Boards, AreFoundByName) {
  ASSERT_TRUE(find("u55c").ok());
  EXPECT_EQ((*find("u55c"))->banks.size(), 32u);
  EXPECT_EQ((*find("u55c"))->banks[31].tag, "HBM[31]");
  EXPECT_THAT(std::string(find("u999").status().message()), HasSubstr("known are u200, u250"));
}

TEST(BoardFile, NamesWhatIsMissing) {
  EXPECT_THAT(std::string(parse("name: x").status().message()), HasSubstr("'title' is missing"));
  EXPECT_FALSE(parse("][").ok());
  EXPECT_FALSE(parse("").ok());
}

}  // namespace
}  // namespace strobe::boards
