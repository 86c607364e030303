// Every refusal of the inference call: its code, and the words that clients' logs are searched for.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <limits>

#include "tests/host/server/served_folder.h"

namespace strobe::server {
namespace {

using inference::ModelInferRequest;
using inference::ModelInferResponse;
using strobe::testing::doubling_request;
using strobe::testing::pack;
using strobe::testing::ServedFolder;

struct Refusal {
  const char* name;
  std::function<void(ModelInferRequest&)> spoil;  ///< applied to a good request of two rows
  grpc::StatusCode code;
  const char* text;
};

void set_shape(ModelInferRequest& request, std::vector<int64_t> shape) {
  request.mutable_inputs(0)->mutable_shape()->Assign(shape.begin(), shape.end());
}

constexpr int64_t kHuge = std::numeric_limits<int64_t>::max();

const Refusal kRefusals[] = {
    {"UnknownModel", [](auto& r) { r.set_model_name("m"); }, grpc::NOT_FOUND,
     "Request for unknown model: 'm' is not found"},
    {"EmptyModelName", [](auto& r) { r.clear_model_name(); }, grpc::NOT_FOUND,
     "Request for unknown model: '' is not found"},
    {"TraversingModelName", [](auto& r) { r.set_model_name("../doubling"); }, grpc::NOT_FOUND,
     "Request for unknown model: '../doubling' is not found"},
    {"BrokenVersion", [](auto& r) { r.set_model_version("7"); }, grpc::UNAVAILABLE,
     "Request for unknown model: 'doubling' version 7 is not at ready state"},
    {"UnknownVersion", [](auto& r) { r.set_model_version("9"); }, grpc::NOT_FOUND,
     "Request for unknown model: 'doubling' version 9 is not found"},
    {"NegativeVersion", [](auto& r) { r.set_model_version("-1"); }, grpc::INVALID_ARGUMENT,
     "failed to get model version from specified version string '-1' for model 'doubling': expected a positive "
     "integer"},
    {"WordVersion", [](auto& r) { r.set_model_version("latest"); }, grpc::INVALID_ARGUMENT,
     "failed to get model version from specified version string 'latest' for model 'doubling': expected a positive "
     "integer"},
    {"HugeVersion", [](auto& r) { r.set_model_version("99999999999999999999"); }, grpc::INVALID_ARGUMENT,
     "failed to get model version from specified version string '99999999999999999999' for model 'doubling': expected "
     "a "
     "positive integer"},
    {"NoInputs",
     [](auto& r) {
       r.clear_inputs();
       r.clear_raw_input_contents();
     },
     grpc::INVALID_ARGUMENT, "expected 1 inputs but got 0 inputs for model 'doubling'"},
    {"TooManyInputs", [](auto& r) { *r.add_inputs() = r.inputs(0); }, grpc::INVALID_ARGUMENT,
     "expected 1 inputs but got 2 inputs for model 'doubling'"},
    {"WrongInputName", [](auto& r) { r.mutable_inputs(0)->set_name("z"); }, grpc::INVALID_ARGUMENT,
     "unexpected inference input 'z' for model 'doubling'; it has: 'x'"},
    {"WrongOutputName", [](auto& r) { r.add_outputs()->set_name("z"); }, grpc::INVALID_ARGUMENT,
     "unexpected inference output 'z' for model 'doubling'; it has: 'y'"},
    {"OutputTwice",
     [](auto& r) {
       r.add_outputs()->set_name("y");
       r.add_outputs()->set_name("y");
     },
     grpc::INVALID_ARGUMENT, "output 'y' is requested twice for model 'doubling'"},
    {"WrongDatatype", [](auto& r) { r.mutable_inputs(0)->set_datatype("INT16"); }, grpc::INVALID_ARGUMENT,
     "inference input 'x' data-type is 'INT16', but model 'doubling' expects 'FP32'"},
    {"WrongExtent",
     [](auto& r) {
       set_shape(r, {1, 8});
     },
     grpc::INVALID_ARGUMENT, "unexpected shape for input 'x' for model 'doubling'. Expected [-1,4], got [1,8]"},
    {"MissingBatchAxis", [](auto& r) { set_shape(r, {4}); }, grpc::INVALID_ARGUMENT,
     "unexpected shape for input 'x' for model 'doubling'. Expected [-1,4], got [4]"},
    {"NoShape", [](auto& r) { set_shape(r, {}); }, grpc::INVALID_ARGUMENT,
     "unexpected shape for input 'x' for model 'doubling'. Expected [-1,4], got []"},
    {"ZeroRows",
     [](auto& r) {
       set_shape(r, {0, 4});
       r.set_raw_input_contents(0, "");
     },
     grpc::INVALID_ARGUMENT, "unexpected shape for input 'x' for model 'doubling'. Expected [-1,4], got [0,4]"},
    {"NegativeRows",
     [](auto& r) {
       set_shape(r, {-2, 4});
     },
     grpc::INVALID_ARGUMENT, "unexpected shape for input 'x' for model 'doubling'. Expected [-1,4], got [-2,4]"},
    {"NegativeExtents",
     [](auto& r) {
       set_shape(r, {-2, -4});
     },
     grpc::INVALID_ARGUMENT, "unexpected shape for input 'x' for model 'doubling'. Expected [-1,4], got [-2,-4]"},
    {"OverflowingShape",
     [](auto& r) {
       set_shape(r, {int64_t{1} << 62, 4});
     },
     grpc::INVALID_ARGUMENT, "inference request batch-size must be <= 65536 for 'doubling'"},
    {"HugeExtent",
     [](auto& r) {
       set_shape(r, {1, kHuge});
     },
     grpc::INVALID_ARGUMENT,
     "unexpected shape for input 'x' for model 'doubling'. Expected [-1,4], got [1,9223372036854775807]"},
    {"BatchTooLarge",
     [](auto& r) {
       set_shape(r, {65537, 4});
     },
     grpc::INVALID_ARGUMENT, "inference request batch-size must be <= 65536 for 'doubling'"},
    {"ByteTooFew", [](auto& r) { r.mutable_raw_input_contents(0)->pop_back(); }, grpc::INVALID_ARGUMENT,
     "input byte size mismatch for input 'x' for model 'doubling'. Expected 32, got 31"},
    {"ByteTooMany", [](auto& r) { r.mutable_raw_input_contents(0)->push_back('\0'); }, grpc::INVALID_ARGUMENT,
     "input byte size mismatch for input 'x' for model 'doubling'. Expected 32, got 33"},
    {"NoContents", [](auto& r) { r.clear_raw_input_contents(); }, grpc::INVALID_ARGUMENT,
     "input byte size mismatch for input 'x' for model 'doubling'. Expected 32, got 0"},
    {"RawEntryTooMany", [](auto& r) { r.add_raw_input_contents("more"); }, grpc::INVALID_ARGUMENT,
     "expected 1 raw input contents but got 2 for model 'doubling'"},
    {"RawAndTyped", [](auto& r) { r.mutable_inputs(0)->mutable_contents()->add_fp32_contents(1); },
     grpc::INVALID_ARGUMENT,
     "contents field must not be specified when using raw_input_contents for 'x' for model 'doubling'"},
    {"TypedOfAnotherType",
     [](auto& r) {
       r.clear_raw_input_contents();
       for (int i = 0; i < 8; ++i) r.mutable_inputs(0)->mutable_contents()->add_int_contents(1);
     },
     grpc::INVALID_ARGUMENT,
     "unexpected explicit tensor data for input 'x' for model 'doubling': expected only contents of data-type 'FP32'"},
    {"NotANumber",
     [](auto& r) {
       r.set_raw_input_contents(0, pack<float>({0, 0, 0, 0, 0, 0, std::nanf(""), 0}));
     },
     grpc::INVALID_ARGUMENT,
     "tensor 'x': row 1, element 2 is NaN; only finite numbers convert to ap_fixed<16,6,AP_RND,AP_SAT>"},
    {"ReservedParameter", [](auto& r) { (*r.mutable_parameters())["triton_anything"].set_bool_param(true); },
     grpc::INVALID_ARGUMENT,
     "parameter 'triton_anything' is reserved: names that begin with 'triton_' are not accepted"},
    {"NegativeTimeout", [](auto& r) { (*r.mutable_parameters())["timeout"].set_int64_param(-1); },
     grpc::INVALID_ARGUMENT, "parameter 'timeout' must be an integer of 0 or more"},
    {"WordPriority", [](auto& r) { (*r.mutable_parameters())["priority"].set_string_param("high"); },
     grpc::INVALID_ARGUMENT, "parameter 'priority' must be an integer of 0 or more"},
    {"SharedMemoryInput",
     [](auto& r) { (*r.mutable_inputs(0)->mutable_parameters())["shared_memory_region"].set_string_param("r"); },
     grpc::NOT_FOUND, "Unable to find shared memory region: 'r'"},
    {"SharedMemoryOutput",
     [](auto& r) {
       r.add_outputs()->set_name("y");
       (*r.mutable_outputs(0)->mutable_parameters())["shared_memory_region"].set_string_param("r");
     },
     grpc::NOT_FOUND, "Unable to find shared memory region: 'r'"},
    {"Classification",
     [](auto& r) {
       r.add_outputs()->set_name("y");
       (*r.mutable_outputs(0)->mutable_parameters())["classification"].set_int64_param(3);
     },
     grpc::UNIMPLEMENTED, "output 'y': classification is not supported"},
};

/// One server for all cases.
class InferError : public ::testing::TestWithParam<Refusal> {
 protected:
  static void SetUpTestSuite() {
    folder_ = new ServedFolder;
    folder_->write("doubling/1/model.xclbin", "doubling");
    folder_->write("doubling/7/model.xclbin", "scrap");
    folder_->write("two/1/model.xclbin", "two");
    folder_->serve();
  }
  static void TearDownTestSuite() { delete std::exchange(folder_, nullptr); }
  static ServedFolder* folder_;
};
ServedFolder* InferError::folder_ = nullptr;

TEST_P(InferError, HasTheCodeAndTheWords) {
  ModelInferRequest request = doubling_request({1, 2, 3, 4, 5, 6, 7, 8}, 2);
  GetParam().spoil(request);
  grpc::ClientContext context;
  ModelInferResponse response;
  const grpc::Status status = folder_->stub().ModelInfer(&context, request, &response);
  EXPECT_EQ(status.error_code(), GetParam().code);
  EXPECT_EQ(status.error_message(), GetParam().text);

  grpc::ClientContext again;
  EXPECT_TRUE(folder_->stub().ModelInfer(&again, doubling_request({1, 2, 3, 4}, 1), &response).ok()) << "still serves";
}

INSTANTIATE_TEST_SUITE_P(All, InferError, ::testing::ValuesIn(kRefusals),
                         [](const auto& param_info) { return std::string(param_info.param.name); });

TEST_F(InferError, NamesInputsOfDifferentBatch) {
  ModelInferRequest request;
  request.set_model_name("two");
  for (const auto& [name, shape] : {std::pair{"a", std::vector<int64_t>{1, 2}}, {"b", {2, 3, 1}}}) {
    auto* input = request.add_inputs();
    input->set_name(name);
    input->set_datatype("FP32");
    input->mutable_shape()->Assign(shape.begin(), shape.end());
  }
  request.add_raw_input_contents(std::string(8, '\0'));
  request.add_raw_input_contents(std::string(24, '\0'));
  ModelInferResponse response;
  grpc::ClientContext context;
  const grpc::Status status = folder_->stub().ModelInfer(&context, request, &response);
  EXPECT_EQ(status.error_code(), grpc::INVALID_ARGUMENT);
  EXPECT_EQ(status.error_message(), "input 'b' batch size does not match other inputs for 'two'");

  *request.mutable_inputs(1) = request.inputs(0);
  grpc::ClientContext twice;
  EXPECT_EQ(folder_->stub().ModelInfer(&twice, request, &response).error_message(),
            "input 'a' is given twice for model 'two'");
}

TEST_F(InferError, CountsNoClientMistakeAsFailure) {
  inference::ModelStatisticsRequest request;
  inference::ModelStatisticsResponse response;
  grpc::ClientContext context;
  ASSERT_TRUE(folder_->stub().ModelStatistics(&context, request, &response).ok());
  for (const auto& model : response.model_stats()) EXPECT_EQ(model.inference_stats().fail().count(), 0U);
}

TEST_F(InferError, RefusesAMessageAboveTheLimit) {
  ServedFolder folder;
  folder.write("doubling/1/model.xclbin", "doubling");
  ServerOptions options;
  options.max_message_bytes = 1 << 16;
  folder.serve(options);
  grpc::ClientContext context;
  ModelInferResponse response;
  const auto request = doubling_request(std::vector<float>(4 * 5000), 5000);
  EXPECT_EQ(folder.stub().ModelInfer(&context, request, &response).error_code(), grpc::RESOURCE_EXHAUSTED);

  grpc::ClientContext squeezed;  // small on the wire, large in memory
  squeezed.set_compression_algorithm(GRPC_COMPRESS_GZIP);
  EXPECT_EQ(folder.stub().ModelInfer(&squeezed, request, &response).error_code(), grpc::RESOURCE_EXHAUSTED);
}

}  // namespace
}  // namespace strobe::server
