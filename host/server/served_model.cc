#include "host/server/served_model.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace strobe::server {
namespace {

using inference::ModelConfig;
using runtime::ElementKind;
using runtime::Encoding;

struct DatatypeRow {
  inference::DataType type;
  Encoding encoding;
};
constexpr std::array<DatatypeRow, 10> kDatatypes = {{
    {inference::TYPE_FP32, {ElementKind::kFloat32, false}},
    {inference::TYPE_FP64, {ElementKind::kFloat64, false}},
    {inference::TYPE_INT8, {ElementKind::kInt8, true}},
    {inference::TYPE_INT16, {ElementKind::kInt16, true}},
    {inference::TYPE_INT32, {ElementKind::kInt32, true}},
    {inference::TYPE_INT64, {ElementKind::kInt64, true}},
    {inference::TYPE_UINT8, {ElementKind::kUint8, true}},
    {inference::TYPE_UINT16, {ElementKind::kUint16, true}},
    {inference::TYPE_UINT32, {ElementKind::kUint32, true}},
    {inference::TYPE_UINT64, {ElementKind::kUint64, true}},
}};

absl::Status refuse(const std::string& model, const std::string& what) {
  return absl::InvalidArgumentError(absl::StrCat("model '", model, "': config.pbtxt: ", what));
}

std::vector<int64_t> served_dims(const model::Shape& shape) { return shape.empty() ? std::vector<int64_t>{1} : shape; }

/// What the configuration may not ask of a stateless model on a card.
absl::Status check_features(const ModelConfig& config, const std::string& name) {
  if (!config.name().empty() && config.name() != name) {
    return refuse(name, absl::StrCat("name is '", config.name(), "', the folder is '", name, "'"));
  }
  if (config.max_batch_size() < 0) {
    return refuse(name, absl::StrCat("max_batch_size must be 0 or more, found ", config.max_batch_size()));
  }
  if (config.has_sequence_batching()) return refuse(name, "sequence_batching is not supported");
  if (config.has_ensemble_scheduling()) return refuse(name, "ensemble_scheduling is not supported");
  if (config.model_transaction_policy().decoupled()) return refuse(name, "decoupled transactions are not supported");
  if (config.response_cache().enable()) return refuse(name, "response_cache is not supported");
  if (config.dynamic_batching().preserve_ordering()) return refuse(name, "preserve_ordering is not supported");
  return absl::OkStatus();
}

/// What `entry` (a ModelInput or ModelOutput) says about `spec`; null: nothing.
template <typename Entry>
absl::StatusOr<ServedTensor> serve_tensor(const Entry* entry, const runtime::TensorSpec& spec,
                                          const std::string& model) {
  ServedTensor tensor{spec.name, {}, "FP32", served_dims(spec.type.shape)};
  if (entry != nullptr) {
    if (entry->has_reshape()) return refuse(model, absl::StrCat("tensor '", spec.name, "': reshape is not supported"));
    const std::vector<int64_t> dims(entry->dims().begin(), entry->dims().end());
    if (!dims.empty() && dims != tensor.dims) {
      return refuse(model, absl::StrCat("tensor '", spec.name, "': dims are [", absl::StrJoin(dims, ","),
                                        "], the model's are [", absl::StrJoin(tensor.dims, ","), "]"));
    }
    if (entry->data_type() != inference::TYPE_INVALID) {
      const auto* row = std::find_if(kDatatypes.begin(), kDatatypes.end(),
                                     [&](const DatatypeRow& r) { return r.type == entry->data_type(); });
      if (row == kDatatypes.end()) {
        return refuse(model,
                      absl::StrCat("tensor '", spec.name, "': data_type ", inference::DataType_Name(entry->data_type()),
                                   " is not supported: TYPE_FP32, TYPE_FP64 or an integer type (raw values)"));
      }
      tensor.encoding = row->encoding;
      tensor.datatype = datatype_name(row->type);
    }
  }
  tensor.row_bytes = spec.type.elements() * static_cast<int64_t>(runtime::byte_size(tensor.encoding.kind));
  return tensor;
}

template <typename Entries>
absl::StatusOr<std::vector<ServedTensor>> serve_tensors(const Entries& entries,
                                                        const std::vector<runtime::TensorSpec>& specs,
                                                        const std::string& model, const char* direction) {
  for (const auto& entry : entries) {
    const auto named = [&](const runtime::TensorSpec& spec) { return spec.name == entry.name(); };
    if (std::none_of(specs.begin(), specs.end(), named)) {
      const auto name_of = [](std::string* out, const runtime::TensorSpec& spec) { absl::StrAppend(out, spec.name); };
      return refuse(model, absl::StrCat("the model has no ", direction, " '", entry.name(), "'; it has ",
                                        absl::StrJoin(specs, ", ", name_of)));
    }
  }
  std::vector<ServedTensor> tensors;
  for (const runtime::TensorSpec& spec : specs) {
    const auto found =
        std::find_if(entries.begin(), entries.end(), [&](const auto& e) { return e.name() == spec.name; });
    absl::StatusOr<ServedTensor> tensor = serve_tensor(found == entries.end() ? nullptr : &*found, spec, model);
    if (!tensor.ok()) return tensor.status();
    tensors.push_back(*std::move(tensor));
  }
  return tensors;
}

inference::DataType datatype_of(Encoding encoding) {
  const auto* row = std::find_if(kDatatypes.begin(), kDatatypes.end(),
                                 [&](const DatatypeRow& r) { return r.encoding.kind == encoding.kind; });
  return row->type;
}

/// Writes `tensors` over the configuration's entries, in the model's order; what the user said besides stays.
template <typename Entries>
void complete_entries(const std::vector<ServedTensor>& tensors, Entries& entries) {
  const Entries given = entries;
  entries.Clear();
  for (const ServedTensor& tensor : tensors) {
    auto* entry = entries.Add();
    for (const auto& g : given) {
      if (g.name() == tensor.name) *entry = g;
    }
    entry->set_name(tensor.name);
    entry->set_data_type(datatype_of(tensor.encoding));
    entry->mutable_dims()->Assign(tensor.dims.begin(), tensor.dims.end());
  }
}

void complete_config(ServedModel& model) {
  ModelConfig& config = model.config;
  config.set_name(model.name);
  if (config.backend().empty()) config.set_backend("strobe");
  if (config.platform().empty()) config.set_platform(config.backend());
  config.set_max_batch_size(model.max_batch_size);
  if (model.max_batch_size > 0) config.mutable_dynamic_batching();
  complete_entries(model.inputs, *config.mutable_input());
  complete_entries(model.outputs, *config.mutable_output());
}

}  // namespace

