#include <cstddef>
#include <cstdint>
#include <string_view>

#include "kernels/import/onnx.h"
#include "kernels/quantise/quantise.h"

// Any bytes must give a model or an error, and any model a graph or an error.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  auto model =
      strobe::import::import_onnx_bytes(std::string_view(reinterpret_cast<const char*>(data), size), "fuzz.onnx");
  if (!model.ok()) return 0;
  int64_t elements = 0;
  for (const auto& layer : model->layers)
    for (const auto& [name, array] : layer.arrays) elements += static_cast<int64_t>(array.data.size());
  if (elements > 100000) return 0;  // right, but too slow to be fuzzed
  for (const char* config : {"", "Model: {Precision: {default: 'ap_fixed<16,6>', result: auto, accum: auto}}"})
    (void)strobe::quantise::quantise(*model, {.config = config, .config_origin = "fuzz", .input_type = std::nullopt});
  return 0;
}
