// Rounding and overflow of ap_fixed against SystemC's sc_fix and sc_ufix, on seeded random and boundary values.
#define SC_INCLUDE_FX
#include <gtest/gtest.h>

#include <cmath>
#include <cstdio>
#include <random>
#include <systemc>
#include <utility>

#include "ap_fixed.h"

extern "C" int sc_main(int, char*[]) { return 0; }  // libsystemc refers to it

namespace {

constexpr ap_q_mode kRoundings[] = {AP_RND, AP_RND_ZERO, AP_RND_MIN_INF, AP_RND_INF, AP_RND_CONV, AP_TRN, AP_TRN_ZERO};
struct OverflowMode {
  ap_o_mode mode;
  int saturated_bits;
};
constexpr OverflowMode kOverflows[] = {{AP_SAT, 0}, {AP_SAT_ZERO, 0}, {AP_SAT_SYM, 0}, {AP_WRAP, 0}, {AP_WRAP, 2}};

sc_dt::sc_q_mode systemc_rounding(ap_q_mode q) {
  switch (q) {
    case AP_RND:
      return sc_dt::SC_RND;
    case AP_RND_ZERO:
      return sc_dt::SC_RND_ZERO;
    case AP_RND_MIN_INF:
      return sc_dt::SC_RND_MIN_INF;
    case AP_RND_INF:
      return sc_dt::SC_RND_INF;
    case AP_RND_CONV:
      return sc_dt::SC_RND_CONV;
    case AP_TRN:
      return sc_dt::SC_TRN;
    case AP_TRN_ZERO:
      return sc_dt::SC_TRN_ZERO;
  }
  return sc_dt::SC_TRN;
}
sc_dt::sc_o_mode systemc_overflow(ap_o_mode o) {
  switch (o) {
    case AP_SAT:
      return sc_dt::SC_SAT;
    case AP_SAT_ZERO:
      return sc_dt::SC_SAT_ZERO;
    case AP_SAT_SYM:
      return sc_dt::SC_SAT_SYM;
    case AP_WRAP:
      return sc_dt::SC_WRAP;
    case AP_WRAP_SM:
      return sc_dt::SC_WRAP_SM;
  }
  return sc_dt::SC_WRAP;
}

/// Counts comparisons and shows the first few that fail.
struct Tally {
  long checked = 0;
  long failed = 0;
  void compare(double expected, double found, const char* what, double value, int w, int i, bool s, int q, int o,
               int n) {
    ++checked;
    if (expected == found) return;
    if (++failed <= 10) {
      ADD_FAILURE() << what << " of " << value << " to W=" << w << " I=" << i << " signed=" << s << " Q=" << q
                    << " O=" << o << " N=" << n << ": SystemC gives " << expected << ", ap_fixed " << found;
    }
  }
};

using Source = ap_fixed<52, 22>;
using Unsigned = ap_ufixed<30, 12>;

/// One target type and its conversions, so that the loop over values is compiled once.
struct Target {
  int w, i;
  bool s;
  ap_q_mode q;
  ap_o_mode o;
  int n;
  double (*from_double)(double);
  double (*from_fixed)(const Source&);
  double (*from_unsigned)(const Unsigned&);
};
template <class T, class From>
double converted(From v) {
  return T(v).to_double();
}

template <int W, int I, bool S, ap_q_mode Q, ap_o_mode O, int N>
constexpr Target target() {
  using T = ap_fixed_base<W, I, S, Q, O, N>;
  return {W, I, S, Q, O, N, converted<T, double>, converted<T, const Source&>, converted<T, const Unsigned&>};
}

/// Values where rounding and overflow decide: near limits and multiples of the range, on ties and just beside them.
double interesting_value(int w, int i, std::mt19937_64& rng) {
  const double step = std::ldexp(1.0, i - w), range = std::ldexp(1.0, i);
  const double bases[] = {0, range / 2, -range / 2, range, -range, range / 2 - step, 3 * range};
  const double rests[] = {0, 0.5, 0.25, 0.75, 0.5 + 1.0 / 256, 0.5 - 1.0 / 256, 1.0 / 256};
  const double raw = static_cast<double>(static_cast<int64_t>(rng() % (uint64_t{1} << (w + 1))) - (int64_t{1} << w));
  const double near_limit = bases[rng() % 7] + step * static_cast<double>(static_cast<int>(rng() % 7) - 3);
  return ((rng() & 1) ? near_limit : raw * step) + step * rests[rng() % 7];
}

void check_target(const Target& t, std::mt19937_64& rng, Tally& tally) {
  // The symmetric limit of a 1-bit number and saturated bits that fill the number: see corners_test.cc.
  if (t.w == 1 && t.s && t.o == AP_SAT_SYM) return;
  if (t.o == AP_WRAP && t.n >= t.w) return;
  // The vendor's ap_ufixed sets its top N bits on either side of the range, SystemC only above it.
  const bool compare_below = t.s || t.o != AP_WRAP || t.n == 0;
  sc_dt::sc_fix signed_oracle(t.w, t.i, systemc_rounding(t.q), systemc_overflow(t.o), t.n);
  sc_dt::sc_ufix unsigned_oracle(t.w, t.i, systemc_rounding(t.q), systemc_overflow(t.o), t.n);
  const auto oracle = [&](double v) {
    if (!t.s) return (unsigned_oracle = v).to_double();
    return (signed_oracle = v).to_double();
  };
  const auto check = [&](double value, double found, const char* what) {
    if (!compare_below && value < 0) return;
    tally.compare(oracle(value), found, what, value, t.w, t.i, t.s, t.q, t.o, t.n);
  };
  for (int k = 0; k < 2000; ++k) {
    const double value = interesting_value(t.w, t.i, rng);
    check(value, t.from_double(value), "double");
    const Source fixed(value);
    check(fixed.to_double(), t.from_fixed(fixed), "ap_fixed<52,22>");
    const Unsigned plus(value);
    check(plus.to_double(), t.from_unsigned(plus), "ap_ufixed<30,12>");
  }
}

template <int W, int I, bool S, size_t... K>
void check_modes(std::mt19937_64& rng, Tally& tally, std::index_sequence<K...>) {
  const Target targets[] = {
      target<W, I, S, kRoundings[K / 5], kOverflows[K % 5].mode, kOverflows[K % 5].saturated_bits>()...};
  for (const Target& t : targets) check_target(t, rng, tally);
}
template <int W, int I>
void check_format() {
  const unsigned seed = 20240 + 100 * W + I;
  std::mt19937_64 rng(seed);
  Tally tally;
  check_modes<W, I, true>(rng, tally, std::make_index_sequence<35>());
  check_modes<W, I, false>(rng, tally, std::make_index_sequence<35>());
  std::printf("seed %u: %ld conversions compared, %ld differ\n", seed, tally.checked, tally.failed);
  EXPECT_GT(tally.checked, 200000);
  EXPECT_EQ(tally.failed, 0);
}

TEST(ApFixedAgainstSystemC, EightBitsThreeInteger) { check_format<8, 3>(); }
TEST(ApFixedAgainstSystemC, SixteenBitsSixInteger) { check_format<16, 6>(); }
TEST(ApFixedAgainstSystemC, NegativeIntegerBits) { check_format<6, -2>(); }
TEST(ApFixedAgainstSystemC, MoreIntegerBitsThanWidth) { check_format<5, 9>(); }
TEST(ApFixedAgainstSystemC, OneBit) { check_format<1, 1>(); }
TEST(ApFixedAgainstSystemC, WiderThanAWord) { check_format<34, 12>(); }

TEST(ApFixedAgainstSystemC, SignMagnitudeWrapWithoutRounding) {
  std::mt19937_64 rng(7);
  Tally tally;
  for (int k = 0; k < 20000; ++k) {
    const double v = interesting_value(6, 3, rng);
    sc_dt::sc_fix oracle(6, 3, sc_dt::SC_TRN, sc_dt::SC_WRAP_SM, 0);
    oracle = v;
    using Wrapped = ap_fixed<6, 3, AP_TRN, AP_WRAP_SM>;
    const double direct = Wrapped(v).to_double(), from_fixed = Wrapped(ap_fixed<40, 20>(v)).to_double();
    tally.compare(oracle.to_double(), direct, "double", v, 6, 3, true, AP_TRN, AP_WRAP_SM, 0);
    tally.compare(oracle.to_double(), from_fixed, "ap_fixed", v, 6, 3, true, AP_TRN, AP_WRAP_SM, 0);
  }
  EXPECT_EQ(tally.failed, 0) << "seed 7";
}

TEST(ApFixedAgainstSystemC, SumsDifferencesAndProducts) {
  const unsigned seed = 99;
  std::mt19937_64 rng(seed);
  Tally tally;
  using A = ap_fixed<13, 5>;
  using B = ap_ufixed<11, 9>;
  using R = ap_fixed<14, 7, AP_RND_CONV, AP_SAT>;
  sc_dt::sc_fix oracle(14, 7, sc_dt::SC_RND_CONV, sc_dt::SC_SAT, 0);
  for (int k = 0; k < 200000; ++k) {
    const A a(interesting_value(13, 5, rng));
    const B b(interesting_value(11, 9, rng));
    const sc_dt::sc_fix sa(a.to_double(), 13, 5);
    const sc_dt::sc_ufix sb(b.to_double(), 11, 9);
    oracle = sa + sb;
    tally.compare(oracle.to_double(), R(a + b).to_double(), "sum", a.to_double(), 14, 7, true, 0, 0, 0);
    oracle = sa - sb;
    tally.compare(oracle.to_double(), R(a - b).to_double(), "difference", a.to_double(), 14, 7, true, 0, 0, 0);
    oracle = sa * sb;
    tally.compare(oracle.to_double(), R(a * b).to_double(), "product", a.to_double(), 14, 7, true, 0, 0, 0);
  }
  std::printf("seed %u: %ld operations compared\n", seed, tally.checked);
  EXPECT_EQ(tally.failed, 0);
}

}  // namespace

// libsystemc has a main of its own, which the linker would prefer to GoogleTest's.
int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
