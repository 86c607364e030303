// CRC-32C of bytes that come from memory, as a ratio to memcpy of the same bytes in the same run.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <functional>
#include <vector>

#include "host/scouting/core/crc32c.h"

namespace strobe::scouting {
namespace {

constexpr size_t kPart = size_t{64} << 10;  // about an orbit
constexpr size_t kParts = 4096;             // 256 MiB: beyond every cache

double seconds(const std::function<void()>& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

void measure() {
  std::vector<std::byte> from(kPart * kParts), to(kPart * kParts);
  uint32_t value = 1;
  for (std::byte& byte : from) byte = static_cast<std::byte>((value = value * 1664525 + 1013904223) >> 24);
  constexpr const char* kNames[] = {"table", "sse4.2", "pclmulqdq", "vpclmulqdq"};
  double copy = 1e9, best[4] = {1e9, 1e9, 1e9, 1e9};
  uint32_t all = 0;
  for (int round = 0; round < 10; ++round) {
    copy = std::min(copy, seconds([&] {
                      for (size_t i = 0; i < kParts; ++i) std::memcpy(&to[i * kPart], &from[i * kPart], kPart);
                    }));
    for (size_t m = 0; m < 4; ++m) {
      const auto method = static_cast<Crc32cMethod>(m);
      if (!has_crc32c_method(method)) continue;
      best[m] = std::min(best[m], seconds([&] {
                           for (size_t i = 0; i < kParts; ++i) all += crc32c_by(method, {&from[i * kPart], kPart});
                         }));
    }
  }
  const double bytes = static_cast<double>(kPart * kParts);
  std::printf("memcpy      %6.2f GB/s (best of 10 rounds, %zu x %zu kB from memory; checksum %08x)\n",
              bytes / copy / 1e9, kParts, kPart >> 10, all);
  for (size_t m = 0; m < 4; ++m) {
    if (best[m] < 1e9)
      std::printf("%-11s %6.2f GB/s  %5.2f x memcpy\n", kNames[m], bytes / best[m] / 1e9, copy / best[m]);
  }
}

}  // namespace
}  // namespace strobe::scouting

int main() { strobe::scouting::measure(); }
