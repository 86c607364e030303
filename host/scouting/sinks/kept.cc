#include "host/scouting/sinks/kept.h"

namespace strobe::scouting {

void kept_runs(const FinishedOrbit& orbit, const SourceOrbit& part, Buffer<Run>& runs) {
  runs.clear();
  const auto own = static_cast<uint32_t>(part.crossings.size());
  if (orbit.kept == orbit.crossings.size()) {
    if (own > 0) runs.push_back({0, own});
    return;
  }
  size_t at = 0;
  for (uint32_t c = 0; c < own; ++c) {
    while (orbit.crossings[at] != part.crossings[c]) ++at;
    if (!orbit.keep[at]) continue;
    if (!runs.empty() && runs.back().end == c) {
      ++runs.back().end;
    } else {
      runs.push_back({c, c + 1});
    }
  }
}

std::span<const std::byte> kept_payload(const SourceOrbit& part, std::span<const Run> runs,
                                        Buffer<std::byte>& scratch) {
  if (runs.size() == 1 && runs[0].begin == 0 && runs[0].end == part.crossings.size()) return part.payload.view();
  scratch.clear();
  const size_t before_blocks = part.crossings.empty() ? part.payload.size() : part.payload_first[0];
  scratch.append(part.payload.view().first(before_blocks));
  for (const Run& run : runs) {
    const uint32_t begin = part.payload_first[run.begin], end = part.payload_first[run.end];
    scratch.append(part.payload.view().subspan(begin, end - begin));
  }
  return scratch.view();
}

uint64_t kept_objects(const SourceOrbit& part, std::span<const Run> runs) {
  uint64_t objects = 0;
  for (const Collection& collection : part.collections) {
    if (collection.first.empty()) continue;
    for (const Run& run : runs) objects += collection.first[run.end] - collection.first[run.begin];
  }
  return objects;
}

uint64_t kept_objects(const FinishedOrbit& orbit, const SourceOrbit& part, Buffer<Run>& scratch) {
  const size_t own = part.crossings.size();
  if (own != orbit.crossings.size()) {
    kept_runs(orbit, part, scratch);
    return kept_objects(part, scratch.view());
  }
  uint64_t objects = 0;
  for (const Collection& collection : part.collections) {
    if (collection.first.empty()) continue;
    const uint32_t* const first = collection.first.data();
    uint32_t kept = 0;
    for (size_t c = 0; c < own; ++c) kept += (first[c + 1] - first[c]) & (orbit.keep[c] != 0 ? ~0u : 0);
    objects += kept;
  }
  return objects;
}

}  // namespace strobe::scouting
