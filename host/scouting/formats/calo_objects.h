#pragma once

#include <array>

#include "host/scouting/core/orbit.h"

/// The calorimeter trigger's objects of one crossing, on eight links of six words.
namespace strobe::scouting {

constexpr size_t kCaloLinks = 8, kCaloWordsPerLink = 6;
constexpr size_t kCaloSums = 6;
constexpr uint32_t kCaloPayloadWords = 3 + kCaloLinks * (1 + kCaloWordsPerLink);

using CaloWords = std::array<std::array<uint32_t, kCaloWordsPerLink>, kCaloLinks>;

/// Room for `crossings` crossings in all collections.
void reserve_calo(SourceOrbit& orbit, size_t crossings);
/// Appends the objects that have energy, those of the first link (jet1) before those of the second (jet2), and the
/// sums. `reserve_calo` must have made room.
void append_calo(const CaloWords& words, SourceOrbit& orbit);
/// Ends the crossing tables.
void finish_calo(SourceOrbit& orbit);

}  // namespace strobe::scouting
