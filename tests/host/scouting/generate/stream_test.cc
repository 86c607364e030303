#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "host/scouting/core/crc32c.h"
#include "host/scouting/formats/decoder.h"
#include "host/scouting/formats/find_format.h"
#include "host/scouting/generate/packet_stream.h"

namespace strobe::scouting {
namespace {

OrbitMaker make_maker(std::string_view format, const OrbitOptions& options = {}, const char* scheme = "cms-2024") {
  const auto filling = find_filling_scheme(scheme);
  EXPECT_TRUE(filling.ok()) << filling.status();
  auto maker = OrbitMaker::create(*find_format(format), *filling, options);
  EXPECT_TRUE(maker.ok()) << maker.status();
  return *std::move(maker);
}

std::vector<std::byte> stream_bytes(std::string_view format, const OrbitOptions& orbit, const StreamOptions& options) {
  auto stream = PacketStream::create(make_maker(format, orbit), options);
  EXPECT_TRUE(stream.ok()) << stream.status();
  std::vector<std::byte> bytes(stream->preamble().begin(), stream->preamble().end());
  for (std::vector<Piece> pieces; stream->next(pieces); pieces.clear()) {
    for (const Piece& piece : pieces) bytes.insert(bytes.end(), piece.bytes.begin(), piece.bytes.end());
  }
  return bytes;
}

TEST(PacketStream, SameSeedGivesTheSameBytes) {
  // Of every format: a change here changes what a seed means, and old truth files with it.
  const std::pair<const char*, uint32_t> expected[] = {
      {"gmt", 0x95755008},    {"gmt-zs", 0x5d583c5b},    {"calo", 0x8ef451e1},   {"calo-zs", 0x94cbd18a},
      {"jet-zs", 0xc1b3c010}, {"egamma-zs", 0x9d50a1d7}, {"tau-zs", 0x2d86b15a}, {"sum-zs", 0x1573244b},
      {"stub-zs", 0xa57696c}, {"tower-zs", 0xeb154527},  {"puppi", 0x694e2d3a},  {"puppi-dth", 0x245a7a61},
      {"tkmuon", 0x59d12039}, {"pattern", 0x52827853}};
  for (const auto& [format, checksum] : expected) {
    const auto bytes = stream_bytes(format, {.seed = 42}, {.orbits = 3, .first_orbit = 1000});
    EXPECT_EQ(crc32c(bytes), checksum) << format << std::hex << " 0x" << crc32c(bytes);
    EXPECT_NE(crc32c(stream_bytes(format, {.seed = 43}, {.orbits = 3, .first_orbit = 1000})), checksum) << format;
  }
  EXPECT_EQ(std::size(expected), formats().size()) << "a format without a checksum here";
  const auto pairs = stream_bytes("gmt", {.signal = 0.1, .continuum = 0.1, .seed = 42}, {.orbits = 3});
  EXPECT_EQ(crc32c(pairs), 0xd2aa7713) << std::hex << "0x" << crc32c(pairs);
}

TEST(PacketStream, APoolGivesTheSameOrbitsUnderNewNumbers) {
  for (const SourceFormat* format : formats()) {
    if (format->framing == Framing::kPatternText) continue;
    const OrbitOptions orbit{.seed = 5};
    const auto pooled = stream_bytes(format->name, orbit, {.orbits = 6, .first_orbit = 262142, .pool = 3});
    auto fresh = stream_bytes(format->name, orbit, {.orbits = 3, .first_orbit = 262142});
    const auto later = stream_bytes(format->name, orbit, {.orbits = 3, .first_orbit = 262145});
    fresh.insert(fresh.end(), later.begin(), later.end());
    EXPECT_TRUE(pooled == fresh) << format->name;
  }
}

TEST(PacketStream, RatesAreThoseOfTheLinks) {
  // Input of muon packets with the colliding crossings of 2024, MB/s by mean muons a crossing.
  const std::pair<double, double> expected[] = {{0.1, 473}, {0.3, 1277}, {0.5, 1934}, {1.0, 3104}};
  for (const auto& [mean, megabytes] : expected) {
    constexpr uint64_t kOrbits = 400;
    const auto bytes = stream_bytes("gmt", {.mean = mean, .seed = 9}, {.orbits = kOrbits});
    const double rate = static_cast<double>(bytes.size()) / kOrbits / kOrbitSeconds / 1e6;
    // Blocks an orbit are binomial.
    const double filled = 1 - std::exp(-mean);
    const double sigma = std::sqrt(2269 * filled * (1 - filled) / kOrbits) * 192 / kOrbitSeconds / 1e6;
    EXPECT_NEAR(rate, megabytes, 5 * sigma + 1) << "mean " << mean;
  }
}

TEST(PacketStream, SeveralOrbitsAPacketShareTheTrailer) {
  const auto single = stream_bytes("gmt", {}, {.orbits = 10});
  const auto several = stream_bytes("gmt", {}, {.orbits = 10, .packet_orbits = 4});
  EXPECT_EQ(single.size() - several.size(), 7 * 32);
  EXPECT_FALSE(PacketStream::create(make_maker("puppi"), {.packet_orbits = 2}).ok());
  EXPECT_FALSE(PacketStream::create(make_maker("pattern"), {.pool = 2}).ok());
}

TEST(OrbitMaker, CrossingsAreTheSchemes) {
  for (const char* scheme : {"cms-2024", "nominal-2340"}) {
    const auto filling = find_filling_scheme(scheme);
    GeneratedOrbit orbit;
    make_maker("gmt", {.mean = 16}, scheme).make(0, 1, orbit);
    EXPECT_THAT(orbit.data.crossings.view(), testing::ElementsAreArray(filling->colliding)) << scheme;
  }
}

TEST(OrbitMaker, MeanIsThatOfThePoisson) {
  const OrbitMaker maker = make_maker("gmt", {.mean = 0.3, .seed = 77});
  GeneratedOrbit orbit;
  constexpr int kOrbits = 300;
  double muons = 0, crossings = 0;
  for (int i = 0; i < kOrbits; ++i) {
    maker.make(static_cast<uint64_t>(i), 1, orbit);
    muons += static_cast<double>(orbit.data.collections[0].objects());
    crossings += static_cast<double>(orbit.data.crossings.size());
  }
  const double colliding = 2269.0 * kOrbits, filled = 1 - std::exp(-0.3);
  EXPECT_NEAR(muons / colliding, 0.3, 5 * std::sqrt(0.3 / colliding));
  EXPECT_NEAR(crossings / colliding, filled, 5 * std::sqrt(filled * (1 - filled) / colliding));
}

TEST(OrbitMaker, RefusesWhatTheFormatHasNot) {
  const auto filling = find_filling_scheme("cms-2024");
  const auto message = [&](const char* format, const OrbitOptions& options) {
    return std::string(OrbitMaker::create(*find_format(format), *filling, options).status().message());
  };
  EXPECT_THAT(message("calo", {.signal = 0.1}), testing::HasSubstr("--signal"));
  EXPECT_THAT(message("gmt", {.signal = 1.5}), testing::HasSubstr("found 1.5"));
  EXPECT_THAT(message("gmt", {.mean = 1000}), testing::HasSubstr("--mean"));
  EXPECT_THAT(message("puppi", {.slice = 6, .slice_first = 6}), testing::HasSubstr("FIRST"));
}

}  // namespace
}  // namespace strobe::scouting
