#include "host/scouting/generate/global_muons.h"

#include <algorithm>
#include <cstdlib>

namespace strobe::scouting {
namespace {

/// Fields by their place in the words, which the trigger's interface fixes.
constexpr Field kPhi{.name = "phi", .word = 0, .offset = 0, .width = 10};
constexpr Field kEta{.name = "eta", .word = 0, .offset = 23, .width = 9, .is_signed = true};
constexpr Field kPt{.name = "pt", .word = 0, .offset = 10, .width = 9};
constexpr Field kCharge{.name = "charge", .word = 1, .offset = 2, .width = 1};
constexpr Field kValid{.name = "valid", .word = 1, .offset = 3, .width = 1};
constexpr Field kIndex{.name = "index", .word = 1, .offset = 4, .width = 7};
constexpr Field kStationPhi{.name = "station_phi", .word = 1, .offset = 11, .width = 10};
constexpr Field kIntermediate{.name = "intermediate", .word = 2, .offset = 31, .width = 1};
constexpr Field kStationEta[] = {{.name = "eta1", .word = 2, .offset = 13, .width = 9, .is_signed = true},
                                 {.name = "eta2", .word = 2, .offset = 22, .width = 9, .is_signed = true}};
constexpr int32_t kPhiTurn = 576;
constexpr uint64_t kSelector = 1;

/// Of the track finder that covers the pseudorapidity: endcap beyond 1.24, overlap beyond 0.83, barrel.
int32_t track_finder_index(int32_t eta, Random& random) {
  const int32_t size = std::abs(eta);
  const bool plus = eta >= 0;
  if (size > 114) return (plus ? 0 : 90) + static_cast<int32_t>(random.below(18));
  if (size > 76) return (plus ? 18 : 72) + static_cast<int32_t>(random.below(18));
  return 36 + static_cast<int32_t>(random.below(36));
}

void fit_fields(Random& random, ObjectWords& muon) {
  if (raw_value(kValid, muon) == 0) set_raw(kCharge, 0, muon);
  const int32_t eta = raw_value(kEta, muon);
  set_raw(kIndex, track_finder_index(eta, random), muon);
  // Bends one way or the other, the less the faster.
  const int32_t bend = 160 / std::max(raw_value(kPt, muon), 1) + static_cast<int32_t>(random.below(3));
  const int32_t phi = raw_value(kPhi, muon) + (raw_value(kCharge, muon) == 1 ? bend : -bend);
  set_raw(kStationPhi, ((phi % kPhiTurn) + kPhiTurn) % kPhiTurn, muon);
}

}  // namespace

std::vector<uint8_t> draw_muon_slots(uint32_t count, Random& random) {
  uint32_t taken = 0;
  for (uint32_t i = 0; i < count; ++i) {
    uint32_t slot = random.below(kMuonSlots);
    while ((taken >> slot & 1) != 0) slot = (slot + 1) % kMuonSlots;
    taken |= 1u << slot;
  }
  std::vector<uint8_t> slots;
  for (uint8_t slot = 0; slot < kMuonSlots; ++slot) {
    if ((taken >> slot & 1) != 0) slots.push_back(slot);
  }
  return slots;
}

void finish_muons(std::span<const uint8_t> slots, uint16_t crossing, Random& random, std::span<ObjectWords> muons) {
  ObjectWords links[kMuonLinks] = {};
  for (ObjectWords& link : links) link[2] = crossing;
  for (size_t i = 0; i < muons.size(); ++i) {
    fit_fields(random, muons[i]);
    ObjectWords& link = links[slots[i] % kMuonLinks];
    const int32_t station_eta = raw_value(kEta, muons[i]) + static_cast<int32_t>(random.below(5)) - 2;
    set_raw(kStationEta[slots[i] / kMuonLinks], std::clamp(station_eta, -256, 255), link);
    if (raw_value(kIntermediate, muons[i]) == 1) set_raw(kIntermediate, 1, link);
  }
  for (size_t i = 0; i < muons.size(); ++i) {
    const uint64_t selector = slots[i] / kMuonLinks;
    muons[i][2] = (links[slots[i] % kMuonLinks][2] & ~kSelector) | selector;
  }
}

}  // namespace strobe::scouting
