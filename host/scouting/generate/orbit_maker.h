#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "host/scouting/core/orbit.h"
#include "host/scouting/generate/filling_scheme.h"
#include "host/scouting/generate/resonance.h"
#include "host/scouting/generate/spectra.h"

namespace strobe::scouting {

/// What a generated crossing is, for training and for tests.
enum CrossingLabel : uint8_t {
  kSignal = 1,     ///< holds the two muons of a resonance
  kContinuum = 2,  ///< holds a pair of opposite charge without a resonance
  kPreFired = 4,   ///< its objects belong to the crossing after it
  kPostFired = 8,  ///< its objects belong to the crossing before it
};

/// An orbit as a faultless decoder is to give it, and what the links say besides.
struct GeneratedOrbit {
  SourceOrbit data;
  std::vector<Buffer<uint8_t>> slots;  ///< by collection, one an object: its place in the crossing on the links
  Buffer<uint8_t> labels;              ///< one a crossing, of CrossingLabel
};

struct OrbitOptions {
  double mean = -1;  ///< objects of the first collection a colliding crossing, others in proportion; -1: `default_mean`
  double signal = 0, continuum = 0;  ///< share of colliding crossings with such a pair on top
  Resonance resonance = Resonance::kMix;
  bool measured = false;  ///< global muons as the trigger measures them (muon_response.h); false: their true momenta
  double pre_firing = 0, post_firing = 0;  ///< share of crossings with objects that are sent one crossing off
  uint32_t slice = 0;                      ///< every how many crossings this source sees; 0: as usual for the format
  uint32_t slice_first = 0;                ///< the first of them
  uint64_t seed = 1;
};

/// Makes orbits of one format. Orbit i of a seed is the same whatever was made before it.
class OrbitMaker {
 public:
  /// Errors: InvalidArgument (a value out of its range; pairs in a format without muons), naming the option.
  static absl::StatusOr<OrbitMaker> create(const SourceFormat& format, const FillingScheme& scheme,
                                           const OrbitOptions& options);
  const SourceFormat& format() const { return *format_; }
  double mean() const { return mean_; }
  /// The `index`-th orbit, numbered `number`.
  void make(uint64_t index, uint32_t number, GeneratedOrbit& orbit) const;

 private:
  /// One kind of object in a crossing.
  struct Kind {
    ObjectSampler sampler;
    Discrete count;
    uint32_t most = 0;
  };
  /// A crossing before its objects are drawn.
  struct Plan {
    uint16_t crossing = 0;
    uint8_t label = 0;
    std::vector<uint16_t> counts;
  };

  OrbitMaker(const SourceFormat& format, const OrbitOptions& options) : format_(&format), options_(options) {}
  std::vector<Plan> plan(Random& random) const;
  void misplace(std::vector<Plan>& plans, Random& random) const;
  /// `measuring` draws the response alone, so that the same seed gives the same true muons.
  void fill(const Plan& plan, Random& random, Random& measuring, GeneratedOrbit& orbit) const;
  void fill_pair(const Plan& plan, Random& random, std::vector<ObjectWords>& objects) const;

  const SourceFormat* format_;
  OrbitOptions options_;
  double mean_ = 0;
  bool is_calo_ = false;  ///< objects stand on the calorimeter trigger's links
  std::vector<Kind> kinds_;
  std::vector<uint16_t> sent_;      ///< crossings that this source may send
  std::vector<uint8_t> colliding_;  ///< one for each of `sent_`
};

/// Whether pairs can be made in the format: its first objects have pt, eta, phi and charge.
bool takes_pairs(const SourceFormat& format);
/// Whether the format's muons can be measured.
bool takes_measured(const SourceFormat& format);

/// Objects of the first collection in a colliding crossing, as the real detector has about: 0.3 muons, 15 puppi
/// candidates.
double default_mean(const SourceFormat& format);

}  // namespace strobe::scouting
