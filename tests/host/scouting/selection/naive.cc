#include "tests/host/scouting/selection/naive.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace strobe::scouting::naive {
namespace {

const Field& field_of(const Object& object, const std::string& name) { return *object.format->find(name); }

std::string momentum_of(const Object& object) { return object.format->find("pt") != nullptr ? "pt" : "et"; }

/// a - b in one turn around 0, in hardware units.
double wrapped(const Object& a, const Object& b) {
  const double turn = std::round(2 * std::numbers::pi / field_of(a, "phi").scale);
  double d = a.raw("phi") - b.raw("phi");
  while (d >= turn - std::floor(turn / 2)) d -= turn;
  while (d < -std::floor(turn / 2)) d += turn;
  return d;
}

bool same_units(const Object& a, const Object& b, const std::string& field) {
  return field_of(a, field).scale == field_of(b, field).scale && field_of(a, field).bias == field_of(b, field).bias;
}

double eta_difference(const Object& a, const Object& b) {
  if (same_units(a, b, "eta")) return plain(field_of(a, "eta").scale * (a.raw("eta") - b.raw("eta")));
  return physical(&a, "eta") - physical(&b, "eta");
}

double phi_difference(const Object& a, const Object& b) {
  if (same_units(a, b, "phi")) return plain(field_of(a, "phi").scale * wrapped(a, b));
  const double d = physical(&a, "phi") - physical(&b, "phi"), turn = 2 * std::numbers::pi;
  return d - plain(turn * plain(std::floor(plain(d / turn) + 0.5)));
}

}  // namespace

double Object::raw(const std::string& name) const {
  const Field& field = field_of(*this, name);
  const uint64_t bits = words[field.word] >> field.offset & ((uint64_t{1} << field.width) - 1);
  const auto value = static_cast<double>(bits);
  const bool negative = field.is_signed && (bits >> (field.width - 1)) != 0;
  return negative ? value - std::ldexp(1.0, field.width) : value;
}

const SourceOrbit* World::part(uint32_t orbit, size_t source) const {
  const auto found = orbits.find(orbit);
  return found == orbits.end() ? nullptr : found->second[source].get();
}

bool World::complete(uint32_t orbit) const {
  const auto found = orbits.find(orbit);
  if (found == orbits.end()) return false;
  return std::all_of(found->second.begin(), found->second.end(), [](const auto& part) { return part != nullptr; });
}

Crossing Crossing::later(int crossings) const {
  if (crossings == 0) return *this;
  Crossing there = *this;
  int time = number - world->first_crossing + crossings;
  if (time < 0) {
    time += 3564;
    --there.orbit;
  } else if (time >= 3564) {
    time -= 3564;
    ++there.orbit;
  }
  there.number = time + world->first_crossing;
  return there;
}

std::vector<Object> Crossing::objects(size_t source, size_t collection) const {
  std::vector<Object> found;
  const SourceOrbit* part = world->part(orbit, source);
  if (part == nullptr) return found;
  const Collection& all = part->collections[collection];
  for (size_t c = 0; c < part->crossings.size(); ++c) {
    if (part->crossings[c] != number) continue;
    for (uint32_t i = all.first[c]; i < all.first[c + 1]; ++i) {
      Object object;
      object.format = all.format;
      for (size_t w = 0; w < all.format->word_bits.size(); ++w)
        object.words.push_back(all.format->word_bits[w] == 32 ? all.narrow[w][i] : all.wide[w][i]);
      found.push_back(object);
    }
  }
  return found;
}

std::vector<Object> List::objects(const Crossing& crossing) const {
  std::vector<Object> passed;
  for (const Object& object : crossing.objects(source, collection)) {
    if (!where || where(object) > 0) passed.push_back(object);
  }
  if (sort) {
    const auto key = [&](const Object& object) {
      const double value = sort(object);
      return std::isnan(value) ? -HUGE_VAL : value;
    };
    std::stable_sort(passed.begin(), passed.end(), [&](const Object& a, const Object& b) { return key(a) > key(b); });
  }
  if (passed.size() > first) passed.resize(first);
  return passed;
}

double physical(const Object* object, const std::string& field) {
  if (object == nullptr) return 0;
  return plain(field_of(*object, field).scale * (object->raw(field) + field_of(*object, field).bias));
}

double delta_phi(const Object* a, const Object* b) { return a == nullptr || b == nullptr ? 0 : wrapped(*a, *b); }

double delta_eta(const Object* a, const Object* b) {
  return a == nullptr || b == nullptr ? 0 : a->raw("eta") - b->raw("eta");
}

double delta_r(const Object* a, const Object* b) {
  if (a == nullptr || b == nullptr) return 0;
  const double eta = eta_difference(*a, *b), phi = phi_difference(*a, *b);
  return std::sqrt(eta * eta + phi * phi);
}

double mass_squared(const Object* a, const Object* b) {
  if (a == nullptr || b == nullptr) return 0;
  const Field &pt_a = field_of(*a, momentum_of(*a)), &pt_b = field_of(*b, momentum_of(*b));
  const double momenta = (a->raw(momentum_of(*a)) + pt_a.bias) * (b->raw(momentum_of(*b)) + pt_b.bias);
  const double angles = std::cosh(eta_difference(*a, *b)) - std::cos(phi_difference(*a, *b));
  const double squared = plain(plain(2 * pt_a.scale * pt_b.scale * plain(momenta)) * angles);
  return squared > 0 ? squared : 0;
}

double charge(const Object* a) {
  if (a == nullptr) return 0;
  if (a->format->find("charge_valid") != nullptr && a->raw("charge_valid") == 0) return 0;
  if (a->format->find("charge_valid") == nullptr && a->format->find("valid") != nullptr && a->raw("valid") == 0)
    return 0;
  return a->raw("charge") > 0 ? -1 : 1;
}

std::unique_ptr<SourceOrbit> random_orbit(const SourceFormat& format, uint32_t number, const OrbitOptions& options,
                                          std::mt19937_64& random) {
  auto orbit = std::make_unique<SourceOrbit>();
  orbit->format = &format;
  orbit->number = number;
  orbit->collections.resize(format.collections.size());
  for (size_t k = 0; k < format.collections.size(); ++k) {
    orbit->collections[k].format = format.collections[k];
    orbit->collections[k].first.push_back(0);
  }
  std::uniform_real_distribution<double> chance;
  const uint64_t mask = options.few_values ? random() & random() : ~uint64_t{0};
  for (int crossing = 0; crossing <= 3564; ++crossing) {
    if (chance(random) > options.crossings) continue;
    orbit->crossings.push_back(static_cast<uint16_t>(crossing));
    for (Collection& collection : orbit->collections) {
      const int most = collection.format->one_a_crossing ? 1 : options.most;
      for (int count = 0; count < most && chance(random) < options.more; ++count) {
        for (size_t w = 0; w < collection.format->word_bits.size(); ++w) {
          const uint64_t word = random() & mask;
          if (collection.format->word_bits[w] == 32) {
            collection.narrow[w].push_back(static_cast<uint32_t>(word));
          } else {
            collection.wide[w].push_back(word);
          }
        }
      }
      const size_t objects =
          collection.format->word_bits[0] == 32 ? collection.narrow[0].size() : collection.wide[0].size();
      collection.first.push_back(static_cast<uint32_t>(objects));
    }
  }
  return orbit;
}

}  // namespace strobe::scouting::naive
