#include "kernels/package/forest_file.h"

#include "absl/strings/str_cat.h"
#include "kernels/layers/forest_engine/forest_bytes.h"

namespace strobe::package {
namespace {

constexpr std::string_view kMagic = "STROBESF";
constexpr size_t kHead = 64;

std::string head(uint64_t image, std::string_view package) {
  std::string bytes(kMagic);
  layers::put_bytes(bytes, kForestFileVersion, 8);
  layers::put_bytes(bytes, image, 8);
  layers::put_bytes(bytes, package.size(), 8);
  layers::put_bytes(bytes, layers::fnv1a(package), 8);
  bytes.resize(kHead);
  return bytes;
}

absl::Status flaw(const std::string& text) { return absl::InvalidArgumentError(absl::StrCat("forest file: ", text)); }

/// The image computes rows of the model's own sizes.
absl::Status check_match(const ForestFile& file) {
  const model::Graph& graph = file.model.graph;
  const bool matches = graph.inputs().size() == 1 && graph.outputs().size() == 1 &&
                       static_cast<size_t>(graph.input(0).type.row_bytes()) == file.image.input_row_bytes() &&
                       static_cast<size_t>(graph.output(0).type.row_bytes()) == file.image.score_row_bytes();
  return matches ? absl::OkStatus() : flaw("its image was made of another model");
}

}  // namespace

bool is_forest_file(std::string_view bytes) { return bytes.substr(0, kMagic.size()) == kMagic; }

std::string serialize_forest(const layers::ForestImage& image, const Package& package) {
  const std::string model = serialize(package);
  return head(image.bytes().size(), model) + image.bytes() + model;
}

absl::StatusOr<std::shared_ptr<const ForestFile>> parse_forest(std::string_view bytes) {
  if (bytes.size() < kHead || !is_forest_file(bytes))
    return flaw("does not begin as one; strobe compile FOREST --for ENGINE.xclbin makes it");
  if (const uint64_t version = layers::get_bytes(bytes, 8, 4); version > kForestFileVersion) {
    return absl::UnimplementedError(
        absl::StrCat("forest file: has version ", version, ", this strobe knows up to ", kForestFileVersion));
  }
  const uint64_t image_bytes = layers::get_bytes(bytes, 16, 8), package_bytes = layers::get_bytes(bytes, 24, 8),
                 body = bytes.size() - kHead;
  if (image_bytes > body || package_bytes != body - image_bytes)
    return flaw(
        absl::StrCat("has ", body, " bytes of content, its head speaks of ", image_bytes, " and ", package_bytes));
  const std::string_view package = bytes.substr(kHead + image_bytes);
  if (head(image_bytes, package) != bytes.substr(0, kHead)) return flaw("is damaged: its model has another hash");
  auto image = layers::ForestImage::parse(bytes.substr(kHead, image_bytes));
  if (!image.ok()) return image.status();
  auto parsed = parse(package);
  if (!parsed.ok()) return parsed.status();
  if (parsed->models.size() != 1) return flaw(absl::StrCat("holds ", parsed->models.size(), " models, expected one"));
  auto file = std::make_shared<ForestFile>(
      ForestFile{*std::move(image), std::string(package), parsed->made_by, std::move(parsed->models[0])});
  if (absl::Status s = check_match(*file); !s.ok()) return s;
  return file;
}

}  // namespace strobe::package
