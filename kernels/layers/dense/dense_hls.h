#pragma once

#include "strobe/tensor.h"

/// y_j = bias_j + sum_i x_i w_ij for each of `n_rows` rows, summed over i upwards in `accum_t`.
///
/// `config`: n_rows, n_in, n_out; reuse_factor, multiplier_limit; accum_t, whose rounding and overflow each product and
/// each addition follow (an exact accum_t makes both vanish).
namespace strobe {

/// The sums of the unrolled strategies.
template <class config, class x_t, class weight_t, class bias_t, class y_t>
void dense_unrolled(const x_t x[config::n_rows * config::n_in], const weight_t weight[config::n_in * config::n_out],
                    const bias_t bias[config::n_out], y_t y[config::n_rows * config::n_out]) {
  STROBE_PRAGMA(HLS inline)
  STROBE_PRAGMA(HLS array_partition variable=weight complete)
  STROBE_PRAGMA(HLS array_partition variable=bias complete)
  typedef typename config::accum_t accum_t;
  STROBE_LOOP(rows) for (int row = 0; row < config::n_rows; ++row) {
    STROBE_PRAGMA(HLS unroll)
    accum_t sum[config::n_out];
    STROBE_PRAGMA(HLS array_partition variable=sum complete)
    STROBE_LOOP(biases) for (int j = 0; j < config::n_out; ++j) {
      STROBE_PRAGMA(HLS unroll)
      sum[j] = bias[j];
    }
    STROBE_LOOP(inputs) for (int i = 0; i < config::n_in; ++i) {
      STROBE_PRAGMA(HLS unroll)
      STROBE_LOOP(outputs) for (int j = 0; j < config::n_out; ++j) {
        STROBE_PRAGMA(HLS unroll)
        sum[j] += accum_t(x[row * config::n_in + i] * weight[i * config::n_out + j]);
      }
    }
    STROBE_LOOP(results) for (int j = 0; j < config::n_out; ++j) {
      STROBE_PRAGMA(HLS unroll)
      y[row * config::n_out + j] = sum[j];
    }
  }
}

/// Latency strategy: everything unrolled, zero weights vanish, an event every `reuse_factor` cycles.
template <class config, class x_t, class weight_t, class bias_t, class y_t>
void dense_latency(const x_t x[config::n_rows * config::n_in], const weight_t weight[config::n_in * config::n_out],
                   const bias_t bias[config::n_out], y_t y[config::n_rows * config::n_out]) {
  static_assert(config::reuse_factor >= 1, "dense: the reuse factor must be at least 1");
  STROBE_PRAGMA(HLS pipeline II=config::reuse_factor)
  STROBE_PRAGMA(HLS latency max=config::depth)
  STROBE_PRAGMA(HLS allocation operation instances=mul limit=config::multiplier_limit)
  dense_unrolled<config>(x, weight, bias, y);
}

/// Distributed arithmetic: as latency, but each product by a constant is made of adders, none of a DSP block.
template <class config, class x_t, class weight_t, class bias_t, class y_t>
void dense_adders(const x_t x[config::n_rows * config::n_in], const weight_t weight[config::n_in * config::n_out],
                  const bias_t bias[config::n_out], y_t y[config::n_rows * config::n_out]) {
  static_assert(config::reuse_factor >= 1, "dense: the reuse factor must be at least 1");
  STROBE_PRAGMA(HLS pipeline II=config::reuse_factor)
  STROBE_PRAGMA(HLS latency max=config::depth)
  STROBE_PRAGMA(HLS allocation operation instances=mul limit=config::multiplier_limit)
  STROBE_PRAGMA(HLS bind_op op=mul impl=fabric)
  dense_unrolled<config>(x, weight, bias, y);
}

/// Resource strategy: `n_in * n_out / reuse_factor` multipliers work through the weights, which lie in block memory in the
/// order of their use. A cycle takes whole inputs, or a part of the outputs of one input: so every sum runs over i upwards.
template <class config, class x_t, class weight_t, class bias_t, class y_t>
void dense_resource(const x_t x[config::n_rows * config::n_in], const weight_t weight[config::n_in * config::n_out],
                    const bias_t bias[config::n_out], y_t y[config::n_rows * config::n_out]) {
  static constexpr int products = config::n_in * config::n_out;
  static constexpr int block = products / config::reuse_factor;
  static constexpr int outputs_per_cycle = block < config::n_out ? block : config::n_out;
  static constexpr int inputs_per_cycle = block / outputs_per_cycle;
  static_assert(products % config::reuse_factor == 0, "dense: the reuse factor must divide n_in * n_out");
  static_assert(block % config::n_out == 0 || config::n_out % block == 0,
                "dense: a cycle must take whole inputs, or an equal part of one input's outputs");
  static_assert(block == config::multiplier_limit, "dense: the plan and the reuse factor disagree");
  STROBE_PRAGMA(HLS array_reshape variable=weight cyclic factor=block)
  STROBE_PRAGMA(HLS bind_storage variable=weight type=rom_1p impl=bram)
  STROBE_PRAGMA(HLS array_partition variable=bias complete)
  typedef typename config::accum_t accum_t;
  STROBE_LOOP(rows) for (int row = 0; row < config::n_rows; ++row) {
    accum_t sum[config::n_out];
    STROBE_PRAGMA(HLS array_partition variable=sum complete)
    STROBE_LOOP(biases) for (int j = 0; j < config::n_out; ++j) {
      STROBE_PRAGMA(HLS unroll)
      sum[j] = bias[j];
    }
    int first_input = 0;
    int first_output = 0;
    STROBE_LOOP(reuse) for (int cycle = 0; cycle < config::reuse_factor; ++cycle) {
      STROBE_PRAGMA(HLS pipeline II=1 rewind)
      STROBE_LOOP(multipliers) for (int m = 0; m < block; ++m) {
        STROBE_PRAGMA(HLS unroll)
        const int i = first_input + m / outputs_per_cycle;
        const int j = first_output + m % outputs_per_cycle;
        sum[j] += accum_t(x[row * config::n_in + i] * weight[cycle * block + m]);
      }
      first_output += outputs_per_cycle;
      if (first_output == config::n_out) {
        first_output = 0;
        first_input += inputs_per_cycle;
      }
    }
    STROBE_LOOP(results) for (int j = 0; j < config::n_out; ++j) {
      STROBE_PRAGMA(HLS unroll)
      y[row * config::n_out + j] = sum[j];
    }
  }
}

}  // namespace strobe
