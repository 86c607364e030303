// The type of every operator's result, against a table written from UG1399 ("C++ Arbitrary Precision Types" and
// "C++ Arbitrary Precision Fixed-Point Types", class methods and operators).
#include <gtest/gtest.h>

#include <type_traits>
#include <utility>

#include "ap_fixed.h"

namespace {

template <class A, class B>
constexpr bool same = std::is_same_v<std::decay_t<A>, B>;
template <class T>
T value();  // for decltype only
#define RESULT(expression, ...) static_assert(same<decltype(expression), __VA_ARGS__>, #expression)

using I8 = ap_int<8>;
using I12 = ap_int<12>;
using U8 = ap_uint<8>;
using U12 = ap_uint<12>;
const I8 i8;
const I12 i12;
const U8 u8;
const U12 u12;

// Sum: the wider operand and a carry; an unsigned operand beside a signed one counts a bit more.
RESULT(i8 + i12, ap_int<13>);
RESULT(u8 + u12, ap_uint<13>);
RESULT(i8 + u12, ap_int<14>);
RESULT(u8 + i12, ap_int<13>);
RESULT(u12 + i12, ap_int<14>);
// Difference: the same width, always signed.
RESULT(i8 - i12, ap_int<13>);
RESULT(u8 - u12, ap_int<13>);
RESULT(u12 - i8, ap_int<14>);
// Product: the sum of widths.
RESULT(i8* i12, ap_int<20>);
RESULT(u8* u12, ap_uint<20>);
RESULT(u8* i12, ap_int<20>);
// Quotient: the dividend's width, one more for a signed divisor.
RESULT(i12 / i8, ap_int<13>);
RESULT(i12 / u8, ap_int<12>);
RESULT(u12 / i8, ap_int<13>);
RESULT(u12 / u8, ap_uint<12>);
RESULT(i8 / i12, ap_int<9>);
// Remainder: the narrower width and the sign of the dividend.
RESULT(i12 % i8, ap_int<8>);
RESULT(i12 % u8, ap_int<9>);
RESULT(u12 % i8, ap_uint<8>);
RESULT(u8 % u12, ap_uint<8>);
// Logic: the wider operand.
RESULT(i8& i12, ap_int<12>);
RESULT(u8 | u12, ap_uint<12>);
RESULT(i8 ^ u12, ap_int<13>);
RESULT(u8 ^ i12, ap_int<12>);
// Unary operators and shifts.
RESULT(-i8, ap_int<9>);
RESULT(-u8, ap_int<9>);
RESULT(-ap_int<1>(), ap_int<3>);
RESULT(~i8, ap_int<8>);
RESULT(~u8, ap_uint<8>);
RESULT(+u8, ap_uint<8>);
RESULT(!i8, bool);
RESULT(i8 << 3, ap_int<8>);
RESULT(u8 >> i12, ap_uint<8>);
RESULT(i8 << u12, ap_int<8>);
RESULT(value<I8&>()++, ap_int<8>);
RESULT(--value<U8&>(), ap_uint<8>);
RESULT(value<I8&>() += i12, ap_int<8>);
RESULT(value<U8&>() *= 1000, ap_uint<8>);
RESULT(i8 < u12, bool);
// Built-in integers count with their width: bool 1, char 8, short 16, int 32, long 64.
RESULT(i8 + 1, ap_int<33>);
RESULT(1 + i8, ap_int<33>);
RESULT(u8 + 1u, ap_uint<33>);
RESULT(i8 * true, ap_int<9>);
RESULT(u8 * 'a', ap_int<16>);
RESULT(u12 - static_cast<unsigned short>(1), ap_int<17>);
RESULT(i8 + 1l, ap_int<65>);
RESULT(1000 / i8, ap_int<33>);
RESULT(i8 % 7, ap_int<8>);
RESULT(u8 & 15, ap_int<32>);
RESULT(i8 == 3, bool);
// With a floating-point number the result is one.
RESULT(i8 * 0.5, double);
RESULT(0.5f + u8, float);
RESULT(i8 < 0.5, bool);

const ap_fixed<16, 6> f16;
const ap_fixed<12, 8> f12;
const ap_ufixed<10, 3> v10;
const ap_ufixed<9, 9> v9;

// Sum: the larger integer part and a carry, the longer fraction.
RESULT(f16 + f16, ap_fixed<17, 7>);
RESULT(f16 + f12, ap_fixed<19, 9>);   // F 10, I 8+1
RESULT(f16 + v10, ap_fixed<17, 7>);   // v10 counts 4 integer bits
RESULT(f12 + v9, ap_fixed<15, 11>);   // v9 counts 10
RESULT(v10 + v9, ap_ufixed<17, 10>);  // F 7, I 9+1
RESULT(v9 + f12, ap_fixed<15, 11>);
// Difference: always signed.
RESULT(f16 - f12, ap_fixed<19, 9>);
RESULT(v10 - v9, ap_fixed<17, 10>);
RESULT(v10 - v10, ap_fixed<11, 4>);
// Product: widths and integer parts add.
RESULT(f16* f16, ap_fixed<32, 12>);
RESULT(f16* v10, ap_fixed<26, 9>);
RESULT(v10* v9, ap_ufixed<19, 12>);
RESULT((ap_fixed<6, -2>() * ap_fixed<5, 9>()), ap_fixed<11, 7>);
// Quotient: W1 + max(F2, 0) + S2 bits, I1 + F2 + S2 of them integer.
RESULT(f16 / f12, ap_fixed<21, 11>);
RESULT(f16 / v10, ap_fixed<23, 13>);
RESULT(v10 / f16, ap_fixed<21, 14>);
RESULT(v10 / v9, ap_ufixed<10, 3>);
RESULT((f16 / ap_fixed<5, 9>()), ap_fixed<17, 3>);  // F2 = -4
// Logic: the larger integer part, the longer fraction.
RESULT(f16& f12, ap_fixed<18, 8>);
RESULT(v10 | v9, ap_ufixed<16, 9>);
RESULT(f12 ^ v9, ap_fixed<14, 10>);
// Unary operators keep or widen the type; shifts keep it with its modes, as compound assignment does.
RESULT(-f16, ap_fixed<17, 7>);
RESULT(-v10, ap_fixed<11, 4>);
RESULT(~f16, ap_fixed<16, 6>);
RESULT(!f16, bool);
using Rounded = ap_fixed<10, 4, AP_RND, AP_SAT>;
RESULT(value<Rounded>() << 2, Rounded);
RESULT(value<Rounded>() >> i8, Rounded);
RESULT(value<Rounded&>() += f16, Rounded);
RESULT(value<Rounded&>() /= 3, Rounded);
RESULT(value<Rounded&>()++, Rounded);
RESULT(~value<Rounded>(), ap_fixed<10, 4>);
RESULT(value<Rounded>() + f16, ap_fixed<17, 7>);
// ap_int and built-in integers count as fixed-point numbers without fraction.
RESULT(f16 + i8, ap_fixed<19, 9>);
RESULT(u8* f16, ap_fixed<24, 14>);
RESULT(i8 - v10, ap_fixed<16, 9>);
RESULT(f16 / u8, ap_fixed<16, 6>);
RESULT(f16 * 2, ap_fixed<48, 38>);
RESULT(1 - f16, ap_fixed<43, 33>);
RESULT(v10 & 1, ap_fixed<39, 32>);
RESULT(f16 > i8, bool);
RESULT(2 >= f16, bool);
RESULT(f16 != 0.5, bool);

// Static members that kernels ask for.
static_assert(Rounded::width == 10 && Rounded::iwidth == 4 && Rounded::qmode == AP_RND && Rounded::omode == AP_SAT);
static_assert(ap_uint<7>::width == 7 && !ap_uint<7>::sign_flag);
static_assert(std::is_same_v<I8::RType<12, false>::plus, ap_int<14>>);
static_assert(std::is_same_v<ap_fixed<16, 6>::RType<12, 8, true>::mult, ap_fixed<28, 14>>);
static_assert(std::is_trivially_copyable_v<ap_fixed<16, 6>> && std::is_trivially_copyable_v<ap_int<300>>);

/// What the vendor's header refuses must not compile here either, or a kernel would fail on the card only.
template <class A, class B, class = void>
struct Adds : std::false_type {};
template <class A, class B>
struct Adds<A, B, std::void_t<decltype(value<A>() + value<B>())>> : std::true_type {};
template <class A, class B, class = void>
struct HasRemainder : std::false_type {};
template <class A, class B>
struct HasRemainder<A, B, std::void_t<decltype(value<A>() % value<B>())>> : std::true_type {};
static_assert(Adds<ap_fixed<16, 6>, int>::value && Adds<ap_fixed<16, 6>, ap_int<4>>::value);
static_assert(!Adds<ap_fixed<16, 6>, double>::value, "ap_fixed + double needs a conversion");
static_assert(HasRemainder<ap_int<8>, int>::value);
static_assert(!HasRemainder<ap_fixed<16, 6>, ap_fixed<16, 6>>::value, "ap_fixed has no %");

TEST(ApResultTypes, FollowTheVendorsTable) { SUCCEED() << "the table above is checked by the compiler"; }

TEST(ApFixed, ReportsItsFormatLikeTheVendors) {
  const Rounded r = 1;
  EXPECT_EQ(r.length(), 10);
  EXPECT_EQ(r.wl(), 10);
  EXPECT_EQ(r.iwl(), 4);
  EXPECT_EQ(r.q_mode(), AP_RND);
  EXPECT_EQ(r.o_mode(), AP_SAT);
  EXPECT_EQ(r.n_bits(), 0);
  EXPECT_EQ(std::max(Rounded::width, Rounded::iwidth), 10);
}

}  // namespace
