#include "host/session/loaded_xclbin.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "kernels/layers/forest_engine/forest_engine.h"
#include "platform/files/file.h"

namespace strobe::session {
namespace {

absl::Status in_file(const std::string& path, const absl::Status& status) {
  return absl::Status(status.code(), absl::StrCat(path, ": ", std::string(status.message())));
}

/// The in-process emulator of every model of an xclbin.
class EmulatorEngine : public device::InProcessEngine {
 public:
  using Forests = std::map<size_t, std::shared_ptr<const emulator::Emulator>>;
  explicit EmulatorEngine(Plans plans, Forests forests = {}) : plans_(std::move(plans)), forests_(std::move(forests)) {}

  absl::StatusOr<std::unique_ptr<device::InProcessEngine>> with_parameters(size_t kernel,
                                                                           const std::string& model) override {
    auto package = package::parse(model);
    if (!package.ok()) return package.status();
    auto plan = emulator::Emulator::create(package->models[0].graph);
    if (!plan.ok()) return plan.status();
    Forests forests = forests_;
    forests[kernel] = std::make_shared<const emulator::Emulator>(*std::move(plan));
    return std::make_unique<EmulatorEngine>(plans_, std::move(forests));
  }

  absl::Status run(size_t kernel, size_t rows, std::span<const std::span<const std::byte>> inputs,
                   std::span<const std::span<std::byte>> outputs) override {
    thread_local emulator::Scratch scratch;
    thread_local std::vector<const std::byte*> in;
    thread_local std::vector<std::byte*> out;
    in.clear();
    out.clear();
    for (const auto& bytes : inputs) in.push_back(bytes.data());
    for (const auto& bytes : outputs) out.push_back(bytes.data());
    const auto forest = forests_.find(kernel);
    const emulator::Emulator& plan = forest != forests_.end() ? *forest->second : (*plans_)[kernel];
    return plan.run(in, out, rows, scratch);
  }

 private:
  Plans plans_;
  Forests forests_;  ///< by kernel, in place of the plans
};

}  // namespace

absl::StatusOr<std::shared_ptr<const LoadedXclbin>> load_xclbin(const std::string& path) {
  auto bytes = files::read_file(path);
  if (!bytes.ok()) return bytes.status();
  auto loaded = std::make_shared<LoadedXclbin>();
  loaded->path = path;
  auto file = xclbin::read(*std::move(bytes));
  if (!file.ok()) return in_file(path, file.status());
  loaded->file = *std::move(file);
  auto package = package::parse(loaded->file.user_metadata);
  if (!package.ok()) return in_file(path, package.status());
  loaded->package = *std::move(package);
  for (size_t m = 0; m < loaded->package.models.size(); ++m) {
    if (const auto shape = layers::engine_of(loaded->package.models[m].graph)) loaded->engines[m] = *shape;
  }
  return loaded;
}

absl::StatusOr<std::shared_ptr<const package::ForestFile>> load_forest(const std::string& path) {
  auto bytes = files::read_file(path);
  if (!bytes.ok()) return bytes.status();
  auto forest = package::parse_forest(*bytes);
  if (!forest.ok()) return in_file(path, forest.status());
  return forest;
}

absl::StatusOr<std::shared_ptr<const LoadedXclbin>> with_forest(const LoadedXclbin& loaded, size_t model,
                                                                std::shared_ptr<const package::ForestFile> forest) {
  const auto engine = loaded.engines.find(model);
  package::KernelModel replaced = forest->model;
  replaced.kernel = loaded.package.models[model].kernel;
  if (engine == loaded.engines.end()) {
    return absl::InvalidArgumentError(
        absl::StrCat(loaded.path, ": kernel '", replaced.kernel, "' is no forest engine, its model is fixed"));
  }
  if (absl::Status s = forest->image.fits(engine->second); !s.ok()) return in_file(loaded.path, s);
  auto result = std::make_shared<LoadedXclbin>(loaded);
  result->package.models[model] = std::move(replaced);
  result->forests[model] = std::move(forest);
  return result;
}

absl::StatusOr<std::shared_ptr<const LoadedXclbin>> with_forest_file(const LoadedXclbin& loaded,
                                                                     const std::string& engine,
                                                                     const std::string& forest) {
  if (engine.empty() && loaded.engines.size() != 1) {
    return absl::InvalidArgumentError(absl::StrCat(
        loaded.path, ": holds ", loaded.engines.empty() ? "no forest engine" : "several forest engines, name one",
        "; its models: ", model_names(loaded)));
  }
  auto index = engine.empty() ? absl::StatusOr<size_t>(loaded.engines.begin()->first) : find_model(loaded, engine);
  if (!index.ok()) return index.status();
  auto file = load_forest(forest);
  if (!file.ok()) return file.status();
  auto result = with_forest(loaded, *index, *std::move(file));
  return result.ok() ? result : in_file(forest, result.status());
}

absl::Status check_runnable(const LoadedXclbin& loaded, size_t model) {
  if (!loaded.engines.contains(model) || loaded.forests.contains(model)) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat(loaded.path, ": kernel '", loaded.package.models[model].kernel,
                                                    "' is a forest engine without a forest; name one with --forest"));
}

