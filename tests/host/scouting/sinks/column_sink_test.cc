#include "column_reader.h"

namespace strobe::scouting {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

struct Kind {
  const char *kind, *compression;
};

class ColumnSink : public SinkTest, public testing::WithParamInterface<Kind> {
 protected:
  ColumnSink() {
    settings_.kind = GetParam().kind;
    settings_.compression = GetParam().compression;
    settings_.flush_orbits = 50;
    setup_.metadata = {{"configuration", "sources:\n  - \"µ\"\n"}, {"empty", ""}};
  }
  bool npy() const { return settings_.kind == "npy"; }
  std::string name(uint32_t section, uint32_t index = 0) const {
    char text[64];
    std::snprintf(text, sizeof text, "run000042_ls%04u_index%06u%s", section, index, npy() ? "" : ".h5");
    return text;
  }
  std::string aside(uint32_t section) const { return "." + name(section) + ".part"; }
  Table table(const std::string& file) const {
    return npy() ? read_npy_folder(folder_ / file) : read_hdf5(folder_ / file);
  }

  MuonOrbits orbits_{4};
};

TEST_P(ColumnSink, WritesEveryFieldOfTheKeptCrossings) {
  const auto sink = open();
  EXPECT_FALSE(sink->wants_payload());
  Table expected;
  uint64_t kept = 0;
  for (uint32_t number = 0; number < 320; ++number) {
    const double share = number % 3 == 0 ? 1 : number % 3 == 1 ? 0.4 : 0;
    const auto made = orbits_.make(number, number % 50 == 7 ? 0 : 800, share);
    ASSERT_TRUE(sink->write(made->finished()).ok());
    expect_orbit(expected, *made);
    kept += made->finished().kept;
  }
  EXPECT_THAT(files(), ElementsAre(aside(1)));
  const absl::Status closed = sink->close();
  ASSERT_TRUE(closed.ok()) << closed;
  EXPECT_THAT(files(), ElementsAre(name(1)));
  EXPECT_GT(expected["muons/muon/pt"].size(), 2u * 65536) << "the test is to fill chunks";
  expect_equal(table(name(1)), expected);
  EXPECT_EQ(sink->counts().orbits, 320u);
  EXPECT_EQ(sink->counts().crossings, kept);
  EXPECT_EQ(sink->counts().objects, expected["muons/muon/pt"].size());
  EXPECT_EQ(sink->counts().files, 1u);
}

TEST_P(ColumnSink, WritesResultsWithTheirCrossings) {
  setup_.objects = false;
  setup_.results = {{"dimuon/score", runtime::ElementKind::kFloat32, 1}, {"code", runtime::ElementKind::kInt16, 3}};
  const auto sink = open();
  Table expected;
  for (uint32_t number = 0; number < 100; ++number) {
    const auto made = orbits_.make(number, 300, number % 2 == 0 ? 0.3 : 1);
    std::vector<float> scores;
    std::vector<int16_t> codes;
    std::vector<uint32_t> score_rows, code_rows;
    double row = static_cast<double>(expected["crossings/bx"].size());
    for (uint32_t c = 0; c < made->keep.size(); ++c) {
      const bool has_code = c % 5 == 1;
      score_rows.push_back(c);
      scores.push_back(static_cast<float>(number) + static_cast<float>(c) / 4096);
      if (has_code) code_rows.push_back(c);
      for (int i = 0; has_code && i < 3; ++i) codes.push_back(static_cast<int16_t>(c - 100 * i));
      if (!made->keep[c]) continue;
      expected["crossings/orbit"].push_back(number);
      expected["crossings/bx"].push_back(made->part.crossings[c]);
      expected["results/dimuon/score/values"].push_back(scores.back());
      expected["results/dimuon/score/crossing"].push_back(row);
      if (has_code) expected["results/code/crossing"].push_back(row);
      for (size_t i = 3; has_code && i > 0; --i) expected["results/code/values"].push_back(codes[codes.size() - i]);
      row += 1;
    }
    const Result results[] = {{std::as_bytes(std::span(scores)), score_rows},
                              {std::as_bytes(std::span(codes)), code_rows}};
    FinishedOrbit orbit = made->finished();
    orbit.complete = number % 7 != 0;
    orbit.results = results;
    ASSERT_TRUE(sink->write(orbit).ok());
    expected["orbits/number"].push_back(number);
    expected["orbits/complete"].push_back(number % 7 != 0);
    expected["orbits/sources"].push_back(1);
    expected["orbits/crossings"].push_back(static_cast<double>(orbit.kept));
  }
  ASSERT_TRUE(sink->close().ok());
  expect_equal(table(name(1)), expected);
}

TEST_P(ColumnSink, BeginsAFileWithEachSectionAndAtItsSize) {
  settings_.file_mebibytes = 1;
  const auto sink = open();
  std::map<std::string, Table> expected;
  std::string last;
  for (uint32_t number = 0; number < 700; ++number) {
    const uint32_t section = number < 650 ? 1 : 3, orbit = number + (section - 1) * kOrbitsPerSection;
    const auto made = orbits_.make(orbit, 300);
    const absl::Status status = sink->write(made->finished());
    ASSERT_TRUE(status.ok()) << status;
    // The next file begins where the last one has been completed.
    uint32_t index = 0;
    while (std::filesystem::exists(folder_ / name(section, index))) ++index;
    expect_orbit(expected[name(section, index)], *made);
  }
  ASSERT_TRUE(sink->close().ok());
  EXPECT_GE(expected.size(), 3u);
  EXPECT_EQ(files().size(), expected.size());
  for (const auto& [file, columns] : expected) expect_equal(table(file), columns);
}

TEST_P(ColumnSink, FillsInASourceThatIsNotThere) {
  setup_.sources.push_back(setup_.sources[0]);
  setup_.source_names.push_back("other");
  const auto sink = open();
  const auto made = orbits_.make(3, 300, 0.5);
  const SourceOrbit* parts[] = {nullptr, &made->part};
  FinishedOrbit orbit = made->finished();
  orbit.parts = parts;
  orbit.complete = false;
  ASSERT_TRUE(sink->write(orbit).ok());
  ASSERT_TRUE(sink->close().ok());
  Table expected, columns = table(name(1));
  expect_orbit(expected, *made);
  EXPECT_EQ(columns["muons/muon/count"], std::vector<double>(orbit.kept, 0));
  EXPECT_TRUE(columns["muons/muon/pt"].empty());
  EXPECT_EQ(columns["other/muon/count"], expected["muons/muon/count"]);
  EXPECT_EQ(columns["other/muon/pt"], expected["muons/muon/pt"]);
  EXPECT_THAT(columns["orbits/complete"], ElementsAre(0));
  EXPECT_THAT(columns["orbits/sources"], ElementsAre(2));
}

TEST_P(ColumnSink, FullDiskTakesTheOrbitBackAndGoesOnWhenThereIsRoom) {
  const SmallDisk disk(folder_, 8 << 10);
  if (!disk.mounted()) GTEST_SKIP() << "no file system can be mounted here: " << std::strerror(errno);
  const auto sink = open();
  Table expected;
  uint32_t number = 0;
  const auto write_until_full = [&] {
    absl::Status status;
    std::unique_ptr<MuonOrbits::Made> made;
    for (; status.ok() && number < 2000; number += status.ok()) {
      made = orbits_.make(number, 800);
      status = sink->write(made->finished());
      if (status.ok()) expect_orbit(expected, *made);
    }
    EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted) << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr(aside(1)));
    EXPECT_EQ(sink->counts().orbits, number);
  };
  write_until_full();
  const uint32_t first = number;
  disk.resize(12 << 10);
  write_until_full();
  EXPECT_GT(number, first);
  disk.resize(64 << 10);
  const auto made = orbits_.make(number, 800);
  const absl::Status status = sink->write(made->finished());
  ASSERT_TRUE(status.ok()) << status;
  expect_orbit(expected, *made);
  const absl::Status closed = sink->close();
  ASSERT_TRUE(closed.ok()) << closed;
  expect_equal(table(name(1)), expected);
}

