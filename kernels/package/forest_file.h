#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "kernels/layers/forest_engine/forest_image.h"
#include "kernels/package/package.h"

namespace strobe::package {

/// A forest for a forest engine (`.sfi`): the image that the engine reads, and the model that it was made of, so that
/// scores have names, types and provenance, and the emulator can run it.
///
/// Little-endian: 0 "STROBESF"   8 u32 version   16 u64 bytes of the image   24 u64 bytes of the package   32 u64 hash
/// of the package (FNV-1a)   the rest of 64 bytes 0; then image and package, one after the other.
struct ForestFile {
  layers::ForestImage image;
  std::string package;  ///< one model, as `serialize` writes it
  std::string made_by;
  KernelModel model;
};

inline constexpr uint32_t kForestFileVersion = 1;

/// Equal forests give equal bytes. The package holds one model, which the image was made of.
std::string serialize_forest(const layers::ForestImage& image, const Package& package);

/// Safe for any bytes. Errors: InvalidArgument for what is no forest file, is damaged or whose image is of another
/// model; Unimplemented for a version from the future.
absl::StatusOr<std::shared_ptr<const ForestFile>> parse_forest(std::string_view bytes);

/// Whether bytes look like a forest file, whole or not.
bool is_forest_file(std::string_view bytes);

}  // namespace strobe::package
