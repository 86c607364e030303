#include "host/scouting/selection/rows.h"

#include <algorithm>
#include <bit>

namespace strobe::scouting::selection {
namespace {

constexpr int32_t kTurn = kCrossingsPerOrbit;
constexpr size_t kNumbers = kHighestCrossing + 1;
constexpr size_t kWords = (kNumbers + 63) / 64;

void unite(const OrbitView& orbit, Buffer<uint16_t>& crossings) {
  std::array<uint64_t, kWords> seen{};
  for (const SourceOrbit* part : orbit.parts) {
    if (part == nullptr) continue;
    for (const uint16_t crossing : part->crossings) seen[crossing / 64] |= uint64_t{1} << crossing % 64;
  }
  for (size_t word = 0; word < kWords; ++word) {
    for (uint64_t left = seen[word]; left != 0; left &= left - 1)
      crossings.push_back(static_cast<uint16_t>(word * 64 + static_cast<size_t>(std::countr_zero(left))));
  }
}

}  // namespace

Time shifted(uint16_t crossing, int32_t shift, uint32_t first_crossing) {
  const int32_t first = static_cast<int32_t>(first_crossing);
  const int32_t time = crossing - first + shift;
  const int32_t orbit = time < 0 ? -1 : time >= kTurn ? 1 : 0;
  // A crossing beyond the orbit's last (3564 where counting begins with 0) stays where it is.
  if (shift == 0) return {0, crossing};
  return {orbit, time - orbit * kTurn + first};
}

void Rows::build(const OrbitView& orbit, const Reach& reach, Buffer<uint16_t>& crossings) {
  crossings.clear();
  size_t parts = 0;
  const SourceOrbit* only = nullptr;
  for (const SourceOrbit* part : orbit.parts) {
    if (part == nullptr) continue;
    ++parts;
    only = part;
  }
  one_part_ = parts <= 1;
  if (only != nullptr && one_part_) crossings.append(only->crossings.view());
  if (!one_part_) unite(orbit, crossings);
  count_ = crossings.size();
  if (one_part_ && !reach.any()) return;
  row_of_.resize(kNumbers);
  std::fill(row_of_.begin(), row_of_.end(), static_cast<int32_t>(count_));
  for (size_t row = 0; row < count_; ++row) row_of_[crossings[row]] = static_cast<int32_t>(row);
  if (one_part_) return;
  maps_.resize(orbit.parts.size());
  for (size_t i = 0; i < orbit.parts.size(); ++i) {
    const SourceOrbit* part = orbit.parts[i];
    if (part == nullptr) continue;
    maps_[i].resize(part->crossings.size());
    for (size_t c = 0; c < part->crossings.size(); ++c) maps_[i][c] = row_of_[part->crossings[c]];
  }
}

RowRange Rows::range(const OrbitView& orbit, size_t part) const {
  RowRange made;
  made.end = orbit.parts[part]->crossings.size();
  made.rows = one_part_ ? nullptr : maps_[part].data();
  return made;
}

RowRange Rows::neighbour_range(const SourceOrbit& part, int offset, const Reach& reach, Buffer<int32_t>& map) const {
  const auto first = static_cast<int32_t>(reach.first_crossing);
  const int32_t begin = offset < 0 ? first + kTurn - reach.before : first;
  const int32_t end = offset < 0 ? first + kTurn : first + reach.after;
  const int32_t base = static_cast<int32_t>(count_) + 1 + (offset < 0 ? 0 : reach.before);
  const auto position = [&](int32_t crossing) {
    return static_cast<size_t>(std::lower_bound(part.crossings.begin(), part.crossings.end(), crossing) -
                               part.crossings.begin());
  };
  RowRange made;
  made.begin = position(begin);
  made.end = position(end);
  map.resize(part.crossings.size());
  for (size_t c = made.begin; c < made.end; ++c) map[c] = base + part.crossings[c] - begin;
  made.rows = map.data();
  return made;
}

void Rows::neighbours(std::span<const uint16_t> crossings, const Reach& reach, int32_t shift, uint32_t* to) const {
  const auto first = static_cast<int32_t>(reach.first_crossing);
  const auto empty = static_cast<int32_t>(count_);
  for (size_t row = 0; row < crossings.size(); ++row) {
    const Time there = shifted(crossings[row], shift, reach.first_crossing);
    int32_t found = empty;
    if (there.orbit == 0) found = row_of_[static_cast<size_t>(there.crossing)];
    if (there.orbit < 0) found = empty + 1 + there.crossing - (first + kTurn - reach.before);
    if (there.orbit > 0) found = empty + 1 + reach.before + there.crossing - first;
    to[row] = static_cast<uint32_t>(found);
  }
}

}  // namespace strobe::scouting::selection
