#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "kernels/model/graph.h"

namespace strobe::model {

/// For each element of `to`, the element of an array of shape `from` that numpy's broadcasting puts there; leading
/// extents of 1 that `to` lacks (a batch axis) are dropped. nullopt where the shapes do not fit.
inline std::optional<std::vector<size_t>> broadcast(const Shape& from, const Shape& to) {
  Shape own = from;
  while (own.size() > to.size() && own.front() == 1) own.erase(own.begin());
  if (own.size() > to.size()) return std::nullopt;
  own.insert(own.begin(), to.size() - own.size(), 1);
  std::vector<size_t> source(static_cast<size_t>(element_count(to)), 0);
  size_t stride = 1, own_stride = 1;
  for (size_t axis = to.size(); axis-- > 0;) {
    if (own[axis] != 1 && own[axis] != to[axis]) return std::nullopt;
    const auto extent = static_cast<size_t>(to[axis]);
    for (size_t e = 0; own[axis] != 1 && e < source.size(); ++e) source[e] += e / stride % extent * own_stride;
    stride *= extent;
    own_stride *= static_cast<size_t>(own[axis]);
  }
  return source;
}

}  // namespace strobe::model
