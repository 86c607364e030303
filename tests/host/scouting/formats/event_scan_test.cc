#include "host/scouting/formats/isa.h"
#include "tests/host/scouting/formats/support.h"

namespace strobe::scouting {
namespace {

constexpr DecoderOptions kColumns{true, false};
constexpr uint64_t kMarker = uint64_t{1} << 63;

/// Orbits of events with up to `most` candidates, whose highest bit may be set now and then.
Bytes random_orbits(std::mt19937_64& random, uint64_t orbits, uint64_t most, uint64_t step) {
  Bytes bytes;
  for (uint64_t number = 7; number < 7 + orbits; ++number) {
    for (uint64_t crossing = random() % step; crossing <= 3564; crossing += 1 + random() % step) {
      const uint64_t count = random() % (most + 1);
      put64(bytes, kMarker | number << 24 | crossing << 12 | count);
      for (uint64_t i = 0; i < count; ++i) put64(bytes, random() >> (random() % 5000 == 0 ? 0 : 3));
    }
  }
  return bytes;
}

void damage(std::mt19937_64& random, Bytes& bytes) {
  const auto at = bytes.begin() + static_cast<ptrdiff_t>(random() % (bytes.size() - 1000));
  switch (random() % 4) {
    case 0:
      bytes.erase(at, at + static_cast<ptrdiff_t>(random() % 1000));
      return;
    case 1:
      bytes.insert(at, random() % 1000, static_cast<std::byte>(random()));
      return;
    default:
      *at ^= std::byte{1} << (random() % 8);
  }
}

class EventIsa : public testing::TestWithParam<Isa> {
 protected:
  void SetUp() override {
    if (!has_isa(GetParam())) GTEST_SKIP() << "this machine has no " << name_of(GetParam());
    scalar_ = decoder_of("puppi", kColumns);
    vector_ = decoder_of("puppi", kColumns, GetParam());
  }
  std::unique_ptr<Decoder> scalar_, vector_;
};

/// Events of all lengths, orbits of few and of many, longer ones after shorter ones; then the same with damage.
TEST_P(EventIsa, SaysWhatScalarCodeSays) {
  for (uint64_t seed = 0; seed < 50; ++seed) {
    std::mt19937_64 random(seed);
    Bytes bytes = random_orbits(random, 3, seed * 256 / 50, 1 + random() % 60);
    ASSERT_EQ(transcript(decode_all(*vector_, bytes)), transcript(decode_all(*scalar_, bytes))) << "seed " << seed;
    for (size_t times = random() % 5; times > 0; --times) damage(random, bytes);
    ASSERT_EQ(transcript(decode_all(*vector_, bytes)), transcript(decode_all(*scalar_, bytes))) << "seed " << seed;
  }
}

/// Cut at any word and in the middle of it: what is said of the front, when more may come and when not.
TEST_P(EventIsa, SaysTheSameOfEveryFront) {
  std::mt19937_64 random(5);
  const Bytes bytes = random_orbits(random, 2, 20, 400);
  SourceOrbit one, other;
  for (size_t size = 1; size <= bytes.size(); size += size % 8 == 0 ? 3 : 5) {
    const auto front = std::span(bytes).first(size);
    ASSERT_EQ(transcript(decode_all(*vector_, front)), transcript(decode_all(*scalar_, front))) << size;
    const Decoded expected = scalar_->decode(front, false, one), found = vector_->decode(front, false, other);
    ASSERT_EQ(found.kind, expected.kind) << size;
    ASSERT_EQ(found.consumed, expected.consumed) << size;
  }
}

/// One wrong bit anywhere in a header.
TEST_P(EventIsa, SaysTheSameOfEveryWrongBit) {
  Events events;
  for (const size_t start : events.starts) {
    for (size_t bit = 0; bit < 64; ++bit) {
      std::byte& byte = events.bytes[start + bit / 8];
      byte ^= std::byte{1} << (bit % 8);
      ASSERT_EQ(transcript(decode_all(*vector_, events.bytes)), transcript(decode_all(*scalar_, events.bytes)))
          << "event at " << start << " bit " << bit;
      byte ^= std::byte{1} << (bit % 8);
    }
  }
}

/// More headers of one orbit than it has crossings: not all of them are looked at, and none overruns anything.
TEST_P(EventIsa, TakesNoMoreEventsThanAnOrbitHas) {
  Bytes bytes;
  for (uint64_t i = 0; i < 8000; ++i) put64(bytes, kMarker | uint64_t{3} << 24 | std::min<uint64_t>(i, 3564) << 12);
  EXPECT_EQ(transcript(decode_all(*vector_, bytes)), transcript(decode_all(*scalar_, bytes)));
}

INSTANTIATE_TEST_SUITE_P(All, EventIsa, testing::Values(Isa::kAvx2, Isa::kAvx512),
                         [](const auto& isa) { return std::string(isa.param == Isa::kAvx2 ? "Avx2" : "Avx512"); });

}  // namespace
}  // namespace strobe::scouting
