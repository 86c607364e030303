#include <cstddef>
#include <cstdint>
#include <string_view>

#include "host/io/files.h"

/// The event readers: `.npz` and `.npy` by their signatures, anything else as `.csv`.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  if (bytes.starts_with("PK")) {
    (void)strobe::io::parse_npz(bytes, "fuzz");
  } else if (bytes.starts_with("\x93NUMPY")) {
    if (const auto array = strobe::io::parse_npy(bytes, "fuzz"); array.ok()) (void)array->integers();
  } else {
    if (const auto csv = strobe::io::parse_csv(bytes, "fuzz"); csv.ok()) (void)csv->array.numbers();
  }
  return 0;
}
