#pragma once

#include <grpcpp/channel.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "host/server/grpc_server.h"
#include "host/server/model_loader.h"
#include "host/server/model_store.h"
#include "proto/inference.grpc.pb.h"
#include "tests/host/runtime/scripted_device.h"

namespace strobe::testing {

/// "Loads" xclbins for tests: the file's text names the model.
///   "doubling": 4 columns of ap_fixed<16,6,AP_RND,AP_SAT> in (x), raw values doubled out (y, ap_fixed<16,7>).
///   "two": inputs a [2] ap_fixed<8,4> and b [3,1] ap_ufixed<12,12>; outputs sum [1] ap_fixed<32,20> and copy [2] (of
///   a). anything else: an error.
/// "doubling two" holds both: `kernel` or else `name` says which.
class TextLoader : public server::ModelLoader {
 public:
  absl::StatusOr<server::LoadedModel> load(const std::string& path, const std::string& name,
                                           const std::string& kernel) override;
  /// The same of a forest's file; the engine's must be there.
  absl::StatusOr<server::LoadedModel> load_forest(const std::string& path, const std::string& engine,
                                                  const std::string& kernel) override;
  /// The device opened last.
  ScriptedDevice& device() const { return *device_; }

  bool automatic = true;
  std::function<absl::Status()> before_opening;

 private:
  runtime::DeviceFactory factory(Script script);
  std::shared_ptr<ScriptedDevice> device_;
};

/// A model folder, a server on a free port, and a stub.
class ServedFolder {
 public:
  ServedFolder();
  ~ServedFolder();

  /// Writes `text` to `name` (which may have folders in it).
  void write(const std::string& name, const std::string& text);
  void open(runtime::RunnerOptions options = {});
  void serve(server::ServerOptions options = {});
  inference::GRPCInferenceService::Stub& stub() { return *stub_; }
  std::string path() const { return folder_.string(); }
  std::string log() const;

  TextLoader loader;
  std::unique_ptr<server::ModelStore> store;
  std::unique_ptr<server::GrpcServer> server;
  std::shared_ptr<grpc::Channel> channel;

 private:
  std::filesystem::path folder_;
  std::unique_ptr<inference::GRPCInferenceService::Stub> stub_;
  mutable std::mutex mutex_;
  std::string log_;
};

/// Bytes of numbers, as raw contents want them.
template <typename T>
std::string pack(const std::vector<T>& values) {
  return std::string(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T));
}
template <typename T>
std::vector<T> unpack(const std::string& bytes) {
  std::vector<T> values(bytes.size() / sizeof(T));
  std::memcpy(values.data(), bytes.data(), values.size() * sizeof(T));
  return values;
}

/// A good request for the doubling model.
inference::ModelInferRequest doubling_request(const std::vector<float>& values, int64_t rows);

}  // namespace strobe::testing
