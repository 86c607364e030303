// Bits, ranges, concatenations, reductions and text.
#include <gtest/gtest.h>

#include <sstream>

#include "ap_fixed.h"

namespace {

TEST(ApBits, ReadAndWriteSingleBits) {
  ap_int<8> v = 0;
  v[7] = true;
  EXPECT_EQ(v.to_int(), -128) << "the top bit is the sign";
  v[0] = v[7];
  EXPECT_EQ(v.to_int(), -127);
  v.set(1);
  v.clear(7);
  v.invert(2);
  v.set_bit(3, true);
  EXPECT_EQ(v.to_int(), 15);
  EXPECT_TRUE(v.test(3) && v.bit(0) && v.get_bit(1) && !v[6]);
  EXPECT_TRUE(v[3] == 1 && (v[3] & v[6]) == 0 && ~v[6]);
  ap_fixed<8, 4> f = 0;
  f[4] = 1;
  EXPECT_EQ(f.to_double(), 1.0);
  EXPECT_TRUE(f.get_bit(0)) << "get_bit counts from the binary point";
}

TEST(ApBitsDeathTest, OutsideTheNumberEndTheSimulationWithAMessage) {
  ap_int<8> v = 0;
  EXPECT_DEATH(v[8] = true, "bits");
  EXPECT_DEATH(static_cast<bool>(v[-1]), "bits");
  EXPECT_DEATH(v.range(9, 0).to_int(), "bits");
}

TEST(ApRange, ReadsUnsignedAndWritesLowBits) {
  ap_int<16> v = -1;
  EXPECT_EQ(v.range(7, 4).to_int(), 15);
  EXPECT_EQ(v(7, 4) + 1, 16);
  v.range(7, 4) = 0x123;
  EXPECT_EQ(v.to_int(), static_cast<int16_t>(0xff3f));
  v(3, 0) = ap_uint<4>(5);
  EXPECT_EQ(v.to_int(), static_cast<int16_t>(0xff35));
  v(15, 8) = v(7, 0);
  EXPECT_EQ(v.to_int(), 0x3535);
  EXPECT_EQ(v.range().to_uint(), 0x3535u);
  EXPECT_EQ(v.range(11, 8).length(), 4);
  EXPECT_TRUE(v(7, 0) == 0x35 && v(7, 0) < 54 && ap_int<9>(v(7, 0)) == 0x35);
}

TEST(ApRange, WithSwappedBoundsReversesTheBits) {
  ap_uint<8> v = 0x0b;
  EXPECT_EQ(v.range(0, 3).to_int(), 0x0d);
  v.range(4, 7) = 0x1;
  EXPECT_EQ(v.to_int(), 0x8b);
  EXPECT_EQ(v.reverse().to_int(), 0xd1);
}

TEST(ApRange, MovesRawBitsOfFixedPointNumbers) {
  ap_fixed<16, 6> v;
  v.range(15, 0) = ap_int<16>(-1280);
  EXPECT_EQ(v.to_double(), -1.25);
  const ap_fixed<16, 6> constant = v;
  EXPECT_EQ(ap_int<16>(constant.range(15, 0)).to_int(), -1280);
  EXPECT_EQ(v.bits_to_uint64() & 0xffff, 0xfb00u);
  EXPECT_EQ((ap_fixed<16, 6>::bitsToFixed(0xfb00).to_double()), -1.25);
  ap_uint<32> word = 0;
  word.range(31, 16) = v.range();
  EXPECT_EQ(word.to_uint(), 0xfb000000u);
}

TEST(ApConcatenation, PutsTheFirstOnTop) {
  ap_uint<8> low = 0x12;
  ap_int<8> high = 0x34;
  const ap_uint<16> both = (high, low);
  EXPECT_EQ(both.to_int(), 0x3412);
  EXPECT_EQ(ap_uint<24>((low, high, low)).to_int(), 0x123412);
  EXPECT_EQ(ap_uint<16>(high.concat(low)).to_int(), 0x3412);
  EXPECT_EQ(ap_uint<16>((high(3, 0), low[1])).to_int(), 0x9);
  (high, low) = 0xabcd;
  EXPECT_EQ(high.to_uchar(), 0xab);
  EXPECT_EQ(low.to_uchar(), 0xcd);
  (high(7, 4), low[0]) = ap_uint<5>(0x0a);
  EXPECT_EQ(high.to_uchar(), 0x5b);
  EXPECT_EQ(low.to_uchar(), 0xcc);
  EXPECT_EQ((high, low) + 1, 0x5bcd);
  const ap_int<4> minus = -1;
  EXPECT_EQ(ap_uint<12>((minus, minus)).to_int(), 0xff) << "parts are unsigned in a concatenation";
  int plain = 1;
  EXPECT_EQ((++plain, plain), 2) << "the comma of built-in types is untouched";
}

TEST(ApReduction, CombinesAllBits) {
  EXPECT_TRUE(ap_uint<5>(31).and_reduce() && !ap_uint<5>(30).and_reduce() && ap_uint<5>(30).nand_reduce());
  EXPECT_TRUE(ap_int<5>(-1).and_reduce() && ap_int<5>(4).or_reduce() && ap_int<5>(0).nor_reduce());
  EXPECT_TRUE(ap_uint<70>(7).xor_reduce() && ap_uint<70>(3).xnor_reduce());
  const ap_uint<8> v = 0xf0;
  EXPECT_TRUE(v(7, 4).and_reduce() && v(3, 0).nor_reduce() && !v(4, 3).and_reduce());
}

TEST(ApRotation, KeepsEveryBit) {
  EXPECT_EQ(ap_uint<6>(0x21).lrotate(1).to_int(), 0x03);
  EXPECT_EQ(ap_uint<6>(0x21).rrotate(2).to_int(), 0x18);
  EXPECT_EQ(ap_int<6>(5).rrotate(0).to_int(), 5);
  EXPECT_EQ(ap_int<100>(1).countLeadingZeros(), 99);
  EXPECT_EQ(ap_uint<8>(0).countLeadingZeros(), 8);
}

TEST(ApText, ShowsNumbersInEveryBase) {
  EXPECT_EQ(ap_int<12>(-1).to_string(10), "-1");
  EXPECT_EQ(ap_int<12>(-1).to_string(16), "-0x001");
  EXPECT_EQ(ap_int<12>(-1).to_string(16, false), "0xfff");
  EXPECT_EQ(ap_int<12>(-1).to_string(10, false), "4095");
  EXPECT_EQ(ap_uint<6>(37).to_string(), "0b100101");
  EXPECT_EQ(ap_int<8>(-128).to_string(8), "-0o200");
  EXPECT_EQ((ap_fixed<16, 6>(-1.75).to_string(10)), "-1.75");
  EXPECT_EQ((ap_fixed<6, 3>(3.25).to_string(2)), "0b011.010");
  EXPECT_EQ((ap_fixed<16, 6>(1.75).to_string(16)), "0x01.c00p0");
  EXPECT_EQ((ap_ufixed<8, 12>(1000).to_string(10)), "992");
  EXPECT_EQ(ap_int<128>("-170141183460469231731687303715884105728").to_string(10),
            "-170141183460469231731687303715884105728");
}

TEST(ApText, ReadsNumbersInEveryBase) {
  EXPECT_EQ(ap_int<12>("0xfff").to_int(), -1);
  EXPECT_EQ(ap_int<12>("fff", 16).to_int(), -1);
  EXPECT_EQ(ap_int<12>("-12").to_int(), -12);
  EXPECT_EQ(ap_uint<8>("0b101").to_int(), 5);
  EXPECT_EQ(ap_uint<8>("0o17").to_int(), 15);
  EXPECT_EQ((ap_fixed<16, 6>("-1.75").to_double()), -1.75);
  EXPECT_EQ((ap_fixed<16, 6>("1.75e1").to_double()), 17.5);
  EXPECT_EQ((ap_fixed<16, 6>("0x1.8p1").to_double()), 3.0);
  EXPECT_EQ((ap_fixed<8, 4, AP_RND>("0.03125").to_double()), 0.0625) << "a tie, read exactly";
  EXPECT_EQ((ap_fixed<8, 4, AP_RND>("0.03124999999999999999999999").to_double()), 0);
  EXPECT_EQ((ap_fixed<8, 4, AP_RND_MIN_INF>("0.03125000000000000000000001").to_double()), 0.0625);
}

TEST(ApTextDeathTest, RefusesWhatIsNotANumber) {
  EXPECT_DEATH(ap_int<8>("12x"), "12x.*unexpected");
  EXPECT_DEATH((ap_fixed<8, 4>("")), "expected digits");
  EXPECT_DEATH(ap_int<8>("0b2"), "expected digits");
  EXPECT_DEATH((ap_fixed<8, 4>("1e9999")), "exponent");
}

TEST(ApText, GoesToStreams) {
  std::ostringstream os;
  os << ap_int<70>(-5) << ' ' << ap_fixed<16, 6>(1.5) << ' ' << std::hex << ap_uint<8>(255);
  EXPECT_EQ(os.str(), "-5 1.5 0xff");
}

}  // namespace
