#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>
#include <numeric>
#include <random>
#include <thread>

#include "tests/host/server/served_folder.h"

namespace strobe::server {
namespace {

using inference::ModelInferRequest;
using inference::ModelInferResponse;
using strobe::testing::doubling_request;
using strobe::testing::pack;
using strobe::testing::ServedFolder;
using strobe::testing::unpack;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

grpc::Status infer(ServedFolder& folder, const ModelInferRequest& request, ModelInferResponse& response) {
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(20));
  return folder.stub().ModelInfer(&context, request, &response);
}

class Infer : public ::testing::Test {
 protected:
  void SetUp() override {
    folder.write("doubling/1/model.xclbin", "doubling");
    folder.write("doubling/12/model.xclbin", "doubling");
    folder.write("raw/1/model.xclbin", "doubling");
    folder.write("raw/config.pbtxt",
                 "max_batch_size: 100 input [{name: 'x' data_type: TYPE_INT16 dims: [4]}] "
                 "output [{name: 'y' data_type: TYPE_INT32}]");
    folder.write("single/1/model.xclbin", "doubling");
    folder.write("single/config.pbtxt", "max_batch_size: 0");
    folder.write("two/3/model.xclbin", "two");
    folder.serve();
  }
  ServedFolder folder;
  ModelInferResponse response;
};

TEST_F(Infer, AnswersRawAndEchoesIdAndVersion) {
  ModelInferRequest request = doubling_request({0.5F, 1, 2, -3, 4, 5, 6, 7}, 2);
  request.set_id("jet 17");
  ASSERT_TRUE(infer(folder, request, response).ok());
  EXPECT_EQ(response.model_name(), "doubling");
  EXPECT_EQ(response.model_version(), "12") << "the newest";
  EXPECT_EQ(response.id(), "jet 17");
  ASSERT_EQ(response.outputs_size(), 1);
  EXPECT_EQ(response.outputs(0).name(), "y");
  EXPECT_EQ(response.outputs(0).datatype(), "FP32");
  EXPECT_THAT(response.outputs(0).shape(), ElementsAre(2, 4));
  EXPECT_FALSE(response.outputs(0).has_contents());
  EXPECT_THAT(unpack<float>(response.raw_output_contents(0)), ElementsAre(2, 4, 8, -12, 16, 20, 24, 28));
}

TEST_F(Infer, ServesTheVersionThatIsAskedFor) {
  ModelInferRequest request = doubling_request({1, 1, 1, 1}, 1);
  request.set_model_version("1");
  ASSERT_TRUE(infer(folder, request, response).ok());
  EXPECT_EQ(response.model_version(), "1");
}

TEST_F(Infer, TakesTypedContents) {
  ModelInferRequest request = doubling_request({}, 1);
  request.clear_raw_input_contents();
  for (const float value : {1.0F, 2.0F, 3.0F, 4.0F})
    request.mutable_inputs(0)->mutable_contents()->add_fp32_contents(value);
  ASSERT_TRUE(infer(folder, request, response).ok());
  EXPECT_THAT(unpack<float>(response.raw_output_contents(0)), ElementsAre(4, 8, 12, 16));
}

TEST_F(Infer, PassesRawIntegersThrough) {
  ModelInferRequest request = doubling_request({}, 1);
  request.set_model_name("raw");
  request.mutable_inputs(0)->set_datatype("INT16");
  request.set_raw_input_contents(0, pack<int16_t>({1, -2, 300, 16383}));
  ASSERT_TRUE(infer(folder, request, response).ok());
  EXPECT_EQ(response.outputs(0).datatype(), "INT32");
  EXPECT_THAT(unpack<int32_t>(response.raw_output_contents(0)), ElementsAre(2, -4, 600, 32766));

  request.clear_raw_input_contents();
  for (const int value : {5, -6, 7, 8}) request.mutable_inputs(0)->mutable_contents()->add_int_contents(value);
  ASSERT_TRUE(infer(folder, request, response).ok());
  EXPECT_THAT(unpack<int32_t>(response.raw_output_contents(0)), ElementsAre(10, -12, 14, 16));
}

TEST_F(Infer, HasNoBatchAxisWhereTheConfigurationSaysZero) {
  ModelInferRequest request = doubling_request({1, 2, 3, 4}, 1);
  request.set_model_name("single");
  request.mutable_inputs(0)->mutable_shape()->Clear();
  request.mutable_inputs(0)->add_shape(4);
  ASSERT_TRUE(infer(folder, request, response).ok());
  EXPECT_THAT(response.outputs(0).shape(), ElementsAre(4));
}

TEST_F(Infer, TakesInputsAndOutputsInAnyOrder) {
  ModelInferRequest request;
  request.set_model_name("two");
  auto* b = request.add_inputs();
  b->set_name("b");
  b->set_datatype("FP32");
  for (const int extent : {2, 3, 1}) b->add_shape(extent);
  auto* a = request.add_inputs();
  a->set_name("a");
  a->set_datatype("FP32");
  for (const int extent : {2, 2}) a->add_shape(extent);
  request.add_raw_input_contents(pack<float>({1, 2, 3, 10, 20, 30}));
  request.add_raw_input_contents(pack<float>({0.5F, -1, 7, -8}));
  ASSERT_TRUE(infer(folder, request, response).ok());
  EXPECT_EQ(response.outputs(0).name(), "sum");
  EXPECT_THAT(response.outputs(0).shape(), ElementsAre(2, 1));
  EXPECT_THAT(unpack<float>(response.raw_output_contents(0)), ElementsAre(6, 60));

  request.add_outputs()->set_name("copy");
  request.add_outputs()->set_name("sum");
  ASSERT_TRUE(infer(folder, request, response).ok());
  ASSERT_EQ(response.raw_output_contents_size(), 2);
  EXPECT_EQ(response.outputs(0).name(), "copy");
  EXPECT_THAT(unpack<float>(response.raw_output_contents(0)), ElementsAre(0.5F, -1, 7, -8));
  EXPECT_THAT(unpack<float>(response.raw_output_contents(1)), ElementsAre(6, 60));

  request.mutable_outputs()->RemoveLast();
  ASSERT_TRUE(infer(folder, request, response).ok());
  EXPECT_EQ(response.raw_output_contents_size(), 1);
}

TEST_F(Infer, AcceptsTheParametersThatClientsSend) {
  ModelInferRequest request = doubling_request({1, 2, 3, 4}, 1);
  auto& parameters = *request.mutable_parameters();
  parameters["triton_enable_empty_final_response"].set_bool_param(true);
  parameters["priority"].set_uint64_param(1);
  parameters["timeout"].set_int64_param(10'000'000);
  parameters["sequence_id"].set_int64_param(0);
  parameters["my_tag"].set_string_param("kept to the client");
  EXPECT_TRUE(infer(folder, request, response).ok());
}

TEST_F(Infer, AnswersBatchesLargerThanASlot) {
  const int64_t rows = 50'000;
  std::vector<float> values(static_cast<size_t>(rows) * 4);
  const unsigned seed = 3;
  SCOPED_TRACE(::testing::Message() << "seed " << seed);
  std::mt19937 random(seed);
  for (float& value : values) value = static_cast<float>(random() % 1000) / 64;
  ASSERT_TRUE(infer(folder, doubling_request(values, rows), response).ok());
  const std::vector<float> answers = unpack<float>(response.raw_output_contents(0));
  ASSERT_EQ(answers.size(), values.size());
  for (size_t i = 0; i < values.size(); ++i) ASSERT_EQ(answers[i], 4 * values[i]) << i;
}

TEST_F(Infer, KeepsManyClientsApart) {
  std::vector<std::thread> clients;
  std::atomic<int> wrong{0};
  for (int client = 0; client < 8; ++client) {
    clients.emplace_back([&, client] {
      for (int i = 0; i < 100; ++i) {
        const auto value = static_cast<float>((client * 100 + i) % 8);
        const int64_t rows = 1 + (client + i) % 3;
        ModelInferRequest request = doubling_request(std::vector<float>(static_cast<size_t>(rows) * 4, value), rows);
        request.set_id(std::to_string(client * 1000 + i));
        ModelInferResponse answer;
        const bool good = infer(folder, request, answer).ok() && answer.id() == request.id() &&
                          unpack<float>(answer.raw_output_contents(0)) ==
                              std::vector<float>(static_cast<size_t>(rows) * 4, 4 * value);
        if (!good) ++wrong;
      }
    });
  }
  for (std::thread& client : clients) client.join();
  EXPECT_EQ(wrong, 0);
}

TEST(Infers, TakeMoreCallsAtOnceThanWaitForThem) {
  ServedFolder busy;
  busy.loader.automatic = false;
  busy.write("doubling/1/model.xclbin", "doubling");
  runtime::RunnerOptions runner;
  runner.slots_per_unit = 1;
  busy.open(runner);
  ServerOptions options;
  options.waiting_calls = 2;
  busy.serve(options);
  constexpr int kCalls = 200;
  grpc::CompletionQueue queue;
  struct Call {
    grpc::ClientContext context;
    ModelInferResponse response;
    grpc::Status status;
    std::unique_ptr<grpc::ClientAsyncResponseReader<ModelInferResponse>> reader;
  };
  std::vector<std::unique_ptr<Call>> calls;
  const ModelInferRequest request = doubling_request({1, 2, 3, 4}, 1);
  for (int i = 0; i < kCalls; ++i) {
    calls.push_back(std::make_unique<Call>());
    Call& call = *calls.back();
    call.reader = busy.stub().AsyncModelInfer(&call.context, request, &queue);
    call.reader->Finish(&call.response, &call.status, &call);
  }
  busy.loader.device().wait_for_launches(1);
  std::thread finisher([&] {
    size_t rows = 0;
    for (size_t launch = 1; rows < kCalls; ++launch) {
      const std::vector<size_t> sizes = busy.loader.device().wait_for_launches(launch);
      if (sizes.empty()) break;
      rows = std::accumulate(sizes.begin(), sizes.begin() + static_cast<long>(launch), size_t{0});
      busy.loader.device().finish();
    }
  });
  for (int i = 0; i < kCalls; ++i) {
    void* tag = nullptr;
    bool ok = false;
    ASSERT_TRUE(queue.Next(&tag, &ok));
    EXPECT_TRUE(static_cast<Call*>(tag)->status.ok()) << static_cast<Call*>(tag)->status.error_message();
  }
  finisher.join();
}

TEST(Cancellation, DropsACallBeforeItStarts) {
  ServedFolder busy;
  busy.loader.automatic = false;
  busy.write("doubling/1/model.xclbin", "doubling");
  runtime::RunnerOptions runner;
  runner.slots_per_unit = 1;
  busy.open(runner);
  busy.serve();
  strobe::testing::ScriptedDevice& device = busy.loader.device();
  const auto call = [&](grpc::ClientContext& context) {
    return std::async(std::launch::async, [&] {
      ModelInferResponse answer;
      return busy.stub().ModelInfer(&context, doubling_request({1, 2, 3, 4}, 1), &answer);
    });
  };
  grpc::ClientContext running_context, cancelled_context, last_context;
  auto running = call(running_context);
  ASSERT_EQ(device.wait_for_launches(1).size(), 1U);
  auto cancelled = call(cancelled_context);  // waits on the server: the only slot is in flight
  runtime::ModelRunner& model = *(*busy.store->find("doubling", ""))->runner;
  while (model.waiting() == 0) std::this_thread::yield();
  cancelled_context.TryCancel();
  EXPECT_EQ(cancelled.get().error_code(), grpc::StatusCode::CANCELLED);
  auto last = call(last_context);
  while (model.waiting() < 2) std::this_thread::yield();  // behind it on the same connection, so the server knows
  device.finish();
  EXPECT_TRUE(running.get().ok());
  EXPECT_THAT(device.wait_for_launches(2), ElementsAre(1, 1)) << "the cancelled row is not in the second launch";
  device.finish();
  EXPECT_TRUE(last.get().ok());
}

}  // namespace
}  // namespace strobe::server
