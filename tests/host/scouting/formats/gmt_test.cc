#include "tests/host/scouting/formats/support.h"

namespace strobe::scouting {
namespace {

/// The muons that must come out: present ones, first muons of links 0 to 7, then second ones.
void expect_equal(const GmtOrbit& sent, const SourceOrbit& got) {
  EXPECT_EQ(got.number, sent.number);
  ASSERT_EQ(got.crossings.size(), sent.crossings.size());
  const Collection& muons = got.collections[0];
  ASSERT_EQ(muons.first.size(), sent.crossings.size() + 1);
  size_t at = 0;
  Bytes payload;
  put32(payload, 1);
  for (size_t c = 0; c < sent.crossings.size(); ++c) {
    const Crossing& crossing = sent.crossings[c];
    EXPECT_EQ(got.crossings[c], crossing.number);
    EXPECT_EQ(muons.first[c], at);
    EXPECT_EQ(got.payload_first[c], payload.size());
    Bytes objects;
    uint32_t counts[2] = {0, 0};
    for (uint32_t which = 0; which < 2; ++which) {
      for (uint32_t link = 0; link < 8; ++link) {
        const Muon& muon = crossing.muons[link][which];
        if ((muon.f >> 10 & 0x1FF) == 0) continue;
        const uint32_t extra = ((crossing.high[link] & ~0x1FFFu) | (crossing.number & ~1u)) | which;
        ASSERT_LT(at, muons.objects());
        EXPECT_EQ(muons.narrow[0][at], muon.f);
        EXPECT_EQ(muons.narrow[1][at], muon.s);
        EXPECT_EQ(muons.narrow[2][at], extra);
        ++at;
        ++counts[which];
        put32(objects, muon.f);
        put32(objects, muon.s);
        put32(objects, extra);
      }
    }
    if (objects.empty()) continue;
    put32(payload, 0xFFu << 24 | counts[0] << 16 | 0xFFu << 8 | counts[1]);
    put32(payload, crossing.number);
    put32(payload, sent.number);
    append(payload, objects);
  }
  EXPECT_EQ(muons.objects(), at);
  EXPECT_EQ(got.payload_first.back(), payload.size());
  EXPECT_EQ(Bytes(got.payload.begin(), got.payload.end()), payload);
}

TEST(Gmt, PacketOfRandomMuonsComesOutWhole) {
  std::mt19937_64 random(1);
  const auto decoder = decoder_of("gmt");
  for (const double occupancy : {0.02, 0.2, 0.9}) {
    const GmtOrbit sent = random_orbit(random, 1234567, 500, occupancy);
    const auto steps = decode_all(*decoder, gmt_packet({sent}));
    ASSERT_EQ(steps.size(), 1u);
    ASSERT_EQ(steps[0].decoded.kind, Decoded::Kind::kOrbit);
    EXPECT_EQ(steps[0].orbit.input_bytes, 576 + 32 + 192 * sent.crossings.size());
    expect_equal(sent, steps[0].orbit);
  }
}

/// The existing software decodes the first orbit of such a packet again and again.
TEST(Gmt, EachOrbitOfAMultiOrbitPacketIsItsOwn) {
  std::mt19937_64 random(2);
  const std::vector<GmtOrbit> sent = {random_orbit(random, 10, 100, 0.1), random_orbit(random, 11, 0, 0.1),
                                      random_orbit(random, 12, 300, 0.3), random_orbit(random, 14, 1, 0.3)};
  const auto decoder = decoder_of("gmt");
  const auto steps = decode_all(*decoder, gmt_packet(sent));
  ASSERT_EQ(steps.size(), sent.size());
  for (size_t i = 0; i < sent.size(); ++i) {
    ASSERT_EQ(steps[i].decoded.kind, Decoded::Kind::kOrbit) << steps[i].decoded.detail;
    expect_equal(sent[i], steps[i].orbit);
  }
}

}  // namespace
}  // namespace strobe::scouting
