#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "host/scouting/core/format.h"
#include "host/scouting/generate/distributions.h"

namespace strobe::scouting {

using ObjectWords = std::array<uint64_t, kMostWords>;

/// The raw value of `field` in an object's words, sign-extended where the field is signed.
int32_t raw_value(const Field& field, const ObjectWords& words);
/// Sets the field; bits of `raw` beyond its width are cut off.
void set_raw(const Field& field, int32_t raw, ObjectWords& words);
/// The nearest raw value to a physical one, inside the field's range; an angle (unit "rad") that is no pseudorapidity
/// is taken around the circle.
int32_t nearest_raw(const Field& field, double value);

/// Draws objects of one kind, each field by itself: transverse momenta and energies that fall, flat azimuth, and so on
/// by the field's name; a field of no known name takes any value of its width.
class ObjectSampler {
 public:
  explicit ObjectSampler(const ObjectFormat& format);
  ObjectWords draw(Random& random) const;

 private:
  struct Part {
    Field field;
    Discrete values;
  };
  std::vector<Part> parts_;
};

}  // namespace strobe::scouting
