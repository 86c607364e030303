#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "host/scouting/core/orbit.h"

/// What selections mean, computed object by object and crossing by crossing without a thought for speed.
namespace strobe::scouting::naive {

/// One object: its words and what they mean.
struct Object {
  const ObjectFormat* format = nullptr;
  std::vector<uint64_t> words;

  double raw(const std::string& field) const;
};

/// All orbits that there are, by number; a part is null where the source lacks it.
struct World {
  std::map<uint32_t, std::vector<std::unique_ptr<SourceOrbit>>> orbits;
  int first_crossing = 0;

  const SourceOrbit* part(uint32_t orbit, size_t source) const;
  bool complete(uint32_t orbit) const;
};

/// One crossing of the world.
struct Crossing {
  const World* world = nullptr;
  uint32_t orbit = 0;
  int number = 0;

  Crossing later(int crossings) const;
  std::vector<Object> objects(size_t source, size_t collection) const;
};

using ObjectFunction = std::function<double(const Object&)>;
using Function = std::function<double(const Crossing&)>;

/// A list of `select`.
struct List {
  std::string name;
  size_t source = 0, collection = 0;
  ObjectFunction where, sort;  ///< either may be empty
  size_t first = 1'000'000;

  std::vector<Object> objects(const Crossing& crossing) const;
};

/// An object's field in its unit; 0 of no object.
double physical(const Object* object, const std::string& field);

/// Pair quantities as the reference in docs/scouting-selection.md defines them; 0 where one is missing.
double delta_phi(const Object* a, const Object* b);
double delta_eta(const Object* a, const Object* b);
double delta_r(const Object* a, const Object* b);
double mass_squared(const Object* a, const Object* b);
double charge(const Object* a);

/// Numbers as selections have them: no negative zero.
inline double plain(double x) { return x + 0.0; }

struct OrbitOptions {
  double crossings = 0.1;  ///< share of crossings that have objects
  double more = 0.4;       ///< chance of each further object
  int most = 40;           ///< objects of a crossing
  bool few_values = true;  ///< fields repeat, so that keys tie
};

std::unique_ptr<SourceOrbit> random_orbit(const SourceFormat& format, uint32_t number, const OrbitOptions& options,
                                          std::mt19937_64& random);

}  // namespace strobe::scouting::naive
