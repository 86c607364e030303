#include "host/session/loaded_xclbin.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "platform/files/file.h"

namespace strobe::session {
namespace {

absl::Status in_file(const std::string& path, const absl::Status& status) {
  return absl::Status(status.code(), absl::StrCat(path, ": ", std::string(status.message())));
}

/// The in-process emulator of every model of an xclbin.
class EmulatorEngine : public device::InProcessEngine {
 public:
  explicit EmulatorEngine(Plans plans) : plans_(std::move(plans)) {}

  absl::Status run(size_t kernel, size_t rows, std::span<const std::span<const std::byte>> inputs,
                   std::span<const std::span<std::byte>> outputs) override {
    thread_local emulator::Scratch scratch;
    thread_local std::vector<const std::byte*> in;
    thread_local std::vector<std::byte*> out;
    in.clear();
    out.clear();
    for (const auto& bytes : inputs) in.push_back(bytes.data());
    for (const auto& bytes : outputs) out.push_back(bytes.data());
    return (*plans_)[kernel].run(in, out, rows, scratch);
  }

 private:
  Plans plans_;
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
  return loaded;
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
