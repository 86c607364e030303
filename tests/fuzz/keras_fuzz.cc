#include <cstddef>
#include <cstdint>
#include <string>

#include "kernels/import/keras.h"

/// A Keras configuration, as JSON with its weights behind it, and as a whole `.keras` archive.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  if (bytes.starts_with("PK")) {
    (void)strobe::import::read_keras_zip(bytes, "fuzz");
    return 0;
  }
  // The weights follow the configuration in the same input.
  const size_t split = bytes.find("\x89HDF");
  const std::string weights(split == std::string_view::npos ? std::string_view() : bytes.substr(split));
  (void)strobe::import::read_keras_json(bytes.substr(0, split), weights, "fuzz", "weights");
  return 0;
}
