#include "host/scouting/formats/extract.h"

#include "host/scouting/formats/extract_loops.h"
#include "host/scouting/formats/isa.h"
#include "host/scouting/formats/tables.h"

namespace strobe::scouting {
namespace {

bool cpu_has_vbmi() {
#if defined(__x86_64__)
  return __builtin_cpu_supports("avx512vbmi") != 0;
#else
  return false;
#endif
}

const ExtractLoops& loops_of(Isa isa) {
  static const bool avx512 = has_isa(Isa::kAvx512) && cpu_has_vbmi() && extract_avx512() != nullptr;
  static const bool avx2 = has_isa(Isa::kAvx2) && extract_avx2() != nullptr;
  if (avx512 && (isa == Isa::kBest || isa == Isa::kAvx512)) return *extract_avx512();
  if (avx2 && isa != Isa::kScalar) return *extract_avx2();
  return kExtractScalar;
}

/// `to` in the order of the Puppi table.
PuppiColumns puppi_columns(std::span<void* const> to) {
  return {static_cast<uint16_t*>(to[0]), static_cast<int16_t*>(to[1]),  static_cast<int16_t*>(to[2]),
          static_cast<uint8_t*>(to[3]),  static_cast<int16_t*>(to[4]),  static_cast<int8_t*>(to[5]),
          static_cast<uint8_t*>(to[6]),  static_cast<uint16_t*>(to[7]), static_cast<uint8_t*>(to[8])};
}

uint64_t word_of(const Collection& collection, const Field& field, uint32_t object) {
  if (collection.format->word_bits[field.word] == 64) return collection.wide[field.word][object];
  return collection.narrow[field.word][object];
}

}  // namespace

void extract(const Collection& collection, const Field& field, void* to, Isa isa) {
  const bool wide = collection.format->word_bits[field.word] == 64;
  const FieldBits bits{field.offset, field.width, field.is_signed, wide, size_of(field.type()) == 1};
  const void* const words = wide ? static_cast<const void*>(collection.wide[field.word].data())
                                 : static_cast<const void*>(collection.narrow[field.word].data());
  loops_of(isa).field(words, collection.objects(), bits, to);
}

void extract_all(const Collection& collection, std::span<void* const> to, Isa isa) {
  if (collection.format == kPuppi.collections[0]) {
    return loops_of(isa).puppi(collection.wide[0].data(), collection.objects(), puppi_columns(to));
  }
  for (size_t f = 0; f < to.size(); ++f) extract(collection, collection.format->fields[f], to[f], isa);
}

void extract(const Collection& collection, const Field& field, std::span<const uint32_t> objects, int32_t* to) {
  for (const uint32_t object : objects) *to++ = raw_value(field, word_of(collection, field, object));
}

void extract(const Collection& collection, const Field& field, std::span<const uint32_t> objects, bool physical,
             double* to) {
  const double scale = physical ? field.scale : 1, bias = physical ? field.bias : 0;
  for (const uint32_t object : objects) {
    *to++ = scale * (raw_value(field, word_of(collection, field, object)) + bias);
  }
}

}  // namespace strobe::scouting
