#include <gmock/gmock.h>
#include <grpcpp/generic/generic_stub.h>
#include <gtest/gtest.h>

#include "proto/health.grpc.pb.h"
#include "tests/host/server/served_folder.h"

namespace strobe::server {
namespace {

using strobe::testing::doubling_request;
using strobe::testing::ServedFolder;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Stub = inference::GRPCInferenceService::Stub;

class Query : public ::testing::Test {
 protected:
  void SetUp() override {
    folder.write("doubling/1/model.xclbin", "doubling");
    folder.write("doubling/3/model.xclbin", "doubling");
    folder.write("two/1/model.xclbin", "two");
    folder.write("two/config.pbtxt",
                 "max_batch_size: 0 platform: 'my_platform' input [{name: 'b' data_type: TYPE_UINT16}] "
                 "model_repository_agents { agents [{ name: 'checksum' parameters { key: 'SHA256:1/model.xclbin' "
                 "value: 'ab' } }] }");
    folder.write("scrap/1/model.xclbin", "scrap");
    folder.serve();
  }
  template <typename Request, typename Response>
  grpc::Status ask(grpc::Status (Stub::*call)(grpc::ClientContext*, const Request&, Response*), const Request& request,
                   Response& response) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(20));
    return (folder.stub().*call)(&context, request, &response);
  }
  ServedFolder folder;
};

TEST_F(Query, LiveReadyAndHealth) {
  inference::ServerLiveResponse live;
  ASSERT_TRUE(ask(&Stub::ServerLive, {}, live).ok());
  EXPECT_TRUE(live.live());
  inference::ServerReadyResponse ready;
  ASSERT_TRUE(ask(&Stub::ServerReady, {}, ready).ok());
  EXPECT_TRUE(ready.ready()) << "a broken model does not hold back the others";

  auto health = grpc::health::v1::Health::NewStub(folder.channel);
  grpc::health::v1::HealthCheckRequest request;
  grpc::health::v1::HealthCheckResponse response;
  grpc::ClientContext one, two;
  ASSERT_TRUE(health->Check(&one, request, &response).ok());
  EXPECT_EQ(response.status(), grpc::health::v1::HealthCheckResponse::SERVING);
  request.set_service("coffee");
  EXPECT_EQ(health->Check(&two, request, &response).error_code(), grpc::NOT_FOUND);
}

TEST_F(Query, ModelReady) {
  const auto ready = [&](const char* name, const char* version) {
    inference::ModelReadyRequest request;
    request.set_name(name);
    request.set_version(version);
    inference::ModelReadyResponse response;
    EXPECT_TRUE(ask(&Stub::ModelReady, request, response).ok());
    return response.ready();
  };
  EXPECT_TRUE(ready("doubling", ""));
  EXPECT_TRUE(ready("doubling", "1"));
  EXPECT_FALSE(ready("doubling", "2"));
  EXPECT_FALSE(ready("scrap", ""));
  EXPECT_FALSE(ready("nobody", ""));
}

TEST_F(Query, ServerMetadataAdvertisesWhatExists) {
  inference::ServerMetadataResponse response;
  ASSERT_TRUE(ask(&Stub::ServerMetadata, {}, response).ok());
  EXPECT_EQ(response.name(), "strobe");
  EXPECT_FALSE(response.version().empty());
  EXPECT_THAT(response.extensions(), ElementsAre("model_configuration", "statistics"));
}

TEST_F(Query, ModelMetadataHasABatchAxisWhereThereIsOne) {
  inference::ModelMetadataRequest request;
  request.set_name("doubling");
  inference::ModelMetadataResponse response;
  ASSERT_TRUE(ask(&Stub::ModelMetadata, request, response).ok());
  EXPECT_THAT(response.versions(), ElementsAre("1", "3"));
  EXPECT_EQ(response.platform(), "strobe");
  EXPECT_EQ(response.inputs(0).datatype(), "FP32");
  EXPECT_THAT(response.inputs(0).shape(), ElementsAre(-1, 4));
  EXPECT_EQ(response.properties().at("kind"), "doubling");

  request.set_name("two");
  response.Clear();
  ASSERT_TRUE(ask(&Stub::ModelMetadata, request, response).ok());
  EXPECT_EQ(response.platform(), "my_platform");
  EXPECT_EQ(response.inputs(1).datatype(), "UINT16");
  EXPECT_THAT(response.inputs(1).shape(), ElementsAre(3, 1));
  EXPECT_THAT(response.outputs(0).shape(), ElementsAre(1)) << "a scalar";

  request.set_name("nobody");
  EXPECT_EQ(ask(&Stub::ModelMetadata, request, response).error_code(), grpc::NOT_FOUND);
}

