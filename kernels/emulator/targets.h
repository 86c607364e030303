#pragma once

// Instruction sets that the vector code is compiled for; to be included before Highway. Vectors are held in arrays,
// which vectors of unknown size cannot be; SSSE3 alone is not worth its compile time.
#define HWY_DISABLED_TARGETS (HWY_SSSE3 | HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128 | HWY_RVV)
