// The inference service beside a bare asynchronous gRPC echo of the same messages, in one run: calls/s, latency, and
// the server's CPU time a call. Each server is a process of its own, so that its CPU time is not the client's.
//
//   service_bench [seconds a measurement] [rounds]

#include <grpcpp/create_channel.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <filesystem>
#include <fstream>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "host/server/grpc_server.h"
#include "host/server/infer_call.h"
#include "host/server/model_store.h"
#include "proto/inference.grpc.pb.h"

namespace strobe {
namespace {

using inference::ModelInferRequest;
using inference::ModelInferResponse;
using Clock = std::chrono::steady_clock;

constexpr int64_t kFeatures = 16;
constexpr int64_t kScores = 5;

// --- the baseline: accepts, answers the same bytes always, nothing else ---------------------------------------------

/// One call of the echo, over and over, with reused messages.
class EchoCall final : public server::Event {
 public:
  EchoCall(server::InferMethod& method, grpc::ServerCompletionQueue& queue, const ModelInferResponse& response)
      : method_(method), queue_(queue), response_(response) {
    wait();
  }
  void proceed(bool ok) override {
    if (!ok) return;
    if (answering_) return wait();
    answering_ = true;
    responder_->Finish(response_, grpc::Status::OK, static_cast<Event*>(this));
  }

 private:
  void wait() {
    answering_ = false;
    context_.emplace();
    responder_.emplace(&*context_);
    method_.request(*context_, request_, *responder_, queue_, static_cast<Event*>(this));
  }
  server::InferMethod& method_;
  grpc::ServerCompletionQueue& queue_;
  const ModelInferResponse& response_;
  std::optional<grpc::ServerContext> context_;
  std::optional<grpc::ServerAsyncResponseWriter<ModelInferResponse>> responder_;
  ModelInferRequest request_;
  bool answering_ = false;
};

ModelInferResponse echo_response() {
  ModelInferResponse response;
  response.set_model_name("jets");
  response.set_model_version("1");
  auto* output = response.add_outputs();
  output->set_name("scores");
  output->set_datatype("FP32");
  output->add_shape(1);
  output->add_shape(kScores);
  response.add_raw_output_contents(std::string(kScores * 4, '\0'));
  return response;
}

[[noreturn]] void run_echo(int report) {
  server::InferMethod method;
  grpc::ServerBuilder builder;
  int port = 0;
  builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
  builder.RegisterService(&method);
  const auto queue = builder.AddCompletionQueue();
  const auto server = builder.BuildAndStart();
  const ModelInferResponse response = echo_response();
  std::vector<std::unique_ptr<EchoCall>> calls;
  // Twice as many as are outstanding, as the service has: one that has just answered is not yet ready again.
  for (int i = 0; i < 128; ++i) calls.push_back(std::make_unique<EchoCall>(method, *queue, response));
  if (write(report, &port, sizeof(port)) != sizeof(port)) _exit(1);
  void* tag = nullptr;
  bool ok = false;
  while (queue->Next(&tag, &ok)) static_cast<server::Event*>(tag)->proceed(ok);
  _exit(0);
}

// --- the service on a device that does next to nothing
// ----------------------------------------------------------------

class TrivialSlot;

/// Runs launches inside `start`, or on a thread of its own as a real device does.
class TrivialDevice : public device::Device {
 public:
  explicit TrivialDevice(bool threaded) {
    if (threaded) thread_ = std::thread([this] { work(); });
  }
  ~TrivialDevice() override {
    {
      const std::lock_guard lock(mutex_);
      stop_ = true;
    }
    changed_.notify_one();
    if (thread_.joinable()) thread_.join();
  }
  const device::DeviceInfo& info() const override { return info_; }
  const std::vector<device::KernelInfo>& kernels() const override { return kernels_; }
  absl::StatusOr<std::unique_ptr<device::Slot>> make_slot(size_t, int, size_t rows) override;
  absl::Status health() const override { return absl::OkStatus(); }
  void run(std::function<void(absl::Status)> done) {
    if (!thread_.joinable()) return done(absl::OkStatus());
    {
      const std::lock_guard lock(mutex_);
      waiting_.push_back(std::move(done));
    }
    changed_.notify_one();
  }

