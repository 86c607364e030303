// Tiles of packed products. Included once for each instruction set.
#if defined(STROBE_EMULATOR_DOTS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef STROBE_EMULATOR_DOTS_INL_H_
#undef STROBE_EMULATOR_DOTS_INL_H_
#else
#define STROBE_EMULATOR_DOTS_INL_H_
#endif

#include "kernels/emulator/epilogue-inl.h"

HWY_BEFORE_NAMESPACE();
namespace strobe::emulator::HWY_NAMESPACE {

/// How words are multiplied: by the instructions of VNNI, which Highway 1.0.3 does not know (hence the assembler, which
/// needs no compiler flag), or in halves.
enum class Products { kBytes, kPairs, kPairsInTwo };

template <Products kProducts>
HWY_INLINE Vector<int32_t> add_products(Vector<int32_t> sum, Vector<int32_t> x, Vector<int32_t> weight) {
#if HWY_TARGET == HWY_AVX3
  if constexpr (kProducts == Products::kBytes) {
    asm("vpdpbusd %2, %1, %0" : "+v"(sum.raw) : "v"(x.raw), "v"(weight.raw));
    return sum;
  } else if constexpr (kProducts == Products::kPairs) {
    asm("vpdpwssd %2, %1, %0" : "+v"(sum.raw) : "v"(x.raw), "v"(weight.raw));
    return sum;
  } else {
    return hn::Add(sum, Vector<int32_t>{_mm512_madd_epi16(x.raw, weight.raw)});
  }
#elif HWY_TARGET == HWY_AVX2
  return hn::Add(sum, Vector<int32_t>{_mm256_madd_epi16(x.raw, weight.raw)});
#else
  const auto low = hn::Mul(hn::ShiftRight<16>(hn::ShiftLeft<16>(x)), hn::ShiftRight<16>(hn::ShiftLeft<16>(weight)));
  const auto high = hn::Mul(hn::ShiftRight<16>(x), hn::ShiftRight<16>(weight));
  return hn::Add(sum, hn::Add(low, high));
#endif
}

template <Products kProducts, int kRows, int kVectors>
HWY_INLINE void dot_at(const Program& program, const DotStep& step, std::byte* arena, size_t event) {
  const Tag<int32_t> d;
  const size_t n = hn::Lanes(d);
  Vector<int32_t> acc[kRows][kVectors];
  each<kRows>([&](auto r) STROBE_INLINE_LAMBDA {
    const auto bias = hn::Set(d, step.bias[r]);
    each<kVectors>([&](auto v) STROBE_INLINE_LAMBDA { acc[r][v] = bias; });
  });
  const uint32_t* sources = program.dot_sources.data() + step.first_source;
  const int32_t* weights = program.dot_weights.data() + step.first_weight;
  for (uint32_t k = 0; k < step.sources; ++k, weights += kRows) {
    const auto* words = reinterpret_cast<const int32_t*>(arena + sources[k]) + event;
    Vector<int32_t> x[kVectors];
    each<kVectors>([&](auto v) STROBE_INLINE_LAMBDA { x[v] = hn::LoadU(d, words + v * n); });
    each<kRows>([&](auto r) STROBE_INLINE_LAMBDA {
      const auto weight = hn::Set(d, weights[r]);
      each<kVectors>([&](auto v)
                         STROBE_INLINE_LAMBDA { acc[r][v] = add_products<kProducts>(acc[r][v], x[v], weight); });
    });
  }
  each<kRows>([&](auto r) STROBE_INLINE_LAMBDA {
    finish<int32_t>(step.epilogue[r], acc[r]);
    if (step.stores) store_vectors<int32_t>(acc[r], step.target[r], arena, event);
  });
  if constexpr (kRows == 4) {
    if (step.word == DotStep::kNoWord) return;
    auto* words = reinterpret_cast<int32_t*>(arena + step.word) + event;
    const auto bias = hn::Set(d, step.word_bias);
    each<kVectors>([&](auto v) STROBE_INLINE_LAMBDA {
      const auto low = hn::Add(acc[0][v], hn::ShiftLeft<8>(acc[1][v]));
      const auto high = hn::Add(acc[2][v], hn::ShiftLeft<8>(acc[3][v]));
      hn::StoreU(hn::Add(hn::Add(low, bias), hn::ShiftLeft<16>(high)), d, words + v * n);
    });
  }
}

template <Products kProducts, int kRows>
HWY_NOINLINE void run_tile(const Program& program, const DotStep& step, std::byte* arena, size_t events) {
  constexpr int kVectors = HWY_TARGET == HWY_AVX3 ? 4 : 2;
  over_events<int32_t, kVectors>(events, [&](auto vectors, size_t event) HWY_ATTR {
    dot_at<kProducts, kRows, vectors()>(program, step, arena, event);
  });
}

template <Products kProducts>
void run_dot(const Program& program, const DotStep& step, std::byte* arena, size_t events) {
  switch (step.rows) {
    case 1:
      return run_tile<kProducts, 1>(program, step, arena, events);
    case 2:
      return run_tile<kProducts, 2>(program, step, arena, events);
    case 3:
      return run_tile<kProducts, 3>(program, step, arena, events);
    default:
      return run_tile<kProducts, 4>(program, step, arena, events);
  }
}

}  // namespace strobe::emulator::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
