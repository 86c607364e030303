#include "host/io/files.h"
#include "tests/host/scouting/formats/support.h"

namespace strobe::scouting {
namespace {

std::string jets(const std::string& name) { return shared_data() + "/jets/" + name; }

TEST(Pattern, InputFileIsTheJetsExactly) {
  SKIP_WITHOUT(jets("emp_pattern_v1_input.txt.gz"));
  const auto features = io::read_npy(jets("features_fixed16_6.npy"));
  ASSERT_TRUE(features.ok()) << features.status();
  const auto expected = features->integers();
  ASSERT_TRUE(expected.ok());
  const auto decoder = decoder_of("pattern");
  const auto steps = decode_all(*decoder, unzipped(jets("emp_pattern_v1_input.txt.gz")));
  ASSERT_EQ(steps.size(), 2u);
  EXPECT_EQ(steps[0].decoded.kind, Decoded::Kind::kNothing);
  ASSERT_EQ(steps[1].decoded.kind, Decoded::Kind::kOrbit);
  const SourceOrbit& orbit = steps[1].orbit;
  ASSERT_EQ(orbit.crossings.size(), 1024u);
  const Collection& links = orbit.collections[0];
  for (size_t jet = 0; jet < 1024; ++jet) {
    for (size_t feature = 0; feature < 16; ++feature) {
      const size_t object = links.first[jet] + feature;
      EXPECT_EQ(field(links, "s0", object), (*expected)[16 * jet + feature]);
      EXPECT_EQ(field(links, "link", object), static_cast<int64_t>(feature));
      EXPECT_EQ(field(links, "valid", object), 1);
    }
  }
}

TEST(Pattern, BoardOutputIsTheScoresExactly) {
  SKIP_WITHOUT(jets("emp_pattern_v1_board_output.txt.gz"));
  const auto scores = io::read_npy(jets("hls4ml_scores.npy"));
  ASSERT_TRUE(scores.ok()) << scores.status();
  const auto expected = scores->numbers();
  const auto decoder = decoder_of("pattern");
  const auto steps = decode_all(*decoder, unzipped(jets("emp_pattern_v1_board_output.txt.gz")));
  const SourceOrbit& orbit = steps.back().orbit;
  ASSERT_EQ(orbit.crossings.size(), 1024u);
  EXPECT_EQ(orbit.crossings[0], 25);
  for (size_t jet = 0; jet < 1024; ++jet) {
    for (size_t score = 0; score < 5; ++score) {
      const size_t object = orbit.collections[0].first[jet] + score;
      EXPECT_EQ(static_cast<double>(field(orbit.collections[0], "u0", object)) / 1024, expected[5 * jet + score]);
    }
  }
}

}  // namespace
}  // namespace strobe::scouting
