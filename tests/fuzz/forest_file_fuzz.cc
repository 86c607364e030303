// The readers of forest files and forest images on any bytes.

#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

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
  const auto words = static_cast<uint32_t>(bytes.size() / 64);
  for (int i = 0; i < 4; ++i) bytes[16 + i] = static_cast<char>(words >> (8 * i));
  uint64_t hash = 0xcbf29ce484222325;
  for (size_t i = 0; i < bytes.size(); ++i) {
    if (i < 8 || i >= 16) hash = (hash ^ static_cast<unsigned char>(bytes[i])) * 0x100000001b3;
  }
  for (int i = 0; i < 8; ++i) bytes[8 + i] = static_cast<char>(hash >> (8 * i));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string bytes(reinterpret_cast<const char*>(data), size);
  if (auto file = strobe::package::parse_forest(bytes); file.ok()) use((*file)->image);
  repair(bytes);
  if (auto image = strobe::layers::ForestImage::parse(bytes); image.ok()) use(*image);
  return 0;
}
