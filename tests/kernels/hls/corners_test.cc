// Corners derived by hand from the vendor's rules, most of them the examples of UG1399.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "ap_fixed.h"

namespace {

template <class T, class V>
double as(V v) {
  return T(v).to_double();
}

/// The value as T, from a double and from another ap_fixed: two ways through the headers that must agree.
template <class T>
double both(double v) {
  EXPECT_EQ(as<T>(v), as<T>(ap_fixed<24, 12>(v))) << v;
  return as<T>(v);
}

TEST(ApFixedRounding, FollowsTheExamplesOfUg1399) {
  EXPECT_EQ((both<ap_fixed<3, 2, AP_RND, AP_SAT>>(1.25)), 1.5);
  EXPECT_EQ((both<ap_fixed<3, 2, AP_RND, AP_SAT>>(-1.25)), -1.0);
  EXPECT_EQ((both<ap_fixed<3, 2, AP_RND_ZERO, AP_SAT>>(1.25)), 1.0);
  EXPECT_EQ((both<ap_fixed<3, 2, AP_RND_ZERO, AP_SAT>>(-1.25)), -1.0);
  EXPECT_EQ((both<ap_fixed<3, 2, AP_RND_MIN_INF, AP_SAT>>(1.25)), 1.0);
  EXPECT_EQ((both<ap_fixed<3, 2, AP_RND_MIN_INF, AP_SAT>>(-1.25)), -1.5);
  EXPECT_EQ((both<ap_fixed<3, 2, AP_RND_INF, AP_SAT>>(1.25)), 1.5);
  EXPECT_EQ((both<ap_fixed<3, 2, AP_RND_INF, AP_SAT>>(-1.25)), -1.5);
  EXPECT_EQ((both<ap_fixed<3, 2, AP_RND_CONV, AP_SAT>>(0.75)), 1.0);
  EXPECT_EQ((both<ap_fixed<3, 2, AP_RND_CONV, AP_SAT>>(-1.25)), -1.0);
  EXPECT_EQ((both<ap_fixed<3, 2, AP_TRN, AP_SAT>>(1.25)), 1.0);
  EXPECT_EQ((both<ap_fixed<3, 2, AP_TRN, AP_SAT>>(-1.25)), -1.5);
  EXPECT_EQ((both<ap_fixed<3, 2, AP_TRN_ZERO, AP_SAT>>(1.25)), 1.0);
  EXPECT_EQ((both<ap_fixed<3, 2, AP_TRN_ZERO, AP_SAT>>(-1.25)), -1.0);
}

TEST(ApFixedOverflow, FollowsTheExamplesOfUg1399) {
  EXPECT_EQ((both<ap_fixed<4, 4, AP_RND, AP_SAT>>(19.0)), 7);
  EXPECT_EQ((both<ap_fixed<4, 4, AP_RND, AP_SAT>>(-19.0)), -8);
  EXPECT_EQ((both<ap_ufixed<4, 4, AP_RND, AP_SAT>>(19.0)), 15);
  EXPECT_EQ((both<ap_ufixed<4, 4, AP_RND, AP_SAT>>(-19.0)), 0);
  EXPECT_EQ((both<ap_fixed<4, 4, AP_RND, AP_SAT_ZERO>>(19.0)), 0);
  EXPECT_EQ((both<ap_fixed<4, 4, AP_RND, AP_SAT_ZERO>>(-19.0)), 0);
  EXPECT_EQ((both<ap_fixed<4, 4, AP_RND, AP_SAT_SYM>>(19.0)), 7);
  EXPECT_EQ((both<ap_fixed<4, 4, AP_RND, AP_SAT_SYM>>(-19.0)), -7);
  EXPECT_EQ((both<ap_ufixed<4, 4, AP_RND, AP_SAT_SYM>>(-19.0)), 0);
  EXPECT_EQ((both<ap_fixed<4, 4, AP_RND, AP_WRAP>>(31.0)), -1);
  EXPECT_EQ((both<ap_fixed<4, 4, AP_RND, AP_WRAP>>(-19.0)), -3);
  EXPECT_EQ((both<ap_ufixed<4, 4, AP_RND, AP_WRAP>>(19.0)), 3);
  EXPECT_EQ((both<ap_ufixed<4, 4, AP_RND, AP_WRAP>>(-19.0)), 13);
  EXPECT_EQ((both<ap_fixed<4, 4, AP_RND, AP_WRAP_SM>>(19.0)), -4);
  EXPECT_EQ((both<ap_fixed<4, 4, AP_RND, AP_WRAP_SM>>(-19.0)), 2);
}

TEST(ApFixedOverflow, SymmetricSaturationExcludesTheMostNegativeValue) {
  EXPECT_EQ((as<ap_fixed<4, 4, AP_TRN, AP_SAT_SYM>>(-8.0)), -7);
  EXPECT_EQ((as<ap_fixed<4, 4, AP_TRN, AP_SAT_SYM>>(ap_int<4>(-8))), -7);
  EXPECT_EQ((as<ap_fixed<4, 4, AP_TRN, AP_SAT_SYM>>(ap_fixed<8, 4>(-7.5))), -7) << "rounds to -8, then is limited";
}

TEST(ApFixedOverflow, SymmetricSaturationOfOneBitIsMinusOneAsInTheVendorsSimulation) {
  // SystemC gives 0 here; the vendor sets the lowest bit of the most negative value, which is its only bit.
  EXPECT_EQ((as<ap_fixed<1, 1, AP_TRN, AP_SAT_SYM>>(-1.0)), -1);
  EXPECT_EQ((as<ap_fixed<1, 1, AP_TRN, AP_SAT_SYM>>(1.0)), 0);
}

TEST(ApFixedOverflow, RoundingComesFirst) {
  EXPECT_EQ((both<ap_fixed<4, 3, AP_RND, AP_SAT>>(3.75)), 3.5) << "3.75 rounds to 4, which is beyond the largest 3.5";
  EXPECT_EQ((both<ap_fixed<4, 3, AP_RND, AP_WRAP>>(3.75)), -4.0);
  EXPECT_EQ((both<ap_ufixed<4, 4, AP_TRN_ZERO, AP_SAT_ZERO>>(-0.5)), 0);
  EXPECT_EQ((both<ap_ufixed<4, 4, AP_TRN, AP_WRAP>>(-0.5)), 15) << "-0.5 truncates to -1";
}

TEST(ApFixedOverflow, WrapWithSaturatedBitsKeepsTheSign) {
  EXPECT_EQ((both<ap_fixed<5, 5, AP_TRN, AP_WRAP, 1>>(21.0)), 5);
  EXPECT_EQ((both<ap_fixed<5, 5, AP_TRN, AP_WRAP, 2>>(21.0)), 13);
  EXPECT_EQ((both<ap_fixed<5, 5, AP_TRN, AP_WRAP, 1>>(-19.0)), -3);
  EXPECT_EQ((both<ap_fixed<5, 5, AP_TRN, AP_WRAP, 3>>(-19.0)), -15);
  EXPECT_EQ((both<ap_ufixed<5, 5, AP_TRN, AP_WRAP, 2>>(37.0)), 29);
  EXPECT_EQ((both<ap_fixed<5, 5, AP_TRN, AP_WRAP, 3>>(9.0)), 9) << "in range: nothing saturates";
  EXPECT_EQ((both<ap_ufixed<5, 5, AP_TRN, AP_WRAP, 2>>(-3.0)), 29) << "the vendor sets the top bits here too";
}

TEST(ApFixedOverflow, SignMagnitudeWrapLooksAtTheBitAboveBeforeRounding) {
  // 7.5 is 00111.1: rounded 8 = 1000 in 4 bits, and the bit above is still 0, so the bits flip to 0111.
  EXPECT_EQ((as<ap_fixed<4, 4, AP_RND, AP_WRAP_SM>>(7.5)), 7);
  EXPECT_EQ((as<ap_fixed<4, 4, AP_RND, AP_WRAP_SM>>(ap_fixed<10, 6>(7.5))), 7);
}

TEST(ApFixedFromDouble, NegativeIntoUnsignedWrapsModuloTheRange) {
  EXPECT_EQ((as<ap_ufixed<8, 3>>(-1.25)), 6.75);
  EXPECT_EQ((as<ap_ufixed<8, 3>>(-1.0 / 64)), 8 - 1.0 / 32);
  EXPECT_EQ(ap_uint<8>(-1.9).to_int(), 255) << "an integer truncates towards zero before it wraps";
}

TEST(ApFixedFromDouble, SpecialValues) {
  const double inf = std::numeric_limits<double>::infinity();
  EXPECT_EQ((as<ap_fixed<8, 3, AP_TRN, AP_SAT>>(inf)), 3.96875);
  EXPECT_EQ((as<ap_fixed<8, 3, AP_TRN, AP_SAT>>(-inf)), -4);
  EXPECT_EQ((as<ap_fixed<8, 3>>(inf)), 0);
  EXPECT_EQ((as<ap_fixed<100, 3, AP_TRN, AP_SAT>>(-inf)), -4);
  EXPECT_EQ((as<ap_fixed<8, 3, AP_RND, AP_SAT>>(std::nan(""))), 0);
  EXPECT_EQ((as<ap_fixed<100, 3, AP_RND, AP_SAT>>(std::nan(""))), 0);
  EXPECT_EQ((as<ap_fixed<8, 3>>(-5e-324)), -1.0 / 32) << "the smallest negative double truncates to the last bit";
  EXPECT_EQ((as<ap_fixed<8, 3, AP_RND>>(-5e-324)), 0);
  EXPECT_EQ((as<ap_fixed<8, 3, AP_TRN, AP_SAT>>(1e308)), 3.96875);
  EXPECT_EQ((as<ap_fixed<8, 3>>(-0.0)), 0);
}

TEST(ApFixedFormat, IntegerBitsMayBeNegativeOrExceedTheWidth) {
  EXPECT_EQ((both<ap_fixed<2, 0>>(-0.5)), -0.5);
  EXPECT_EQ((both<ap_ufixed<1, -1>>(0.25)), 0.25);
  EXPECT_EQ((both<ap_ufixed<1, -7>>(1.0 / 256)), 1.0 / 256);
  EXPECT_EQ((both<ap_fixed<4, 7>>(44.0)), 40) << "steps of 8";
  EXPECT_EQ((both<ap_fixed<4, 7, AP_RND>>(44.0)), 48);
  EXPECT_EQ((both<ap_fixed<4, 7, AP_RND, AP_SAT>>(100.0)), 56);
}

TEST(ApFixedToInteger, TruncatesTowardsZeroLikeADouble) {
  EXPECT_EQ((ap_fixed<8, 4>(-7.5).to_int()), -7);
  EXPECT_EQ((ap_fixed<8, 4>(7.5).to_int()), 7);
  EXPECT_EQ((ap_fixed<8, 4>(-0.5).to_int()), 0);
  EXPECT_EQ((ap_fixed<8, -2>(-0.1).to_int()), 0);
  EXPECT_EQ((ap_fixed<8, 4>(-8).to_int()), -8);
  EXPECT_EQ((ap_int<8>(ap_fixed<8, 4>(-7.5))), -7);
  EXPECT_EQ((static_cast<int>(ap_fixed<8, 4>(-1.75))), -1);
  EXPECT_EQ((ap_fixed<4, 7>(40).to_int()), 40);
  EXPECT_EQ((ap_fixed<70, 66>(-1e19).to_int64()), 8446744073709551616) << "the low 64 bits";
}

TEST(ApInt, FromADoubleTruncatesTowardsZero) {
  EXPECT_EQ(ap_int<8>(-3.9).to_int(), -3);
  EXPECT_EQ(ap_int<8>(130.5).to_int(), -126);
}

TEST(ApInt, ConvertsToBuiltInIntegersByTheirLowBits) {
  const ap_int<40> v = 0x12ffffff80ll;
  EXPECT_EQ(v.to_char(), static_cast<char>(0x80));
  EXPECT_EQ(v.to_short(), -128);
  EXPECT_EQ(v.to_uint(), 0xffffff80u);
  EXPECT_EQ(v.to_int64(), 0x12ffffff80ll);
  EXPECT_EQ(ap_int<4>(-1).to_uint64(), ~0ull) << "sign-extended, as a cast is";
  const int index = ap_uint<3>(5);
  EXPECT_EQ(index, 5);
  switch (ap_uint<2>(2)) {
    case 2:
      break;
    default:
      FAIL() << "an ap_uint selects its case";
  }
}

TEST(ApFixedDivision, TruncatesTowardsZero) {
  const ap_fixed<8, 5> a = -7, b = 2, c = 3;
  EXPECT_EQ((a / b).to_double(), -3.5);
  EXPECT_EQ((a / c).to_double(), -2.25) << "F of the dividend, 3 bits: -2.333 to -2.25";
  EXPECT_EQ((ap_int<8>(-7) / ap_int<8>(2)).to_int(), -3);
  EXPECT_EQ((ap_int<8>(-7) % ap_int<8>(2)).to_int(), -1);
  EXPECT_EQ((ap_int<8>(-128) / ap_int<8>(-1)).to_int(), 128) << "the extra bit of a signed divisor";
}

TEST(ApDivisionDeathTest, ByZeroEndsTheSimulationWithAMessage) {
  const ap_fixed<8, 5> a = 1, zero = 0;
  const ap_int<8> i = 1, izero = 0;
  EXPECT_DEATH((a / zero).to_double(), "division by zero");
  EXPECT_DEATH((i % izero).to_int(), "division by zero");
}

TEST(ApShift, ByANegativeCountGoesTheOtherWay) {
  EXPECT_EQ((ap_fixed<8, 5>(3) << -1).to_double(), 1.5);
  EXPECT_EQ((ap_fixed<8, 5>(3) >> -1).to_double(), 6);
  EXPECT_EQ((ap_int<8>(12) << ap_int<3>(-2)).to_int(), 3);
  EXPECT_EQ((ap_int<8>(12) >> ap_int<3>(-2)).to_int(), 48);
}

TEST(ApShift, NeitherRoundsNorSaturates) {
  ap_fixed<8, 5, AP_RND, AP_SAT> v = 1.125;
  EXPECT_EQ((v >> 1).to_double(), 0.5);
  v = 12;
  EXPECT_EQ((v << 1).to_double(), -8);
  v <<= 2;
  EXPECT_EQ(v.to_double(), -16);
  EXPECT_EQ((ap_fixed<8, 5>(-0.125) >> 100).to_double(), -0.125) << "the sign fills";
  EXPECT_EQ((ap_int<8>(5) << 8).to_int(), 0);
  EXPECT_EQ((ap_uint<8>(200) >> 9).to_int(), 0);
}

TEST(ApFixedAssignment, RoundsAndLimitsByItsOwnModes) {
  ap_fixed<8, 4, AP_RND, AP_SAT> v = 7;
  v += ap_fixed<16, 4>(0.9);
  EXPECT_EQ(v.to_double(), 7.875);
  v += 1;
  EXPECT_EQ(v.to_double(), 7.9375);
  v -= 100;
  EXPECT_EQ(v.to_double(), -8);
  v = 1.5;
  v *= ap_fixed<8, 4>(1.4375);
  EXPECT_EQ(v.to_double(), 2.1875) << "2.15625, a tie, rounded up";
  ++v;
  EXPECT_EQ(v.to_double(), 3.1875);
  EXPECT_EQ((v--).to_double(), 3.1875);
  EXPECT_EQ(v.to_double(), 2.1875);
  ap_int<8> i = 10;
  i += ap_fixed<8, 4>(-2.5);
  EXPECT_EQ(i.to_int(), 8) << "the ap_fixed is truncated towards zero first";
}

TEST(ApFixedComparison, IsExactAcrossFormats) {
  EXPECT_TRUE((ap_fixed<8, 4>(-1) < ap_ufixed<8, 4>(1)));
  EXPECT_FALSE((ap_fixed<16, 1>(0.5) == ap_fixed<17, 1>(0.5 + 1.0 / 65536)));
  EXPECT_TRUE((ap_uint<64>(~0ull) > ap_int<8>(-1)));
  EXPECT_TRUE((ap_fixed<8, 4>(-1) < 0u)) << "unlike built-in integers, signs do not convert";
  EXPECT_TRUE((ap_fixed<8, 4>(1.5) == 1.5 && 1.25 < ap_fixed<8, 4>(1.5)));
}

TEST(ApNumbers, StartAsZero) {
  ap_fixed<12, 4> f;
  ap_int<300> i;
  EXPECT_TRUE(f.is_zero() && i.is_zero() && !f && !i);
}

}  // namespace