TEST_F(Query, ModelConfigIsComplete) {
  inference::ModelConfigRequest request;
  request.set_name("two");
  inference::ModelConfigResponse response;
  ASSERT_TRUE(ask(&Stub::ModelConfig, request, response).ok());
  const inference::ModelConfig& config = response.config();
  EXPECT_EQ(config.name(), "two");
  EXPECT_EQ(config.backend(), "strobe");
  EXPECT_EQ(config.input_size(), 2);
  EXPECT_EQ(config.input(0).data_type(), inference::TYPE_FP32);
  EXPECT_EQ(config.input(1).data_type(), inference::TYPE_UINT16);
  EXPECT_THAT(config.input(1).dims(), ElementsAre(3, 1));
  EXPECT_EQ(config.model_repository_agents().agents(0).name(), "checksum");
  request.set_name("doubling");
  ASSERT_TRUE(ask(&Stub::ModelConfig, request, response).ok());
  EXPECT_GE(response.config().max_batch_size(), 1);
}

TEST_F(Query, StatisticsCountRowsLaunchesAndTimes) {
  inference::ModelInferResponse answer;
  for (const int64_t rows : {1, 2, 2}) {
    ASSERT_TRUE(
        ask(&Stub::ModelInfer, doubling_request(std::vector<float>(4 * static_cast<size_t>(rows)), rows), answer).ok());
  }
  inference::ModelStatisticsRequest request;
  request.set_name("doubling");
  request.set_version("3");
  inference::ModelStatisticsResponse response;
  ASSERT_TRUE(ask(&Stub::ModelStatistics, request, response).ok());
  ASSERT_EQ(response.model_stats_size(), 1);
  const inference::ModelStatistics& model = response.model_stats(0);
  EXPECT_EQ(model.inference_count(), 5U);
  EXPECT_EQ(model.execution_count(), 3U);
  EXPECT_GT(model.last_inference(), 1'600'000'000'000U);
  const inference::InferStatistics& times = model.inference_stats();
  for (const auto* duration :
       {&times.success(), &times.queue(), &times.compute_input(), &times.compute_infer(), &times.compute_output()}) {
    EXPECT_EQ(duration->count(), 3U);
  }
  EXPECT_GE(times.success().ns(), times.queue().ns() + times.compute_infer().ns());
  ASSERT_EQ(model.batch_stats_size(), 2);
  EXPECT_EQ(model.batch_stats(1).batch_size(), 2U);
  EXPECT_EQ(model.batch_stats(1).compute_infer().count(), 2U);
  request.clear_name();
  request.clear_version();
  ASSERT_TRUE(ask(&Stub::ModelStatistics, request, response).ok());
  EXPECT_EQ(response.model_stats_size(), 3);
}

TEST_F(Query, CallsThatDoNotExistSaySo) {
  inference::RepositoryIndexResponse index;
  const grpc::Status status = ask(&Stub::RepositoryIndex, {}, index);
  EXPECT_EQ(status.error_code(), grpc::UNIMPLEMENTED);
  EXPECT_THAT(status.error_message(), HasSubstr("RepositoryIndex"));
  inference::SystemSharedMemoryStatusResponse regions;
  EXPECT_EQ(ask(&Stub::SystemSharedMemoryStatus, {}, regions).error_code(), grpc::UNIMPLEMENTED);
  grpc::ClientContext context;
  auto stream = folder.stub().ModelStreamInfer(&context);
  stream->WritesDone();
  EXPECT_EQ(stream->Finish().error_code(), grpc::UNIMPLEMENTED);
}

TEST_F(Query, BytesThatAreNoMessageAreRefused) {
  grpc::GenericStub stub(folder.channel);
  for (const char* method : {"ModelMetadata", "ModelInfer"}) {
    grpc::ClientContext context;
    grpc::CompletionQueue queue;
    const grpc::Slice slice("\xff\xff\xff\xff\xff");
    const grpc::ByteBuffer garbage(&slice, 1);
    auto call =
        stub.PrepareUnaryCall(&context, std::string("/inference.GRPCInferenceService/") + method, garbage, &queue);
    call->StartCall();
    grpc::ByteBuffer answer;
    grpc::Status status;
    call->Finish(&answer, &status, nullptr);
    void* tag = nullptr;
    bool ok = false;
    ASSERT_TRUE(queue.Next(&tag, &ok));
    EXPECT_FALSE(status.ok()) << method;
    EXPECT_NE(status.error_message(), "") << method;
  }
  inference::ServerLiveResponse live;
  EXPECT_TRUE(ask(&Stub::ServerLive, {}, live).ok()) << "still serves";
}

}  // namespace
}  // namespace strobe::server
