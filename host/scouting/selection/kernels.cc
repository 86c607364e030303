#include "host/scouting/selection/kernels.h"

#include <algorithm>
#include <cstring>
#include <limits>

// SSSE3 alone is not worth its compile time.
#define HWY_DISABLED_TARGETS HWY_SSSE3
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "host/scouting/selection/kernels.cc"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace strobe::scouting::selection::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using Whole = hn::ScalableTag<int32_t>;
using Real = hn::ScalableTag<double>;
using HalfWhole = hn::Rebind<int32_t, Real>;  ///< as many integers as a register has doubles

template <typename T>
T* row(const Operand& operand, size_t i) {
  return reinterpret_cast<T*>(operand.at) + (i & operand.mask);
}

template <typename D, typename F>
HWY_INLINE void unary(D d, const Operand& to, const Operand& a, size_t rows, F f) {
  using T = hn::TFromD<D>;
  for (size_t i = 0; i < rows; i += hn::Lanes(d)) hn::StoreU(f(hn::LoadU(d, row<T>(a, i))), d, row<T>(to, i));
}

template <typename D, typename F>
HWY_INLINE void binary(D d, const Operand& to, const Operand& a, const Operand& b, size_t rows, F f) {
  using T = hn::TFromD<D>;
  for (size_t i = 0; i < rows; i += hn::Lanes(d)) {
    hn::StoreU(f(hn::LoadU(d, row<T>(a, i)), hn::LoadU(d, row<T>(b, i))), d, row<T>(to, i));
  }
}

/// A comparison of doubles gives integers.
template <typename F>
HWY_INLINE void compare_reals(const Operand& to, const Operand& a, const Operand& b, size_t rows, F f) {
  const Real d;
  const HalfWhole half;
  for (size_t i = 0; i < rows; i += hn::Lanes(d)) {
    const auto mask = f(hn::LoadU(d, row<double>(a, i)), hn::LoadU(d, row<double>(b, i)));
    hn::StoreU(hn::DemoteTo(half, hn::IfThenElseZero(mask, hn::Set(d, 1.0))), half, row<int32_t>(to, i));
  }
}

HWY_INLINE void select_reals(const Operand& to, const Operand& a, const Operand& b, const Operand& c, size_t rows) {
  const Real d;
  const HalfWhole half;
  for (size_t i = 0; i < rows; i += hn::Lanes(d)) {
    const auto condition = hn::PromoteTo(d, hn::LoadU(half, row<int32_t>(a, i)));
    const auto chosen = hn::IfThenElse(hn::Gt(condition, hn::Zero(d)), hn::LoadU(d, row<double>(b, i)),
                                       hn::LoadU(d, row<double>(c, i)));
    hn::StoreU(chosen, d, row<double>(to, i));
  }
}

HWY_INLINE void to_real(const Operand& to, const Operand& a, size_t rows) {
  const Real d;
  const HalfWhole half;
  for (size_t i = 0; i < rows; i += hn::Lanes(d)) {
    hn::StoreU(hn::PromoteTo(d, hn::LoadU(half, row<int32_t>(a, i))), d, row<double>(to, i));
  }
}

/// Rows behind the last hold anything, so the index is brought into the table.
HWY_INLINE void look_up(const Instruction& code, const Operand& to, const Operand& a, size_t rows) {
  const Real d;
  const HalfWhole half;
  const hn::RebindToSigned<Real> wide;
  const auto low = hn::Set(half, code.table_low), last = hn::Set(half, code.table_size - 1);
  for (size_t i = 0; i < rows; i += hn::Lanes(d)) {
    const auto index = hn::Sub(hn::LoadU(half, row<int32_t>(a, i)), low);
    const auto inside = hn::Min(hn::Max(index, hn::Zero(half)), last);
    hn::StoreU(hn::GatherIndex(d, code.table, hn::PromoteTo(wide, inside)), d, row<double>(to, i));
  }
}

void call_function(const Instruction& code, const Operand& to, const Operand& a, const Operand& b, size_t rows) {
  const bool two = code.op == Op::kPower;
  for (size_t i = 0; i < rows; ++i) {
    *row<double>(to, i) = evaluate(code.op, *row<double>(a, i), two ? *row<double>(b, i) : 0, 0);
  }
}