TEST_P(ColumnSink, RefusesTwoColumnsOfOneName) {
  setup_.sources.push_back(setup_.sources[0]);
  setup_.source_names.push_back("muons");
  const auto sink = open_sink(settings_, setup_);
  EXPECT_EQ(sink.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(sink.status().message()), HasSubstr("muons/muon/count"));
}

INSTANTIATE_TEST_SUITE_P(Kinds, ColumnSink,
                         testing::Values(Kind{"npy", "none"}, Kind{"hdf5", "none"}, Kind{"hdf5", "scaleoffset"},
                                         Kind{"hdf5", "deflate"}),
                         [](const testing::TestParamInfo<Kind>& each) {
                           return std::string(each.param.kind) + "_" + each.param.compression;
                         });

class ColumnSettings : public SinkTest {};

TEST_F(ColumnSettings, AreChecked) {
  for (const SinkSettings& wrong :
       {SinkSettings{.kind = "hdf5", .compression = "zip"}, SinkSettings{.kind = "npy", .compression = "deflate"},
        SinkSettings{.kind = "hdf5", .flush_orbits = 0}}) {
    settings_ = wrong;
    settings_.to = folder_.string();
    EXPECT_EQ(open_sink(settings_, setup_).status().code(), absl::StatusCode::kInvalidArgument);
  }
}

