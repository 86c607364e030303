#pragma once

#include <string>
#include <vector>

#include "host/metrics/metrics.h"

namespace strobe::metrics {

/// The curves of one class: fixed point solid, floating point (where there is one) dashed, in the same colour.
struct RocCurves {
  std::string name;  ///< of the class
  Roc fixed;
  std::optional<Roc> floating;
};

/// A picture (SVG) of background acceptance, logarithmic, against signal efficiency, with the areas in its legend.
/// Equal curves give equal bytes. `title` stands above it.
std::string roc_picture(const std::string& title, const std::vector<RocCurves>& curves);

}  // namespace strobe::metrics
