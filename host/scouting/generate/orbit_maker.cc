#include "host/scouting/generate/orbit_maker.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "host/scouting/generate/calo_slots.h"
#include "host/scouting/generate/frame_layout.h"
#include "host/scouting/generate/global_muons.h"
#include "host/scouting/generate/muon_response.h"

namespace strobe::scouting {
namespace {

constexpr double kHighestMean = 200;
constexpr double kLeastMuonPt = 3;                     ///< GeV, of pairs
constexpr uint64_t kMeasuringSeed = 0x6d656173757265;  ///< sets the response's numbers apart from all others

/// How many of a kind a crossing has, as a share of the first collection's mean, and the most that its links carry.
struct Multiplicity {
  std::string_view object;
  double mean;   ///< of the first collection, where it is that
  double share;  ///< of the first collection's mean; 0: always `most`
  uint32_t most;
};
constexpr Multiplicity kMultiplicities[] = {
    {"muon", 0.3, 1, 16},  {"jet", 3, 1, 12},     {"egamma", 2, 0.7, 12}, {"tau", 2, 0.6, 12}, {"stub", 2, 1, 60},
    {"tower", 20, 1, 250}, {"puppi", 15, 1, 200}, {"tkmuon", 1.3, 1, 12}, {"link", 4, 0, 4},
};
constexpr Multiplicity kOther{"", 1, 0, 1};  // sums: one a crossing

const Multiplicity& multiplicity(const ObjectFormat& object) {
  for (const Multiplicity& each : kMultiplicities) {
    if (each.object == object.name) return each;
  }
  return kOther;
}

bool is_global_muon(const ObjectFormat& object) { return object.name == "muon"; }

absl::Status check_share(double value, const char* option) {
  if (value >= 0 && value <= 1) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(option, ": a share from 0 to 1 was expected, found ", value));
}

uint32_t usual_slice(const SourceFormat& format) {
  if (format.framing != Framing::kEvents && format.framing != Framing::kDthBlocks) return 1;
  return format.collections[0]->name == "tkmuon" ? 18 : 6;
}

absl::Status check(const SourceFormat& format, const OrbitOptions& options) {
  if (options.mean != -1 && !(options.mean >= 0 && options.mean <= kHighestMean)) {
    return absl::InvalidArgumentError(absl::StrCat("--mean: a number of objects a crossing, 0 to ", kHighestMean,
                                                   ", was expected, found ", options.mean));
  }
  for (const auto& [value, option] : {std::pair(options.signal, "--signal"),
                                      {options.continuum, "--continuum"},
                                      {options.pre_firing, "--fault pre-firing"},
                                      {options.post_firing, "--fault post-firing"}}) {
    if (absl::Status s = check_share(value, option); !s.ok()) return s;
  }
  if ((options.signal > 0 || options.continuum > 0) && !takes_pairs(format)) {
    return absl::InvalidArgumentError(
        absl::StrCat("--signal and --continuum need a format of muons, with pt, eta, phi "
                     "and charge; ",
                     std::string(format.name), " has none"));
  }
  if (options.measured && !takes_measured(format)) {
    return absl::InvalidArgumentError(
        absl::StrCat("--measured needs the global trigger's muons (gmt, gmt-zs), found ", std::string(format.name)));
  }
  if (options.slice > kCrossingsPerOrbit || (options.slice > 0 && options.slice_first >= options.slice)) {
    return absl::InvalidArgumentError("--slice FIRST/EVERY: FIRST must be below EVERY, and EVERY at most 3564");
  }
  return absl::OkStatus();
}

void set_lepton(const ObjectFormat& format, const Lepton& muon, ObjectWords& words) {
  set_raw(*format.find("pt"), nearest_raw(*format.find("pt"), muon.pt), words);
  set_raw(*format.find("eta"), nearest_raw(*format.find("eta"), muon.eta), words);
  set_raw(*format.find("phi"), nearest_raw(*format.find("phi"), muon.phi), words);
  set_raw(*format.find("charge"), muon.negative ? 1 : 0, words);
  if (const Field* valid = format.find("charge_valid")) set_raw(*valid, 1, words);
  if (const Field* quality = format.find("quality")) set_raw(*quality, 12, words);
}

/// What the fields of some kinds have to do with each other and with the crossing.
void finish_objects(const ObjectFormat& format, uint16_t crossing, std::vector<ObjectWords>& objects) {
  if (const Field* bx = format.find("bx")) {
    for (ObjectWords& words : objects) set_raw(*bx, crossing, words);
  }
  if (format.name == "link") {
    constexpr uint64_t kValid = 1;
    for (size_t link = 0; link < objects.size(); ++link) {
      objects[link][1] = kValid | (objects[link][1] & 0x1e) | uint64_t{link} << 16;
    }
  }
  if (format.name == "puppi") {
    constexpr int32_t kNeutralIds = 2;
    const Field& particle = *format.find("particle");
    for (ObjectWords& words : objects) {
      // Fields of the other kind lie in the same bits.
      const bool neutral = raw_value(particle, words) < kNeutralIds;
      words[0] &= neutral ? (uint64_t{1} << 56) - 1 : (uint64_t{1} << 61) - 1;
    }
  }
  // Leading first, as the trigger sorts them.
  const Field* et = format.find("et");
  const Field* pt = format.name == "muon" ? nullptr : format.find("pt");
  if (const Field* leading = et != nullptr ? et : pt; leading != nullptr && format.name != "tower") {
    std::stable_sort(objects.begin(), objects.end(), [leading](const ObjectWords& a, const ObjectWords& b) {
      return raw_value(*leading, a) > raw_value(*leading, b);
    });
  }
}

void clear(GeneratedOrbit& orbit, const SourceFormat& format) {
  orbit.data.format = &format;
  orbit.data.collections.resize(format.collections.size());
  orbit.data.clear();
  orbit.slots.resize(format.collections.size());
  for (size_t c = 0; c < format.collections.size(); ++c) {
    orbit.data.collections[c].format = format.collections[c];
    orbit.data.collections[c].first.push_back(0);
    orbit.slots[c].clear();
  }
  orbit.labels.clear();
}

void append(Collection& collection, const ObjectWords& words) {
  for (size_t w = 0; w < collection.format->word_bits.size(); ++w) {
    if (collection.format->word_bits[w] == 64) {
      collection.wide[w].push_back(words[w]);
    } else {
      collection.narrow[w].push_back(static_cast<uint32_t>(words[w]));
    }
  }
}

}  // namespace