HWY_INLINE void run_whole(const Instruction& code, const Operand& to, const Operand& a, const Operand& b,
                          const Operand& c, size_t rows) {
  const Whole d;
  const auto one = hn::Set(d, 1);
  switch (code.op) {
    case Op::kLeaf:
      return unary(d, to, a, rows, [](auto x) { return x; });
    case Op::kAdd:
      return binary(d, to, a, b, rows, [](auto x, auto y) { return hn::Add(x, y); });
    case Op::kSubtract:
      return binary(d, to, a, b, rows, [](auto x, auto y) { return hn::Sub(x, y); });
    case Op::kMultiply:
      return binary(d, to, a, b, rows, [](auto x, auto y) { return hn::Mul(x, y); });
    case Op::kNegate:
      return unary(d, to, a, rows, [](auto x) { return hn::Neg(x); });
    case Op::kMinimum:
      return binary(d, to, a, b, rows, [](auto x, auto y) { return hn::Min(x, y); });
    case Op::kMaximum:
      return binary(d, to, a, b, rows, [](auto x, auto y) { return hn::Max(x, y); });
    case Op::kAbs:
      return unary(d, to, a, rows, [](auto x) { return hn::Abs(x); });
    case Op::kLess:
      if (!code.compares) return compare_reals(to, a, b, rows, [](auto x, auto y) { return hn::Lt(x, y); });
      return binary(d, to, a, b, rows, [&](auto x, auto y) { return hn::IfThenElseZero(hn::Lt(x, y), one); });
    case Op::kLessEqual:
      if (!code.compares) return compare_reals(to, a, b, rows, [](auto x, auto y) { return hn::Le(x, y); });
      return binary(d, to, a, b, rows, [&](auto x, auto y) { return hn::IfThenZeroElse(hn::Gt(x, y), one); });
    case Op::kEqual:
      if (!code.compares) return compare_reals(to, a, b, rows, [](auto x, auto y) { return hn::Eq(x, y); });
      return binary(d, to, a, b, rows, [&](auto x, auto y) { return hn::IfThenElseZero(hn::Eq(x, y), one); });
    case Op::kAnd:
      return binary(d, to, a, b, rows, [](auto x, auto y) { return hn::And(x, y); });
    case Op::kOr:
      return binary(d, to, a, b, rows, [](auto x, auto y) { return hn::Or(x, y); });
    case Op::kNot:
      return unary(d, to, a, rows, [&](auto x) { return hn::Xor(x, one); });
    case Op::kSelect:
      for (size_t i = 0; i < rows; i += hn::Lanes(d)) {
        const auto condition = hn::Gt(hn::LoadU(d, row<int32_t>(a, i)), hn::Zero(d));
        const auto yes = hn::LoadU(d, row<int32_t>(b, i)), no = hn::LoadU(d, row<int32_t>(c, i));
        hn::StoreU(hn::IfThenElse(condition, yes, no), d, row<int32_t>(to, i));
      }
      return;
    default:
      return;
  }
}

HWY_INLINE void run_real(const Instruction& code, const Operand& to, const Operand& a, const Operand& b,
                         const Operand& c, size_t rows) {
  const Real d;
  const auto zero = hn::Zero(d);  // added to what may be a negative zero
  switch (code.op) {
    case Op::kLeaf:
      return unary(d, to, a, rows, [](auto x) { return x; });
    case Op::kToReal:
      return to_real(to, a, rows);
    case Op::kTable:
      return look_up(code, to, a, rows);
    case Op::kAdd:
      return binary(d, to, a, b, rows, [](auto x, auto y) { return hn::Add(x, y); });
    case Op::kSubtract:
      return binary(d, to, a, b, rows, [](auto x, auto y) { return hn::Sub(x, y); });
    case Op::kMultiply:
      return binary(d, to, a, b, rows, [&](auto x, auto y) { return hn::Add(hn::Mul(x, y), zero); });
    case Op::kDivide:
      return binary(d, to, a, b, rows, [&](auto x, auto y) { return hn::Add(hn::Div(x, y), zero); });
    case Op::kNegate:
      return unary(d, to, a, rows, [&](auto x) { return hn::Sub(zero, x); });
    case Op::kMinimum:
      return binary(d, to, a, b, rows, [](auto x, auto y) { return hn::IfThenElse(hn::Lt(y, x), y, x); });
    case Op::kMaximum:
      return binary(d, to, a, b, rows, [](auto x, auto y) { return hn::IfThenElse(hn::Lt(x, y), y, x); });
    case Op::kAbs:
      return unary(d, to, a, rows, [](auto x) { return hn::Abs(x); });
    case Op::kSelect:
      return select_reals(to, a, b, c, rows);
    case Op::kSqrt:
      return unary(d, to, a, rows, [](auto x) { return hn::Sqrt(x); });
    case Op::kFloor:
      return unary(d, to, a, rows, [&](auto x) { return hn::Add(hn::Floor(x), zero); });
    default:
      return call_function(code, to, a, b, rows);
  }
}