 private:
  void work() {
    std::unique_lock lock(mutex_);
    while (!stop_) {
      if (waiting_.empty()) {
        changed_.wait(lock);
        continue;
      }
      const auto done = std::move(waiting_.front());
      waiting_.pop_front();
      lock.unlock();
      done(absl::OkStatus());
      lock.lock();
    }
  }
  device::DeviceInfo info_{"trivial", "trivial device", "trivial", "bench", ""};
  std::vector<device::KernelInfo> kernels_{{"jets", 1, {2 * kFeatures}, {2 * kScores}}};
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void(absl::Status)>> waiting_;
  bool stop_ = false;
  std::thread thread_;
};

class TrivialSlot : public device::Slot {
 public:
  TrivialSlot(TrivialDevice& device, size_t rows)
      : device_(device), rows_(rows), input_(rows * 2 * kFeatures), output_(rows * 2 * kScores) {}
  size_t capacity_rows() const override { return rows_; }
  std::span<std::byte> input(size_t) override { return input_; }
  std::span<const std::byte> output(size_t) const override { return output_; }
  void start(size_t, std::function<void(absl::Status)> done) override { device_.run(std::move(done)); }

 private:
  TrivialDevice& device_;
  size_t rows_;
  std::vector<std::byte> input_, output_;
};

absl::StatusOr<std::unique_ptr<device::Slot>> TrivialDevice::make_slot(size_t, int, size_t rows) {
  return std::make_unique<TrivialSlot>(*this, rows);
}

class TrivialLoader : public server::ModelLoader {
 public:
  explicit TrivialLoader(bool threaded) : threaded_(threaded) {}
  absl::StatusOr<server::LoadedModel> load(const std::string&, const std::string&, const std::string&) override {
    const auto type = model::FixedType::fixed(16, 6, model::Rounding::kRnd, model::Overflow::kSat);
    server::LoadedModel loaded;
    loaded.spec.inputs = {{"features", {{kFeatures}, {type}}}};
    loaded.spec.outputs = {{"scores", {{kScores}, {type}}}};
    loaded.spec.open_device = [this]() -> absl::StatusOr<std::shared_ptr<device::Device>> {
      return std::make_shared<TrivialDevice>(threaded_);
    };
    return loaded;
  }