/// As many descriptors for this process while it lives.
class FewDescriptors {
 public:
  explicit FewDescriptors(rlim_t most) {
    ::getrlimit(RLIMIT_NOFILE, &before_);
    const rlimit less = {most, before_.rlim_max};
    ::setrlimit(RLIMIT_NOFILE, &less);
  }
  ~FewDescriptors() { ::setrlimit(RLIMIT_NOFILE, &before_); }

 private:
  rlimit before_{};
};

TEST_F(ColumnSettings, NothingIsLeftWhereDescriptorsAreLacking) {
  MuonOrbits orbits(5);
  const auto made = orbits.make(1);
  for (const std::string& kind : {std::string("npy"), std::string("hdf5")}) {
    settings_.kind = kind;
    size_t refused = 0;
    for (rlim_t most = 3; most < 48; ++most) {
      SCOPED_TRACE(testing::Message() << kind << ", " << most << " descriptors");
      const auto sink = open();
      absl::Status status;
      {
        const FewDescriptors few(most);
        status = sink->write(made->finished());
      }
      if (!status.ok()) {
        ++refused;
        EXPECT_THAT(std::string(status.message()), HasSubstr(folder_.string()));
        EXPECT_THAT(files(), testing::IsEmpty());
      }
      ASSERT_TRUE(sink->write(made->finished()).ok());
      ASSERT_TRUE(sink->close().ok());
      ASSERT_EQ(files().size(), 1u);
      std::filesystem::remove_all(folder_ / files()[0]);
    }
    EXPECT_GT(refused, 1u);
  }
}

TEST_F(ColumnSettings, AFolderThatHasGoneIsSaidOnceByUs) {
  MuonOrbits orbits(5);
  for (const std::string& kind : {std::string("npy"), std::string("hdf5")}) {
    settings_.kind = kind;
    settings_.to = (folder_ / kind).string();
    testing::internal::CaptureStderr();
    {
      const auto sink = open();
      for (uint32_t number = 0; number < 20; ++number) ASSERT_TRUE(sink->write(orbits.make(number)->finished()).ok());
      std::filesystem::remove_all(settings_.to);
      for (int attempt = 0; attempt < 2; ++attempt) {
        const absl::Status closed = sink->close();
        EXPECT_EQ(closed.code(), absl::StatusCode::kNotFound) << closed;
        EXPECT_THAT(std::string(closed.message()), HasSubstr(settings_.to));
      }
      EXPECT_EQ(sink->salvage().size(), 20u);
      EXPECT_EQ(sink->counts().orbits, 0u);
      EXPECT_FALSE(sink->write(orbits.make(21)->finished()).ok());
    }
    EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
  }
}

TEST_F(ColumnSettings, MetadataAreKept) {
  setup_.metadata = {{"configuration", "rate: 1 # µ"}};
  MuonOrbits orbits(5);
  for (const std::string& kind : {std::string("hdf5"), std::string("npy")}) {
    settings_.kind = kind;
    const auto sink = open();
    ASSERT_TRUE(sink->write(orbits.make(1)->finished()).ok());
    ASSERT_TRUE(sink->close().ok());
  }
  const std::string json = read("run000042_ls0001_index000000/metadata.json");
  EXPECT_THAT(json, HasSubstr("rate: 1 # µ"));
  EXPECT_THAT(json, HasSubstr("GeV"));
  const hid_t file = H5Fopen((folder_ / "run000042_ls0001_index000000.h5").c_str(), H5F_ACC_RDONLY, H5P_DEFAULT);
  const hid_t attribute = H5Aopen(file, "configuration", H5P_DEFAULT), type = H5Aget_type(attribute);
  std::string text(H5Tget_size(type), '\0');
  EXPECT_GE(H5Aread(attribute, type, text.data()), 0);
  EXPECT_EQ(text, "rate: 1 # µ");
  const hid_t scale = H5Aopen_by_name(file, "muons/muon/pt", "scale", H5P_DEFAULT, H5P_DEFAULT);
  double value = 0;
  EXPECT_GE(H5Aread(scale, H5T_NATIVE_DOUBLE, &value), 0);
  EXPECT_EQ(value, 0.5);
  H5Aclose(scale);
  H5Tclose(type);
  H5Aclose(attribute);
  H5Fclose(file);
}

}  // namespace
}  // namespace strobe::scouting
