/// `strobe run` on files longer than the pieces that it takes them in.

#include <cstring>
#include <limits>

#include "host/io/files.h"
#include "tests/system/program_fixture.h"

namespace strobe {
namespace {

using testing::AllOf;
using testing::HasSubstr;

constexpr int64_t kRows = 600'001;  // two pieces and a part of a third

class LongFiles : public ProgramTest {
 protected:
  io::Array jets() const {
    auto array = io::read_npy(kSampleData + "features.npy");
    EXPECT_TRUE(array.ok()) << array.status();
    return *std::move(array);
  }

  /// The sample jets, over and over, as the raw integers of the file or as numbers.
  template <typename T>
  std::vector<T> repeated(double step) const {
    const std::vector<double> once = jets().numbers();
    std::vector<T> values(static_cast<size_t>(kRows) * 16);
    for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<T>(once[i % once.size()] * step);
    return values;
  }

  void expect_expected_scores(const std::string& path, double step) const {
    const auto expected = io::read_npy(kSampleData + "expected_hgq.npy");
    const auto scores = io::read_npy(path);
    ASSERT_TRUE(expected.ok() && scores.ok()) << expected.status() << scores.status();
    ASSERT_EQ(scores->shape(), (std::vector<int64_t>{kRows, 5}));
    const std::vector<double> wanted = expected->numbers(), found = scores->numbers();
    for (size_t i = 0; i < found.size(); ++i) ASSERT_EQ(found[i] * step, wanted[i % wanted.size()]) << i;
  }
};

TEST_F(LongFiles, GiveEveryEventsScoresInOrderWhateverTheFilesHold) {
  const std::string xclbin = sample();
  ASSERT_TRUE(io::write_npy(file("raw.npy"), io::Array::of({kRows, 16}, repeated<int16_t>(1))).ok());
  ASSERT_TRUE(io::write_npy(file("wide.npy"), io::Array::of({kRows, 16}, repeated<int32_t>(1))).ok());
  ASSERT_TRUE(io::write_npy(file("float.npy"), io::Array::of({kRows, 16}, repeated<float>(1.0 / 1024))).ok());
  for (const char* events : {"raw.npy --raw-in", "wide.npy --raw-in", "float.npy", "raw.npy --raw-in --threads 3"}) {
    ASSERT_EQ(strobe("run " + xclbin + " " + file(events) + " -o " + file("scores.npy")), 0) << error_;
    expect_expected_scores(file("scores.npy"), 1);
  }
  ASSERT_EQ(strobe("run " + xclbin + " " + file("raw.npy") + " --raw-in -o " + file("scores.npz")), 0) << error_;
  const auto whole = io::read_npz(file("scores.npz"));
  ASSERT_TRUE(whole.ok()) << whole.status();
  ASSERT_TRUE(io::write_npy(file("scores.npy"), whole->at(0).array).ok());
  expect_expected_scores(file("scores.npy"), 1);
}

TEST_F(LongFiles, RawScoresAreTheSameBits) {
  const std::string xclbin = sample();
  ASSERT_TRUE(io::write_npy(file("raw.npy"), io::Array::of({kRows, 16}, repeated<int16_t>(1))).ok());
  ASSERT_EQ(strobe("run " + xclbin + " " + file("raw.npy") + " --raw-in --raw-out -o " + file("long.npy")), 0)
      << error_;
  ASSERT_EQ(strobe("run " + xclbin + " " + kSampleData + "features.npy --raw-in --raw-out -o " + file("short.npy")), 0)
      << error_;
  const auto long_file = io::read_npy(file("long.npy")), short_file = io::read_npy(file("short.npy"));
  ASSERT_TRUE(long_file.ok() && short_file.ok());
  const auto found = long_file->bytes(), wanted = short_file->bytes();
  for (size_t at = 0; at < found.size(); at += wanted.size()) {
    const size_t count = std::min(wanted.size(), found.size() - at);
    ASSERT_EQ(std::memcmp(found.data() + at, wanted.data(), count), 0) << "from byte " << at;
  }
}

TEST_F(LongFiles, AValueThatCannotBeLateInTheFileIsAnErrorAndLeavesNoFile) {
  std::vector<float> values = repeated<float>(1.0 / 1024);
  values[16 * 590'000 + 7] = std::numeric_limits<float>::quiet_NaN();
  ASSERT_TRUE(io::write_npy(file("nan.npy"), io::Array::of({kRows, 16}, std::move(values))).ok());
  const std::string xclbin = sample();
  EXPECT_EQ(strobe("run " + xclbin + " " + file("nan.npy") + " -o " + file("scores.npy")), 1);
  EXPECT_THAT(error_, AllOf(HasSubstr("nan.npy"), HasSubstr("row 590000, element 7")));
  EXPECT_FALSE(std::filesystem::exists(file("scores.npy")));
}

TEST_F(LongFiles, AFileWithoutEventsGivesAFileWithoutScores) {
  ASSERT_TRUE(io::write_npy(file("none.npy"), io::Array::of({0, 16}, std::vector<int16_t>())).ok());
  ASSERT_EQ(strobe("run " + sample() + " " + file("none.npy") + " --raw-in -o " + file("scores.npy")), 0) << error_;
  const auto scores = io::read_npy(file("scores.npy"));
  ASSERT_TRUE(scores.ok()) << scores.status();
  EXPECT_EQ(scores->shape(), (std::vector<int64_t>{0, 5}));
}

}  // namespace
}  // namespace strobe
