#pragma once

#include <optional>
#include <string_view>
#include <utility>

#include "host/scouting/generate/random.h"

namespace strobe::scouting {

/// A muon as physics knows it.
struct Lepton {
  double pt = 0;  ///< GeV
  double eta = 0;
  double phi = 0;  ///< rad, in [-pi, pi]
  bool negative = false;
};

/// What decays to two muons.
enum class Resonance : uint8_t { kJpsi, kUpsilon, kZ, kMix };
constexpr std::string_view kResonanceNames = "jpsi, upsilon, z, mix";
std::optional<Resonance> find_resonance(std::string_view name);

/// Two muons of opposite charge from a decay: mass from the resonance's Breit-Wigner shape (narrow ones have their mass
/// exactly; the rounding of the fields is wider), a falling momentum of the pair, isotropic in its rest frame, both
/// above `least_pt` and within |eta| 2.4. `kMix` takes one of the three.
std::pair<Lepton, Lepton> decay(Resonance resonance, double least_pt, Random& random);
/// The same with a mass that falls from 2 to 120 GeV without a peak: opposite charges that are no signal.
std::pair<Lepton, Lepton> continuum_pair(double least_pt, Random& random);
/// The invariant mass of two massless particles.
double mass_of(const Lepton& a, const Lepton& b);

}  // namespace strobe::scouting
