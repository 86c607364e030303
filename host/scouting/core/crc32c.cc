#include "host/scouting/core/crc32c.h"

#include <array>
#include <cstring>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace strobe::scouting {
namespace {

// Polynomials are reflected as the checksum is: bit 31 is the coefficient of x^0.
constexpr uint32_t kPolynomial = 0x82f63b78;

constexpr uint32_t times_x(uint32_t polynomial) { return (polynomial >> 1) ^ (polynomial & 1 ? kPolynomial : 0); }

/// tables[k][b]: what byte b adds to the checksum once k more bytes have followed it.
constexpr std::array<std::array<uint32_t, 256>, 8> make_tables() {
  std::array<std::array<uint32_t, 256>, 8> tables{};
  for (uint32_t byte = 0; byte < 256; ++byte) {
    uint32_t remainder = byte;
    for (int bit = 0; bit < 8; ++bit) remainder = times_x(remainder);
    tables[0][byte] = remainder;
  }
  for (size_t k = 1; k < 8; ++k) {
    for (size_t byte = 0; byte < 256; ++byte) {
      const uint32_t shorter = tables[k - 1][byte];
      tables[k][byte] = (shorter >> 8) ^ tables[0][shorter & 0xff];
    }
  }
  return tables;
}

constexpr auto kTables = make_tables();

uint64_t load64(const std::byte* from) {
  uint64_t word;
  std::memcpy(&word, from, sizeof word);
  return word;
}

// All of these work on the register's state, which is the checksum inverted.

uint32_t extend_by_table(uint32_t state, const std::byte* data, size_t size) {
  for (; size >= 8; data += 8, size -= 8) {
    const uint64_t word = load64(data) ^ state;
    state = 0;
    for (size_t k = 0; k < 8; ++k) state ^= kTables[7 - k][(word >> (8 * k)) & 0xff];
  }
  for (; size > 0; ++data, --size) {
    state = (state >> 8) ^ kTables[0][(state ^ static_cast<uint32_t>(*data)) & 0xff];
  }
  return state;
}

#if defined(__x86_64__)

/// x^n modulo the polynomial.
constexpr uint32_t power_of_x(uint32_t n) {
  uint32_t power = 0x80000000;
  for (; n > 0; --n) power = times_x(power);
  return power;
}

[[gnu::target("sse4.2")]] uint32_t extend_serially(uint32_t state, const std::byte* data, size_t size) {
  uint64_t wide = state;
  for (; size >= 8; data += 8, size -= 8) wide = _mm_crc32_u64(wide, load64(data));
  state = static_cast<uint32_t>(wide);
  for (; size > 0; ++data, --size) state = _mm_crc32_u8(state, static_cast<uint8_t>(*data));
  return state;
}

constexpr size_t kStreamBytes = 512;

/// shift[k][b]: byte k of a state with value b, once kStreamBytes zero bytes have followed.
constexpr std::array<std::array<uint32_t, 256>, 4> make_shift() {
  std::array<std::array<uint32_t, 256>, 4> shift{};
  uint32_t image = power_of_x(8 * kStreamBytes);  // of x^0, bit 31; then of bit 30, and so on
  for (int bit = 31; bit >= 0; --bit, image = times_x(image)) {
    auto& table = shift[static_cast<size_t>(bit) / 8];
    for (size_t byte = 0; byte < 256; ++byte) {
      if (byte >> (bit % 8) & 1) table[byte] ^= image;
    }
  }
  return shift;
}

constexpr auto kShift = make_shift();

uint32_t shifted(uint32_t state) {
  return kShift[0][state & 0xff] ^ kShift[1][state >> 8 & 0xff] ^ kShift[2][state >> 16 & 0xff] ^
         kShift[3][state >> 24];
}

/// The instruction takes three cycles and one may start each cycle, so three streams run side by side.
[[gnu::target("sse4.2")]] uint32_t extend_by_sse42(uint32_t state, const std::byte* data, size_t size) {
  for (; size >= 3 * kStreamBytes; data += 3 * kStreamBytes, size -= 3 * kStreamBytes) {
    uint64_t a = state, b = 0, c = 0;
    for (size_t i = 0; i < kStreamBytes; i += 8) {
      a = _mm_crc32_u64(a, load64(data + i));
      b = _mm_crc32_u64(b, load64(data + kStreamBytes + i));
      c = _mm_crc32_u64(c, load64(data + 2 * kStreamBytes + i));
    }
    state = shifted(shifted(static_cast<uint32_t>(a)) ^ static_cast<uint32_t>(b)) ^ static_cast<uint32_t>(c);
  }
  return extend_serially(state, data, size);
}

/// Factors that carry 128 bits over `distance` bits: of the half that comes first, and of the other. A product of
/// reflected polynomials is one bit short, hence the shift; 32 bits lie between a factor's end and its half's.
struct Factors {
  uint64_t low, high;
};
consteval Factors factors(uint32_t distance) {
  return {uint64_t{power_of_x(distance + 32)} << 1, uint64_t{power_of_x(distance - 32)} << 1};
}

[[gnu::target("pclmul,sse4.2")]] inline __m128i folded(__m128i word, __m128i by, __m128i next) {
  const __m128i low = _mm_clmulepi64_si128(word, by, 0x00), high = _mm_clmulepi64_si128(word, by, 0x11);
  return _mm_xor_si128(_mm_xor_si128(low, high), next);
}

[[gnu::target("pclmul,sse4.2")]] inline __m128i both(Factors by) {
  return _mm_set_epi64x(static_cast<int64_t>(by.high), static_cast<int64_t>(by.low));
}

[[gnu::target("sse4.2")]] inline uint32_t remainder_of(__m128i word) {
  const uint64_t low = _mm_crc32_u64(0, static_cast<uint64_t>(_mm_cvtsi128_si64(word)));
  return static_cast<uint32_t>(_mm_crc32_u64(low, static_cast<uint64_t>(_mm_extract_epi64(word, 1))));
}

[[gnu::target("pclmul,sse4.2")]] uint32_t extend_by_pclmul(uint32_t state, const std::byte* data, size_t size) {
  constexpr size_t kWords = 8, kBlock = 16 * kWords;
  if (size < 2 * kBlock) return extend_serially(state, data, size);
  const auto load = [](const std::byte* from) { return _mm_loadu_si128(reinterpret_cast<const __m128i*>(from)); };
  __m128i words[kWords];
  for (size_t i = 0; i < kWords; ++i) words[i] = load(data + 16 * i);
  words[0] = _mm_xor_si128(words[0], _mm_cvtsi32_si128(static_cast<int>(state)));
  const __m128i by_block = both(factors(8 * kBlock));
  for (data += kBlock, size -= kBlock; size >= kBlock; data += kBlock, size -= kBlock) {
    for (size_t i = 0; i < kWords; ++i) words[i] = folded(words[i], by_block, load(data + 16 * i));
  }
  const __m128i by_word = both(factors(128));
  __m128i word = words[0];
  for (size_t i = 1; i < kWords; ++i) word = folded(word, by_word, words[i]);
  return extend_serially(remainder_of(word), data, size);
}

#define STROBE_VPCLMUL "avx512f,avx512vl,vpclmulqdq,pclmul,sse4.2"

// Without the intrinsic for broadcasting, of which g++ 12 says -Wmaybe-uninitialized.
[[gnu::target(STROBE_VPCLMUL)]] inline __m512i both4(Factors by) {
  const auto low = static_cast<int64_t>(by.low), high = static_cast<int64_t>(by.high);
  return _mm512_set_epi64(high, low, high, low, high, low, high, low);
}

[[gnu::target(STROBE_VPCLMUL)]] inline __m512i folded4(__m512i word, __m512i by, __m512i next) {
  constexpr int kXorOfThree = 0x96;
  return _mm512_ternarylogic_epi64(_mm512_clmulepi64_epi128(word, by, 0x00), _mm512_clmulepi64_epi128(word, by, 0x11),
                                   next, kXorOfThree);
}

[[gnu::target(STROBE_VPCLMUL)]] uint32_t extend_by_vpclmul(uint32_t state, const std::byte* data, size_t size) {
  constexpr size_t kWords = 4, kBlock = 64 * kWords;
  if (size < 2 * kBlock) return extend_by_pclmul(state, data, size);
  __m512i words[kWords];
  for (size_t i = 0; i < kWords; ++i) words[i] = _mm512_loadu_si512(data + 64 * i);
  words[0] = _mm512_xor_si512(words[0], _mm512_zextsi128_si512(_mm_cvtsi32_si128(static_cast<int>(state))));
  const __m512i by_block = both4(factors(8 * kBlock));
  for (data += kBlock, size -= kBlock; size >= kBlock; data += kBlock, size -= kBlock) {
    for (size_t i = 0; i < kWords; ++i) {
      words[i] = folded4(words[i], by_block, _mm512_loadu_si512(data + 64 * i));
    }
  }
  const __m512i by_word = both4(factors(512));
  __m512i word = words[0];
  for (size_t i = 1; i < kWords; ++i) word = folded4(word, by_word, words[i]);
  __m128i parts[4];
  _mm512_storeu_si512(parts, word);
  const __m128i by_part = both(factors(128));
  __m128i part = parts[0];
  for (size_t i = 1; i < 4; ++i) part = folded(part, by_part, parts[i]);
  return extend_serially(remainder_of(part), data, size);
}

#endif

using Extend = uint32_t (*)(uint32_t, const std::byte*, size_t);

Extend extend_of(Crc32cMethod method) {
  switch (method) {
#if defined(__x86_64__)
    case Crc32cMethod::kSse42:
      return extend_by_sse42;
    case Crc32cMethod::kPclmul:
      return extend_by_pclmul;
    case Crc32cMethod::kVpclmul:
      return extend_by_vpclmul;
#endif
    default:
      return extend_by_table;
  }
}

Extend best_extend() {
  for (const auto method : {Crc32cMethod::kVpclmul, Crc32cMethod::kPclmul, Crc32cMethod::kSse42}) {
    if (has_crc32c_method(method)) return extend_of(method);
  }
  return extend_by_table;
}

}  // namespace

uint32_t crc32c(std::span<const std::byte> bytes, uint32_t seed) {
  static const Extend extend = best_extend();
  return ~extend(~seed, bytes.data(), bytes.size());
}

bool has_crc32c_method(Crc32cMethod method) {
#if defined(__x86_64__)
  const bool sse42 = __builtin_cpu_supports("sse4.2") != 0;
  const bool pclmul = sse42 && __builtin_cpu_supports("pclmul") != 0;
  switch (method) {
    case Crc32cMethod::kTable:
      return true;
    case Crc32cMethod::kSse42:
      return sse42;
    case Crc32cMethod::kPclmul:
      return pclmul;
    case Crc32cMethod::kVpclmul:
      return pclmul && __builtin_cpu_supports("avx512f") != 0 && __builtin_cpu_supports("avx512vl") != 0 &&
             __builtin_cpu_supports("vpclmulqdq") != 0;
  }
  return false;
#else
  return method == Crc32cMethod::kTable;
#endif
}

uint32_t crc32c_by(Crc32cMethod method, std::span<const std::byte> bytes, uint32_t seed) {
  return ~extend_of(method)(~seed, bytes.data(), bytes.size());
}

}  // namespace strobe::scouting
