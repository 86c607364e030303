#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "host/runtime/model_runner.h"
#include "host/server/model_loader.h"
#include "proto/model_config.pb.h"

namespace strobe::server {

/// Largest batch where a model's config.pbtxt does not say.
constexpr int32_t kDefaultMaxBatchSize = 65536;

/// A tensor as clients see it.
struct ServedTensor {
  std::string name;
  runtime::Encoding encoding;  ///< FP32 or FP64 numbers, or raw integers
  std::string datatype;        ///< the same in the protocol's words: "FP32", "INT16"
  std::vector<int64_t> dims;   ///< without the batch axis; a scalar is [1]
  int64_t row_bytes = 0;       ///< in `encoding`
};

/// One version of a model, open and ready to take requests. Immutable but for its runner.
struct ServedModel {
  std::string name;
  int64_t version = 1;
  std::string version_text;
  int32_t max_batch_size = kDefaultMaxBatchSize;  ///< 0: tensors have no batch axis
  std::vector<ServedTensor> inputs, outputs;      ///< in the runner's order
  int64_t default_timeout_us = 0;                 ///< 0: none
  inference::ModelConfig config;                  ///< complete, as ModelConfig answers it
  std::map<std::string, std::string> properties;
  std::shared_ptr<runtime::Clock> clock;  ///< the runner's
  std::unique_ptr<runtime::ModelRunner> runner;
};

/// Joins a model file with the folder's config.pbtxt (or an empty config) and opens its device.
/// Errors: InvalidArgument where the configuration contradicts the model or asks for what cannot be done; the device's.
absl::StatusOr<std::unique_ptr<ServedModel>> open_model(const std::string& name, int64_t version, LoadedModel loaded,
                                                        const inference::ModelConfig& config,
                                                        runtime::RunnerOptions options);

/// "FP32" for TYPE_FP32; empty for TYPE_INVALID.
std::string datatype_name(inference::DataType type);

}  // namespace strobe::server
