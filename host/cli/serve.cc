#include <sys/resource.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <stop_token>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "host/cli/command.h"
#include "host/cli/interruption.h"
#include "host/http/http_server.h"
#include "host/http/service_routes.h"
#include "host/server/grpc_server.h"
#include "host/server/metrics_text.h"
#include "host/server/model_store.h"
#include "host/session/device_share.h"
#include "host/session/loaded_xclbin.h"

namespace strobe::cli {
namespace {

struct Settings {
  std::string folder, device = "auto";
  server::ServerOptions server;
  std::string http_address;  ///< empty: no HTTP
  int threads = 1;
  int slots = 3;
  int poll_seconds = 0;  ///< 0: the folder is read once
};

/// Joins xclbins, graphs and devices for the service. Models of one xclbin, told by its UUID, share a device.
class XclbinLoader : public server::ModelLoader {
 public:
  XclbinLoader(std::string device, int threads, session::DeviceShare::Log log)
      : devices_(std::move(device), threads, std::move(log)) {}

  absl::StatusOr<server::LoadedModel> load(const std::string& path, const std::string& name,
                                           const std::string& kernel) override {
    auto loaded = session::load_xclbin(path);
    if (!loaded.ok()) return loaded.status();
    auto index = choose(**loaded, name, kernel);
    if (!index.ok()) return index.status();
    if (absl::Status s = session::check_runnable(**loaded, *index); !s.ok()) return s;
    return describe(**loaded, *index, devices_.spec(*loaded, *index));
  }

  absl::StatusOr<server::LoadedModel> load_forest(const std::string& path, const std::string& engine,
                                                  const std::string& kernel) override {
    auto loaded = session::load_xclbin(engine);
    if (!loaded.ok()) return loaded.status();
    auto with_forest = session::with_forest_file(**loaded, kernel, path);
    if (!with_forest.ok()) return with_forest.status();
    const size_t index = (*with_forest)->forests.begin()->first;
    return describe(**with_forest, index, devices_.forest_spec(*loaded, **with_forest, index));
  }

 private:
  static server::LoadedModel describe(const session::LoadedXclbin& loaded, size_t index, runtime::ModelSpec spec) {
    const package::KernelModel& model = loaded.package.models[index];
    server::LoadedModel result{std::move(spec), {}};
    for (const auto* specs : {&result.spec.inputs, &result.spec.outputs}) {
      for (const runtime::TensorSpec& tensor : *specs) {
        const std::string encoding = tensor.meaning.to_string();
        result.properties[absl::StrCat("type:", tensor.name)] =
            absl::StrCat(tensor.type.to_string(), encoding.empty() ? "" : ", ", encoding);
      }
    }
    for (const auto& [key, value] : model.graph.provenance()) {
      if (key != "file" && key != "path") result.properties[key] = value;
    }
    result.properties["kernel"] = model.kernel;
    return result;
  }

  static absl::StatusOr<size_t> choose(const session::LoadedXclbin& loaded, const std::string& name,
                                       const std::string& kernel) {
    if (!kernel.empty() || loaded.package.models.size() == 1) return session::find_model(loaded, kernel);
    auto index = session::find_model(loaded, name);
    if (index.ok()) return index;
    return absl::InvalidArgumentError(
        absl::StrCat(loaded.path, ": holds several models (", session::model_names(loaded), ") and none '", name,
                     "': say which in config.pbtxt: parameters { key: \"kernel\" value { string_value: \"...\" } }"));
  }

  session::DeviceShare devices_;
};

/// Health and metrics of `store` over HTTP; null where no address is given.
absl::StatusOr<std::unique_ptr<http::HttpServer>> start_http(const std::string& address,
                                                             const server::ModelStore& store,
                                                             const std::atomic<bool>& stopping) {
  if (address.empty()) return nullptr;
  return http::HttpServer::start(
      address, http::service_routes({STROBE_VERSION, [&] { return !stopping.load() && store.ready(); },
                                     [&] { return server::metrics_text(store); }}));
}

/// Lets this process open as many files as it may. With gRPC 1.51 a service whose descriptors had run out was seen not
/// to answer new connections any more, even after the others were closed.
absl::Status raise_descriptor_limit() {
  constexpr rlim_t kFewest = 512, kEnough = 65536;
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return absl::OkStatus();
  const rlim_t wanted = std::max(limit.rlim_cur, std::min(limit.rlim_max, kEnough));
  if (wanted < kFewest) {
    return absl::FailedPreconditionError(
        absl::StrCat("the limit of open files is ", wanted, ", expected at least ", kFewest,
                     ": one for each connection and about 20 for each model (raise it: ulimit -n, or LimitNOFILE= of a "
                     "systemd unit)"));
  }
  limit.rlim_cur = wanted;
  ::setrlimit(RLIMIT_NOFILE, &limit);
  return absl::OkStatus();
}

/// What a folder without a usable model holds, against what it should: a service that answers nothing is a mistake that
/// must be seen at once.
absl::Status nothing_to_serve(const std::string& folder) {
  namespace fs = std::filesystem;
  constexpr size_t kMostNamed = 10;
  std::set<std::string> found;
  std::error_code error;
  for (fs::recursive_directory_iterator it(folder, fs::directory_options::skip_permission_denied, error), end;
       !error && it != end; it.increment(error)) {
    if (it.depth() >= 2) it.disable_recursion_pending();
    const bool is_folder = it->is_directory(error);
    if (!is_folder || fs::is_empty(it->path(), error))
      found.insert(it->path().lexically_relative(folder).string() + (is_folder ? "/" : ""));
  }
  std::vector<std::string> named(found.begin(), found.end());
  const size_t more = named.size() > kMostNamed ? named.size() - kMostNamed : 0;
  named.resize(named.size() - more);
  if (more > 0) named.push_back(absl::StrCat("and ", more, " more"));
  return absl::NotFoundError(absl::StrCat(
      "model folder '", folder, "': holds no model that can be served; expected NAME/VERSION/model.xclbin, such as ",
      (fs::path(folder) / "jets" / "1" / "model.xclbin").string(), "; found ",
      named.empty() ? "nothing" : absl::StrJoin(named, ", ")));
}

/// Looks into the model folder now and then, on a thread of its own.
class Poll {
 public:
  Poll(int seconds, server::ModelStore& store) {
    if (seconds == 0) return;
    thread_ = std::jthread([seconds, &store](const std::stop_token& stop) {
      std::mutex mutex;
      std::condition_variable_any wakes;
      std::unique_lock lock(mutex);
      while (!wakes.wait_for(lock, stop, std::chrono::seconds(seconds), [&] { return stop.stop_requested(); })) {
        store.refresh();
      }
    });
  }

