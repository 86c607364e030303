#pragma once

#include <cstdint>
#include <string>

namespace strobe::hls {

/// What the pragmas and loops that strobe writes for a layer imply. Planned, not synthesised: each layer's `plan_hls_*`
/// (kernels/layers/<layer>/hls.cc) computes it, and the writer prints the layer's pragmas from it.
struct Plan {
  int64_t multipliers = 0;      ///< instances, shared by `reuse_factor` multiplications each
  int64_t reuse_factor = 1;     ///< in use; the closest possible one where the wish does not fit
  int initiation_interval = 1;  ///< cycles between events
  int depth = 1;                ///< cycles from first input to last output
  bool looped = false;          ///< has loops that stay loops, so the layer is a process of its own
  std::string warning;          ///< empty, or why a wish was not followed

  bool operator==(const Plan&) const = default;
};

/// Levels of a balanced tree over `terms`.
inline int tree_levels(int64_t terms) {
  int levels = 0;
  while ((int64_t{1} << levels) < terms) ++levels;
  return levels;
}

}  // namespace strobe::hls
