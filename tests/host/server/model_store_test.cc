#include "host/server/model_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "host/server/config_text.h"
#include "tests/host/server/served_folder.h"

namespace strobe::server {
namespace {

using strobe::testing::ServedFolder;
using ::testing::HasSubstr;

TEST(ConfigText, SaysFileLineAndColumnOfAnError) {
  const auto config = parse_config("m/config.pbtxt", "name: 'm'\nmax_batchsize: 4\n");
  EXPECT_EQ(config.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(config.status().message()), HasSubstr("m/config.pbtxt:2:"));
  EXPECT_THAT(std::string(config.status().message()), HasSubstr("max_batchsize"));
}

TEST(ModelStore, SaysThatAFolderIsMissing) {
  ServedFolder folder;
  const auto store = ModelStore::open(folder.path() + "/none", folder.loader, {}, [](const std::string&) {});
  EXPECT_EQ(store.status().code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(store.status().message()), HasSubstr("/none': No such file or directory"));
}

TEST(ModelStore, ServesTheRestWhereAModelIsBroken) {
  ServedFolder folder;
  folder.write("good/2/model.xclbin", "doubling");
  folder.write("good/10/model.xclbin", "doubling");
  folder.write("good/old/model.xclbin", "doubling");
  folder.write("scrap/1/model.xclbin", "scrap");
  folder.write("empty/README", "nothing here");
  folder.write("hollow/1/README", "no model");
  folder.write("bad_config/1/model.xclbin", "doubling");
  folder.write("bad_config/config.pbtxt", "input [{name: 'q'}]");
  folder.write("typo/1/model.xclbin", "doubling");
  folder.write("typo/config.pbtxt", "max_batch: 3");
  folder.open();
  EXPECT_EQ((*folder.store->find("good", ""))->version, 10);
  EXPECT_EQ((*folder.store->find("good", "2"))->version, 2);
  for (const char* name : {"scrap", "empty", "hollow", "bad_config", "typo"}) {
    EXPECT_EQ(folder.store->find(name, "").status().code(), absl::StatusCode::kUnavailable) << name;
  }
  EXPECT_TRUE(folder.store->ready());
  const std::string log = folder.log();
  EXPECT_THAT(log, HasSubstr("model 'good' version 10 is ready"));
  EXPECT_THAT(log, HasSubstr("good/old: ignored, a version is a positive integer"));
  EXPECT_THAT(log, HasSubstr("model 'scrap' version 1 is not served: "));
  EXPECT_THAT(log, HasSubstr("model 'empty' is not served: no version found"));
  EXPECT_THAT(log, HasSubstr("hollow/1: expected model.xclbin or model.sfi, found neither"));
  EXPECT_THAT(log, HasSubstr("the model has no input 'q'; it has x"));
  EXPECT_THAT(log, HasSubstr("typo/config.pbtxt:1:"));
}

TEST(ModelStore, FollowsTheVersionPolicy) {
  ServedFolder folder;
  for (const char* version : {"1", "2", "3"}) folder.write(std::string("m/") + version + "/model.xclbin", "doubling");
  folder.write("m/config.pbtxt", "version_policy: { specific: { versions: [1, 2] } }");
  folder.open();
  EXPECT_EQ(folder.store->versions("m").size(), 2U);
  EXPECT_EQ((*folder.store->find("m", ""))->version, 2);
}

TEST(ModelStore, TakesTheModelThatTheFolderIsNamedAfterOrTheConfigurationNames) {
  ServedFolder folder;
  folder.write("two/1/model.xclbin", "doubling two");
  folder.write("fast/1/model.xclbin", "doubling two");
  folder.write("fast/config.pbtxt", "parameters { key: 'kernel' value { string_value: 'doubling' } }");
  folder.write("other/1/model.xclbin", "doubling two");
  folder.open();
  EXPECT_EQ((*folder.store->find("two", ""))->properties.at("kind"), "two");
  EXPECT_EQ((*folder.store->find("fast", ""))->properties.at("kind"), "doubling");
  EXPECT_EQ(folder.store->find("other", "").status().code(), absl::StatusCode::kUnavailable);
}

TEST(ModelStore, TakesAForestForTheEngineOfTheFolderOrTheOneThatIsNamed) {
  ServedFolder folder;
  folder.write("engine.xclbin", "");
  folder.write("other.xclbin", "");
  folder.write("a/1/model.sfi", "doubling");
  folder.write("b/1/model.sfi", "doubling");
  folder.write("b/config.pbtxt", "parameters { key: 'engine' value { string_value: 'other.xclbin' } }");
  folder.write("c/1/model.sfi", "doubling");
  folder.write("c/config.pbtxt", "parameters { key: 'engine' value { string_value: 'none.xclbin' } }");
  folder.open();
  EXPECT_EQ((*folder.store->find("a", ""))->properties.at("engine"), "engine.xclbin");
  EXPECT_EQ((*folder.store->find("b", ""))->properties.at("engine"), "other.xclbin");
  EXPECT_EQ(folder.store->find("c", "").status().code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(folder.log(), HasSubstr("none.xclbin: no such file"));
}

TEST(ModelStore, ServesWhatIsAddedWhileTheOldGoesOn) {
  ServedFolder folder;
  folder.write("m/1/model.xclbin", "doubling");
  folder.open();
  ServedModel* old = *folder.store->find("m", "");
  folder.write("m/2/model.xclbin", "doubling");
  folder.write("n/1/model.xclbin", "two");
  folder.store->refresh();
  EXPECT_EQ((*folder.store->find("m", ""))->version, 2);
  EXPECT_EQ(*folder.store->find("m", "1"), old);
  EXPECT_EQ((*folder.store->find("n", ""))->properties.at("kind"), "two");
}

TEST(ModelStore, KeepsTheOldVersionWhereTheNewOneIsBrokenAndSaysSoOnce) {
  ServedFolder folder;
  folder.write("m/1/model.xclbin", "doubling");
  folder.write("m/config.pbtxt", "version_policy: { latest: { num_versions: 1 } }");
  folder.open();
  folder.write("m/2/model.xclbin", "half a fi");
  for (int i = 0; i < 3; ++i) folder.store->refresh();
  EXPECT_EQ((*folder.store->find("m", ""))->version, 1);
  EXPECT_TRUE((*folder.store->find("m", ""))->runner->health().ok());
  const std::string log = folder.log(), line = "model 'm' version 2 is not served: ";
  EXPECT_EQ(log.find(line), log.rfind(line)) << log;
  folder.write("m/2/model.xclbin", "doubling");
  folder.store->refresh();
  EXPECT_EQ((*folder.store->find("m", ""))->version, 2);
}

TEST(ModelStore, StopsAVersionThatThePolicyDropsOneRefreshLater) {
  ServedFolder folder;
  folder.write("m/1/model.xclbin", "doubling");
  folder.write("m/config.pbtxt", "version_policy: { latest: { num_versions: 1 } }");
  folder.open();
  ServedModel* old = *folder.store->find("m", "");
  folder.write("m/2/model.xclbin", "doubling");
  folder.store->refresh();
  EXPECT_EQ((*folder.store->find("m", ""))->version, 2);
  EXPECT_EQ(folder.store->find("m", "1").status().code(), absl::StatusCode::kNotFound);
  EXPECT_TRUE(old->runner->health().ok());  // whoever found it before is still answered
  folder.store->refresh();
  EXPECT_FALSE(old->runner->health().ok());
  EXPECT_THAT(folder.log(), HasSubstr("model 'm' version 1 is no longer served"));
}

struct BadConfig {
  const char* text;
  const char* message;
};

class ConfigOfAModel : public ::testing::TestWithParam<BadConfig> {};

TEST_P(ConfigOfAModel, IsRefusedWhereItContradictsTheModel) {
  ServedFolder folder;
  folder.write("m/1/model.xclbin", "doubling");
  folder.write("m/config.pbtxt", GetParam().text);
  folder.open();
  EXPECT_THAT(folder.log(), HasSubstr(GetParam().message));
  EXPECT_FALSE(folder.store->ready());
}

INSTANTIATE_TEST_SUITE_P(
    All, ConfigOfAModel,
    ::testing::Values(
        BadConfig{"name: 'other'", "name is 'other', the folder is 'm'"},
        BadConfig{"max_batch_size: -1", "max_batch_size must be 0 or more, found -1"},
        BadConfig{"input [{name: 'x' dims: [5]}]", "tensor 'x': dims are [5], the model's are [4]"},
        BadConfig{"input [{name: 'x' data_type: TYPE_STRING}]", "data_type TYPE_STRING is not supported"},
        BadConfig{"output [{name: 'y' data_type: TYPE_INT8}]", "int8 cannot hold the raw values -32768..32767"},
        BadConfig{"output [{name: 'w'}]", "the model has no output 'w'; it has y"},
        BadConfig{"ensemble_scheduling {}", "ensemble_scheduling is not supported"},
        BadConfig{"model_transaction_policy { decoupled: true }", "decoupled transactions are not supported"}));

}  // namespace
}  // namespace strobe::server