void run_code(std::span<const Instruction> code, const Operand* operands, size_t rows) {
  for (const Instruction& each : code) {
    // Copies: what is stored through `to` could else be an operand, which would be read anew for every register.
    const Operand to = operands[each.to], a = operands[each.a], b = operands[each.b], c = operands[each.c];
    if (each.whole) {
      run_whole(each, to, a, b, c, rows);
    } else {
      run_real(each, to, a, b, c, rows);
    }
  }
}

void extract_narrow(const Field& field, const uint32_t* words, size_t count, int32_t* to) {
  const Whole d;
  const hn::RebindToUnsigned<Whole> unsigned_d;
  const int up = 32 - field.offset - field.width, down = 32 - field.width;
  for (size_t i = 0; i < count; i += hn::Lanes(d)) {
    const auto high = hn::ShiftLeftSame(hn::LoadU(unsigned_d, words + i), up);
    const auto low = field.is_signed ? hn::ShiftRightSame(hn::BitCast(d, high), down)
                                     : hn::BitCast(d, hn::ShiftRightSame(high, down));
    hn::StoreU(low, d, to + i);
  }
}

void extract_wide(const Field& field, const uint64_t* words, size_t count, int32_t* to) {
  const hn::ScalableTag<uint64_t> wide;
  const hn::Rebind<uint32_t, hn::ScalableTag<uint64_t>> unsigned_narrow;
  const hn::Rebind<int32_t, hn::ScalableTag<uint64_t>> narrow;
  const int up = 64 - field.offset - field.width;
  const int sign_up = 32 - field.width;
  for (size_t i = 0; i < count; i += hn::Lanes(wide)) {
    const auto high = hn::ShiftLeftSame(hn::LoadU(wide, words + i), up);
    const auto low = hn::TruncateTo(unsigned_narrow, hn::ShiftRightSame(high, 64 - field.width));
    const auto value = hn::BitCast(narrow, low);
    hn::StoreU(field.is_signed ? hn::ShiftRightSame(hn::ShiftLeftSame(value, sign_up), sign_up) : value, narrow,
               to + i);
  }
}

/// A crossing's row is written as a whole register; what is too much of it, the next crossing overwrites.
uint32_t expand(const uint32_t* first, size_t crossings, const int32_t* rows, int32_t base, int32_t* to) {
  const hn::CappedTag<int32_t, 8> d;  // longer ones would nearly always be stored across a cache line's end
  const uint32_t begin = first[0];
  uint32_t most = 0;
  for (size_t c = 0; c < crossings; ++c) {
    const uint32_t count = first[c + 1] - first[c];
    const auto value = hn::Set(d, rows != nullptr ? rows[c] : base + static_cast<int32_t>(c));
    int32_t* out = to + (first[c] - begin);
    hn::StoreU(value, d, out);
    for (uint32_t done = hn::Lanes(d); HWY_UNLIKELY(done < count); done += hn::Lanes(d))
      hn::StoreU(value, d, out + done);
    most = std::max(most, count);
  }
  return most;
}

/// From an object's rank to where it goes.
template <class V>
HWY_INLINE void store_place(const Ranking& r, size_t i, V ranks) {
  const Whole d;
  const auto pass = hn::Gt(hn::LoadU(d, r.pass + i), hn::Zero(d));
  const auto member = hn::And(pass, hn::Lt(ranks, hn::Set(d, r.limit)));
  const auto slots = hn::Set(d, r.slots);
  const auto place = hn::IfThenElse(member, hn::Min(ranks, slots), slots);
  hn::StoreU(hn::IfThenElseZero(member, hn::Set(d, 1)), d, r.member + i);
  hn::StoreU(hn::Add(hn::Mul(place, hn::Set(d, r.stride)), hn::LoadU(d, r.rows + i)), d, r.target + i);
}

