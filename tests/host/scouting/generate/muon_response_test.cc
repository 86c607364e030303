#include "host/scouting/generate/muon_response.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "host/scouting/formats/find_format.h"
#include "host/scouting/generate/orbit_maker.h"

namespace strobe::scouting {
namespace {

constexpr int kOrbits = 100;

OrbitMaker maker(bool measured) {
  OrbitOptions options;
  options.mean = 1;
  options.measured = measured;
  return *OrbitMaker::create(*find_format("gmt"), *find_filling_scheme("cms-2024"), options);
}

ObjectWords words_of(const Collection& muons, size_t i) {
  return {muons.narrow[0][i], muons.narrow[1][i], muons.narrow[2][i]};
}

double value(const ObjectFormat& format, const char* field, const ObjectWords& words) {
  return format.find(field)->scale * (raw_value(*format.find(field), words) + format.find(field)->bias);
}

/// Logarithms of measured over true momenta, in one region, of quality 12.
struct Logarithms {
  std::vector<double> values;

  double quantile(double share) {
    const auto at = values.begin() + static_cast<std::ptrdiff_t>(share * static_cast<double>(values.size()));
    std::nth_element(values.begin(), at, values.end());
    return *at;
  }
};

TEST(MuonResponse, HasItsScaleAndSpreadInEveryRegion) {
  const OrbitMaker measured = maker(true), truth = maker(false);
  const ObjectFormat& format = *truth.format().collections[0];
  const MuonResponse* const regions[] = {&kBarrelResponse, &kOverlapResponse, &kEndcapResponse};
  Logarithms of_pt[3];
  for (int orbit = 0; orbit < kOrbits; ++orbit) {
    GeneratedOrbit a, b;
    measured.make(static_cast<uint64_t>(orbit), 1, a);
    truth.make(static_cast<uint64_t>(orbit), 1, b);
    const Collection &muons = a.data.collections[0], &expected = b.data.collections[0];
    ASSERT_EQ(muons.narrow[0].size(), expected.narrow[0].size());
    for (size_t i = 0; i < muons.narrow[0].size(); ++i) {
      const ObjectWords one = words_of(muons, i), other = words_of(expected, i);
      for (const Field& field : format.fields) {
        if (field.name == "pt" || field.name == "pt_unconstrained" || field.name == "phi_station") continue;
        ASSERT_EQ(raw_value(field, one), raw_value(field, other)) << field.name;
      }
      if (value(format, "quality", other) < 12 || value(format, "pt", other) < 8) continue;  // rounding is finer above
      const auto region = std::find(std::begin(regions), std::end(regions), &response_at(value(format, "eta", other)));
      of_pt[region - std::begin(regions)].values.push_back(
          std::log(value(format, "pt", one) / value(format, "pt", other)));
    }
  }
  for (int region = 0; region < 3; ++region) {
    ASSERT_GT(of_pt[region].values.size(), 5000u);
    EXPECT_NEAR(of_pt[region].quantile(0.5), std::log(regions[region]->scale), 0.015) << region;
    EXPECT_NEAR((of_pt[region].quantile(0.8413) - of_pt[region].quantile(0.1587)) / 2, regions[region]->spread, 0.015);
  }
}

TEST(MuonResponse, IsOfGlobalMuonsAlone) {
  OrbitOptions options;
  options.measured = true;
  EXPECT_THAT(
      std::string(
          OrbitMaker::create(*find_format("tkmuon"), *find_filling_scheme("cms-2024"), options).status().message()),
      testing::HasSubstr("--measured needs the global trigger's muons (gmt, gmt-zs), found tkmuon"));
}

}  // namespace
}  // namespace strobe::scouting
