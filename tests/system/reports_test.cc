/// What the program tells its users: warnings and reports that must name what they are about.

#include <nlohmann/json.hpp>

#include "host/io/files.h"
#include "tests/system/program_fixture.h"

namespace strobe {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

class Reports : public ProgramTest {
 protected:
  /// The sample jets in physical units, four times as large as the network knows them.
  std::string large_jets() const {
    const auto jets = io::read_npy(kSampleData + "features.npy");
    EXPECT_TRUE(jets.ok()) << jets.status();
    std::vector<double> numbers = jets->numbers();
    for (double& x : numbers) x *= 100.0 / 1024;
    numbers[3] = 5000.5;
    EXPECT_TRUE(io::write_npy(file("large.npy"), io::Array::of(jets->shape(), std::move(numbers))).ok());
    return file("large.npy");
  }

  /// A forest with one score, its events, and labels: whether the score is positive, half of them turned round.
  void one_score() {
    const std::string forests = STROBE_SOURCE_DIR "/tests/data/import/forests/";
    const auto arrays = io::read_npz(forests + "logistic.npz");
    ASSERT_TRUE(arrays.ok()) << arrays.status();
    for (const auto& [name, array] : *arrays) {
      if (name != "inputs") continue;
      ASSERT_TRUE(io::write_npy(file("events.npy"), array).ok());
    }
    ASSERT_EQ(strobe("compile " + forests + "logistic.ubj --target emulator -o " + file("one.xclbin")), 0) << error_;
    ASSERT_EQ(strobe("run " + file("one.xclbin") + " " + file("events.npy") + " -o " + file("scores.npy")), 0)
        << error_;
    const auto scores = io::read_npy(file("scores.npy"));
    ASSERT_TRUE(scores.ok()) << scores.status();
    std::vector<int64_t> labels;
    for (const double score : scores->numbers()) labels.push_back((score > 0) != (labels.size() % 8 == 0) ? 1 : 0);
    const auto rows = static_cast<int64_t>(labels.size());
    ASSERT_TRUE(io::write_npy(file("labels.npy"), io::Array::of({rows}, std::move(labels))).ok());
  }
};

/// File names are bytes; JSON is UTF-8.
TEST_F(Reports, AFileNameThatIsNoUtf8IsReportedAsJsonAllTheSame) {
  const std::string scores = file("sc\xffres.npy");
  ASSERT_EQ(strobe("run " + sample() + " " + kSampleData + "features.npy --raw-in --json -o " + scores), 0) << error_;
  EXPECT_TRUE(std::filesystem::exists(scores));
  EXPECT_THAT(nlohmann::json::parse(output_)["scores"].get<std::string>(), HasSubstr("sc\xef\xbf\xbdres.npy"));
}

TEST_F(Reports, EventsOutsideTheInputTypeNameTensorTypeRangeAndWhatWasFound) {
  const std::string xclbin = sample(), events = large_jets();
  const auto names_all =
      AllOf(HasSubstr("input 'features'"), HasSubstr("element 3 is ap_fixed<16,6>"), HasSubstr("holds -32 to 31.999"),
            HasSubstr("to 5000.5"), HasSubstr("--input-type 'ap_fixed<24,14,AP_RND,AP_SAT>'"));
  ASSERT_EQ(strobe("run " + xclbin + " " + events + " -o " + file("s.npy")), 0) << error_;
  EXPECT_THAT(error_, AllOf(HasSubstr("warning"), names_all));
  ASSERT_EQ(strobe("check " + xclbin + " " + events), 0) << error_;
  EXPECT_THAT(output_, names_all);
}

TEST_F(Reports, TheDefaultInputTypeSaturates) {
  ASSERT_EQ(strobe("compile " + kSampleData + "jets_float.keras --target emulator -o " + file("d.xclbin")), 0)
      << error_;
  ASSERT_EQ(strobe("run " + file("d.xclbin") + " " + large_jets() + " --json"), 0) << error_;
  const auto report = nlohmann::json::parse(output_);
  EXPECT_GT(report["saturated"].get<int>(), 0);
  EXPECT_EQ(report["wrapped"].get<int>(), 0);
}

TEST_F(Reports, ScoresThatWereNotKeptAreSaidToBeSo) {
  ASSERT_EQ(strobe("run " + sample() + " " + kSampleData + "features.npy --raw-in"), 0) << error_;
  EXPECT_THAT(output_, HasSubstr("not kept: name a file with -o"));
}

TEST_F(Reports, OfTwoNamesForOneScoreTheSecondIsTheSignals) {
  one_score();
  const std::string check =
      "check " + file("one.xclbin") + " " + file("events.npy") + " --labels " + file("labels.npy");
  ASSERT_EQ(strobe(check + " --json --classes bkg,sig"), 0) << error_;
  const auto classes = nlohmann::json::parse(output_)["outputs"][0]["classes"];
  ASSERT_EQ(classes.size(), 1u);
  EXPECT_EQ(classes[0]["name"], "sig");
  EXPECT_GT(classes[0]["fixed"]["auc"].get<double>(), 0.5);
  for (const char* names : {"sig", "a,b,c"}) {
    EXPECT_EQ(strobe(check + " --classes " + names), 1);
    EXPECT_THAT(error_, AllOf(HasSubstr("names given"), HasSubstr("expected 2"), HasSubstr("background, signal")));
  }
}

TEST_F(Reports, WorkingPointsShowTheirEventsAndMarkThoseThatRestOnFew) {
  const std::string check =
      "check " + sample() + " " + kSampleData + "features.npy --raw-in --labels " + kSampleData + "labels.npy";
  ASSERT_EQ(strobe(check), 0) << error_;
  EXPECT_THAT(output_, AllOf(HasSubstr(" +- "), HasSubstr("!]"), HasSubstr("rests on fewer than 10")));
  ASSERT_EQ(strobe(check + " --json"), 0) << error_;
  const auto first = nlohmann::json::parse(output_)["outputs"][0]["classes"][0]["fixed"];
  const auto background = first["background_events"].get<double>();
  for (const auto& point : first["background_at_signal"])
    EXPECT_EQ(point["background_events"].get<double>(), std::round(point["background"].get<double>() * background));
  EXPECT_TRUE(first["signal_at_background"][0]["few_events"].get<bool>());
  EXPECT_FALSE(first["signal_at_background"][2]["few_events"].get<bool>());
}

TEST_F(Reports, OverflowsStandBesideTheNumberOfValues) {
  ASSERT_EQ(strobe("check " + sample() + " " + kSampleData + "features.npy --raw-in"), 0) << error_;
  EXPECT_THAT(output_, AllOf(HasSubstr("of values"), HasSubstr("64000")));  // 4000 events of 16
}

TEST_F(Reports, ADeviceThatShouldBeThereButFailsIsAFailure) {
  ASSERT_EQ(strobe("compile " + kSampleData + "jets_hgq.keras --input-type 'ap_fixed<16,6>' --target sw_emu -o " +
                   file("card.xclbin")),
            0)
      << error_;
  const std::string check = "check " + file("card.xclbin") + " " + kSampleData + "features.npy --raw-in";
  std::filesystem::create_directories(file("libexec"));
  ::setenv("STROBE_LIBEXEC", file("libexec").c_str(), 1);
  EXPECT_EQ(strobe(check), 0) << error_;
  EXPECT_THAT(output_, HasSubstr("not available"));
  put("libexec/strobe-device-worker", "#!/bin/sh\nexit 2\n");
  std::filesystem::permissions(file("libexec/strobe-device-worker"), std::filesystem::perms::owner_all);
  EXPECT_EQ(strobe(check), 1);
  ::unsetenv("STROBE_LIBEXEC");
  EXPECT_THAT(output_, HasSubstr("FAILED"));
  EXPECT_THAT(error_, AllOf(HasSubstr("XRT failed"), HasSubstr("same build")));
}

TEST_F(Reports, InspectSaysWhichLayersWereFoldedIntoWhich) {
  ASSERT_EQ(strobe("inspect " + sample() + " --json"), 0) << error_;
  const auto model = nlohmann::json::parse(output_)["models"][0];
  std::set<std::string> nodes;
  for (const auto& layer : model["layers"]) nodes.insert(layer["name"]);
  for (const auto& layer : model.value("folded", nlohmann::json::array()))
    EXPECT_FALSE(nodes.contains(layer["layer"])) << layer;
}

}  // namespace
}  // namespace strobe