/// An object's rank is the number of objects of its crossing that go before it: the neighbours up to `most` - 1 away.
void rank_objects(const Ranking& r) {
  const Whole d;
  const auto last = hn::Set(d, std::numeric_limits<int32_t>::min());
  for (size_t i = 0; i < r.count; i += hn::Lanes(d)) {
    const auto pass = hn::Gt(hn::LoadU(d, r.pass + i), hn::Zero(d));
    hn::StoreU(hn::IfThenElse(pass, hn::LoadU(d, r.keys + i), last), d, r.masked + i);
  }
  for (size_t i = 0; i < r.count; i += hn::Lanes(d)) {
    const auto row = hn::LoadU(d, r.rows + i), key = hn::LoadU(d, r.masked + i);
    auto ranks = hn::Zero(d);  // counted downwards: a true lane is -1
    for (size_t distance = 1; distance < r.most; ++distance) {
      const auto row_before = hn::LoadU(d, r.rows + i - distance), key_before = hn::LoadU(d, r.masked + i - distance);
      const auto row_after = hn::LoadU(d, r.rows + i + distance), key_after = hn::LoadU(d, r.masked + i + distance);
      const auto before = hn::AndNot(hn::Lt(key_before, key), hn::Eq(row_before, row));
      const auto after = hn::And(hn::Gt(key_after, key), hn::Eq(row_after, row));
      ranks = hn::Add(ranks, hn::Add(hn::VecFromMask(d, before), hn::VecFromMask(d, after)));
    }
    store_place(r, i, hn::Neg(ranks));
  }
}

void place_objects(const Ranking& r, const int32_t* ranks) {
  const Whole d;
  for (size_t i = 0; i < r.count; i += hn::Lanes(d)) store_place(r, i, hn::LoadU(d, ranks + i));
}

/// Some columns of containers side by side in 32 bits.
template <size_t kBytes>
HWY_INLINE auto load_packed(const Operand* columns, size_t i) {
  const hn::ScalableTag<uint32_t> d;
  if constexpr (kBytes == 4) {
    return hn::LoadU(d, row<uint32_t>(columns[0], i));
  } else if constexpr (kBytes == 2) {
    const auto low = hn::And(hn::LoadU(d, row<uint32_t>(columns[0], i)), hn::Set(d, 0xffff));
    return hn::Or(low, hn::ShiftLeft<16>(hn::LoadU(d, row<uint32_t>(columns[1], i))));
  } else {
    const auto byte = [&](size_t k) { return hn::And(hn::LoadU(d, row<uint32_t>(columns[k], i)), hn::Set(d, 0xff)); };
    const auto top = hn::ShiftLeft<24>(hn::LoadU(d, row<uint32_t>(columns[3], i)));
    return hn::Or(hn::Or(byte(0), hn::ShiftLeft<8>(byte(1))), hn::Or(hn::ShiftLeft<16>(byte(2)), top));
  }
}

template <size_t kBytes>
void pack_as(const Operand* columns, size_t rows, std::byte* to, size_t stride) {
  const hn::ScalableTag<uint32_t> d;
  constexpr size_t kEach = 4 / kBytes;
  HWY_ALIGN uint32_t block[4 * hn::MaxLanes(d)];
  for (size_t i = 0; i < rows; i += hn::Lanes(d)) {
    hn::StoreInterleaved4(load_packed<kBytes>(columns, i), load_packed<kBytes>(columns + kEach, i),
                          load_packed<kBytes>(columns + 2 * kEach, i), load_packed<kBytes>(columns + 3 * kEach, i), d,
                          block);
    const size_t count = std::min(hn::Lanes(d), rows - i);
    if (count == hn::Lanes(d) && stride == kPackBytes) {
      std::memcpy(to + i * kPackBytes, block, hn::Lanes(d) * kPackBytes);
      continue;
    }
    for (size_t k = 0; k < count; ++k) std::memcpy(to + (i + k) * stride, block + 4 * k, kPackBytes);
  }
}

void pack_columns(const Operand* columns, size_t bytes, size_t rows, std::byte* to, size_t stride) {
  if (bytes == 1) return pack_as<1>(columns, rows, to, stride);
  if (bytes == 2) return pack_as<2>(columns, rows, to, stride);
  return pack_as<4>(columns, rows, to, stride);
}

