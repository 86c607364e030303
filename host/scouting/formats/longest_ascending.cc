#include "host/scouting/formats/longest_ascending.h"

#include <algorithm>

namespace strobe::scouting {

std::vector<uint32_t> longest_ascending(std::span<const uint32_t> values) {
  constexpr uint32_t kNone = ~uint32_t{0};
  std::vector<uint32_t> ends;  // ends[k]: index of the smallest value that ends an ascending run of k + 1
  std::vector<uint32_t> before(values.size(), kNone);
  for (uint32_t i = 0; i < values.size(); ++i) {
    const auto place = std::lower_bound(ends.begin(), ends.end(), values[i],
                                        [&](uint32_t index, uint32_t value) { return values[index] < value; });
    if (place != ends.begin()) before[i] = *(place - 1);
    if (place == ends.end()) {
      ends.push_back(i);
    } else {
      *place = i;
    }
  }
  std::vector<uint32_t> run;
  for (uint32_t i = ends.empty() ? kNone : ends.back(); i != kNone; i = before[i]) run.push_back(i);
  std::reverse(run.begin(), run.end());
  return run;
}

}  // namespace strobe::scouting
