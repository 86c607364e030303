#pragma once

#include <cstddef>
#include <cstdint>

/// The hot loop over events whose headers alone have the highest bit, once for each instruction set: it parts headers
/// from what they count without following the counts, whose chain of loads and unforeseeable lengths cost more than
/// the bytes. Files that are compiled for one instruction set include nothing that could leave vector code in an inline
/// function of the whole program.
namespace strobe::scouting {

/// Crossings of an orbit; a stream with more headers of one orbit is not looked at further.
constexpr size_t kMostEvents = 3565;
/// Bits of a header that are the same in an orbit: marker, error and orbit number.
constexpr uint64_t kSameInOrbit = uint64_t{7} << 61 | uint64_t{0xFFFFFFFF} << 24;

/// Where the scan writes, and how far it is.
struct EventScan {
  uint64_t* objects = nullptr;  ///< room for `room` words and 128 bytes more
  size_t room = 0;
  uint32_t* places = nullptr;  ///< of headers, in words of the stream: room for kMostEvents + 16, and one
  size_t words = 0;            ///< taken from the stream
  size_t headers = 0;          ///< of those; the others are objects
};

/// Goes on at word `scan.words` of the `words` at `begin`, up to a header that differs from `header` in what is the
/// same in an orbit, the end, as many words as there is room for, or kMostEvents headers.
using ScanEvents = void (*)(const std::byte* begin, size_t words, uint64_t header, EventScan& scan);

/// Null where this build has none.
ScanEvents scan_events_avx2();
ScanEvents scan_events_avx512();

}  // namespace strobe::scouting