void round_reals(const Operand& from, size_t rows, double low, double high, int32_t* to, uint64_t& outside,
                 uint64_t& nans) {
  const Real d;
  const HalfWhole half;
  const auto least = hn::Set(d, low), most = hn::Set(d, high);
  size_t limited = 0, not_numbers = 0;
  for (size_t i = 0; i < rows; i += hn::Lanes(d)) {
    const auto value = hn::LoadU(d, row<double>(from, i));
    const auto is_number = hn::Eq(value, value);
    const auto rounded = hn::Round(hn::IfThenElseZero(is_number, value));
    const auto inside = hn::Min(hn::Max(rounded, least), most);
    hn::StoreU(hn::DemoteTo(half, inside), half, to + i);
    const auto used = hn::FirstN(d, rows - i);
    limited += hn::CountTrue(d, hn::And(used, hn::Ne(inside, rounded)));
    not_numbers += hn::CountTrue(d, hn::AndNot(is_number, used));
  }
  outside += limited;
  nans += not_numbers;
}

void limit_wholes(const Operand& from, size_t rows, int32_t low, int32_t high, int32_t* to, uint64_t& outside) {
  const Whole d;
  const Operand values = from;
  const auto least = hn::Set(d, low), most = hn::Set(d, high);
  size_t limited = 0;
  for (size_t i = 0; i < rows; i += hn::Lanes(d)) {
    const auto value = hn::LoadU(d, row<int32_t>(values, i));
    const auto inside = hn::Min(hn::Max(value, least), most);
    hn::StoreU(inside, d, to + i);
    limited += hn::CountTrue(d, hn::And(hn::FirstN(d, rows - i), hn::Ne(inside, value)));
  }
  outside += limited;
}

}  // namespace strobe::scouting::selection::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace strobe::scouting::selection {

HWY_EXPORT(run_code);
HWY_EXPORT(extract_narrow);
HWY_EXPORT(extract_wide);
HWY_EXPORT(expand);
HWY_EXPORT(rank_objects);
HWY_EXPORT(place_objects);
HWY_EXPORT(pack_columns);
HWY_EXPORT(round_reals);
HWY_EXPORT(limit_wholes);

void run(std::span<const Instruction> code, const Operand* operands, size_t rows) {
  HWY_DYNAMIC_DISPATCH(run_code)(code, operands, rows);
}

void extract(const Field& field, const uint32_t* words, size_t count, int32_t* to) {
  HWY_DYNAMIC_DISPATCH(extract_narrow)(field, words, count, to);
}

void extract(const Field& field, const uint64_t* words, size_t count, int32_t* to) {
  HWY_DYNAMIC_DISPATCH(extract_wide)(field, words, count, to);
}

uint32_t expand_rows(const uint32_t* first, size_t crossings, const int32_t* rows, int32_t base, int32_t* to) {
  return HWY_DYNAMIC_DISPATCH(expand)(first, crossings, rows, base, to);
}

void rank(const Ranking& ranking) { HWY_DYNAMIC_DISPATCH(rank_objects)(ranking); }

void place(const Ranking& ranking, const int32_t* ranks) { HWY_DYNAMIC_DISPATCH(place_objects)(ranking, ranks); }

void pack(const Operand* columns, size_t bytes, size_t rows, std::byte* to, size_t stride) {
  HWY_DYNAMIC_DISPATCH(pack_columns)(columns, bytes, rows, to, stride);
}

void round_to(const Operand& from, size_t rows, double low, double high, int32_t* to, uint64_t& outside,
              uint64_t& nans) {
  HWY_DYNAMIC_DISPATCH(round_reals)(from, rows, low, high, to, outside, nans);
}

void limit_to(const Operand& from, size_t rows, int32_t low, int32_t high, int32_t* to, uint64_t& outside) {
  HWY_DYNAMIC_DISPATCH(limit_wholes)(from, rows, low, high, to, outside);
}

void add_members(const int32_t* member, const int32_t* rows, size_t count, int32_t* counts) {
  for (size_t i = 0; i < count; ++i) counts[rows[i]] += member[i];
}

void gather(const int32_t* from, const uint32_t* index, size_t count, int32_t* to) {
  for (size_t i = 0; i < count; ++i) to[i] = from[index[i]];
}

void gather(const double* from, const uint32_t* index, size_t count, double* to) {
  for (size_t i = 0; i < count; ++i) to[i] = from[index[i]];
}

}  // namespace strobe::scouting::selection
#endif