bool takes_pairs(const SourceFormat& format) {
  const ObjectFormat& first = *format.collections[0];
  return first.find("pt") != nullptr && first.find("eta") != nullptr && first.find("phi") != nullptr &&
         first.find("charge") != nullptr;
}

bool takes_measured(const SourceFormat& format) { return is_global_muon(*format.collections[0]); }

double default_mean(const SourceFormat& format) { return multiplicity(*format.collections[0]).mean; }

absl::StatusOr<OrbitMaker> OrbitMaker::create(const SourceFormat& format, const FillingScheme& scheme,
                                              const OrbitOptions& options) {
  if (absl::Status s = check(format, options); !s.ok()) return s;
  OrbitMaker maker(format, options);
  maker.is_calo_ = block_kind(format) == BlockKind::kCalo;
  maker.mean_ = options.mean >= 0 ? options.mean : default_mean(format);
  for (const ObjectFormat* object : format.collections) {
    const Multiplicity& rule = multiplicity(*object);
    const double share = rule.share;
    const std::vector<double> always = {1};
    maker.kinds_.push_back(
        {ObjectSampler(*object),
         share > 0 ? poisson(maker.mean_ * share, rule.most) : Discrete(static_cast<int32_t>(rule.most), always),
         rule.most});
  }
  const uint32_t slice = options.slice > 0 ? options.slice : usual_slice(format);
  const uint32_t first = options.slice > 0 ? options.slice_first : 0;
  // Time-multiplexed sources send an event for each of their crossings, empty ones too; others where beams collide.
  const bool sends_empty = format.framing == Framing::kEvents || format.framing == Framing::kDthBlocks;
  for (uint32_t crossing = first; crossing < kCrossingsPerOrbit; crossing += slice) {
    const bool colliding = std::binary_search(scheme.colliding.begin(), scheme.colliding.end(), crossing);
    if (!colliding && !sends_empty) continue;
    maker.sent_.push_back(static_cast<uint16_t>(crossing));
    maker.colliding_.push_back(colliding ? 1 : 0);
  }
  return maker;
}

