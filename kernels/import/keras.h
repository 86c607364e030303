#pragma once

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "kernels/import/float_model.h"
#include "kernels/import/json_access.h"

namespace strobe::import {

/// Keras 2: a configuration in JSON with its weights in HDF5. Errors: as import_model.
absl::StatusOr<FloatModel> import_keras_json(const std::string& path, const std::string& weights_path);
/// A whole model in one HDF5 file. Errors: as import_model.
absl::StatusOr<FloatModel> import_keras_h5(const std::string& path);
/// Keras 3: a `.keras` archive. Errors: as import_model.
absl::StatusOr<FloatModel> import_keras_zip(const std::string& path);

/// The same from bytes in memory; `name` stands for the path in messages.
absl::StatusOr<FloatModel> read_keras_json(std::string_view json, std::string weights, const std::string& name,
                                           const std::string& weights_name);
absl::StatusOr<FloatModel> read_keras_h5(std::string bytes, const std::string& name);
absl::StatusOr<FloatModel> read_keras_zip(std::string_view bytes, const std::string& name);

}  // namespace strobe::import
