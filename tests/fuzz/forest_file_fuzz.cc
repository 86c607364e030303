// The readers of forest files and forest images on any bytes.

#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "kernels/layers/forest_engine/forest_bytes.h"
#include "kernels/package/forest_file.h"

namespace {

/// What was read must be what an engine can walk.
void use(const strobe::layers::ForestImage& image) {
  const strobe::layers::EngineShape used = image.used();
  if (!image.fits(used).ok() || image.planned_interval() < 1) std::abort();
  const std::vector<std::byte> event(image.input_row_bytes(), std::byte{0x5a});
  std::vector<std::byte> scores(image.score_row_bytes());
  image.run(event, scores, 1);
}

/// Makes size and hash of an image right, so that what lies behind them is read.
void repair(std::string& bytes) {
  if (bytes.size() < 64) return;
  bytes.resize(bytes.size() / 64 * 64);
  const auto write = [&](size_t at, uint64_t value, int size) {
    std::string field;
    strobe::layers::put_bytes(field, value, size);
    bytes.replace(at, field.size(), field);
  };
  write(16, bytes.size() / 64, 4);
  const std::string_view all = bytes;
  write(8, strobe::layers::fnv1a(all.substr(16), strobe::layers::fnv1a(all.substr(0, 8))), 8);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string bytes(reinterpret_cast<const char*>(data), size);
  if (auto file = strobe::package::parse_forest(bytes); file.ok()) use((*file)->image);
  repair(bytes);
  if (auto image = strobe::layers::ForestImage::parse(bytes); image.ok()) use(*image);
  return 0;
}
