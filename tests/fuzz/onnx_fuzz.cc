#include <cstddef>
#include <cstdint>
#include <string_view>

#include "kernels/import/onnx.h"

// Any bytes must give a model or an error.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  (void)strobe::import::import_onnx_bytes(std::string_view(reinterpret_cast<const char*>(data), size), "fuzz.onnx");
  return 0;
}
