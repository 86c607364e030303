#include "host/server/infer_request.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace strobe::server {
namespace {

using inference::InferParameter;
using inference::InferTensorContents;
using inference::ModelInferRequest;
using inference::ModelInferResponse;
using runtime::ElementKind;
using runtime::Encoding;
using Parameters = google::protobuf::Map<std::string, InferParameter>;
using InputTensor = ModelInferRequest::InferInputTensor;

absl::Status invalid(const std::string& text) { return absl::InvalidArgumentError(text); }

/// An integer parameter of either signedness, within 0..2^63-1.
absl::Status read_count(const std::string& key, const InferParameter& parameter, int64_t& value) {
  if (parameter.has_int64_param() && parameter.int64_param() >= 0) {
    value = parameter.int64_param();
  } else if (parameter.has_uint64_param() && parameter.uint64_param() <= INT64_MAX) {
    value = static_cast<int64_t>(parameter.uint64_param());
  } else {
    return invalid(absl::StrCat("parameter '", key, "' must be an integer of 0 or more"));
  }
  return absl::OkStatus();
}

absl::Status read_parameters(const Parameters& parameters, int64_t& timeout_us) {
  for (const auto& [key, parameter] : parameters) {
    if (key == "timeout") {
      if (absl::Status s = read_count(key, parameter, timeout_us); !s.ok()) return s;
    } else if (key == "priority") {  // every request is equal here; the type is checked all the same
      int64_t ignored = 0;
      if (absl::Status s = read_count(key, parameter, ignored); !s.ok()) return s;
    } else if (key == "sequence_start" || key == "sequence_end" || key == "triton_enable_empty_final_response") {
      if (!parameter.has_bool_param()) return invalid(absl::StrCat("parameter '", key, "' must be a bool"));
    } else if (absl::StartsWith(key, "triton_")) {
      return invalid(
          absl::StrCat("parameter '", key, "' is reserved: names that begin with 'triton_' are not accepted"));
    }
  }
  return absl::OkStatus();
}

absl::Status refuse_shared_memory(const Parameters& parameters) {
  const auto region = parameters.find("shared_memory_region");
  if (region == parameters.end()) return absl::OkStatus();
  return absl::NotFoundError(
      absl::StrCat("Unable to find shared memory region: '", region->second.string_param(), "'"));
}

std::string shape_text(std::span<const int64_t> shape) { return absl::StrCat("[", absl::StrJoin(shape, ","), "]"); }

absl::Status unexpected_shape(const ServedModel& model, const ServedTensor& tensor, std::span<const int64_t> found) {
  std::vector<int64_t> expected = tensor.dims;
  if (model.max_batch_size > 0) expected.insert(expected.begin(), -1);
  return invalid(absl::StrCat("unexpected shape for input '", tensor.name, "' for model '", model.name, "'. Expected ",
                              shape_text(expected), ", got ",
                              shape_text(found.first(std::min<size_t>(found.size(), 16)))));
}

/// Rows that the shape of `input` says; all extents but the batch are the model's own, so nothing can overflow.
absl::Status read_rows(const ServedModel& model, const ServedTensor& tensor, const InputTensor& input, size_t& rows) {
  const std::span<const int64_t> shape(input.shape().data(), static_cast<size_t>(input.shape_size()));
  const size_t batch_axes = model.max_batch_size > 0 ? 1 : 0;
  const bool same_rank = shape.size() == tensor.dims.size() + batch_axes;
  if (!same_rank ||
      !std::equal(tensor.dims.begin(), tensor.dims.end(), shape.begin() + static_cast<long>(batch_axes))) {
    return unexpected_shape(model, tensor, shape);
  }
  const int64_t batch = batch_axes > 0 ? shape[0] : 1;
  if (batch < 1) return unexpected_shape(model, tensor, shape);
  if (batch_axes > 0 && batch > model.max_batch_size) {
    return invalid(
        absl::StrCat("inference request batch-size must be <= ", model.max_batch_size, " for '", model.name, "'"));
  }
  if (rows != 0 && rows != static_cast<size_t>(batch)) {
    return invalid(
        absl::StrCat("input '", tensor.name, "' batch size does not match other inputs for '", model.name, "'"));
  }
  rows = static_cast<size_t>(batch);
  return absl::OkStatus();
}

template <typename Field>
std::span<const std::byte> bytes_of(const Field& field) {
  return std::as_bytes(std::span(field.data(), static_cast<size_t>(field.size())));
}

size_t entries_in(const InferTensorContents& c) {
  return static_cast<size_t>(c.bool_contents_size()) + static_cast<size_t>(c.int_contents_size()) +
         static_cast<size_t>(c.int64_contents_size()) + static_cast<size_t>(c.uint_contents_size()) +
         static_cast<size_t>(c.uint64_contents_size()) + static_cast<size_t>(c.fp32_contents_size()) +
         static_cast<size_t>(c.fp64_contents_size()) + static_cast<size_t>(c.bytes_contents_size());
}

/// The typed contents that belong to `encoding`. Integers below 32 bits travel as 32 bits, and are read so.
runtime::InputRows typed_rows(const InferTensorContents& contents, Encoding encoding) {
  switch (encoding.kind) {
    case ElementKind::kFloat32:
      return {bytes_of(contents.fp32_contents()), encoding};
    case ElementKind::kFloat64:
      return {bytes_of(contents.fp64_contents()), encoding};
    case ElementKind::kInt64:
      return {bytes_of(contents.int64_contents()), encoding};
    case ElementKind::kUint64:
      return {bytes_of(contents.uint64_contents()), encoding};
    case ElementKind::kInt8:
    case ElementKind::kInt16:
    case ElementKind::kInt32:
      return {bytes_of(contents.int_contents()), {ElementKind::kInt32, true}};
    default:
      return {bytes_of(contents.uint_contents()), {ElementKind::kUint32, true}};
  }
}

absl::Status read_contents(const ModelInferRequest& request, int index, const ServedModel& model,
                           const ServedTensor& tensor, size_t rows, runtime::InputRows& result) {
  const InputTensor& input = request.inputs(index);
  const size_t elements = rows * static_cast<size_t>(tensor.row_bytes) / runtime::byte_size(tensor.encoding.kind);
  if (request.raw_input_contents_size() > 0) {
    if (input.has_contents()) {
      return invalid(absl::StrCat("contents field must not be specified when using raw_input_contents for '",
                                  input.name(), "' for model '", model.name, "'"));
    }
    result = {std::as_bytes(std::span<const char>(request.raw_input_contents(index))), tensor.encoding};
  } else {
    result = typed_rows(input.contents(), tensor.encoding);
    if (entries_in(input.contents()) != result.bytes.size() / runtime::byte_size(result.encoding.kind)) {
      return invalid(absl::StrCat("unexpected explicit tensor data for input '", input.name(), "' for model '",
                                  model.name, "': expected only contents of data-type '", tensor.datatype, "'"));
    }
  }
  const size_t expected = elements * runtime::byte_size(result.encoding.kind);
  if (result.bytes.size() == expected) return absl::OkStatus();
  return invalid(absl::StrCat("input byte size mismatch for input '", input.name(), "' for model '", model.name,
                              "'. Expected ", expected, ", got ", result.bytes.size()));
}

/// Index of the tensor of that name; the position in the message is tried first. -1: there is none.
int find_tensor(const std::vector<ServedTensor>& tensors, const std::string& name, int position) {
  if (position < static_cast<int>(tensors.size()) && tensors[static_cast<size_t>(position)].name == name)
    return position;
  for (size_t i = 0; i < tensors.size(); ++i) {
    if (tensors[i].name == name) return static_cast<int>(i);
  }
  return -1;
}

/// "unexpected inference input 'x' for model 'jets'; it has: 'features'".
absl::Status unexpected_tensor(const char* side, const std::string& name, const ServedModel& model,
                               const std::vector<ServedTensor>& tensors) {
  std::string names;
  for (const ServedTensor& tensor : tensors) absl::StrAppend(&names, names.empty() ? "'" : ", '", tensor.name, "'");
  return invalid(
      absl::StrCat("unexpected inference ", side, " '", name, "' for model '", model.name, "'; it has: ", names));
}

absl::Status read_input(const ModelInferRequest& request, int position, const ServedModel& model,
                        runtime::Request& work) {
  const InputTensor& input = request.inputs(position);
  const int index = find_tensor(model.inputs, input.name(), position);
  if (index < 0) {
    return unexpected_tensor("input", input.name(), model, model.inputs);
  }
  const ServedTensor& tensor = model.inputs[static_cast<size_t>(index)];
  runtime::InputRows& rows = work.inputs[static_cast<size_t>(index)];
  if (rows.bytes.data() != nullptr) {
    return invalid(absl::StrCat("input '", input.name(), "' is given twice for model '", model.name, "'"));
  }
  if (input.datatype() != tensor.datatype) {
    return invalid(absl::StrCat("inference input '", input.name(), "' data-type is '", input.datatype(),
                                "', but model '", model.name, "' expects '", tensor.datatype, "'"));
  }
  if (!input.parameters().empty()) {
    if (absl::Status s = refuse_shared_memory(input.parameters()); !s.ok()) return s;
  }
  if (absl::Status s = read_rows(model, tensor, input, work.rows); !s.ok()) return s;
  return read_contents(request, position, model, tensor, work.rows, rows);
}

absl::Status read_inputs(const ModelInferRequest& request, const ServedModel& model, runtime::Request& work) {
  const int expected = static_cast<int>(model.inputs.size());
  if (request.inputs_size() != expected) {
    return invalid(absl::StrCat("expected ", expected, " inputs but got ", request.inputs_size(), " inputs for model '",
                                model.name, "'"));
  }
  const int raw = request.raw_input_contents_size();
  if (raw != 0 && raw != expected) {
    return invalid(
        absl::StrCat("expected ", expected, " raw input contents but got ", raw, " for model '", model.name, "'"));
  }
  work.rows = 0;
  work.inputs.assign(model.inputs.size(), {});
  for (int i = 0; i < expected; ++i) {
    if (absl::Status s = read_input(request, i, model, work); !s.ok()) return s;
  }
  return absl::OkStatus();
}

void add_output(const ServedModel& model, size_t index, ModelInferResponse& response, runtime::Request& work) {
  const ServedTensor& tensor = model.outputs[index];
  auto* output = response.add_outputs();
  output->set_name(tensor.name);
  output->set_datatype(tensor.datatype);
  if (model.max_batch_size > 0) output->add_shape(static_cast<int64_t>(work.rows));
  for (const int64_t extent : tensor.dims) output->add_shape(extent);
  std::string* bytes = response.add_raw_output_contents();
  bytes->resize(work.rows * static_cast<size_t>(tensor.row_bytes));
  work.outputs[index] = {std::as_writable_bytes(std::span<char>(*bytes)), tensor.encoding};
}

absl::Status add_requested_outputs(const ModelInferRequest& request, const ServedModel& model,
                                   ModelInferResponse& response, runtime::Request& work) {
  for (int i = 0; i < request.outputs_size(); ++i) {
    const auto& wanted = request.outputs(i);
    const int index = find_tensor(model.outputs, wanted.name(), i);
    if (index < 0) {
      return unexpected_tensor("output", wanted.name(), model, model.outputs);
    }
    if (work.outputs[static_cast<size_t>(index)].bytes.data() != nullptr) {
      return invalid(absl::StrCat("output '", wanted.name(), "' is requested twice for model '", model.name, "'"));
    }
    if (absl::Status s = refuse_shared_memory(wanted.parameters()); !s.ok()) return s;
    if (wanted.parameters().count("classification") > 0) {
      return absl::UnimplementedError(absl::StrCat("output '", wanted.name(), "': classification is not supported"));
    }
    add_output(model, static_cast<size_t>(index), response, work);
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status prepare_inference(const ModelInferRequest& request, const ServedModel& model, ModelInferResponse& response,
                               runtime::Request& work) {
  int64_t timeout_us = 0;
  if (!request.parameters().empty()) {
    if (absl::Status s = read_parameters(request.parameters(), timeout_us); !s.ok()) return s;
  }
  if (absl::Status s = read_inputs(request, model, work); !s.ok()) return s;

  response.set_model_name(model.name);
  response.set_model_version(model.version_text);
  if (!request.id().empty()) response.set_id(request.id());
  work.outputs.assign(model.outputs.size(), {});
  if (request.outputs_size() == 0) {
    for (size_t i = 0; i < model.outputs.size(); ++i) add_output(model, i, response, work);
  } else if (absl::Status s = add_requested_outputs(request, model, response, work); !s.ok()) {
    return s;
  }

  if (timeout_us == 0) timeout_us = model.default_timeout_us;
  work.deadline_ns = runtime::Clock::kNever;
  if (timeout_us > 0 && timeout_us < INT64_MAX / 4000) work.deadline_ns = model.clock->now_ns() + timeout_us * 1000;
  work.cancelled.store(false, std::memory_order_relaxed);
  return absl::OkStatus();
}

}  // namespace strobe::server
