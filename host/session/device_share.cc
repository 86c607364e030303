#include "host/session/device_share.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "host/device/open.h"

namespace strobe::session {
namespace {

runtime::ModelSpec describe(const LoadedXclbin& loaded, size_t index) {
  const package::KernelModel& model = loaded.package.models[index];
  runtime::ModelSpec spec;
  spec.name = model.kernel;
  spec.kernel = index;
  const auto add = [&](model::TensorId id, std::vector<runtime::TensorSpec>& specs) {
    const model::Tensor& tensor = model.graph.tensor(id);
    specs.push_back({tensor.name, tensor.type, tensor.encoding});
  };
  for (const model::TensorId id : model.graph.inputs()) add(id, spec.inputs);
  for (const model::TensorId id : model.graph.outputs()) add(id, spec.outputs);
  return spec;
}

/// The shared device with a forest of one's own. It holds on to the shared one, so that others find it.
absl::StatusOr<std::shared_ptr<device::Device>> open_with_forest(runtime::SharedDevice& shared, size_t engine,
                                                                 const package::ForestFile& forest) {
  struct Both {
    std::shared_ptr<device::Device> card;
    std::unique_ptr<device::Device> with_forest;
  };
  auto card = shared.get();
  if (!card.ok()) return card.status();
  auto with_forest = (*card)->with_parameters(engine, parameters_of(forest));
  if (!with_forest.ok()) return with_forest.status();
  auto both = std::make_shared<Both>(*std::move(card), *std::move(with_forest));
  return std::shared_ptr<device::Device>(both, both->with_forest.get());
}

absl::StatusOr<std::shared_ptr<device::Device>> open(const std::shared_ptr<const LoadedXclbin>& file,
                                                     const std::string& id, int threads, const DeviceShare::Log& log) {
  auto device = device::open_device(file->file, id, open_options(file, threads));
  if (!device.ok()) return device.status();
  const device::DeviceInfo& info = (*device)->info();
  if (log) log(absl::StrCat(file->path, ": device ", info.id, " (", info.target, "): ", info.why));
  return std::shared_ptr<device::Device>(*std::move(device));
}

}  // namespace

std::shared_ptr<runtime::SharedDevice> DeviceShare::shared(const std::shared_ptr<const LoadedXclbin>& loaded) {
  auto& shared = devices_[xclbin::uuid_text(loaded->file.uuid)];
  if (shared == nullptr) {
    shared = std::make_shared<runtime::SharedDevice>(
        [loaded, id = device_, threads = threads_, log = log_] { return open(loaded, id, threads, log); });
  }
  return shared;
}

runtime::ModelSpec DeviceShare::spec(const std::shared_ptr<const LoadedXclbin>& loaded, size_t index) {
  runtime::ModelSpec spec = describe(*loaded, index);
  spec.open_device = [shared = shared(loaded)] { return shared->get(); };
  return spec;
}

runtime::ModelSpec DeviceShare::forest_spec(const std::shared_ptr<const LoadedXclbin>& loaded,
                                            const LoadedXclbin& with_forest, size_t index) {
  runtime::ModelSpec spec = describe(with_forest, index);
  spec.open_device = [shared = shared(loaded), index, forest = with_forest.forests.at(index)] {
    return open_with_forest(*shared, index, *forest);
  };
  return spec;
}

}  // namespace strobe::session