 private:
  bool threaded_;
};

[[noreturn]] void run_service(int report, bool threaded) {
  std::string folder = std::filesystem::temp_directory_path() / "strobe_service_bench_XXXXXX";
  if (mkdtemp(folder.data()) == nullptr) _exit(1);
  std::filesystem::create_directories(folder + "/jets/1");
  std::ofstream(folder + "/jets/1/model.xclbin") << "trivial";
  TrivialLoader loader(threaded);
  auto store = server::ModelStore::open(folder, loader, {}, [](const std::string&) {});
  std::filesystem::remove_all(folder);
  server::ServerOptions options;
  options.address = "127.0.0.1:0";
  auto server = server::GrpcServer::start(options, **store);
  if (!server.ok()) _exit(1);
  const int port = std::atoi((*server)->address().c_str() + (*server)->address().rfind(':') + 1);
  if (write(report, &port, sizeof(port)) != sizeof(port)) _exit(1);
  for (;;) pause();
}

// --- the client ---------------------------------------------------------------------------------------------------

struct Subject {
  const char* name;
  pid_t pid = 0;
  int port = 0;
};

template <typename Run>
Subject start(const char* name, Run run) {
  int ends[2];
  if (pipe(ends) != 0) std::abort();
  Subject subject{name};
  subject.pid = fork();
  if (subject.pid == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    close(ends[0]);
    run(ends[1]);
  }
  close(ends[1]);
  if (read(ends[0], &subject.port, sizeof(subject.port)) != sizeof(subject.port)) {
    std::fprintf(stderr, "service_bench: server '%s' did not start\n", name);
    std::exit(1);
  }
  close(ends[0]);
  return subject;
}

struct Figures {
  double calls_per_s = 0, p50_us = 0, p99_us = 0, server_cpu_us = 0;
};

double cpu_seconds(pid_t pid) {
  clockid_t clock;
  timespec time{};
  if (clock_getcpuclockid(pid, &clock) != 0 || clock_gettime(clock, &time) != 0) return 0;
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

struct ClientCall {
  std::optional<grpc::ClientContext> context;
  ModelInferResponse response;
  grpc::Status status;
  std::unique_ptr<grpc::ClientAsyncResponseReader<ModelInferResponse>> reader;
  Clock::time_point begin;
};

ModelInferRequest make_request() {
  ModelInferRequest request;
  request.set_model_name("jets");
  auto* input = request.add_inputs();
  input->set_name("features");
  input->set_datatype("FP32");
  input->add_shape(1);
  input->add_shape(kFeatures);
  request.add_raw_input_contents(std::string(kFeatures * 4, '\0'));
  return request;
}

Figures measure(const Subject& subject, int outstanding, double seconds) {
  const auto channel =
      grpc::CreateChannel("127.0.0.1:" + std::to_string(subject.port), grpc::InsecureChannelCredentials());
  const auto stub = inference::GRPCInferenceService::NewStub(channel);
  const ModelInferRequest request = make_request();
  grpc::CompletionQueue queue;
  std::vector<ClientCall> calls(static_cast<size_t>(outstanding));
  const auto send = [&](ClientCall& call) {
    call.context.emplace();
    call.begin = Clock::now();
    call.reader = stub->AsyncModelInfer(&*call.context, request, &queue);
    call.reader->Finish(&call.response, &call.status, &call);
  };
  const auto warm_until = Clock::now() + std::chrono::duration<double>(0.2);
  const auto until = warm_until + std::chrono::duration<double>(seconds);
  std::vector<double> latencies_us;
  double cpu_begin = 0;
  Clock::time_point begin{}, end{};
  for (ClientCall& call : calls) send(call);
  for (size_t in_flight = calls.size(); in_flight > 0;) {
    void* tag = nullptr;
    bool ok = false;
    queue.Next(&tag, &ok);
    ClientCall& call = *static_cast<ClientCall*>(tag);
    const auto now = Clock::now();
    if (!call.status.ok() || call.response.raw_output_contents_size() != 1) {
      std::fprintf(stderr, "service_bench: %s: %s\n", subject.name, call.status.error_message().c_str());
      std::exit(1);
    }
    if (begin == Clock::time_point{} && now >= warm_until) {
      begin = now;
      cpu_begin = cpu_seconds(subject.pid);
    } else if (begin != Clock::time_point{} && now < until) {
      latencies_us.push_back(std::chrono::duration<double, std::micro>(now - call.begin).count());
      end = now;
    }
    if (now < until) {
      send(call);
    } else {
      --in_flight;
    }
  }
  const double cpu = cpu_seconds(subject.pid) - cpu_begin;
  std::sort(latencies_us.begin(), latencies_us.end());
  const auto count = static_cast<double>(latencies_us.size());
  return {count / std::chrono::duration<double>(end - begin).count(), latencies_us[latencies_us.size() / 2],
          latencies_us[latencies_us.size() * 99 / 100], cpu / count * 1e6};
}

Figures median(std::vector<Figures> rounds) {
  const auto middle = [&](double Figures::*field) {
    std::sort(rounds.begin(), rounds.end(), [&](const Figures& a, const Figures& b) { return a.*field < b.*field; });
    return rounds[rounds.size() / 2].*field;
  };
  return {middle(&Figures::calls_per_s), middle(&Figures::p50_us), middle(&Figures::p99_us),
          middle(&Figures::server_cpu_us)};
}

int main(int argc, char** argv) {
  const double seconds = argc > 1 ? std::atof(argv[1]) : 2;
  const int rounds = argc > 2 ? std::atoi(argv[2]) : 5;
  // The servers start before this process touches gRPC: it does not survive a fork.
  const std::vector<Subject> subjects = {
      start("bare async echo", [](int report) { run_echo(report); }),
      start("strobe, inline device", [](int report) { run_service(report, false); }),
      start("strobe, device thread", [](int report) { run_service(report, true); }),
  };
  std::printf("%-22s %11s %10s %9s %9s %14s %8s %12s\n", "server", "outstanding", "calls/s", "p50 us", "p99 us",
              "server CPU us", "rate", "CPU us more");
  for (const int outstanding : {1, 64}) {
    std::vector<std::vector<Figures>> figures(subjects.size());
    for (int round = 0; round < rounds; ++round) {
      for (size_t i = 0; i < subjects.size(); ++i) figures[i].push_back(measure(subjects[i], outstanding, seconds));
    }
    const Figures base = median(figures[0]);
    for (size_t i = 0; i < subjects.size(); ++i) {
      const Figures f = median(figures[i]);
      std::printf("%-22s %11d %10.0f %9.1f %9.1f %14.2f %7.1f%% %+12.2f\n", subjects[i].name, outstanding,
                  f.calls_per_s, f.p50_us, f.p99_us, f.server_cpu_us, 100 * f.calls_per_s / base.calls_per_s,
                  f.server_cpu_us - base.server_cpu_us);
    }
  }
  for (const Subject& subject : subjects) {
    kill(subject.pid, SIGKILL);
    waitpid(subject.pid, nullptr, 0);
  }
  return 0;
}

}  // namespace
}  // namespace strobe

int main(int argc, char** argv) { return strobe::main(argc, argv); }
