#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "kernels/import/json_access.h"

namespace strobe::import {

/// One layer of a Keras configuration, whatever version wrote it.
struct KerasLayer {
  std::string name;
  std::string class_name;
  Json config;
  bool is_hgq = false;               ///< of HGQ2, which shares class names with QKeras
  std::vector<std::string> inputs;   ///< names of the layers it reads
  Json arguments;                    ///< Keras 3: the positional arguments of its call
  std::vector<int64_t> input_shape;  ///< an input layer's, without the batch axis
  std::string weights_path;          ///< Keras 3: "layers/dense_1", its place in the weight file
};

/// A network's layers in topological order; wrappers taken off, nested models laid flat.
struct KerasNetwork {
  std::string name;
  std::string version;  ///< keras_version, empty where the file does not say
  std::vector<KerasLayer> layers;
  std::vector<std::string> inputs, outputs;  ///< layer names
};

/// Reads the configuration of a Sequential or functional model. Errors: InvalidArgument (not a model, an unknown
/// input), Unimplemented (shared layers, open extents, subclassed and nested models), each with the layer's name.
absl::StatusOr<KerasNetwork> parse_keras_network(const Json& config, const std::string& file);

/// Keras' spelling of a class in file paths: "QEinsumDenseBatchnorm" -> "q_einsum_dense_batchnorm".
std::string to_snake_case(const std::string& class_name);

}  // namespace strobe::import