device::Parameters parameters_of(const package::ForestFile& forest) {
  return {std::as_bytes(std::span(forest.image.bytes())),
          forest.package,
          {static_cast<int64_t>(forest.image.input_row_bytes())},
          {static_cast<int64_t>(forest.image.score_row_bytes())}};
}

std::string model_names(const LoadedXclbin& loaded) {
  const auto append = [](std::string* out, const package::KernelModel& model) { absl::StrAppend(out, model.kernel); };
  return absl::StrJoin(loaded.package.models, ", ", append);
}

absl::StatusOr<size_t> find_model(const LoadedXclbin& loaded, const std::string& name) {
  const auto& models = loaded.package.models;
  if (name.empty() && models.size() == 1) return 0;
  for (size_t m = 0; m < models.size(); ++m) {
    if (models[m].kernel == name) return m;
  }
  const std::string found =
      name.empty() ? "holds several models, name one of: " : absl::StrCat("holds no model '", name, "'; it has: ");
  return absl::InvalidArgumentError(absl::StrCat(loaded.path, ": ", found, model_names(loaded)));
}

absl::StatusOr<Plans> make_plans(const LoadedXclbin& loaded) {
  auto plans = std::make_shared<std::vector<emulator::Emulator>>();
  for (const package::KernelModel& model : loaded.package.models) {
    auto plan = emulator::Emulator::create(model.graph);
    if (!plan.ok()) return plan.status();
    plans->push_back(*std::move(plan));
  }
  return plans;
}

std::unique_ptr<device::InProcessEngine> make_engine(Plans plans) {
  return std::make_unique<EmulatorEngine>(std::move(plans));
}

device::OpenOptions open_options(std::shared_ptr<const LoadedXclbin> loaded, int threads) {
  device::OpenOptions options;
  options.threads = threads;
  for (const package::KernelModel& model : loaded->package.models) {
    device::KernelInfo info;
    info.name = model.kernel;
    for (const model::TensorId id : model.graph.inputs())
      info.input_row_bytes.push_back(model.graph.tensor(id).type.row_bytes());
    for (const model::TensorId id : model.graph.outputs())
      info.output_row_bytes.push_back(model.graph.tensor(id).type.row_bytes());
    if (const auto engine = loaded->engines.find(options.kernels.size()); engine != loaded->engines.end())
      info.parameter_bytes = static_cast<int64_t>(engine->second.image_bytes());
    options.kernels.push_back(std::move(info));
  }
  options.engine = [loaded]() -> absl::StatusOr<std::unique_ptr<device::InProcessEngine>> {
    auto plans = make_plans(*loaded);
    if (!plans.ok()) return plans.status();
    return make_engine(*std::move(plans));
  };
  return options;
}

}  // namespace strobe::session
