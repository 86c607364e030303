#pragma once

#include <cstdint>
#include <random>
#include <vector>

#include "kernels/model/graph.h"

namespace strobe::testing {

/// What random graphs are made of.
struct RandomGraphOptions {
  int max_width = 24;     ///< of tensors
  int max_elements = 12;  ///< a tensor
  int max_layers = 8;
  bool per_element = true;   ///< types and dead lanes per element
  bool any_rounding = true;  ///< off: truncation and wrap only
  bool tables = true;        ///< tables and softmax too
};

/// Graphs of random layers, shapes, types, constants: what a seed gives is always the same graph.
model::Graph random_graph(uint64_t seed, const RandomGraphOptions& options);

/// Rows of raw values for the i-th input: random, with limits and zero often among them.
std::vector<int64_t> random_rows(const model::Graph& graph, size_t input, size_t rows, std::mt19937_64& random);

/// The rows in their containers.
std::vector<std::byte> pack_rows(const model::TensorType& type, const std::vector<int64_t>& raw);
std::vector<int64_t> unpack_rows(const model::TensorType& type, const std::vector<std::byte>& bytes);

}  // namespace strobe::testing
