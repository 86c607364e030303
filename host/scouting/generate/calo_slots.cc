#include "host/scouting/generate/calo_slots.h"

namespace strobe::scouting {
namespace {

struct KindLinks {
  uint32_t first, second;
};
/// Links 0 to 7 are jet2, jet1, egamma2, egamma1, empty, sums, tau2, tau1.
constexpr KindLinks kLinksOfKind[] = {{1, 0}, {3, 2}, {7, 6}};
constexpr uint32_t kKindsOnTwoLinks = 3, kSumLink = 5;

}  // namespace

std::vector<uint8_t> calo_slots(size_t collection, uint32_t count) {
  std::vector<uint8_t> slots;
  for (uint32_t i = 0; i < count; ++i) {
    if (collection >= kKindsOnTwoLinks) {
      slots.push_back(static_cast<uint8_t>(kSumLink * kCaloFrames + collection - kKindsOnTwoLinks));
    } else {
      const KindLinks& links = kLinksOfKind[collection];
      slots.push_back(
          static_cast<uint8_t>((i < kCaloFrames ? links.first : links.second) * kCaloFrames + i % kCaloFrames));
    }
  }
  return slots;
}

}  // namespace strobe::scouting
