#pragma once

#include <cstring>

#include "host/scouting/formats/event_scan.h"

/// The loop over words, for the instruction set of the file that includes it. `Step` reads kStepWords of them:
///   Step(const std::byte*), uint32_t headers(): bit i for the i-th word,
///   bool agree(header): whether all of them are of its orbit,
///   uint64_t* objects(to): writes the other words, returns their end,
///   void places(first, to): writes first + i for the i-th word where it is a header.
namespace strobe::scouting {
namespace {

constexpr size_t kStepWords = 16;
constexpr size_t kPrefetchWords = 256;

template <typename Step>
void scan_events(const std::byte* begin, size_t words, uint64_t header, EventScan& scan) {
  const size_t end = words < scan.room ? words : scan.room;
  size_t at = scan.words, headers = scan.headers;
  uint64_t* to = scan.objects + (at - headers);
  for (; at + kStepWords <= end && headers < kMostEvents; at += kStepWords) {
    const std::byte* const from = begin + at * sizeof(uint64_t);
    __builtin_prefetch(from + kPrefetchWords * sizeof(uint64_t));
    __builtin_prefetch(from + (kPrefetchWords + 8) * sizeof(uint64_t));
    const Step step(from);
    if (!step.agree(header)) break;
    to = step.objects(to);
    step.places(static_cast<uint32_t>(at), scan.places + headers);
    headers += static_cast<size_t>(__builtin_popcount(step.headers()));
  }
  // What is left of a step, one by one.
  for (; at < end && headers < kMostEvents; ++at) {
    uint64_t word;
    std::memcpy(&word, begin + at * sizeof(uint64_t), sizeof word);
    if (word >> 63 == 0) {
      *to++ = word;
      continue;
    }
    if (((word ^ header) & kSameInOrbit) != 0) break;
    scan.places[headers++] = static_cast<uint32_t>(at);
  }
  scan.words = at;
  scan.headers = headers;
}

}  // namespace
}  // namespace strobe::scouting
