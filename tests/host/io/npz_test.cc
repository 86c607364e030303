#include <gmock/gmock.h>

#include <random>

#include "host/io/files.h"
#include "io_fixture.h"

namespace strobe::io {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST(Npz, ReadsNumpysStoredArchive) {
  const auto arrays = read_npz(test_file("stored.npz"));
  ASSERT_TRUE(arrays.ok()) << arrays.status();
  ASSERT_EQ(arrays->size(), 2u);
  EXPECT_EQ((*arrays)[0].name, "x");
  EXPECT_THAT(*(*arrays)[0].array.integers(), ElementsAre(-3, -2, -1, 0, 1, 2));
  EXPECT_EQ((*arrays)[1].array.to_string(), "float32 []");
  EXPECT_EQ((*arrays)[1].array.number(0), 1.5);
}

TEST(Npz, ReadsNumpysDeflatedArchive) {
  const auto arrays = read_npz(test_file("deflated.npz"));
  ASSERT_TRUE(arrays.ok()) << arrays.status();
  EXPECT_EQ(arrays->front().array.to_string(), "float64 [20, 3]");
  EXPECT_EQ(arrays->front().array.number(59), 2);
}

class Written : public testing::TestWithParam<bool> {};
INSTANTIATE_TEST_SUITE_P(Npz, Written, testing::Bool(), [](const auto& i) { return i.param ? "Deflated" : "Stored"; });

TEST_P(Written, ComesBackAndIsTheSameEachTime) {
  TemporaryFolder folder;
  const std::vector<NamedArray> arrays = {{"scores", Array::of<double>({2, 2}, {1, 0.1, -3, 1e-300})},
                                          {"raw/deep", Array::of<int16_t>({3}, {1, -2, 3})}};
  ASSERT_TRUE(write_npz(folder.file("a.npz"), arrays, GetParam()).ok());
  ASSERT_TRUE(write_npz(folder.file("b.npz"), arrays, GetParam()).ok());
  EXPECT_EQ(content_of(folder.file("a.npz")), content_of(folder.file("b.npz")));
  EXPECT_EQ(folder.files(), 2u);
  const auto back = read_npz(folder.file("a.npz"));
  ASSERT_TRUE(back.ok()) << back.status();
  EXPECT_EQ((*back)[1].name, "raw/deep");
  EXPECT_THAT((*back)[0].array.numbers(), ElementsAre(1, 0.1, -3, 1e-300));
}

TEST(Npz, EveryTruncationIsAnError) {
  const std::string whole = content_of(test_file("deflated.npz"));
  for (size_t length = 0; length < whole.size(); ++length) {
    EXPECT_FALSE(parse_npz(std::string_view(whole).substr(0, length), "t").ok()) << length;
  }
}

TEST(Npz, FlippedBitsAreErrorsOrHarmless) {
  const std::string whole = content_of(test_file("stored.npz"));
  for (size_t i = 0; i < whole.size() * 8; ++i) {
    std::string bad = whole;
    bad[i / 8] = static_cast<char>(bad[i / 8] ^ (1 << i % 8));
    const auto arrays = parse_npz(bad, "t");
    // The checksum covers the numbers: they are never wrong without a word.
    if (!arrays.ok()) continue;
    for (const NamedArray& named : *arrays) {
      if (named.name == "x") {
        EXPECT_THAT(*named.array.integers(), ElementsAre(-3, -2, -1, 0, 1, 2)) << "bit " << i;
      }
    }
  }
}

TEST(Npz, OtherMembersAreNamed) {
  TemporaryFolder folder;
  EXPECT_THAT(std::string(parse_npz("no zip at all", "x.npz").status().message()), HasSubstr("x.npz"));
  EXPECT_FALSE(parse_npz("", "x.npz").ok());
}

}  // namespace
}  // namespace strobe::io
