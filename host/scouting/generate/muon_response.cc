#include "host/scouting/generate/muon_response.h"

#include <algorithm>
#include <cmath>

#include "host/scouting/generate/portable_math.h"

namespace strobe::scouting {
namespace {

constexpr double kBarrelEdge = 0.83, kOverlapEdge = 1.24;
constexpr double kBending = 2 * portable::kPi / 576 * 80;  ///< rad GeV, between vertex and station
constexpr double kBendingSpread = 0.4;

double normal(Random& random) {
  const double radius = std::sqrt(-2 * portable::log(1 - random.unit()));
  return radius * portable::cosine(2 * portable::kPi * random.unit());
}

double value_of(const Field& field, const ObjectWords& words) {
  return field.scale * (raw_value(field, words) + field.bias);
}

/// Sets a momentum; never 0, which is no muon.
void set_momentum(const Field& field, double value, ObjectWords& words) {
  set_raw(field, std::max(nearest_raw(field, value), 1), words);
}

}  // namespace

double low_quality_factor(int32_t quality) { return quality >= 12 ? 1 : quality >= 8 ? 1.3 : 1.7; }

const MuonResponse& response_at(double eta) {
  const double size = std::abs(eta);
  return size <= kBarrelEdge ? kBarrelResponse : size <= kOverlapEdge ? kOverlapResponse : kEndcapResponse;
}

void measure_muons(const ObjectFormat& format, Random& random, std::span<ObjectWords> muons) {
  const Field &pt = *format.find("pt"), &unconstrained = *format.find("pt_unconstrained");
  const Field &phi = *format.find("phi"), &station = *format.find("phi_station");
  for (ObjectWords& muon : muons) {
    const MuonResponse& response = response_at(value_of(*format.find("eta"), muon));
    const double factor = low_quality_factor(raw_value(*format.find("quality"), muon));
    const double truth = std::max(value_of(pt, muon), pt.scale);
    const double measured = response.scale * portable::exp(factor * response.spread * normal(random));
    const double alone = response.scale * portable::exp(factor * response.spread_unconstrained * normal(random));
    const double bend = kBending / truth * portable::exp(kBendingSpread * normal(random));
    const bool negative = raw_value(*format.find("charge"), muon) == 1;
    set_momentum(pt, truth * measured, muon);
    set_momentum(unconstrained, truth * alone, muon);
    set_raw(station, nearest_raw(station, value_of(phi, muon) + (negative ? bend : -bend)), muon);
  }
}

}  // namespace strobe::scouting
