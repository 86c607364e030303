#include <sstream>

#include "column_reader.h"

namespace strobe::scouting {
namespace {

/// h5py of PyPI, in the environment that scripts/test makes.
class H5py : public SinkTest {
 protected:
  H5py() {
    settings_.kind = "hdf5";
    settings_.flush_orbits = 10;
    setup_.metadata = {{"configuration", std::string(200'000, 'x')}};
  }

  void SetUp() override {
    const std::string probe = std::string(STROBE_TEST_PYTHON) + " -c 'import h5py' >/dev/null 2>&1";
    if (std::system(probe.c_str()) == 0) return;
    if (std::getenv("CI") != nullptr) FAIL() << "h5py is missing: scripts/test installs it";
    GTEST_SKIP() << "h5py is missing in " << STROBE_TEST_PYTHON << ": scripts/test installs it";
  }

  /// What it reads, line by line by its first word.
  std::map<std::string, std::string> lines_of(const std::string& file, const std::string& mode) const {
    const std::string output = (folder_ / "lines").string();
    const std::string command = std::string(STROBE_TEST_PYTHON) + " " + STROBE_SOURCE_DIR +
                                "/tests/host/scouting/sinks/read_with_h5py.py " + (folder_ / file).string() + " " +
                                mode + " >" + output;
    EXPECT_EQ(std::system(command.c_str()), 0) << command;
    std::map<std::string, std::string> lines;
    std::ifstream in(output);
    for (std::string path, rest; in >> path && std::getline(in, rest);) lines[path] = rest.substr(1);
    std::filesystem::remove(output);
    return lines;
  }

  static void expect_lines(const std::map<std::string, std::string>& lines, const Table& expected) {
    const std::map<std::string, std::string> types = {{"orbits/number", "<u4"},
                                                      {"crossings/bx", "<u2"},
                                                      {"muons/muon/pt", "<u2"},
                                                      {"muons/muon/eta", "<i2"},
                                                      {"muons/muon/quality", "|u1"}};
    for (const auto& [path, values] : expected) {
      int64_t sum = 0;
      for (const double value : values) sum += static_cast<int64_t>(value);
      ASSERT_TRUE(lines.contains(path)) << path;
      std::istringstream line(lines.at(path));
      std::string type, shape, found;
      line >> type >> shape >> found;
      EXPECT_EQ(type, types.contains(path) ? types.at(path) : type) << path;
      EXPECT_EQ(shape, std::to_string(values.size())) << path;
      EXPECT_EQ(found, std::to_string(sum)) << path;
    }
    EXPECT_EQ(lines.at("run"), "42");
    EXPECT_EQ(lines.at("configuration"), "200000");
  }

  MuonOrbits orbits_{7};
};

TEST_F(H5py, ReadsFilesWhenTheyAreCompleteAndWhileTheyAreWritten) {
  for (const std::string& compression : {std::string("none"), std::string("scaleoffset"), std::string("deflate")}) {
    settings_.compression = compression;
    settings_.to = (folder_ / compression).string();
    const auto sink = open();
    Table expected;
    for (uint32_t number = 0; number < 40; ++number) {
      const auto made = orbits_.make(number);
      ASSERT_TRUE(sink->write(made->finished()).ok());
      expect_orbit(expected, *made);
    }
    expect_lines(lines_of(compression + "/.run000042_ls0001_index000000.h5.part", "live"), expected);
    ASSERT_TRUE(sink->close().ok());
    expect_lines(lines_of(compression + "/run000042_ls0001_index000000.h5", ""), expected);
  }
}

}  // namespace
}  // namespace strobe::scouting
