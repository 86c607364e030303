#include "tests/host/scouting/formats/support.h"

namespace strobe::scouting {
namespace {

std::string dumps(const std::string& name) { return shared_data() + "/scouting/" + name; }

size_t dropped(const SourceOrbit& orbit) { return orbit.crossings_in - orbit.crossings.size(); }

TEST(TrackMuons, RealDumpDecodesToItsLastByte) {
  SKIP_WITHOUT(dumps("phase2_tkmuons_tmux18.dump"));
  const Bytes bytes = read_bytes(dumps("phase2_tkmuons_tmux18.dump"));
  const auto steps = decode_all(*decoder_of("tkmuon"), bytes);
  ASSERT_EQ(steps.size(), 100u);
  size_t crossings = 0, muons = 0, empty = 0, consumed = 0;
  for (size_t i = 0; i < steps.size(); ++i) {
    const SourceOrbit& orbit = steps[i].orbit;
    ASSERT_EQ(steps[i].decoded.kind, Decoded::Kind::kOrbit);
    EXPECT_EQ(orbit.number, i);
    EXPECT_EQ(dropped(orbit), 0u);
    ASSERT_EQ(orbit.crossings.size(), 198u);
    crossings += 198;
    consumed += steps[i].decoded.consumed;
    const Collection& found = orbit.collections[0];
    for (size_t c = 0; c < 198; ++c) {
      EXPECT_EQ(orbit.crossings[c], 18 * c);
      empty += found.first[c] == found.first[c + 1];
      for (size_t muon = found.first[c]; muon < found.first[c + 1]; ++muon, ++muons) {
        EXPECT_EQ(field(found, "valid", muon), 1);
        EXPECT_GE(field(found, "pt", muon), 64);
        EXPECT_LE(field(found, "pt", muon), 1087);
        EXPECT_LE(std::abs(field(found, "eta", muon)), 3194);
        EXPECT_LE(std::abs(field(found, "z0", muon)), 298);
        EXPECT_EQ(field(found, "d0", muon), 0);
        EXPECT_EQ(field(found, "beta", muon), 15);
        EXPECT_EQ(found.narrow[1][muon] >> 17, 0u);
        const size_t before = muon > found.first[c] ? muon - 1 : muon;
        EXPECT_LE(field(found, "pt", muon), field(found, "pt", before));
      }
    }
  }
  EXPECT_EQ(crossings, 19800u);
  EXPECT_EQ(muons, 25813u);
  EXPECT_EQ(empty, 7840u);
  EXPECT_EQ(consumed, 497888u);
}

/// Readers that skip zero words lose the empty crossing 0 of orbit 0, whose record is one.
TEST(TrackMuons, EmptyCrossingZeroOfOrbitZeroIsACrossing) {
  Bytes bytes;
  put64(bytes, 0);
  put64(bytes, 18 << 12);
  const auto steps = decode_all(*decoder_of("tkmuon"), bytes);
  ASSERT_EQ(steps.size(), 1u);
  ASSERT_EQ(steps[0].orbit.crossings.size(), 2u);
  EXPECT_EQ(steps[0].orbit.crossings[0], 0);
  EXPECT_EQ(steps[0].orbit.crossings[1], 18);
}

/// One of the two peers' readers keeps only four bits of the quality.
TEST(TrackMuons, QualityHasEightBits) {
  Bytes bytes;
  put64(bytes, 2);
  put64(bytes, 1 | 100 << 1);
  put64(bytes, 0xA5 << 1);
  const auto steps = decode_all(*decoder_of("tkmuon"), bytes);
  ASSERT_EQ(steps.size(), 1u);
  ASSERT_EQ(steps[0].orbit.collections[0].objects(), 1u);
  EXPECT_EQ(field(steps[0].orbit.collections[0], "quality", 0), 0xA5);
}

TEST(PuppiDth, RealDumpIsRightInEveryBitAndItsLastOrbitTruncated) {
  SKIP_WITHOUT(dumps("phase2_dth256_tmux6.data.gz"));
  const Bytes bytes = unzipped(dumps("phase2_dth256_tmux6.data.gz"));
  ASSERT_EQ(bytes.size(), 1048576u);
  const auto steps = decode_all(*decoder_of("puppi-dth"), bytes);
  ASSERT_EQ(steps.size(), 15u);
  size_t candidates = 0;
  for (size_t i = 0; i < 14; ++i) {
    const SourceOrbit& orbit = steps[i].orbit;
    ASSERT_EQ(steps[i].decoded.kind, Decoded::Kind::kOrbit) << steps[i].decoded.detail;
    EXPECT_EQ(orbit.number, 0x3cdfee + i);
    EXPECT_EQ(orbit.input_bytes, 72896u);
    EXPECT_EQ(orbit.crossings.size(), 575u);
    EXPECT_EQ(dropped(orbit), 0u);
    const Collection& found = orbit.collections[0];
    EXPECT_EQ(found.objects(), 8499u);
    for (size_t c = 0; c < orbit.crossings.size(); ++c) {
      const uint64_t n = found.first[c + 1] - found.first[c];
      for (uint64_t j = 1; j <= n; ++j, ++candidates) {
        ASSERT_EQ(found.wide[0][found.first[c] + j - 1],
                  uint64_t{0xabc0} << 32 | n << 24 | uint64_t{orbit.crossings[c]} << 12 | j);
      }
    }
  }
  EXPECT_EQ(candidates, 14u * 8499u);
  EXPECT_EQ(steps[14].decoded.kind, Decoded::Kind::kBad);
  EXPECT_EQ(steps[14].decoded.fault, Fault::kTruncated);
  EXPECT_EQ(steps[14].decoded.orbit, 0x3cdffcu);
  EXPECT_EQ(steps[14].decoded.orbits, 1u);
  EXPECT_EQ(steps[14].decoded.consumed, bytes.size() - 14 * 72896);
}

/// Whatever bit of an event stream is wrong: at most the crossing that it hits and one neighbour are lost, and no
/// header that was right is read as something else.
TEST(PuppiEvents, OneWrongBitCostsAtMostTwoCrossings) {
  const Events events;
  const auto decoder = decoder_of("puppi");
  const auto right = decode_all(*decoder, events.bytes);
  ASSERT_EQ(right.size(), 3u);
  Bytes bytes = events.bytes;
  for (size_t i = 0; i < events.starts.size(); ++i) {
    for (size_t bit = 0; bit < 64; ++bit) {
      std::byte& byte = bytes[events.starts[i] + bit / 8];
      byte ^= std::byte{1} << (bit % 8);
      const auto steps = decode_all(*decoder, bytes);
      byte ^= std::byte{1} << (bit % 8);
      size_t lost = 54, in_untouched = 0;
      for (const Step& step : steps) {
        lost -= step.orbit.crossings.size();
        if (step.decoded.kind == Decoded::Kind::kOrbit && step.orbit.number != 501) in_untouched += dropped(step.orbit);
      }
      ASSERT_LE(lost, 2u) << "event " << i << " bit " << bit;
      ASSERT_LE(in_untouched, 1u) << "event " << i << " bit " << bit;
    }
  }
}

TEST(PuppiEvents, TruncatedEventAndOrbitAreCounted) {
  Bytes bytes;
  const uint64_t marker = uint64_t{1} << 63;
  put64(bytes, marker | uint64_t{9} << 24 | 6 << 12 | 1);
  put64(bytes, 77);
  put64(bytes, marker | uint64_t{1} << 61 | uint64_t{9} << 24 | 12 << 12);
  put64(bytes, marker | uint64_t{9} << 24 | 18 << 12);
  put64(bytes, uint64_t{7} << 61 | uint64_t{10} << 24);
  const auto steps = decode_all(*decoder_of("puppi"), bytes);
  ASSERT_EQ(steps.size(), 2u);
  EXPECT_EQ(steps[0].orbit.crossings.size(), 2u);
  EXPECT_EQ(steps[0].orbit.crossing_faults[static_cast<size_t>(Fault::kTruncated)], 1u);
  EXPECT_EQ(steps[1].decoded.fault, Fault::kTruncated);
  EXPECT_EQ(steps[1].decoded.orbit, 10u);
  EXPECT_EQ(steps[1].decoded.orbits, 1u);
}

TEST(PuppiEvents, StreamCutAnywhereIsAccountedFor) {
  const Events events;
  for (const char* format : {"puppi", "tkmuon"}) {
    const Events own(format == std::string("puppi"));
    const auto decoder = decoder_of(format);
    for (size_t size = 1; size < own.bytes.size(); ++size) {
      const auto steps = decode_all(*decoder, std::span(own.bytes).first(size));
      size_t consumed = 0;
      for (const Step& step : steps) consumed += step.decoded.consumed;
      ASSERT_EQ(consumed, size);
    }
  }
}

/// Older readers take the neutral candidates' weight and identification from other bits.
TEST(Puppi, NeutralFieldsAreAtForty) {
  Bytes bytes;
  put64(bytes, uint64_t{1} << 63 | uint64_t{1} << 24 | 1);
  put64(bytes, uint64_t{0x155} << 40 | uint64_t{0x2A} << 50 | uint64_t{1} << 37);
  const auto steps = decode_all(*decoder_of("puppi"), bytes);
  const Collection& found = steps.at(0).orbit.collections[0];
  EXPECT_EQ(field(found, "wpuppi", 0), 0x155);
  EXPECT_EQ(field(found, "em_id", 0), 0x2A);
  EXPECT_EQ(field(found, "particle", 0), 1);
}

TEST(PuppiDth, LostBlockIsATruncatedOrbitAndTheNextIsWhole) {
  SKIP_WITHOUT(dumps("phase2_dth256_tmux6.data.gz"));
  const Bytes whole = unzipped(dumps("phase2_dth256_tmux6.data.gz"));
  constexpr size_t kBlock = 32 + 255 * 32, kOrbit = 72896;
  const auto decoder = decoder_of("puppi-dth");
  for (size_t block = 0; block < 9; ++block) {
    Bytes bytes(whole.begin(), whole.begin() + 3 * kOrbit);
    const auto at = bytes.begin() + static_cast<ptrdiff_t>(kOrbit + block * kBlock);
    bytes.erase(at, at + static_cast<ptrdiff_t>(block < 8 ? kBlock : kOrbit - 8 * kBlock));
    const auto steps = decode_all(*decoder, bytes);
    ASSERT_EQ(steps.size(), 3u) << block;
    EXPECT_EQ(steps[0].decoded.kind, Decoded::Kind::kOrbit);
    EXPECT_EQ(steps[1].decoded.fault, Fault::kTruncated) << steps[1].decoded.detail;
    EXPECT_EQ(steps[1].decoded.orbits, 1u);
    ASSERT_EQ(steps[2].decoded.kind, Decoded::Kind::kOrbit);
    EXPECT_EQ(steps[2].orbit.number, 0x3cdff0u);
    EXPECT_EQ(steps[2].orbit.collections[0].objects(), 8499u);
  }
}

}  // namespace
}  // namespace strobe::scouting
