#include "host/scouting/generate/distributions.h"

#include <cstddef>
#include <numeric>

#include "host/scouting/generate/portable_math.h"

namespace strobe::scouting {

Discrete::Discrete(int32_t lowest, std::span<const double> weights) : lowest_(lowest), columns_(weights.size()) {
  const double sum = std::accumulate(weights.begin(), weights.end(), 0.0);
  std::vector<double> share(weights.size());
  std::vector<uint32_t> small, large;
  for (size_t i = 0; i < weights.size(); ++i) {
    share[i] = weights[i] / sum * static_cast<double>(weights.size());
    (share[i] < 1 ? small : large).push_back(static_cast<uint32_t>(i));
  }
  // Invariant: what `small` and `large` still hold has a mean share of 1.
  while (!small.empty() && !large.empty()) {
    const uint32_t poor = small.back(), rich = large.back();
    small.pop_back();
    columns_[poor] = {static_cast<uint32_t>(share[poor] * 0x1p32), rich};
    share[rich] -= 1 - share[poor];
    if (share[rich] < 1) {
      large.pop_back();
      small.push_back(rich);
    }
  }
  for (const auto* rest : {&small, &large}) {  // 1 but for rounding
    for (const uint32_t i : *rest) columns_[i] = {0xffffffffu, i};
  }
}

Discrete poisson(double mean, uint32_t most) {
  std::vector<double> weights(most + 1);
  weights[0] = portable::exp(-mean);
  double sum = weights[0];
  for (uint32_t n = 1; n <= most; ++n) {
    weights[n] = weights[n - 1] * mean / n;
    sum += weights[n];
  }
  if (sum < 1) weights[most] += 1 - sum;
  return {0, weights};
}

}  // namespace strobe::scouting
