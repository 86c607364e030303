#include "kernels/emulator/forest.h"

#include <algorithm>

namespace strobe::emulator {

std::vector<int32_t> Forest::leaves_below(int32_t child) const {
  std::vector<int32_t> leaves, pending = {child};
  while (!pending.empty()) {
    const int32_t at = pending.back();
    pending.pop_back();
    if (at < 0) {
      leaves.push_back(~at);
    } else {
      pending.push_back(nodes[at].yes);
      pending.push_back(nodes[at].no);
    }
  }
  return leaves;
}

Range Forest::range_of(const Output& output) const {
  Range sum = {output.base, output.base};
  for (const Part& part : output.parts) {
    const std::vector<int64_t>& values = columns[part.column];
    const std::vector<int32_t> leaves = leaves_below(roots[part.tree]);
    const auto [low, high] =
        std::minmax_element(leaves.begin(), leaves.end(), [&](auto a, auto b) { return values[a] < values[b]; });
    sum = {sum.low + values[*low], sum.high + values[*high]};
  }
  return sum;
}

}  // namespace strobe::emulator
