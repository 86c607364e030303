#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace strobe::scouting {

/// How often a value or a score fell where, over the crossings that the filter selected.
struct Histogram {
  std::string name;
  double low = 0, high = 1;
  std::vector<uint64_t> bins = std::vector<uint64_t>(40);
  uint64_t below = 0, above = 0, total = 0;

  void add(double value);
};

/// Bars of characters, a line a bin, for a terminal.
std::string histogram_text(const Histogram& histogram, size_t width = 60);

}  // namespace strobe::scouting
