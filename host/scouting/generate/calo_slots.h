#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace strobe::scouting {

/// The calorimeter trigger's links and the words that each carries a crossing.
constexpr uint32_t kCaloLinks = 8, kCaloFrames = 6;

/// Where `count` objects of the format's `collection`-th kind stand in a crossing (6 x link + frame), in the order in
/// which they are decoded: the first link of a kind, then the second. At most 12, of sums 1.
std::vector<uint8_t> calo_slots(size_t collection, uint32_t count);

}  // namespace strobe::scouting
