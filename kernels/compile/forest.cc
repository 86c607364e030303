#include <algorithm>

#include "absl/strings/str_cat.h"
#include "kernels/compile/compile.h"
#include "kernels/compile/prepare.h"
#include "kernels/layers/forest_engine/forest_engine.h"
#include "kernels/package/forest_file.h"
#include "platform/files/file.h"
#include "platform/process/stopwatch.h"

namespace strobe::compile {
namespace {

absl::Status in_file(const std::string& path, const absl::Status& status) {
  return absl::Status(status.code(), absl::StrCat(path, ": ", std::string(status.message())));
}

/// The shape of the engine of that name, or of the only one for an empty name.
absl::StatusOr<layers::EngineShape> find_engine(const std::string& path, const std::string& name) {
  auto bytes = files::read_file(path);
  if (!bytes.ok()) return bytes.status();
  auto file = xclbin::read(*std::move(bytes));
  if (!file.ok()) return in_file(path, file.status());
  auto package = package::parse(file->user_metadata);
  if (!package.ok()) return in_file(path, package.status());
  std::vector<layers::EngineShape> found;
  for (const package::KernelModel& model : package->models) {
    const auto shape = layers::engine_of(model.graph);
    if (shape && (name.empty() || model.kernel == name)) found.push_back(*shape);
  }
  if (found.size() == 1) return found[0];
  return absl::InvalidArgumentError(
      absl::StrCat(path, found.empty() ? ": holds no forest engine" : ": holds several forest engines, name one",
                   name.empty() ? "" : absl::StrCat(" '", name, "'"), "; strobe compile --engine makes one"));
}

}  // namespace

absl::StatusOr<ForestReport> compile_forest(const ModelOptions& model, const std::string& engine_xclbin,
                                            const std::string& engine, bool strip, const std::string& output) {
  process::Stopwatch watch;
  const auto shape = find_engine(engine_xclbin, engine);
  if (!shape.ok()) return shape.status();
  auto prepared = prepare(model);
  if (!prepared.ok()) return prepared.status();
  const auto image = layers::ForestImage::make(prepared->graph, *shape);
  if (!image.ok()) return in_file(model.path, image.status());
  ForestReport report;
  report.model = prepared->kernel;
  report.used = image->used();
  report.image_bytes = image->bytes().size();
  report.planned_initiation_interval = image->planned_interval();
  report.warnings = std::move(prepared->warnings);
  report.without_effect = std::move(prepared->without_effect);
  package::Package package{"strobe " STROBE_VERSION, {}};
  package.models.push_back({prepared->kernel, std::move(prepared->graph), std::nullopt});
  if (!strip) package.models[0].float_model = std::move(prepared->source);
  if (absl::Status s = files::write_file(output, package::serialize_forest(*image, package)); !s.ok()) return s;
  report.seconds = watch.lap();
  return report;
}

}  // namespace strobe::compile
