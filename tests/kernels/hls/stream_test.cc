#include <gtest/gtest.h>

#include <cstdio>
#include <random>
#include <string>
#include <vector>

#include "ap_fixed.h"
#include "hls_stream.h"

namespace {

TEST(HlsStream, KeepsTheOrder) {
  hls::stream<ap_fixed<16, 6>> s("events");
  EXPECT_TRUE(s.empty());
  EXPECT_FALSE(s.full());
  s.write(1.5);
  s << ap_fixed<16, 6>(2.5);
  EXPECT_EQ(s.size(), 2u);
  EXPECT_EQ(s.read().to_double(), 1.5);
  ap_fixed<16, 6> v;
  s >> v;
  EXPECT_EQ(v.to_double(), 2.5);
  EXPECT_TRUE(s.empty());
}

TEST(HlsStream, NonBlockingReadTellsWhetherThereWasAValue) {
  hls::stream<int, 8> s("counts");
  int v = 7;
  EXPECT_FALSE(s.read_nb(v));
  EXPECT_EQ(v, 0);
  EXPECT_TRUE(s.write_nb(3));
  EXPECT_TRUE(s.read_nb(v));
  EXPECT_EQ(v, 3);
  s.write(4);
  s.read(v);
  EXPECT_EQ(v, 4);
  EXPECT_EQ(s.capacity(), 8u);
}

TEST(HlsStream, HoldsAnyNumberOfValuesInAnyPattern) {
  const unsigned seed = 5;
  std::printf("seed %u\n", seed);
  std::mt19937 rng(seed);
  hls::stream<int> s("pattern");
  int written = 0, read = 0;
  for (int round = 0; round < 2000; ++round) {
    for (unsigned n = rng() % 40; n > 0; --n) s.write(written++);
    for (unsigned n = rng() % 40; n > 0 && !s.empty(); --n) ASSERT_EQ(s.read(), read++) << "seed " << seed;
    ASSERT_EQ(s.size(), static_cast<size_t>(written - read));
  }
  while (!s.empty()) ASSERT_EQ(s.read(), read++);
  EXPECT_EQ(read, written);
}

TEST(HlsStreamDeathTest, ReadingAnEmptyStreamNamesItAndEnds) {
  hls::stream<int> s(std::string("scores"));
  EXPECT_DEATH(s.read(), "hls::stream 'scores': read while empty");
}

TEST(HlsStream, ReportsValuesThatNobodyRead) {
  testing::internal::CaptureStderr();
  {
    hls::stream<int> s("left");
    s.write(1);
    s.write(2);
  }
  EXPECT_NE(testing::internal::GetCapturedStderr().find("'left': 2 values"), std::string::npos);
}

struct Row {
  ap_fixed<16, 6> values[4];
};
TEST(HlsStream, CarriesStructures) {
  hls::stream<Row> s;
  Row row;
  for (int i = 0; i < 4; ++i) row.values[i] = i * 0.5;
  s.write(row);
  EXPECT_EQ(s.read().values[3].to_double(), 1.5);
}

}  // namespace
