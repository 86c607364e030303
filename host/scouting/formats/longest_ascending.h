#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace strobe::scouting {

/// Indices of a longest strictly ascending subsequence, ascending: which crossings can be believed when their order is
/// broken.
std::vector<uint32_t> longest_ascending(std::span<const uint32_t> values);

}  // namespace strobe::scouting
