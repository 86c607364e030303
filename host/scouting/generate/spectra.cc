#include "host/scouting/generate/spectra.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <string_view>

#include "host/scouting/generate/portable_math.h"

namespace strobe::scouting {
namespace {

using Density = std::function<double(double)>;

/// Muons of the global muon trigger's scouting stream, run 325099, legs of pairs: GeV, and how many thousands in 0.5.
struct PtPoint {
  double pt, thousands;
};
constexpr PtPoint kMuonPt[] = {{2.0, 0},   {2.5, 60},  {3.0, 208}, {3.5, 537}, {4.0, 472}, {4.5, 443},
                               {5.0, 239}, {5.5, 477}, {6.0, 308}, {6.5, 412}, {7.0, 255}, {7.5, 375},
                               {8.0, 222}, {8.5, 323}, {9.0, 174}, {9.5, 99},  {10, 134},  {11, 86},
                               {12, 73},   {14, 45},   {16, 30},   {20, 17}};

double cube(double x) { return x * x * x; }

double muon_pt(double pt) {
  const PtPoint* const last = std::end(kMuonPt) - 1;
  if (pt <= kMuonPt[0].pt) return 0;
  if (pt >= last->pt) return last->thousands * cube(last->pt / pt);
  const PtPoint* above = std::find_if(std::begin(kMuonPt), last, [&](const PtPoint& point) { return point.pt > pt; });
  const PtPoint& below = above[-1];
  return below.thousands + (above->thousands - below.thousands) * (pt - below.pt) / (above->pt - below.pt);
}

/// A spectrum that rises up to `turn` and falls with the given power beyond.
Density falling(double least, double turn, int power) {
  return [=](double pt) {
    if (pt < least) return 0.0;
    if (pt < turn) return 0.2 + 0.8 * pt / turn;
    double weight = 1;
    for (int i = 0; i < power; ++i) weight *= turn / pt;
    return weight;
  };
}

/// Flat up to `edge`, a little more forward.
Density inside(double edge) {
  return [=](double value) {
    const double share = value / edge;
    return share >= -1 && share <= 1 ? 1 + 0.3 * share * share : 0.0;
  };
}

Density bell(double width) {
  return [=](double value) { return portable::exp(-value * value / (2 * width * width)); };
}

double pt_density(std::string_view object, double pt) {
  static const Density jet = falling(10, 15, 4), egamma = falling(3, 8, 4), candidate = falling(0.25, 0.8, 3),
                       tower = falling(0.5, 1, 3), missing = falling(0, 25, 4);
  if (object == "muon" || object == "tkmuon") return muon_pt(pt);
  if (object == "puppi") return candidate(pt);
  if (object == "tower") return tower(pt);
  if (object == "jet") return jet(pt);
  if (object == "total_et") return bell(70)(pt - 220);
  if (object == "total_ht") return bell(60)(pt - 90);
  return object.starts_with("missing") ? missing(pt) : egamma(pt);
}

/// The largest |eta|, in the field's unit: towers are counted.
double eta_edge(std::string_view object) {
  if (object == "muon" || object == "tkmuon") return 2.4;
  if (object == "jet" || object == "puppi") return 4.7;
  return object == "tower" ? 41 : 2.6;
}

/// Shares of a small field's values, from 0 on; empty where no rule knows it.
std::vector<double> small_field(std::string_view object, std::string_view name) {
  if (object == "tkmuon") {
    if (name == "isolation") return {0.7, 0.15, 0.1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0.05};
    if (name == "beta") return {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
    if (name == "quality") return {};
  }
  if (name == "valid") return {0, 1};
  if (name == "charge_valid") return {0.02, 0.98};
  if (name == "isolation") return {0.85, 0.05, 0.05, 0.05};
  if (name == "intermediate" || name == "displaced") return {0.98, 0.02};
  if (object == "muon" && name == "quality") return {0.005, 0, 0, 0, 0.1, 0, 0, 0, 0.245, 0, 0, 0, 0.65};
  if (object == "muon" && name == "dxy") return {0.7, 0.2, 0.07, 0.03};
  if (object == "puppi" && name == "particle") return {0.14, 0.28, 0.28, 0.28, 0.008, 0.008, 0.002, 0.002};
  return {};
}

double weight(const ObjectFormat& object, const Field& field, int32_t raw) {
  const double value = field.scale * (raw + field.bias);
  const std::string_view name = field.name;
  if (field.unit == "GeV") return pt_density(object.name, value);
  if (name.starts_with("eta") && field.is_signed) return inside(eta_edge(object.name))(value);
  if (name.starts_with("phi") && field.unit == "rad") {
    const double turn = std::floor(2 * portable::kPi / field.scale + 0.5);
    return field.is_signed ? (raw >= -turn / 2 && raw < turn / 2 ? 1 : 0) : (raw < turn ? 1 : 0);
  }
  if (object.name == "tower" && name == "phi") return raw >= 1 && raw <= 72 ? 1 : 0;
  if (field.unit == "cm") return bell(name == "z0" ? 4.5 : 0.3)(value);
  if (object.name == "stub" && name == "wheel") return raw >= -2 && raw <= 2 ? 1 : 0;
  const std::vector<double> shares = small_field(object.name, name);
  if (shares.empty()) return 1;
  return raw >= 0 && static_cast<size_t>(raw) < shares.size() ? shares[static_cast<size_t>(raw)] : 0;
}

}  // namespace

int32_t raw_value(const Field& field, const ObjectWords& words) {
  const auto bits = static_cast<uint32_t>(words[field.word] >> field.offset) & ((1u << field.width) - 1);
  const bool negative = field.is_signed && (bits >> (field.width - 1)) != 0;
  return static_cast<int32_t>(bits) - (negative ? int32_t{1} << field.width : 0);
}

void set_raw(const Field& field, int32_t raw, ObjectWords& words) {
  const uint64_t mask = ((uint64_t{1} << field.width) - 1) << field.offset;
  uint64_t& word = words[field.word];
  word = (word & ~mask) | ((static_cast<uint64_t>(static_cast<uint32_t>(raw)) << field.offset) & mask);
}

int32_t nearest_raw(const Field& field, double value) {
  auto raw = static_cast<int32_t>(std::floor(value / field.scale - field.bias + 0.5));
  const int32_t lowest = field.is_signed ? -(int32_t{1} << (field.width - 1)) : 0;
  const int32_t highest = lowest + (int32_t{1} << field.width) - 1;
  if (field.name.starts_with("phi") && field.unit == "rad") {
    const auto turn = static_cast<int32_t>(std::floor(2 * portable::kPi / field.scale + 0.5));
    const int32_t first = field.is_signed ? -turn / 2 : 0;
    raw = (raw - first) % turn;
    raw = (raw < 0 ? raw + turn : raw) + first;
  }
  return std::clamp(raw, lowest, highest);
}

ObjectSampler::ObjectSampler(const ObjectFormat& format) {
  for (const Field& field : format.fields) {
    const int32_t lowest = field.is_signed ? -(int32_t{1} << (field.width - 1)) : 0;
    std::vector<double> weights(size_t{1} << field.width);
    double sum = 0;
    for (size_t i = 0; i < weights.size(); ++i) {
      weights[i] = weight(format, field, lowest + static_cast<int32_t>(i));
      sum += weights[i];
    }
    if (!(sum > 0)) std::fill(weights.begin(), weights.end(), 1.0);
    parts_.push_back({field, Discrete(lowest, weights)});
  }
}

ObjectWords ObjectSampler::draw(Random& random) const {
  ObjectWords words{};
  for (const Part& part : parts_) set_raw(part.field, part.values.draw(random), words);
  return words;
}

}  // namespace strobe::scouting
