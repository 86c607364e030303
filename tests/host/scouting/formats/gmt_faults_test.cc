#include <map>

#include "host/scouting/formats/isa.h"
#include "tests/host/scouting/formats/support.h"

namespace strobe::scouting {
namespace {

constexpr size_t kHeader = 32, kBlock = 192;

size_t count(const SourceOrbit& orbit, Fault fault) { return orbit.crossing_faults[static_cast<size_t>(fault)]; }

/// One packet of 20 crossings between two others; damage is done to the one in the middle.
struct Stream {
  std::vector<GmtOrbit> orbits;
  std::vector<Bytes> packets;

  explicit Stream(uint64_t seed = 5, size_t crossings = 20, uint32_t first = 70) {
    std::mt19937_64 random(seed);
    for (uint32_t number = first; number < first + 3; ++number) {
      orbits.push_back(random_orbit(random, number, crossings, 0.2));
      packets.push_back(gmt_packet({orbits.back()}));
    }
  }
  std::byte* block(size_t index) { return packets[1].data() + kHeader + kBlock * index; }
  void set32(std::byte* at, uint32_t value) { std::memcpy(at, &value, 4); }
  Bytes bytes() const {
    Bytes all;
    for (const Bytes& packet : packets) append(all, packet);
    return all;
  }
  /// The middle orbit's crossing numbers without some.
  std::vector<uint16_t> without(std::vector<size_t> dropped) const {
    std::vector<uint16_t> left;
    for (size_t i = 0; i < orbits[1].crossings.size(); ++i) {
      if (std::find(dropped.begin(), dropped.end(), i) == dropped.end()) {
        left.push_back(static_cast<uint16_t>(orbits[1].crossings[i].number));
      }
    }
    return left;
  }
};

std::vector<uint16_t> crossings_of(const SourceOrbit& orbit) {
  return std::vector<uint16_t>(orbit.crossings.begin(), orbit.crossings.end());
}

/// Decodes, and expects the untouched packets around the damaged one; returns what came of that.
std::vector<Step> decode_damaged(const Stream& stream) {
  auto steps = decode_all(*decoder_of("gmt"), stream.bytes());
  EXPECT_GE(steps.size(), 3u);
  for (const auto* whole : {&steps.front(), &steps.back()}) {
    EXPECT_EQ(whole->decoded.kind, Decoded::Kind::kOrbit) << whole->decoded.detail;
    EXPECT_EQ(whole->orbit.crossings.size(), 20u);
    EXPECT_EQ(whole->orbit.crossings_in, 20u);
  }
  EXPECT_EQ(steps.front().orbit.number, 70u);
  EXPECT_EQ(steps.back().orbit.number, 72u);
  steps.erase(steps.begin());
  steps.pop_back();
  return steps;
}

/// Decodes bytes that come one by one after the first `from`, and all together from `all` on.
std::vector<Step> decode_one_by_one(Decoder& decoder, std::span<const std::byte> bytes, size_t from, size_t all) {
  std::vector<Step> steps;
  for (size_t begin = 0, size = from; begin < bytes.size();) {
    Step step;
    const bool at_end = size == bytes.size();
    step.decoded = decoder.decode(bytes.subspan(begin, size - begin), at_end, step.orbit);
    if (step.decoded.kind == Decoded::Kind::kNeedMore) {
      EXPECT_FALSE(at_end) << "wants more behind the end";
      if (at_end) break;
      size = size < all ? size + 1 : bytes.size();
      continue;
    }
    EXPECT_GT(step.decoded.consumed, 0u);
    if (step.decoded.consumed == 0) break;
    begin += step.decoded.consumed;
    size = std::max(size, begin + 1);
    steps.push_back(std::move(step));
  }
  return steps;
}

/// Expects one damaged crossing, counted as `fault`, and all others as they were.
void expect_one_crossing(const Stream& stream, size_t dropped, Fault fault) {
  const auto steps = decode_damaged(stream);
  ASSERT_EQ(steps.size(), 1u);
  ASSERT_EQ(steps[0].decoded.kind, Decoded::Kind::kOrbit) << steps[0].decoded.detail;
  const SourceOrbit& orbit = steps[0].orbit;
  EXPECT_EQ(crossings_of(orbit), stream.without({dropped}));
  EXPECT_EQ(count(orbit, fault), 1u);
  EXPECT_EQ(orbit.crossings_in, 20u);
  ASSERT_EQ(orbit.bad.size(), 1u);
  EXPECT_EQ(orbit.bad[0].fault, fault);
  EXPECT_EQ(orbit.bad[0].bytes.size(), kBlock);
}

/// The existing software takes the match bits for always set.
TEST(GmtFaults, LinkWithAnotherCrossing) {
  for (size_t link = 0; link < 8; ++link) {
    Stream stream;
    *(stream.block(7) + 32 + 4 * link) ^= std::byte{1};
    expect_one_crossing(stream, 7, Fault::kCrossingMismatch);
  }
}

TEST(GmtFaults, LinkWithAnotherOrbit) {
  for (size_t link = 0; link < 8; ++link) {
    Stream stream;
    stream.set32(stream.block(3) + 4 * link, 70);
    expect_one_crossing(stream, 3, Fault::kOrbitMismatch);
  }
}

TEST(GmtFaults, CrossingNumberBeyondTheOrbit) {
  for (const uint32_t number : {3565u, 4095u, 8191u}) {
    Stream stream;
    for (size_t link = 0; link < 8; ++link) stream.set32(stream.block(19) + 32 + 4 * link, number);
    expect_one_crossing(stream, 19, Fault::kBadCrossing);
  }
}

TEST(GmtFaults, CrossingNumberOfAnotherBlock) {
  for (const size_t twin : {0u, 4u, 6u, 19u}) {
    Stream stream;
    for (size_t link = 0; link < 8; ++link) {
      stream.set32(stream.block(5) + 32 + 4 * link, stream.orbits[1].crossings[twin].number);
    }
    expect_one_crossing(stream, 5, Fault::kBitmapMismatch);
  }
}

TEST(GmtFaults, BlockThatIsNotInTheBitmap) {
  Stream stream;
  const uint32_t number = stream.orbits[1].crossings[11].number;
  *(stream.block(20) + 32 + number / 8) ^= std::byte{1} << (number % 8);
  expect_one_crossing(stream, 11, Fault::kBitmapMismatch);
}

TEST(GmtFaults, CrossingOfTheBitmapWithoutABlock) {
  Stream stream;
  const auto at = stream.packets[1].begin() + static_cast<ptrdiff_t>(kHeader + 4 * kBlock);
  stream.packets[1].erase(at, at + kBlock);
  const auto steps = decode_damaged(stream);
  ASSERT_EQ(steps.size(), 1u);
  EXPECT_EQ(crossings_of(steps[0].orbit), stream.without({4}));
  EXPECT_EQ(count(steps[0].orbit, Fault::kBitmapMismatch), 1u);
  EXPECT_EQ(steps[0].orbit.crossings_in, 20u);
}

TEST(GmtFaults, BlockSentTwice) {
  Stream stream;
  const Bytes twice(stream.block(4), stream.block(5));
  stream.packets[1].insert(stream.packets[1].begin() + static_cast<ptrdiff_t>(kHeader + 5 * kBlock), twice.begin(),
                           twice.end());
  const auto steps = decode_damaged(stream);
  ASSERT_EQ(steps.size(), 1u);
  EXPECT_EQ(crossings_of(steps[0].orbit), stream.without({}));
  EXPECT_EQ(count(steps[0].orbit, Fault::kBitmapMismatch), 1u);
  EXPECT_EQ(steps[0].orbit.crossings_in, 21u);
}

TEST(GmtFaults, OrbitHeaderIsOutvotedByItsBlocks) {
  Stream stream;
  stream.set32(stream.packets[1].data(), 71 + 4096);
  const auto steps = decode_damaged(stream);
  ASSERT_EQ(steps.size(), 1u);
  EXPECT_EQ(steps[0].orbit.number, 71u);
  EXPECT_EQ(crossings_of(steps[0].orbit), stream.without({}));
  ASSERT_EQ(steps[0].orbit.bad.size(), 1u);
  EXPECT_EQ(steps[0].orbit.bad[0].fault, Fault::kBadHeader);
}

/// Whichever bit of a packet is wrong: no crossing but the one it is in is lost or altered.
TEST(GmtFaults, OneWrongBitAnywhereCostsAtMostItsOwnCrossing) {
  const Stream whole;
  const auto decoder = decoder_of("gmt");
  const auto right = decode_all(*decoder, whole.bytes());
  const size_t begin = whole.packets[0].size(), size = whole.packets[1].size();
  Bytes bytes = whole.bytes();
  for (size_t bit = 0; bit < 8 * size; ++bit) {
    bytes[begin + bit / 8] ^= std::byte{1} << (bit % 8);
    const auto steps = decode_all(*decoder, bytes);
    bytes[begin + bit / 8] ^= std::byte{1} << (bit % 8);
    size_t lost = 60;
    for (const Step& step : steps) lost -= step.orbit.crossings.size();
    ASSERT_LE(lost, 1u) << "bit " << bit % 8 << " of byte " << bit / 8 << " of " << size;
    ASSERT_EQ(steps.size(), 3u) << bit / 8;
    for (size_t i = 0; i < 3; ++i) {
      ASSERT_EQ(steps[i].orbit.number, right[i].orbit.number);
      const size_t dropped = steps[i].orbit.crossings_in - steps[i].orbit.crossings.size();
      // A bit too many in the bitmap is a crossing that never came.
      ASSERT_TRUE(dropped == (i == 1 ? lost : 0) || (i == 1 && dropped == 1)) << bit / 8;
    }
  }
}

/// The existing software runs off the end of a packet that is too short.
TEST(GmtFaults, PacketCutAnywhereIsDroppedWholeAndTheNextIsFound) {
  const Stream stream(6, 6);
  const auto decoder = decoder_of("gmt");
  const auto right = decode_all(*decoder, stream.packets[2]);
  const size_t whole = stream.packets[1].size();
  for (size_t cut = 1; cut < whole; ++cut) {
    Bytes bytes(stream.packets[1].begin(), stream.packets[1].begin() + static_cast<ptrdiff_t>(cut));
    append(bytes, stream.packets[2]);
    const auto steps = decode_all(*decoder, bytes);
    ASSERT_EQ(steps.size(), 2u) << cut;
    ASSERT_EQ(transcript(std::span(steps).subspan(1)), transcript(right)) << cut;
    // Without its packet's trailer an orbit is as one of several in a packet: it is whole.
    if (cut == whole - 32) continue;
    EXPECT_EQ(steps[0].decoded.kind, Decoded::Kind::kBad) << cut;
    EXPECT_EQ(steps[0].decoded.fault, Fault::kTruncated) << cut << " " << steps[0].decoded.detail;
    EXPECT_EQ(steps[0].decoded.consumed, cut);
    if (cut >= kHeader) {
      EXPECT_TRUE(steps[0].decoded.knows_orbit) << cut;
      EXPECT_EQ(steps[0].decoded.orbit, 71u);
      EXPECT_EQ(steps[0].decoded.orbits, 1u);
    }
  }
}

TEST(GmtFaults, StreamThatEndsAnywhereIsAccountedFor) {
  const Stream stream(7, 4);
  const auto decoder = decoder_of("gmt");
  Bytes bytes = stream.packets[0];
  append(bytes, stream.packets[1]);
  for (size_t size = stream.packets[0].size() + 1; size < bytes.size(); ++size) {
    const auto steps = decode_all(*decoder, std::span(bytes).first(size));
    ASSERT_EQ(steps.size(), 2u) << size;
    ASSERT_EQ(steps[0].decoded.kind, Decoded::Kind::kOrbit);
    EXPECT_EQ(steps[1].decoded.fault, Fault::kTruncated) << size;
  }
}

TEST(GmtFaults, StreamThatBeginsAnywhereIsJoinedAtItsNextPacket) {
  const Stream stream(8, 4);
  const auto decoder = decoder_of("gmt");
  const Bytes bytes = stream.bytes();
  for (size_t from = 1; from < stream.packets[0].size() - 32; ++from) {
    const auto steps = decode_all(*decoder, std::span(bytes).subspan(from));
    ASSERT_GE(steps.size(), 3u) << from;
    EXPECT_EQ(steps[steps.size() - 2].orbit.number, 71u) << from;
    EXPECT_EQ(steps[steps.size() - 2].orbit.crossings.size(), 4u) << from;
    EXPECT_EQ(steps.back().orbit.number, 72u) << from;
  }
}

TEST(GmtFaults, BytesThatComeOneByOneGiveTheSame) {
  Stream stream(9, 3);
  stream.packets[0].resize(stream.packets[0].size() - 700);
  *(stream.block(2) + 4) ^= std::byte{8};
  const Bytes bytes = stream.bytes();
  const auto decoder = decoder_of("gmt");
  const auto right = decode_all(*decoder, bytes);
  EXPECT_EQ(transcript(decode_one_by_one(*decoder, bytes, 1, bytes.size())), transcript(right));
}

/// The front of the next packet fills up a trailer that was cut: with few bytes behind it, that looks whole. (A number
/// below 256 that comes to stand where the packet's orbits are counted could still be such a count.)
TEST(GmtFaults, PacketCutInItsTrailersCostsTheNextNothingHoweverItArrives) {
  const Stream stream(11, 2, 5000);
  const auto decoder = decoder_of("gmt");
  const auto right = decode_all(*decoder, stream.packets[2]);
  const size_t whole = stream.packets[1].size();
  for (size_t cut = whole - 576; cut < whole; ++cut) {
    Bytes bytes(stream.packets[1].begin(), stream.packets[1].begin() + static_cast<ptrdiff_t>(cut));
    append(bytes, stream.packets[2]);
    const auto steps = decode_one_by_one(*decoder, bytes, cut - 1, whole + 130);
    ASSERT_EQ(steps.size(), 2u) << cut;
    ASSERT_EQ(transcript(std::span(steps).subspan(1)), transcript(right)) << cut;
  }
}

/// Latency: a packet that is whole is an orbit with its last byte.
TEST(GmtFaults, PacketNeedsNothingBehindIt) {
  const Stream stream(12, 2);
  for (const std::string_view format : {"gmt", "calo"}) {
    const auto decoder = decoder_of(format);
    Bytes bytes = stream.packets[1];
    const size_t whole = bytes.size();
    append(bytes, stream.packets[2]);
    for (size_t size = whole; size < whole + 100; ++size) {
      SourceOrbit orbit;
      const Decoded decoded = decoder->decode(std::span(bytes).first(size), false, orbit);
      ASSERT_EQ(decoded.kind, Decoded::Kind::kOrbit) << format << " " << size - whole << " bytes behind";
      EXPECT_EQ(decoded.consumed, whole);
    }
  }
}

TEST(GmtFaults, EndlessRubbishIsSkippedInBoundedPieces) {
  const auto decoder = decoder_of("gmt");
  std::mt19937_64 random(10);
  Bytes rubbish(decoder->longest_bytes() + 100);
  for (std::byte& byte : rubbish) byte = static_cast<std::byte>(random());
  SourceOrbit orbit;
  EXPECT_EQ(decoder->decode(std::span(rubbish).first(1000), false, orbit).kind, Decoded::Kind::kNeedMore);
  const Decoded decoded = decoder->decode(rubbish, false, orbit);
  EXPECT_EQ(decoded.kind, Decoded::Kind::kBad);
  EXPECT_EQ(decoded.fault, Fault::kLostSync);
  EXPECT_GT(decoded.consumed, rubbish.size() / 4);
}

class GmtIsa : public testing::TestWithParam<Isa> {};

/// Packets of all occupancies, then the same with random damage: bits, cuts, insertions.
TEST_P(GmtIsa, SaysWhatScalarCodeSays) {
  if (!has_isa(GetParam())) GTEST_SKIP() << "this machine has no " << name_of(GetParam());
  for (const DecoderOptions options : {DecoderOptions{true, true}, {true, false}, {false, true}, {false, false}}) {
    const auto scalar = decoder_of("gmt", options);
    const auto vector = decoder_of("gmt", options, GetParam());
    for (uint64_t seed = 0; seed < 60; ++seed) {
      std::mt19937_64 random(seed);
      Bytes bytes;
      for (uint32_t number = 1; number < 5; ++number) {
        append(bytes, gmt_packet({random_orbit(random, number, random() % 300, 0.01 + 0.016 * double(seed))}));
      }
      EXPECT_EQ(transcript(decode_all(*vector, bytes)), transcript(decode_all(*scalar, bytes))) << seed;
      for (size_t damage = random() % 6; damage > 0; --damage) {
        const auto at = bytes.begin() + static_cast<ptrdiff_t>(random() % (bytes.size() - 1000));
        if (damage == 1)
          bytes.erase(at, at + static_cast<ptrdiff_t>(random() % 1000));
        else if (damage == 2)
          bytes.insert(at, random() % 1000, static_cast<std::byte>(random()));
        else
          *at ^= std::byte{1} << (random() % 8);
      }
      EXPECT_EQ(transcript(decode_all(*vector, bytes)), transcript(decode_all(*scalar, bytes))) << seed;
    }
  }
}

/// Decodes bytes that come in pieces, into one orbit. `promise`: the decoder is told when it gets the same again.
std::vector<Step> decode_pieces(Decoder& decoder, std::span<const std::byte> bytes, uint64_t seed, bool promise) {
  std::mt19937_64 random(seed);
  std::vector<Step> steps;
  SourceOrbit orbit;
  for (size_t begin = 0, end = 0; begin < bytes.size();) {
    const Decoded decoded = decoder.decode(bytes.subspan(begin, end - begin), end == bytes.size(), orbit);
    if (decoded.kind == Decoded::Kind::kNeedMore) {
      end = std::min<size_t>(end + 1 + random() % 3000, bytes.size());
      if (promise) decoder.expect_more();
      continue;
    }
    begin += decoded.consumed;
    end = std::max(begin, end);
    steps.push_back({decoded, std::exchange(orbit, {})});
  }
  return steps;
}

TEST_P(GmtIsa, GoesOnWhereItNeededMore) {
  if (!has_isa(GetParam())) GTEST_SKIP() << "this machine has no " << name_of(GetParam());
  for (const std::string_view format : {"gmt", "calo"}) {
    const auto decoder = decoder_of(format, {true, true}, GetParam());
    for (uint64_t seed = 0; seed < 40; ++seed) {
      const Stream stream(seed, 150);
      Bytes bytes;
      for (const Bytes& packet : stream.packets) append(bytes, packet);
      std::mt19937_64 random(seed);
      for (size_t damage = seed % 4; damage > 0; --damage) bytes[random() % bytes.size()] ^= std::byte{16};
      const auto expected = decode_pieces(*decoder, bytes, seed, false);
      EXPECT_EQ(transcript(decode_pieces(*decoder, bytes, seed, true)), transcript(expected)) << "seed " << seed;
    }
  }
}

/// Another stream's bytes after one that needed more, of the same crossings: without the promise nothing of those
/// before is left.
TEST_P(GmtIsa, StartsAnewWithoutThePromise) {
  if (!has_isa(GetParam())) GTEST_SKIP() << "this machine has no " << name_of(GetParam());
  Stream stream(3, 200);
  const Bytes one = stream.packets[1];
  for (size_t word = 16; word < 48; ++word) stream.block(2)[4 * word] ^= std::byte{3};  // of muons: phi
  const Bytes& other = stream.packets[1];
  const auto decoder = decoder_of("gmt", {true, true}, GetParam());
  const auto expected = transcript(decode_all(*decoder, other));
  ASSERT_NE(transcript(decode_all(*decoder, one)), expected);
  SourceOrbit orbit;
  ASSERT_EQ(decoder->decode(std::span(one).first(one.size() / 2), false, orbit).kind, Decoded::Kind::kNeedMore);
  Step step;
  step.decoded = decoder->decode(other, true, orbit);
  step.orbit = std::move(orbit);
  EXPECT_EQ(transcript({&step, 1}), expected);
}

INSTANTIATE_TEST_SUITE_P(All, GmtIsa, testing::Values(Isa::kAvx2, Isa::kAvx512),
                         [](const auto& isa) { return std::string(isa.param == Isa::kAvx2 ? "Avx2" : "Avx512"); });

}  // namespace
}  // namespace strobe::scouting
