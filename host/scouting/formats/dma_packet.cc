#include "host/scouting/formats/dma_packet.h"

#include <cstring>

namespace strobe::scouting::dma {

std::vector<uint32_t> bitmap_crossings(const std::byte* trailer) {
  std::vector<uint32_t> crossings;
  for (uint32_t word = 0; word < kBitmapWords; ++word) {
    for (uint32_t bits = load<uint32_t>(trailer + kMarkerBytes + 4 * word); bits != 0; bits &= bits - 1) {
      crossings.push_back(32 * word + static_cast<uint32_t>(std::countr_zero(bits)));
    }
  }
  return crossings;
}

const std::byte* find_marker(const std::byte* begin, const std::byte* end) {
  static constexpr uint32_t kPattern[2] = {kMarker, kMarker};
  while (end - begin >= static_cast<ptrdiff_t>(kMarkerBytes)) {
    const void* found = memmem(begin, static_cast<size_t>(end - begin), kPattern, sizeof(kPattern));
    if (found == nullptr) return end;
    begin = static_cast<const std::byte*>(found);
    if (end - begin < static_cast<ptrdiff_t>(kMarkerBytes)) return end;
    if (is_marker(begin)) return begin;
    ++begin;
  }
  return end;
}

const std::byte* find_damaged_marker(const std::byte* begin, const std::byte* end) {
  for (; end - begin >= static_cast<ptrdiff_t>(kMarkerBytes); begin += kBlockBytes) {
    if (words_equal(begin, kMarker) >= 5) return begin;
    if (end - begin < static_cast<ptrdiff_t>(kBlockBytes)) break;
  }
  return end;
}

}  // namespace strobe::scouting::dma
