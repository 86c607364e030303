#pragma once

#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "kernels/import/hdf5_file.h"
#include "kernels/import/keras_config.h"

namespace strobe::import {

/// A weight that a layer must have.
struct WeightSpec {
  std::string name;  ///< "kernel", "moving_mean"
  std::vector<int64_t> shape;
};

/// Finds the weights of Keras layers in a weight file of either layout: named (`layer_names` and `weight_names`
/// attributes, Keras 2 and its `.h5`) or numbered (`layers/dense/vars/0`, Keras 3).
class KerasWeights {
 public:
  /// Errors: InvalidArgument where the file has neither layout.
  static absl::StatusOr<KerasWeights> open(hdf5::File file);

  const hdf5::File& file() const { return file_; }
  bool is_numbered() const { return numbered_; }

  /// The weights in `specs`, which lists them in Keras' order (trainable first). Every number is finite.
  /// Errors: InvalidArgument that names layer, array, and both shapes, or the place of the NaN.
  absl::StatusOr<std::map<std::string, Array, std::less<>>> load(const KerasLayer& layer,
                                                                 const std::vector<WeightSpec>& specs) const;
  /// One dataset, its numbers finite; `what` names it in messages.
  absl::StatusOr<Array> read_finite(const std::string& path, const std::string& what) const;
  /// The group of a layer in a numbered file: "layers/q_dense_1".
  std::string group(const KerasLayer& layer) const;

 private:
  KerasWeights(hdf5::File file, bool numbered) : file_(std::move(file)), numbered_(numbered) {}
  absl::Status index_numbered();
  absl::StatusOr<std::vector<std::string>> named_paths(const KerasLayer& layer) const;

  hdf5::File file_;
  bool numbered_;
  std::string root_;                            ///< "model_weights", "layers"
  std::map<std::string, std::string> by_name_;  ///< numbered: a layer's name to its group, where the file says it
};

/// "[16, 64]", for messages.
std::string shape_text(const std::vector<int64_t>& shape);

}  // namespace strobe::import
