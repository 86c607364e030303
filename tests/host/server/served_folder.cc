#include "tests/host/server/served_folder.h"

#include <grpcpp/create_channel.h>

#include <fstream>
#include <sstream>
#include <utility>

#include "absl/strings/str_cat.h"

namespace strobe::testing {
namespace {

using model::FixedType;

/// sum = b0 + b1 + b2, copy = a.
Script two_script() {
  Script script;
  script.kernel = {"two", 1, {2, 6}, {4, 2}};
  script.compute = [](device::Slot& slot, std::vector<std::vector<std::byte>>& outputs, size_t rows) {
    for (size_t row = 0; row < rows; ++row) {
      uint16_t b[3];
      std::memcpy(b, slot.input(1).data() + row * 6, 6);
      const int32_t sum = b[0] + b[1] + b[2];
      std::memcpy(outputs[0].data() + row * 4, &sum, 4);
      std::memcpy(outputs[1].data() + row * 2, slot.input(0).data() + row * 2, 2);
    }
  };
  return script;
}

runtime::ModelSpec two_spec() {
  runtime::ModelSpec spec;
  spec.name = "two";
  spec.inputs = {{"a", {{2}, {FixedType::fixed(8, 4)}}}, {"b", {{3, 1}, {FixedType::ufixed(12, 12)}}}};
  spec.outputs = {{"sum", {{}, {FixedType::fixed(32, 32)}}}, {"copy", {{2}, {FixedType::fixed(8, 4)}}}};
  return spec;
}

}  // namespace

runtime::DeviceFactory TextLoader::factory(Script script) {
  script.automatic = automatic;
  return [this, script]() -> absl::StatusOr<std::shared_ptr<device::Device>> {
    if (before_opening) {
      if (absl::Status status = before_opening(); !status.ok()) return status;
    }
    device_ = std::make_shared<ScriptedDevice>(script);
    return std::shared_ptr<device::Device>(device_);
  };
}

absl::StatusOr<server::LoadedModel> TextLoader::load(const std::string& path, const std::string& name,
                                                     const std::string& kernel) {
  std::ifstream file(path);
  std::string kind, second;
  file >> kind >> second;
  if (!second.empty()) kind = kernel.empty() ? name : kernel;
  server::LoadedModel loaded;
  if (kind == "doubling") {
    loaded.spec = doubling_spec(4, factory(doubling_script(4)));
  } else if (kind == "two") {
    loaded.spec = two_spec();
    loaded.spec.open_device = factory(two_script());
  } else {
    return absl::InvalidArgumentError(absl::StrCat(path, ": not an xclbin"));
  }
  loaded.properties["kind"] = kind;
  return loaded;
}

absl::StatusOr<server::LoadedModel> TextLoader::load_forest(const std::string& path, const std::string& engine,
                                                            const std::string& kernel) {
  if (!std::filesystem::exists(engine)) return absl::NotFoundError(absl::StrCat(engine, ": no such file"));
  auto loaded = load(path, "", kernel);
  if (loaded.ok()) loaded->properties["engine"] = std::filesystem::path(engine).filename().string();
  return loaded;
}

ServedFolder::ServedFolder() {
  std::string pattern = ::testing::TempDir() + "/served_XXXXXX";
  EXPECT_NE(mkdtemp(pattern.data()), nullptr);
  folder_ = pattern;
}

ServedFolder::~ServedFolder() {
  server.reset();
  store.reset();
  std::filesystem::remove_all(folder_);
}

void ServedFolder::write(const std::string& name, const std::string& text) {
  std::filesystem::create_directories((folder_ / name).parent_path());
  std::ofstream(folder_ / name) << text;
}

void ServedFolder::open(runtime::RunnerOptions options) {
  auto opened = server::ModelStore::open(folder_.string(), loader, std::move(options), [this](const std::string& line) {
    const std::lock_guard lock(mutex_);
    absl::StrAppend(&log_, line, "\n");
  });
  ASSERT_TRUE(opened.ok()) << opened.status();
  store = *std::move(opened);
}

void ServedFolder::serve(server::ServerOptions options) {
  if (store == nullptr) open();
  options.address = "127.0.0.1:0";
  auto started = server::GrpcServer::start(options, *store);
  ASSERT_TRUE(started.ok()) << started.status();
  server = *std::move(started);
  channel = grpc::CreateChannel(server->address(), grpc::InsecureChannelCredentials());
  stub_ = inference::GRPCInferenceService::NewStub(channel);
}

std::string ServedFolder::log() const {
  const std::lock_guard lock(mutex_);
  return log_;
}

inference::ModelInferRequest doubling_request(const std::vector<float>& values, int64_t rows) {
  inference::ModelInferRequest request;
  request.set_model_name("doubling");
  auto* input = request.add_inputs();
  input->set_name("x");
  input->set_datatype("FP32");
  input->add_shape(rows);
  input->add_shape(4);
  request.add_raw_input_contents(pack(values));
  return request;
}

}  // namespace strobe::testing