std::string datatype_name(inference::DataType type) {
  if (type == inference::TYPE_INVALID) return "";
  if (type == inference::TYPE_STRING) return "BYTES";
  return inference::DataType_Name(type).substr(5);
}

absl::StatusOr<std::unique_ptr<ServedModel>> open_model(const std::string& name, int64_t version, LoadedModel loaded,
                                                        const ModelConfig& config, runtime::RunnerOptions options) {
  if (absl::Status status = check_features(config, name); !status.ok()) return status;
  auto inputs = serve_tensors(config.input(), loaded.spec.inputs, name, "input");
  if (!inputs.ok()) return inputs.status();
  auto outputs = serve_tensors(config.output(), loaded.spec.outputs, name, "output");
  if (!outputs.ok()) return outputs.status();

  const inference::ModelQueuePolicy& policy = config.dynamic_batching().default_queue_policy();
  if (policy.max_queue_size() > 0) options.max_queue_requests = policy.max_queue_size();
  auto model = std::make_unique<ServedModel>();
  model->name = name;
  model->version = version;
  model->version_text = absl::StrCat(version);
  if (config.has_max_batch_size()) model->max_batch_size = config.max_batch_size();
  model->inputs = *std::move(inputs);
  model->outputs = *std::move(outputs);
  model->default_timeout_us =
      static_cast<int64_t>(std::min<uint64_t>(policy.default_timeout_microseconds(), INT32_MAX));
  model->config = config;
  model->properties = std::move(loaded.properties);
  model->clock = options.clock;
  complete_config(*model);

  loaded.spec.name = name;
  auto runner = runtime::ModelRunner::open(std::move(loaded.spec), std::move(options));
  if (!runner.ok()) return runner.status();
  model->runner = *std::move(runner);
  for (size_t i = 0; i < model->outputs.size(); ++i) {
    absl::Status status = model->runner->output_codec(i).check_decode(model->outputs[i].encoding);
    if (!status.ok()) return refuse(name, std::string(status.message()));
  }
  return model;
}

}  // namespace strobe::server
