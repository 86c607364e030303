// Operators on random operands of every width against unlimited integers. Results are exact by their types, so each is
// compared with the exact one.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <random>

#include "oracle.h"

namespace {

using oracle::BigInt;

template <class A, class B>
class Operands {
 public:
  explicit Operands(unsigned seed) : rng_(seed), seed_(seed) {}
  void draw() {
    ra = oracle::random_raw(A::width, A::sign_flag, rng_);
    rb = oracle::random_raw(B::width, B::sign_flag, rng_);
    a = oracle::make<A>(ra);
    b = oracle::make<B>(rb);
  }
  std::string text() const {
    return "seed " + std::to_string(seed_) + ", raw operands " + ra.str() + " and " + rb.str();
  }
  std::mt19937_64 rng_;
  unsigned seed_;
  BigInt ra, rb;
  A a;
  B b;
};

/// Fixed-point operators; operands aligned to the finer of the two as x and y.
template <class A, class B>
void check_fixed(unsigned seed, int count) {
  constexpr int kFa = A::width - A::iwidth, kFb = B::width - B::iwidth, kF = std::max(kFa, kFb);
  Operands<A, B> o(seed);
  for (int k = 0; k < count; ++k) {
    o.draw();
    const BigInt x = o.ra * oracle::power(kF - kFa), y = o.rb * oracle::power(kF - kFb);
    ASSERT_EQ(oracle::raw(o.a + o.b), x + y) << o.text();
    ASSERT_EQ(oracle::raw(o.a - o.b), x - y) << o.text();
    ASSERT_EQ(oracle::raw(o.a * o.b), o.ra * o.rb) << o.text();
    ASSERT_EQ(oracle::raw(-o.a), -o.ra) << o.text();
    ASSERT_EQ(o.a < o.b, x < y) << o.text();
    ASSERT_EQ(o.a <= o.b, x <= y) << o.text();
    ASSERT_EQ(o.a > o.b, x > y) << o.text();
    ASSERT_EQ(o.a >= o.b, x >= y) << o.text();
    ASSERT_EQ(o.a == o.b, x == y) << o.text();
    ASSERT_EQ(o.a != o.b, x != y) << o.text();
    const auto conjunction = o.a & o.b;
    constexpr int kW = decltype(conjunction)::width;
    constexpr bool kS = decltype(conjunction)::sign_flag;
    const BigInt ux = oracle::wrap(x, kW, false), uy = oracle::wrap(y, kW, false);
    ASSERT_EQ(oracle::raw(conjunction), oracle::wrap(ux & uy, kW, kS)) << o.text();
    ASSERT_EQ(oracle::raw(o.a | o.b), oracle::wrap(ux | uy, kW, kS)) << o.text();
    ASSERT_EQ(oracle::raw(o.a ^ o.b), oracle::wrap(ux ^ uy, kW, kS)) << o.text();
    ASSERT_EQ(oracle::raw(~o.a), oracle::wrap(-o.ra - 1, A::width, A::sign_flag)) << o.text();
    if (o.rb != 0) {
      ASSERT_EQ(oracle::raw(o.a / o.b), o.ra * oracle::power(std::max(kFb, 0)) / o.rb) << o.text();
    }
    A sum = o.a;
    sum += o.b;
    ASSERT_EQ(oracle::raw(sum),
              oracle::limit(oracle::round(x + y, kF - kFa, A::qmode), A::width, A::sign_flag, A::omode))
        << o.text();
    A product = o.a;
    product *= o.b;
    ASSERT_EQ(oracle::raw(product),
              oracle::limit(oracle::round(o.ra * o.rb, kFb, A::qmode), A::width, A::sign_flag, A::omode))
        << o.text();
  }
  std::printf("seed %u: %d pairs\n", seed, count);
}

TEST(ApFixedOperators, SixteenBits) { check_fixed<ap_fixed<16, 6>, ap_fixed<16, 6>>(1, 50000); }
TEST(ApFixedOperators, MixedSigns) { check_fixed<ap_fixed<13, 5>, ap_ufixed<9, 7>>(2, 50000); }
TEST(ApFixedOperators, UnsignedMinusUnsigned) { check_fixed<ap_ufixed<8, 3>, ap_ufixed<12, 2>>(3, 50000); }
TEST(ApFixedOperators, NegativeAndLargeIntegerBits) { check_fixed<ap_fixed<10, -4>, ap_fixed<7, 15>>(4, 50000); }
TEST(ApFixedOperators, LargeIntegerBitsFirst) { check_fixed<ap_ufixed<7, 15>, ap_fixed<10, -4>>(5, 50000); }
TEST(ApFixedOperators, WholeWords) { check_fixed<ap_fixed<32, 16>, ap_fixed<32, 10>>(6, 50000); }
TEST(ApFixedOperators, SixtyFourBits) { check_fixed<ap_fixed<64, 20>, ap_ufixed<64, 40>>(7, 30000); }
TEST(ApFixedOperators, RoundingAndSaturatingAssignment) {
  check_fixed<ap_fixed<12, 4, AP_RND_CONV, AP_SAT>, ap_fixed<14, 3>>(8, 50000);
}
TEST(ApFixedOperators, Between65And128Bits) { check_fixed<ap_fixed<100, 30>, ap_ufixed<90, 60>>(9, 5000); }
TEST(ApFixedOperators, Of128Bits) { check_fixed<ap_ufixed<128, 64>, ap_fixed<128, 10>>(10, 3000); }
TEST(ApFixedOperators, Of300Bits) { check_fixed<ap_fixed<300, 100>, ap_ufixed<129, 60>>(11, 1000); }
TEST(ApFixedOperators, Of1024Bits) { check_fixed<ap_fixed<1024, 512>, ap_fixed<1024, 300>>(12, 40); }

template <class A, class B>
void check_int(unsigned seed, int count) {
  Operands<A, B> o(seed);
  for (int k = 0; k < count; ++k) {
    o.draw();
    ASSERT_EQ(oracle::raw(o.a + o.b), o.ra + o.rb) << o.text();
    ASSERT_EQ(oracle::raw(o.a - o.b), o.ra - o.rb) << o.text();
    ASSERT_EQ(oracle::raw(o.a * o.b), o.ra * o.rb) << o.text();
    ASSERT_EQ(oracle::raw(-o.a), -o.ra) << o.text();
    ASSERT_EQ(o.a < o.b, o.ra < o.rb) << o.text();
    ASSERT_EQ(o.a == o.b, o.ra == o.rb) << o.text();
    ASSERT_EQ(o.a >= o.b, o.ra >= o.rb) << o.text();
    if (o.rb != 0) {
      ASSERT_EQ(oracle::raw(o.a / o.b), o.ra / o.rb) << o.text();
      ASSERT_EQ(oracle::raw(o.a % o.b), o.ra % o.rb) << o.text();
      A quotient = o.a;
      quotient /= o.b;
      ASSERT_EQ(oracle::raw(quotient), oracle::wrap(o.ra / o.rb, A::width, A::sign_flag)) << o.text();
    }
    const int n = static_cast<int>(o.rng_() % (2 * A::width + 3)) - A::width - 1;
    const BigInt up = n >= 0 ? BigInt(o.ra * oracle::power(n)) : oracle::floor_divide(o.ra, oracle::power(-n));
    const BigInt down = n >= 0 ? oracle::floor_divide(o.ra, oracle::power(n)) : BigInt(o.ra * oracle::power(-n));
    ASSERT_EQ(oracle::raw(o.a << n), oracle::wrap(up, A::width, A::sign_flag)) << o.text() << " by " << n;
    ASSERT_EQ(oracle::raw(o.a >> n), oracle::wrap(down, A::width, A::sign_flag)) << o.text() << " by " << n;
    ASSERT_EQ(oracle::raw(o.a >> ap_int<12>(n)), oracle::wrap(down, A::width, A::sign_flag)) << o.text() << " by " << n;
    A next = o.a;
    ++next;
    next--;
    --next;
    ASSERT_EQ(oracle::raw(next), oracle::wrap(o.ra - 1, A::width, A::sign_flag)) << o.text();
    const int hi = static_cast<int>(o.rng_() % A::width), lo = static_cast<int>(o.rng_() % (hi + 1));
    ASSERT_EQ(oracle::raw(ap_uint<A::width>(o.a.range(hi, lo))),
              oracle::wrap(oracle::floor_divide(o.ra, oracle::power(lo)), hi - lo + 1, false))
        << o.text() << " bits " << hi << ".." << lo;
    A written = o.a;
    written.range(hi, lo) = o.b;
    const BigInt cleared = oracle::wrap(oracle::floor_divide(o.ra, oracle::power(lo)), hi - lo + 1, false);
    const BigInt kept = o.ra - cleared * oracle::power(lo);
    ASSERT_EQ(oracle::raw(written),
              oracle::wrap(kept + oracle::wrap(o.rb, hi - lo + 1, false) * oracle::power(lo), A::width, A::sign_flag))
        << o.text() << " bits " << hi << ".." << lo;
  }
  std::printf("seed %u: %d pairs\n", seed, count);
}

TEST(ApIntOperators, EightBits) { check_int<ap_int<8>, ap_int<8>>(20, 50000); }
TEST(ApIntOperators, OneBit) { check_int<ap_int<1>, ap_uint<1>>(21, 2000); }
TEST(ApIntOperators, MixedSigns) { check_int<ap_uint<11>, ap_int<17>>(22, 50000); }
TEST(ApIntOperators, WholeWords) { check_int<ap_int<32>, ap_uint<32>>(23, 50000); }
TEST(ApIntOperators, SixtyFourBits) { check_int<ap_uint<64>, ap_int<64>>(24, 30000); }
TEST(ApIntOperators, Of128Bits) { check_int<ap_int<128>, ap_uint<128>>(25, 5000); }
TEST(ApIntOperators, Of200Bits) { check_int<ap_uint<200>, ap_int<150>>(26, 2000); }
TEST(ApIntOperators, Of1024Bits) { check_int<ap_int<1024>, ap_uint<1024>>(27, 40); }

TEST(ApIntOperators, MixWithBuiltInIntegers) {
  std::mt19937_64 rng(30);
  for (int k = 0; k < 20000; ++k) {
    const BigInt raw = oracle::random_raw(40, true, rng);
    const auto a = oracle::make<ap_int<40>>(raw);
    const auto f = oracle::make<ap_fixed<40, 30>>(raw);
    const int64_t c = static_cast<int64_t>(rng()) >> (rng() % 64);
    const auto u = static_cast<uint8_t>(c);
    ASSERT_EQ(oracle::raw(a + c), raw + c) << "seed 30";
    ASSERT_EQ(oracle::raw(c - a), c - raw) << "seed 30";
    ASSERT_EQ(oracle::raw(a * u), raw * u) << "seed 30";
    ASSERT_EQ(oracle::raw(f * c), raw * c) << "seed 30";
    ASSERT_EQ(oracle::raw(u - f), u * 1024 - raw) << "seed 30";
    ASSERT_EQ(oracle::raw(a - f), raw * 1024 - raw) << "seed 30";
    ASSERT_EQ(a < c, raw < c) << "seed 30";
    ASSERT_EQ(c == f, BigInt(c) * 1024 == raw) << "seed 30";
    if (c != 0) {
      ASSERT_EQ(oracle::raw(a / c), raw / c) << "seed 30";
      ASSERT_EQ(oracle::raw(a % c), raw % c) << "seed 30";
    }
    if (raw != 0) {
      ASSERT_EQ(oracle::raw(c / a), c / raw) << "seed 30";
    }
  }
}

}  // namespace
