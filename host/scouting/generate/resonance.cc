#include "host/scouting/generate/resonance.h"

#include <cmath>

#include "host/scouting/generate/portable_math.h"

namespace strobe::scouting {
namespace {

using portable::kPi;

constexpr double kHighestEta = 2.4;

struct Shape {
  double mass, width;  ///< GeV
  double mean_pt;      ///< of the pair
};

Shape shape_of(Resonance resonance, Random& random) {
  if (resonance == Resonance::kMix) resonance = static_cast<Resonance>(random.below(3));
  if (resonance == Resonance::kJpsi) return {3.0969, 0, 9};
  if (resonance == Resonance::kUpsilon) {
    const uint32_t state = random.below(10);  // 1S, 2S, 3S about as 7 : 2 : 1
    return {state < 7 ? 9.4604 : state < 9 ? 10.0234 : 10.3551, 0, 7};
  }
  return {91.1876, 2.4955, 12};
}

double breit_wigner(const Shape& shape, Random& random) {
  if (shape.width == 0) return shape.mass;
  for (;;) {
    const double angle = random.between(-0.49, 0.49) * kPi;
    const double mass = shape.mass + shape.width / 2 * portable::sine(angle) / portable::cosine(angle);
    if (mass > shape.mass / 2 && mass < shape.mass * 2) return mass;
  }
}

/// Components of a momentum and its energy.
struct Momentum {
  double x, y, z, energy;
};

/// Adds the motion of a parent with the given momentum and mass.
Momentum boosted(const Momentum& p, const Momentum& parent, double mass) {
  const double along = (p.x * parent.x + p.y * parent.y + p.z * parent.z) / mass;
  const double energy = (p.energy * parent.energy) / mass + along;
  const double factor = (along / (parent.energy / mass + 1) + p.energy) / mass;
  return {p.x + factor * parent.x, p.y + factor * parent.y, p.z + factor * parent.z, energy};
}

Lepton lepton(const Momentum& p, bool negative) {
  const double pt = std::sqrt(p.x * p.x + p.y * p.y);
  return {pt, portable::arsinh(p.z / pt), portable::arctangent(p.y, p.x), negative};
}

bool is_seen(const Lepton& muon, double least_pt) {
  return muon.pt >= least_pt && muon.eta < kHighestEta && muon.eta > -kHighestEta;
}

/// A pair of the given mass; tries until both muons are seen.
std::pair<Lepton, Lepton> pair_of(double mass, double mean_pt, double least_pt, Random& random) {
  for (;;) {
    const double pt = -mean_pt * portable::log(1 - random.unit());
    const double rapidity = random.between(-2.2, 2.2), phi = random.between(-kPi, kPi);
    const double transverse_mass = std::sqrt(mass * mass + pt * pt);
    const Momentum parent{pt * portable::cosine(phi), pt * portable::sine(phi),
                          transverse_mass * portable::sinh(rapidity), transverse_mass * portable::cosh(rapidity)};
    const double cosine = random.between(-1, 1), sine = std::sqrt(1 - cosine * cosine);
    const double around = random.between(-kPi, kPi), p = mass / 2;
    const Momentum one{p * sine * portable::cosine(around), p * sine * portable::sine(around), p * cosine, p};
    const Momentum other{-one.x, -one.y, -one.z, p};
    const bool first_negative = random.below(2) == 0;
    const Lepton a = lepton(boosted(one, parent, mass), first_negative);
    const Lepton b = lepton(boosted(other, parent, mass), !first_negative);
    if (is_seen(a, least_pt) && is_seen(b, least_pt)) return {a, b};
  }
}

}  // namespace

std::optional<Resonance> find_resonance(std::string_view name) {
  if (name == "jpsi") return Resonance::kJpsi;
  if (name == "upsilon") return Resonance::kUpsilon;
  if (name == "z") return Resonance::kZ;
  if (name == "mix") return Resonance::kMix;
  return std::nullopt;
}

std::pair<Lepton, Lepton> decay(Resonance resonance, double least_pt, Random& random) {
  const Shape shape = shape_of(resonance, random);
  return pair_of(breit_wigner(shape, random), shape.mean_pt, least_pt, random);
}

std::pair<Lepton, Lepton> continuum_pair(double least_pt, Random& random) {
  constexpr double kLowest = 2, kHighest = 120;
  const double mass = kLowest * portable::exp(random.unit() * portable::log(kHighest / kLowest));
  return pair_of(mass, 8, least_pt, random);
}

double mass_of(const Lepton& a, const Lepton& b) {
  const double square = 2 * a.pt * b.pt * (portable::cosh(a.eta - b.eta) - portable::cosine(a.phi - b.phi));
  return square > 0 ? std::sqrt(square) : 0;
}

}  // namespace strobe::scouting
