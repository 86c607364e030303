#pragma once

#include <span>

#include "host/scouting/generate/spectra.h"

namespace strobe::scouting {

/// What one of the muon track finders makes of transverse momenta.
struct MuonResponse {
  double scale;                 ///< median of measured over true: triggers set theirs high, to be efficient
  double spread;                ///< width of the measured logarithm
  double spread_unconstrained;  ///< the same without the vertex; its scale is `scale`
};

/// Barrel (|eta| up to 0.83), overlap (to 1.24) and endcap, for quality 12. A toy: sizes of the order that the
/// Level-1 trigger publishes, without tails. Muons of lower quality spread by `low_quality_factor` more.
inline constexpr MuonResponse kBarrelResponse{1.15, 0.18, 0.35}, kOverlapResponse{1.30, 0.28, 0.45},
    kEndcapResponse{1.22, 0.24, 0.50};
/// 1 for quality 12 and above, 1.3 from 8 on, else 1.7.
double low_quality_factor(int32_t quality);
const MuonResponse& response_at(double eta);

/// Turns true muons of the global muon trigger into measured ones: pt, pt_unconstrained, and phi_station, which bends
/// by the true momentum (spread 0.4). All other fields stay.
void measure_muons(const ObjectFormat& format, Random& random, std::span<ObjectWords> muons);

}  // namespace strobe::scouting
