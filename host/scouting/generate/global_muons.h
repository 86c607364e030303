#pragma once

#include <span>

#include "host/scouting/generate/spectra.h"

namespace strobe::scouting {

/// The global muon trigger's links: 8, with two muons a crossing on each.
constexpr uint32_t kMuonLinks = 8;
constexpr uint32_t kMuonSlots = 2 * kMuonLinks;

/// `count` of the 16 places, ascending: place = link for a link's first muon, 8 + link for its second.
std::vector<uint8_t> draw_muon_slots(uint32_t count, Random& random);

/// Makes muons of what was drawn field by field: the fields of a muon fit each other (no charge where it is not valid,
/// track finder by pseudorapidity, station near vertex), and the third word is as zero suppression leaves it: the
/// link's word of crossing, both muons' pseudorapidities at the station and the intermediate flag, bit 0 the selector.
void finish_muons(std::span<const uint8_t> slots, uint16_t crossing, Random& random, std::span<ObjectWords> muons);

}  // namespace strobe::scouting
