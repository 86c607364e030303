// Compiled as C++14 with every warning an error: the headers must be acceptable to what Vitis HLS takes. Explicit
// instantiation compiles every member, used or not.
#include "ap_fixed.h"
#include "ap_int.h"
#include "hls_stream.h"

static_assert(__cplusplus == 201402L, "this file checks the headers as C++14");

template struct ap_int_base<1, true>;
template struct ap_int_base<1, false>;
template struct ap_int_base<7, true>;
template struct ap_int_base<16, false>;
template struct ap_int_base<64, true>;
template struct ap_int_base<64, false>;
template struct ap_int_base<100, true>;
template struct ap_int_base<128, false>;
template struct ap_int_base<1024, true>;
template struct ap_fixed_base<16, 6, true, AP_TRN, AP_WRAP, 0>;
template struct ap_fixed_base<1, 1, true, AP_RND, AP_SAT_SYM, 0>;
template struct ap_fixed_base<8, -3, false, AP_RND_CONV, AP_SAT, 0>;
template struct ap_fixed_base<5, 12, true, AP_TRN_ZERO, AP_SAT_ZERO, 0>;
template struct ap_fixed_base<64, 32, false, AP_RND_INF, AP_WRAP, 3>;
template struct ap_fixed_base<96, 40, true, AP_RND_ZERO, AP_WRAP_SM, 2>;
template struct ap_fixed_base<1024, 512, true, AP_RND_MIN_INF, AP_SAT_SYM, 0>;
template class hls::stream<ap_fixed<16, 6>>;
template class hls::stream<int, 4>;

namespace {

/// Weights must be constants: a table of them costs no code and no start-up time.
constexpr ap_fixed<16, 6> kWeights[] = {0.5, -1.25, 3, -0.0009765625};
static_assert(kWeights[1].V == -1280 && kWeights[3].V == -1, "ap_fixed from a double is a constant expression");
static_assert((kWeights[0] * kWeights[1]).V == -655360, "so is a product");
static_assert(ap_fixed<8, 3, AP_RND, AP_SAT>(17.3).V == 127, "so is saturation");
static_assert(sizeof(ap_fixed<8, 3>) == 1 && sizeof(ap_fixed<16, 6>) == 2 && sizeof(ap_ufixed<17, 3>) == 4 &&
                  sizeof(ap_int<64>) == 8 && sizeof(ap_int<128>) == 16,
              "a value takes the smallest built-in integer");

}  // namespace
