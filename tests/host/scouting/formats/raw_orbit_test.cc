#include "tests/host/scouting/formats/support.h"

namespace strobe::scouting {
namespace {

/// Three orbits of muons, decoded from packets, and as a raw file.
struct Muons {
  std::vector<SourceOrbit> orbits;
  std::vector<Bytes> raw;
  Bytes file;

  Muons() {
    std::mt19937_64 random(3);
    const auto gmt = decoder_of("gmt");
    file = raw_file_header(3, 0);
    for (uint32_t number = 100; number < 103; ++number) {
      auto steps = decode_all(*gmt, gmt_packet({random_orbit(random, number, 50 + number, 0.15)}));
      orbits.push_back(std::move(steps.at(0).orbit));
      raw.push_back(raw_orbit(number, orbits.back().payload.view()));
      append(file, raw.back());
    }
  }
};

template <typename T>
std::vector<T> copy(const Buffer<T>& buffer) {
  return std::vector<T>(buffer.begin(), buffer.end());
}

TEST(RawOrbits, AreTheMuonsThatWereWritten) {
  const Muons muons;
  const auto steps = decode_all(*decoder_of("gmt-zs"), muons.file);
  ASSERT_EQ(steps.size(), 4u);
  EXPECT_EQ(steps[0].decoded.kind, Decoded::Kind::kNothing);
  EXPECT_EQ(steps[0].decoded.consumed, 32u);
  for (size_t i = 0; i < 3; ++i) {
    const SourceOrbit& got = steps[i + 1].orbit;
    ASSERT_EQ(steps[i + 1].decoded.kind, Decoded::Kind::kOrbit) << steps[i + 1].decoded.detail;
    EXPECT_EQ(got.number, 100 + i);
    const Collection& sent = muons.orbits[i].collections[0];
    for (size_t word = 0; word < 3; ++word) {
      EXPECT_EQ(copy(got.collections[0].narrow[word]), copy(sent.narrow[word]));
    }
    EXPECT_EQ(copy(got.payload), copy(muons.orbits[i].payload));
    EXPECT_EQ(got.crossings.size() + 1, got.payload_first.size());
    EXPECT_EQ(got.crossings_in, got.crossings.size());
  }
}

/// CMSSW's own check always answers true.
TEST(RawOrbits, WithAWrongChecksumAreCounted) {
  Muons muons;
  muons.file[32 + muons.raw[0].size() + 100] ^= std::byte{4};
  const auto steps = decode_all(*decoder_of("gmt-zs"), muons.file);
  ASSERT_EQ(steps.size(), 4u);
  EXPECT_EQ(steps[1].decoded.kind, Decoded::Kind::kOrbit);
  EXPECT_EQ(steps[2].decoded.kind, Decoded::Kind::kBad);
  EXPECT_EQ(steps[2].decoded.fault, Fault::kBadChecksum);
  EXPECT_EQ(steps[2].decoded.orbit, 101u);
  EXPECT_EQ(steps[2].decoded.orbits, 1u);
  EXPECT_THAT(steps[2].decoded.detail, testing::HasSubstr("CRC-32C"));
  EXPECT_EQ(steps[3].decoded.kind, Decoded::Kind::kOrbit);
}

TEST(RawOrbits, AreFoundAgainBehindACutOne) {
  const Muons muons;
  const auto decoder = decoder_of("gmt-zs");
  for (size_t cut = 1; cut < muons.raw[0].size(); ++cut) {
    Bytes bytes(muons.raw[0].begin(), muons.raw[0].begin() + static_cast<ptrdiff_t>(cut));
    append(bytes, muons.raw[1]);
    const auto steps = decode_all(*decoder, bytes);
    ASSERT_EQ(steps.size(), 2u) << cut;
    EXPECT_EQ(steps[0].decoded.kind, Decoded::Kind::kBad);
    EXPECT_EQ(steps[0].decoded.consumed, cut);
    ASSERT_EQ(steps[1].decoded.kind, Decoded::Kind::kOrbit) << cut;
    EXPECT_EQ(steps[1].orbit.number, 101u);
  }
}

TEST(RawOrbits, OfAnotherSourceAreRefused) {
  const Muons muons;
  const auto steps = decode_all(*decoder_of("tower-zs"), muons.raw[0]);
  ASSERT_EQ(steps.size(), 1u);
  EXPECT_EQ(steps[0].decoded.fault, Fault::kBadHeader);
  EXPECT_THAT(steps[0].decoded.detail, testing::HasSubstr("source id 1, expected 32"));
}

}  // namespace
}  // namespace strobe::scouting