std::vector<OrbitMaker::Plan> OrbitMaker::plan(Random& random) const {
  const bool sends_empty = format_->framing == Framing::kEvents || format_->framing == Framing::kDthBlocks;
  std::vector<Plan> plans;
  for (size_t i = 0; i < sent_.size(); ++i) {
    Plan plan{sent_[i], 0, std::vector<uint16_t>(kinds_.size())};
    uint32_t objects = 0;
    if (colliding_[i] != 0) {
      for (size_t k = 0; k < kinds_.size(); ++k) {
        plan.counts[k] = static_cast<uint16_t>(kinds_[k].count.draw(random));
        objects += plan.counts[k];
      }
      if (options_.signal > 0 && random.chance(options_.signal)) {
        plan.label = kSignal;
      } else if (options_.continuum > 0 && random.chance(options_.continuum)) {
        plan.label = kContinuum;
      }
      if (plan.label != 0) {
        plan.counts[0] = static_cast<uint16_t>(std::min<uint32_t>(plan.counts[0] + 2u, kinds_[0].most));
        objects += 2;
      }
    }
    if (objects > 0 || sends_empty) plans.push_back(std::move(plan));
  }
  return plans;
}

/// Moves objects to the crossing before or after, where that is free.
void OrbitMaker::misplace(std::vector<Plan>& plans, Random& random) const {
  for (size_t i = 0; i < plans.size(); ++i) {
    Plan& plan = plans[i];
    const bool before_free = plan.crossing > 0 && (i == 0 || plans[i - 1].crossing + 1 < plan.crossing);
    const bool after_free =
        plan.crossing + 1u < kCrossingsPerOrbit && (i + 1 == plans.size() || plans[i + 1].crossing > plan.crossing + 1);
    if (random.chance(options_.pre_firing)) {
      if (!before_free) continue;
      --plan.crossing;
      plan.label |= kPreFired;
    } else if (random.chance(options_.post_firing)) {
      if (!after_free) continue;
      ++plan.crossing;
      plan.label |= kPostFired;
    }
  }
}

void OrbitMaker::fill_pair(const Plan& plan, Random& random, std::vector<ObjectWords>& objects) const {
  const bool is_signal = (plan.label & kSignal) != 0;
  const auto [one, other] =
      is_signal ? decay(options_.resonance, kLeastMuonPt, random) : continuum_pair(kLeastMuonPt, random);
  const uint32_t first = random.below(static_cast<uint32_t>(objects.size()));
  const auto second = (first + 1 + random.below(static_cast<uint32_t>(objects.size() - 1))) % objects.size();
  set_lepton(*format_->collections[0], one, objects[first]);
  set_lepton(*format_->collections[0], other, objects[second]);
}

void OrbitMaker::fill(const Plan& plan, Random& random, Random& measuring, GeneratedOrbit& orbit) const {
  std::vector<ObjectWords> objects;
  for (size_t k = 0; k < kinds_.size(); ++k) {
    const uint32_t count = plan.counts[k];
    objects.clear();
    for (uint32_t i = 0; i < count; ++i) objects.push_back(kinds_[k].sampler.draw(random));
    if (k == 0 && (plan.label & (kSignal | kContinuum)) != 0) fill_pair(plan, random, objects);
    std::vector<uint8_t> slots;
    if (is_global_muon(*format_->collections[k])) {
      slots = draw_muon_slots(count, random);
      finish_muons(slots, plan.crossing, random, objects);
      if (options_.measured) measure_muons(*format_->collections[k], measuring, objects);
    } else if (is_calo_) {
      slots = calo_slots(k, count);
    }
    finish_objects(*format_->collections[k], plan.crossing, objects);
    Collection& collection = orbit.data.collections[k];
    for (const ObjectWords& words : objects) append(collection, words);
    orbit.slots[k].append(slots);
    collection.first.push_back(collection.first.back() + count);
  }
  orbit.data.crossings.push_back(plan.crossing);
  orbit.labels.push_back(plan.label);
}

void OrbitMaker::make(uint64_t index, uint32_t number, GeneratedOrbit& orbit) const {
  clear(orbit, *format_);
  orbit.data.number = number;
  Random random(options_.seed, index), measuring(options_.seed ^ kMeasuringSeed, index);
  std::vector<Plan> plans = plan(random);
  if (options_.pre_firing > 0 || options_.post_firing > 0) misplace(plans, random);
  for (const Plan& each : plans) fill(each, random, measuring, orbit);
  orbit.data.crossings_in = orbit.data.crossings.size();
}

}  // namespace strobe::scouting
