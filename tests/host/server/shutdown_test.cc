#include <gmock/gmock.h>
#include <grpcpp/create_channel.h>
#include <gtest/gtest.h>

#include <future>
#include <thread>

#include "tests/host/server/served_folder.h"

namespace strobe::server {
namespace {

using inference::ModelInferResponse;
using strobe::testing::doubling_request;
using strobe::testing::ServedFolder;
using ::testing::HasSubstr;

TEST(GrpcServer, SaysThatThePortIsTaken) {
  ServedFolder first, second;
  first.write("doubling/1/model.xclbin", "doubling");
  first.serve();
  second.open();
  ServerOptions options;
  options.address = first.server->address();
  const auto server = GrpcServer::start(options, *second.store);
  EXPECT_EQ(server.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(server.status().message(), "cannot listen on '" + options.address + "': Address already in use");
}

TEST(GrpcServer, SaysThatAnAddressIsNone) {
  ServedFolder folder;
  folder.open();
  for (const char* address :
       {"no_such_host.invalid:8001", "127.0.0.1:port", "nonsense", "127.0.0.1", "127.0.0.1:99999"}) {
    ServerOptions options;
    options.address = address;
    const auto server = GrpcServer::start(options, *folder.store);
    ASSERT_FALSE(server.ok());
    EXPECT_THAT(std::string(server.status().message()), HasSubstr(address));
  }
}

TEST(GrpcServer, ServesAUnixSocket) {
  ServedFolder folder;
  folder.write("doubling/1/model.xclbin", "doubling");
  folder.open();
  ServerOptions options;
  options.address = "unix:" + folder.path() + "/socket";
  const auto server = GrpcServer::start(options, *folder.store);
  ASSERT_TRUE(server.ok()) << server.status();
  const auto channel = grpc::CreateChannel(options.address, grpc::InsecureChannelCredentials());
  grpc::ClientContext context;
  ModelInferResponse response;
  EXPECT_TRUE(inference::GRPCInferenceService::NewStub(channel)
                  ->ModelInfer(&context, doubling_request({1, 2, 3, 4}, 1), &response)
                  .ok());
}

TEST(GrpcServer, FinishesCallsInWorkBeforeItStops) {
  ServedFolder folder;
  folder.loader.automatic = false;
  folder.write("doubling/1/model.xclbin", "doubling");
  runtime::RunnerOptions runner;
  runner.slots_per_unit = 1;
  folder.open(runner);
  folder.serve();
  std::vector<std::future<grpc::Status>> calls;
  for (int i = 0; i < 3; ++i) {
    calls.push_back(std::async(std::launch::async, [&] {
      grpc::ClientContext context;
      ModelInferResponse response;
      return folder.stub().ModelInfer(&context, doubling_request({1, 2, 3, 4}, 1), &response);
    }));
  }
  runtime::ModelRunner& model = *(*folder.store->find("doubling", ""))->runner;
  while (model.waiting() < 2) std::this_thread::yield();
  ASSERT_EQ(folder.loader.device().wait_for_launches(1).size(), 1U);  // the third is with the device, not on its way
  std::thread stopper([&] { folder.server->shutdown(); });
  // The server says that it goes, while its calls are still in work.
  for (;;) {
    grpc::ClientContext context;
    context.set_wait_for_ready(false);
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(1));
    inference::ServerReadyResponse ready;
    const grpc::Status status = folder.stub().ServerReady(&context, {}, &ready);
    if (status.ok()) continue;
    // gRPC takes no call off a connection any more once it shuts down, and leaves one that was on its way unanswered.
    if (status.error_code() == grpc::DEADLINE_EXCEEDED) break;
    // CANCELLED is gRPC's own word for a call that arrives between the server's decision and the client's learning of
    // it.
    EXPECT_TRUE(status.error_code() == grpc::UNAVAILABLE || status.error_code() == grpc::CANCELLED)
        << status.error_code();
    break;
  }
  folder.loader.device().finish();
  ASSERT_EQ(folder.loader.device().wait_for_launches(2).size(), 2U);
  folder.loader.device().finish();
  for (auto& call : calls) EXPECT_TRUE(call.get().ok());
  stopper.join();
  EXPECT_EQ(model.statistics().success.count, 3U);
}

TEST(GrpcServer, SaysExitingWhileItStillServes) {
  ServedFolder folder;
  folder.write("doubling/1/model.xclbin", "doubling");
  ServerOptions options;
  options.notice = std::chrono::milliseconds(1500);
  folder.serve(options);
  std::thread stopper([&] { folder.server->shutdown(); });
  grpc::Status status;
  while (status.ok()) {
    grpc::ClientContext context;
    inference::ServerLiveResponse live;
    status = folder.stub().ServerLive(&context, {}, &live);
  }
  EXPECT_EQ(status.error_code(), grpc::UNAVAILABLE);
  EXPECT_EQ(status.error_message(), "Server exiting");
  grpc::ClientContext context;
  ModelInferResponse response;
  EXPECT_TRUE(folder.stub().ModelInfer(&context, doubling_request({1, 2, 3, 4}, 1), &response).ok());
  stopper.join();
}

TEST(GrpcServer, AnswersUnavailableWhileTheDeviceIsLostAndRecovers) {
  ServedFolder folder;
  folder.loader.automatic = false;
  folder.write("doubling/1/model.xclbin", "doubling");
  std::atomic<bool> broken{false};
  folder.loader.before_opening = [&] { return broken ? absl::UnavailableError("no card") : absl::OkStatus(); };
  runtime::RunnerOptions runner;
  runner.reopen_first_ns = 1'000'000;
  runner.reopen_longest_ns = 1'000'000;
  folder.open(runner);
  folder.serve();
  const auto infer = [&] {
    grpc::ClientContext context;
    ModelInferResponse response;
    return folder.stub().ModelInfer(&context, doubling_request({1, 2, 3, 4}, 1), &response);
  };
  auto call = std::async(std::launch::async, infer);
  ASSERT_EQ(folder.loader.device().wait_for_launches(1).size(), 1U);
  broken = true;
  folder.loader.device().finish(absl::UnavailableError("the emulated device died"));
  const grpc::Status died = call.get();
  EXPECT_EQ(died.error_code(), grpc::UNAVAILABLE);
  EXPECT_THAT(died.error_message(), HasSubstr("the emulated device died"));
  EXPECT_EQ(infer().error_code(), grpc::UNAVAILABLE);
  inference::ServerReadyResponse ready;
  grpc::ClientContext ready_context;
  ASSERT_TRUE(folder.stub().ServerReady(&ready_context, {}, &ready).ok());
  EXPECT_FALSE(ready.ready());

  broken = false;
  while (!folder.store->ready()) std::this_thread::yield();
  auto again = std::async(std::launch::async, infer);
  ASSERT_EQ(folder.loader.device().wait_for_launches(1).size(), 1U);
  folder.loader.device().finish();
  EXPECT_TRUE(again.get().ok());
}

}  // namespace
}  // namespace strobe::server
