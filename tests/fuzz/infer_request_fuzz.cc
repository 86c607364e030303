// The way of an inference request: message bytes -> decoding -> checks against a model -> conversion -> answer.
// Two models, chosen by the first byte; the device copies its inputs' bytes into its outputs. The first byte also
// chooses between bytes as they come and a request built field by field, which gets past the decoder more often.

#include <fuzzer/FuzzedDataProvider.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>

#include "host/server/infer_request.h"
#include "proto/inference.pb.h"
#include "tests/host/runtime/scripted_device.h"

namespace strobe {
namespace {

using model::FixedType;
using model::Overflow;
using model::Rounding;

runtime::ModelSpec spec_of(int which) {
  runtime::ModelSpec spec;
  if (which == 0) {
    spec.inputs = {{"x", {{4}, {FixedType::fixed(16, 6, Rounding::kRndConv, Overflow::kSat)}}}};
    spec.outputs = {{"y", {{4}, {FixedType::fixed(16, 7)}}}};
  } else {
    const FixedType dead = FixedType::ufixed(0, 0);
    spec.inputs = {{"a", {{2, 1}, {FixedType::fixed(9, -3, Rounding::kRnd), dead}}},
                   {"b", {{}, {FixedType::ufixed(32, 40, Rounding::kTrnZero, Overflow::kSatZero)}}}};
    spec.outputs = {{"y", {{}, {FixedType::ufixed(32, 1)}}}, {"z", {{3}, {FixedType::fixed(40, 20)}}}};
  }
  return spec;
}

std::unique_ptr<server::ServedModel> make_model(int which) {
  server::LoadedModel loaded;
  loaded.spec = spec_of(which);
  testing::Script script;
  script.automatic = true;
  script.kernel.name = "fuzz";
  for (const auto& tensor : loaded.spec.inputs) script.kernel.input_row_bytes.push_back(tensor.type.row_bytes());
  for (const auto& tensor : loaded.spec.outputs) script.kernel.output_row_bytes.push_back(tensor.type.row_bytes());
  script.compute = [](device::Slot& slot, std::vector<std::vector<std::byte>>& outputs, size_t) {
    for (auto& output : outputs) {
      const auto from = slot.input(0);
      std::copy_n(from.begin(), std::min(from.size(), output.size()), output.begin());
    }
  };
  loaded.spec.open_device = [script]() -> absl::StatusOr<std::shared_ptr<device::Device>> {
    return std::make_shared<testing::ScriptedDevice>(script);
  };
  inference::ModelConfig config;
  if (which == 1) {
    config.set_max_batch_size(7);
    auto* input = config.add_input();
    input->set_name("b");
    input->set_data_type(inference::TYPE_INT64);
    auto* output = config.add_output();
    output->set_name("z");
    output->set_data_type(inference::TYPE_INT64);
  }
  runtime::RunnerOptions options;
  options.slot_rows = 3;
  auto model = server::open_model(which == 0 ? "one" : "two", 1, std::move(loaded), config, options);
  if (!model.ok()) std::abort();
  return *std::move(model);
}

/// A request that is mostly right, so that the checks behind the first ones are reached too.
inference::ModelInferRequest build_request(FuzzedDataProvider& data, const server::ServedModel& model) {
  inference::ModelInferRequest request;
  const int64_t rows =
      data.ConsumeBool() ? data.ConsumeIntegralInRange<int64_t>(1, 9) : data.ConsumeIntegral<int64_t>();
  const bool raw = data.ConsumeBool();
  for (const server::ServedTensor& tensor : model.inputs) {
    auto* input = request.add_inputs();
    input->set_name(data.ConsumeProbability<float>() < 0.9F ? tensor.name : data.ConsumeRandomLengthString(4));
    input->set_datatype(data.ConsumeProbability<float>() < 0.9F ? tensor.datatype : data.ConsumeRandomLengthString(4));
    input->add_shape(rows);
    for (const int64_t extent : tensor.dims) input->add_shape(extent);
    if (data.ConsumeProbability<float>() > 0.9F) input->add_shape(data.ConsumeIntegral<int64_t>());
    const bool sane = rows > 0 && rows < 10 && data.ConsumeProbability<float>() < 0.9F;
    const size_t bytes =
        sane ? static_cast<size_t>(rows * tensor.row_bytes) : data.ConsumeIntegralInRange<size_t>(0, 99);
    std::string content = data.ConsumeBytesAsString(bytes);
    content.resize(bytes);
    if (raw) {
      request.add_raw_input_contents(content);
    } else {
      for (size_t i = 0; i + 4 <= bytes; i += 4) {
        float value;
        std::memcpy(&value, content.data() + i, 4);
        if (tensor.datatype == "FP32") input->mutable_contents()->add_fp32_contents(value);
        if (tensor.datatype == "INT64" && i % 8 == 0) {
          input->mutable_contents()->add_int64_contents(data.ConsumeIntegral<int64_t>());
        }
      }
    }
  }
  while (data.ConsumeBool()) request.add_outputs()->set_name(data.ConsumeBool() ? "y" : "z");
  while (data.ConsumeBool()) {
    auto& parameter =
        (*request.mutable_parameters())[data.ConsumeBool() ? "timeout" : data.ConsumeRandomLengthString(8)];
    parameter.set_int64_param(data.ConsumeIntegral<int64_t>());
  }
  return request;
}

void infer(const inference::ModelInferRequest& request, const server::ServedModel& model) {
  inference::ModelInferResponse response;
  runtime::Request work;
  int answers = 0;
  work.done = [&](const absl::Status&) { ++answers; };
  const absl::Status status = server::prepare_inference(request, model, response, work);
  if (!status.ok()) {
    if (status.message().empty()) std::abort();  // a client would take it for success
    return;
  }
  if (work.rows == 0 || response.outputs_size() != response.raw_output_contents_size()) std::abort();
  model.runner->submit(work);
  model.runner->drain();
  if (answers != 1) std::abort();
}

}  // namespace
}  // namespace strobe

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const std::unique_ptr<strobe::server::ServedModel> models[] = {strobe::make_model(0), strobe::make_model(1)};
  if (size == 0) return 0;
  const strobe::server::ServedModel& model = *models[data[0] & 1];
  if ((data[0] & 2) != 0) {
    FuzzedDataProvider provider(data + 1, size - 1);
    strobe::infer(strobe::build_request(provider, model), model);
    return 0;
  }
  inference::ModelInferRequest request;
  if (request.ParseFromArray(data + 1, static_cast<int>(size - 1))) strobe::infer(request, model);
  return 0;
}