 private:
  std::jthread thread_;
};

absl::Status serve_command(const Settings& settings, Interruption& interruption) {
  if (absl::Status s = raise_descriptor_limit(); !s.ok()) return s;
  const auto log = [](const std::string& line) { std::fprintf(stderr, "%s\n", line.c_str()); };
  XclbinLoader loader(settings.device, settings.threads, log);
  runtime::RunnerOptions runner;
  runner.slots_per_unit = settings.slots;
  runner.log = log;
  auto store = server::ModelStore::open(settings.folder, loader, runner, log);
  if (!store.ok()) return store.status();
  if ((*store)->all().empty()) return nothing_to_serve(settings.folder);
  auto server = server::GrpcServer::start(settings.server, **store);
  if (!server.ok()) return server.status();
  std::atomic<bool> stopping{false};
  auto http = start_http(settings.http_address, **store, stopping);
  if (!http.ok()) return http.status();
  std::printf("serving %s on %s\n", settings.folder.c_str(), (*server)->address().c_str());
  if (*http != nullptr) std::printf("health and metrics on http://%s\n", (*http)->address().c_str());
  std::fflush(stdout);
  {
    const Poll poll(settings.poll_seconds, **store);
    interruption.wait();
  }
  stopping.store(true);  // probes are told "not ready", and metrics can be read, until the last call is finished
  std::fprintf(stderr, "stopping: no new calls are taken, those in work are finished\n");
  (*server)->shutdown();
  return absl::OkStatus();
}

}  // namespace

void add_serve(CLI::App& app, Action& action, Interruption& interruption) {
  auto settings = std::make_shared<Settings>();
  CLI::App* command = app.add_subcommand("serve", "Answers gRPC inference clients (KServe v2, as Triton speaks it)");
  command->footer(
      "FOLDER holds models in Triton's layout: name/version/model.xclbin and optionally name/config.pbtxt, where a "
      "tensor's\n"
      "data_type TYPE_INT8, TYPE_INT16 or TYPE_INT32 asks for raw integers. Of an xclbin with several models the "
      "folder's "
      "name\n"
      "says which one, or config.pbtxt's parameter \"kernel\"; folders with the same xclbin share one device. SIGTERM "
      "finishes the calls in work and "
      "stops.\n"
      "A version that holds model.sfi, a forest, runs in the forest engine of FOLDER/engine.xclbin, or of the xclbin "
      "that\n"
      "config.pbtxt's parameter \"engine\" names; all its forests share one device. With --poll, models and versions "
      "that are\n"
      "added while the service runs are served.\n"
      "With --http, GET answers /v2/health/live (200), /v2/health/ready (200, or 503 while a device is lost or the "
      "service\n"
      "stops), /v2 (name and version) and /metrics (Prometheus text, named as Triton names it).\n"
      "Example: strobe serve models --grpc 0.0.0.0:8001 --http 0.0.0.0:8000");
  command->add_option("FOLDER", settings->folder, "model folder")->type_name("FOLDER")->required();
  command->add_option("--grpc", settings->server.address, "address to listen on: host:port or unix:/path")
      ->type_name("ADDRESS")
      ->capture_default_str();
  command
      ->add_option("--http", settings->http_address, "address for health probes and metrics: host:port; none: no HTTP")
      ->type_name("ADDRESS");
  command->add_option("--device", settings->device, "auto, emulator, xrt:N or opencl:N")
      ->type_name("DEVICE")
      ->capture_default_str();
  command->add_option("--threads", settings->threads, "threads of the in-process emulator, for each xclbin")
      ->type_name("N")
      ->check(CLI::Range(1, 256))
      ->capture_default_str();
  command->add_option("--slots", settings->slots, "launches in flight per compute unit")
      ->type_name("N")
      ->check(CLI::Range(1, 16))
      ->capture_default_str();
  command
      ->add_option("--poll", settings->poll_seconds,
                   "looks into FOLDER that often for new models and versions; 0: never")
      ->type_name("SECONDS")
      ->check(CLI::Range(0, 86400))
      ->capture_default_str();
  command->callback([settings, &action, &interruption] {
    action = [settings, &interruption] { return serve_command(*settings, interruption); };
  });
}

}  // namespace strobe::cli
