// Conversions between formats of every width, up to 1024 bits, against their definition in unlimited integers.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <random>
#include <utility>

#include "oracle.h"

namespace {

using oracle::BigInt;

constexpr ap_q_mode kRoundings[] = {AP_RND, AP_RND_ZERO, AP_RND_MIN_INF, AP_RND_INF, AP_RND_CONV, AP_TRN, AP_TRN_ZERO};
constexpr ap_o_mode kOverflows[] = {AP_SAT, AP_SAT_ZERO, AP_SAT_SYM, AP_WRAP};

/// The conversion of raw values from Source to Target, so that the loop over values is compiled once.
struct Conversion {
  int w, i;
  bool s;
  ap_q_mode q;
  ap_o_mode o;
  BigInt (*apply)(const BigInt&);
};
template <class Target, class Source>
BigInt apply(const BigInt& raw) {
  return oracle::raw(Target(oracle::make<Source>(raw)));
}
template <class Target, class Source>
Conversion conversion() {
  return {Target::width, Target::iwidth, Target::sign_flag, Target::qmode, Target::omode, apply<Target, Source>};
}

int check(const Conversion& c, int w, int i, bool s, int count, std::mt19937_64& rng) {
  int failed = 0;
  for (int k = 0; k < count; ++k) {
    BigInt raw = oracle::random_raw(w, s, rng);
    // Half the values near the target's limits, where rounding decides whether they overflow.
    const int shift = (w - i) - (c.w - c.i);
    if ((k & 1) && shift > 0 && c.w + shift < w) {
      const int top = c.w + shift - static_cast<int>(rng() % 2);
      raw = oracle::wrap(oracle::power(top) * ((rng() & 1) ? 1 : -1) + (raw >> (w - shift - 2)), w, s);
    }
    const BigInt expected = oracle::limit(oracle::round(raw, shift, c.q), c.w, c.s, c.o);
    const BigInt found = c.apply(raw);
    if (found == expected) continue;
    if (++failed <= 3) {
      ADD_FAILURE() << "from raw " << raw << " W=" << w << " I=" << i << " to W=" << c.w << " I=" << c.i
                    << " signed=" << c.s << " Q=" << c.q << " O=" << c.o << ": expected " << expected << ", found "
                    << found;
    }
  }
  return failed;
}

template <int W, int I, bool S, class Source, size_t... K>
void check_modes(unsigned seed, int count, std::index_sequence<K...>) {
  const Conversion conversions[] = {
      conversion<ap_fixed_base<W, I, S, kRoundings[K / 4], kOverflows[K % 4], 0>, Source>()...};
  std::mt19937_64 rng(seed);
  int failed = 0;
  for (const Conversion& c : conversions) {
    failed += check(c, Source::width, Source::iwidth, Source::sign_flag, count, rng);
  }
  std::printf("seed %u: %zu conversions compared\n", seed, sizeof...(K) * count);
  EXPECT_EQ(failed, 0) << "seed " << seed;
}
template <int W, int I, bool S, class Source>
void check_formats(unsigned seed, int count = 3000) {
  check_modes<W, I, S, Source>(seed, count, std::make_index_sequence<28>());
}

TEST(ApFixedConversion, ProductToSixteenBits) { check_formats<16, 6, true, ap_fixed<32, 12>>(1); }
TEST(ApFixedConversion, SignedToUnsigned) { check_formats<7, 3, false, ap_fixed<24, 12>>(2); }
TEST(ApFixedConversion, UnsignedOfAWholeWord) { check_formats<20, 10, true, ap_ufixed<64, 32>>(3); }
TEST(ApFixedConversion, ToAWholeWord) { check_formats<64, 20, true, ap_fixed<72, 30>>(4); }
TEST(ApFixedConversion, ToAnUnsignedWholeWord) { check_formats<64, 64, false, ap_fixed<65, 65>>(5); }
TEST(ApFixedConversion, ShiftBeyondTheSource) { check_formats<8, 8, true, ap_fixed<6, -20>>(6); }
TEST(ApFixedConversion, ShiftLeftBeyondTheTarget) { check_formats<8, -20, true, ap_fixed<6, 6>>(7); }
TEST(ApFixedConversion, From128Bits) { check_formats<31, 5, true, ap_fixed<128, 60>>(8); }
TEST(ApFixedConversion, To128BitsUnsigned) { check_formats<128, 70, false, ap_fixed<120, 75>>(9); }
TEST(ApFixedConversion, Wide) { check_formats<200, 90, true, ap_fixed<300, 120>>(10, 1000); }
TEST(ApFixedConversion, WideUnsigned) { check_formats<192, 100, false, ap_fixed<257, 129>>(11, 1000); }
TEST(ApFixedConversion, From1024Bits) { check_formats<12, 4, true, ap_fixed<1024, 500>>(12, 500); }
TEST(ApFixedConversion, To1024Bits) { check_formats<1024, 500, true, ap_ufixed<40, 10>>(13, 500); }

TEST(ApIntConversion, ToEveryWidthWraps) {
  std::mt19937_64 rng(14);
  for (int k = 0; k < 20000; ++k) {
    const BigInt raw = oracle::random_raw(300, true, rng);
    const auto v = oracle::make<ap_int<300>>(raw);
    ASSERT_EQ(oracle::raw(ap_int<5>(v)), oracle::wrap(raw, 5, true)) << "seed 14";
    ASSERT_EQ(oracle::raw(ap_uint<64>(v)), oracle::wrap(raw, 64, false)) << "seed 14";
    ASSERT_EQ(oracle::raw(ap_uint<100>(v)), oracle::wrap(raw, 100, false)) << "seed 14";
    ASSERT_EQ(oracle::raw(ap_int<1024>(ap_uint<200>(v))), oracle::wrap(raw, 200, false)) << "seed 14";
    ASSERT_EQ(v.to_int64(), static_cast<int64_t>(oracle::wrap(raw, 64, true))) << "seed 14";
  }
}

/// A double as integer * 2^exponent, exact, by another way than the headers'.
template <class T>
void check_doubles(unsigned seed) {
  std::mt19937_64 rng(seed);
  for (int k = 0; k < 50000; ++k) {
    const auto mantissa = static_cast<int64_t>(rng() >> (11 + rng() % 52)) * ((rng() & 1) ? 1 : -1);
    const int exponent = (k % 8 == 0 ? -1060 + static_cast<int>(rng() % 1960) : -90 + static_cast<int>(rng() % 180));
    const double d = std::ldexp(static_cast<double>(mantissa), exponent);
    if (std::ldexp(d, -exponent) != static_cast<double>(mantissa)) continue;  // underflowed
    const int shift = -exponent - (T::width - T::iwidth);
    const BigInt expected = oracle::limit(oracle::round(mantissa, shift, T::qmode), T::width, T::sign_flag, T::omode);
    ASSERT_EQ(oracle::raw(T(d)), expected) << "seed " << seed << ", double " << d;
  }
}
TEST(ApFixedFromDouble, IsExactThenRounds) {
  check_doubles<ap_fixed<16, 6>>(20);
  check_doubles<ap_fixed<16, 6, AP_RND_CONV, AP_SAT>>(21);
  check_doubles<ap_ufixed<16, 6>>(22);
  check_doubles<ap_ufixed<10, 14, AP_RND_INF, AP_SAT_ZERO>>(23);
  check_doubles<ap_fixed<61, 30, AP_RND_MIN_INF, AP_SAT_SYM>>(24);
  check_doubles<ap_fixed<62, 30, AP_RND_ZERO, AP_SAT>>(25);
  check_doubles<ap_ufixed<64, 64, AP_TRN_ZERO, AP_SAT>>(26);
  check_doubles<ap_fixed<128, 20, AP_RND>>(27);
  check_doubles<ap_fixed<1024, 600, AP_RND_CONV>>(28);
  check_doubles<ap_fixed<8, -950, AP_RND, AP_SAT>>(29);
}

/// The nearest double of raw * 2^-f, ties to even: 53 bits of it kept, which a double holds exactly.
double nearest_double(const BigInt& raw, int f) {
  if (raw == 0) return 0;
  const int drop = std::max(0, static_cast<int>(boost::multiprecision::msb(abs(raw))) - 52);
  return std::ldexp(static_cast<double>(static_cast<int64_t>(oracle::round(raw, drop, AP_RND_CONV))), drop - f);
}
TEST(ApFixedToDouble, IsTheNearestTiesToEven) {
  std::mt19937_64 rng(30);
  for (int k = 0; k < 20000; ++k) {
    const BigInt raw = oracle::random_raw(250, true, rng), raw64 = oracle::random_raw(64, true, rng);
    ASSERT_EQ((oracle::make<ap_fixed<250, 100>>(raw).to_double()), nearest_double(raw, 150)) << "seed 30";
    ASSERT_EQ((oracle::make<ap_fixed<64, 10>>(raw64).to_double()), nearest_double(raw64, 54)) << "seed 30";
  }
  const auto tie = oracle::make<ap_int<64>>(oracle::power(53) + 1);
  EXPECT_EQ(tie.to_double(), 9007199254740992.0);
}

/// Text keeps every bit, in every base.
TEST(ApText, ReadsBackWhatItWrites) {
  std::mt19937_64 rng(31);
  for (int k = 0; k < 40; ++k) {
    for (int radix : {2, 8, 10, 16}) {
      using F = ap_fixed<90, 31>;
      using N = ap_fixed<20, -5>;
      const F f = oracle::make<F>(oracle::random_raw(90, true, rng));
      const N n = oracle::make<N>(oracle::random_raw(20, true, rng));
      const auto i = oracle::make<ap_int<1024>>(oracle::random_raw(1024, true, rng));
      ASSERT_EQ(F(f.to_string(radix).c_str(), radix), f) << f.to_string(radix);
      ASSERT_EQ(N(n.to_string(radix).c_str(), radix), n) << n.to_string(radix);
      ASSERT_EQ(ap_int<1024>(i.to_string(radix).c_str(), radix), i) << i.to_string(radix);
    }
  }
}

}  // namespace
