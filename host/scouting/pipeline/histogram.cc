#include "host/scouting/pipeline/histogram.h"

#include <algorithm>

#include "absl/strings/str_format.h"

namespace strobe::scouting {

void Histogram::add(double value) {
  ++total;
  if (!(value >= low)) {
    ++below;
    return;
  }
  const double place = (value - low) / (high - low) * static_cast<double>(bins.size());
  if (place >= static_cast<double>(bins.size())) {
    ++above;
    return;
  }
  ++bins[static_cast<size_t>(place)];
}

std::string histogram_text(const Histogram& histogram, size_t width) {
  const uint64_t tallest = std::max<uint64_t>(1, *std::max_element(histogram.bins.begin(), histogram.bins.end()));
  const double step = (histogram.high - histogram.low) / static_cast<double>(histogram.bins.size());
  std::string text = absl::StrFormat("%s: %d crossings, %d below %g, %d at or above %g\n", histogram.name,
                                     histogram.total, histogram.below, histogram.low, histogram.above, histogram.high);
  for (size_t b = 0; b < histogram.bins.size(); ++b) {
    const size_t bar = (histogram.bins[b] * width + tallest - 1) / tallest;
    absl::StrAppendFormat(&text, "%10.4g %8d %s\n", histogram.low + static_cast<double>(b) * step, histogram.bins[b],
                          std::string(bar, '#'));
  }
  return text;
}

}  // namespace strobe::scouting
