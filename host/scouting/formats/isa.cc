#include "host/scouting/formats/isa.h"

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "host/scouting/formats/gmt_blocks.h"

namespace strobe::scouting {
namespace {

#if defined(__x86_64__)
bool cpu_has_avx2() { return __builtin_cpu_supports("avx2") != 0; }
bool cpu_has_avx512() {
  return __builtin_cpu_supports("avx512f") != 0 && __builtin_cpu_supports("avx512vl") != 0 &&
         __builtin_cpu_supports("avx512dq") != 0 && __builtin_cpu_supports("avx512bw") != 0;
}
#else
bool cpu_has_avx2() { return false; }
bool cpu_has_avx512() { return false; }
#endif

}  // namespace

bool has_isa(Isa isa) {
  switch (isa) {
    case Isa::kAvx2:
      return cpu_has_avx2() && gmt_blocks_avx2(true, true) != nullptr;
    case Isa::kAvx512:
      return cpu_has_avx512() && gmt_blocks_avx512(true, true) != nullptr;
    case Isa::kScalar:
    case Isa::kBest:
      return true;
  }
  return false;
}

absl::StatusOr<Isa> choose_isa(Isa isa) {
  if (isa == Isa::kBest) return has_isa(Isa::kAvx512) ? Isa::kAvx512 : has_isa(Isa::kAvx2) ? Isa::kAvx2 : Isa::kScalar;
  if (has_isa(isa)) return isa;
  return absl::UnimplementedError(absl::StrCat("this machine or this build of strobe has no ", name_of(isa)));
}

const char* name_of(Isa isa) {
  switch (isa) {
    case Isa::kAvx2:
      return "AVX2";
    case Isa::kAvx512:
      return "AVX-512";
    case Isa::kScalar:
      return "scalar";
    case Isa::kBest:
      return "best";
  }
  return "?";
}

}  // namespace strobe::scouting
