#include <cstddef>
#include <cstdint>
#include <string>

#include "kernels/import/hdf5_file.h"
#include "kernels/import/keras.h"

namespace {

void visit(const strobe::import::hdf5::File& file, const std::string& path, int depth) {
  for (const char* attribute : {"name", "weight_names", "vlen", "fixed"}) (void)file.strings(path, attribute);
  (void)file.read(path);
  (void)file.is_uint8(path);
  const auto children = file.children(path);
  if (!children.ok() || depth == 0) return;
  size_t budget = 20;
  for (const std::string& child : *children) {
    if (budget-- == 0) return;
    visit(file, path.empty() ? child : path + "/" + child, depth - 1);
  }
}

}  // namespace

/// An HDF5 file: every dataset and attribute within reach, and as a whole Keras model.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string bytes(reinterpret_cast<const char*>(data), size);
  if (const auto file = strobe::import::hdf5::File::open(bytes, "fuzz"); file.ok()) visit(*file, "", 3);
  (void)strobe::import::read_keras_h5(bytes, "fuzz");
  return 0;
}
