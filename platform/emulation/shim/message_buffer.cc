// Debian's build of the shim drops the result of realloc when its message buffer grows, so the first message larger
// than the first one of all writes into freed memory ("free(): invalid next size", seen with 202210.2.13.466). malloc
// and realloc of that one object file come here instead: a block large enough for any message, which never moves.

#include <malloc.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>

namespace {

size_t largest_message() {
  const char* packet = std::getenv("SW_EMU_PACKET_SIZE");  // the shim's own setting
  const size_t size = packet ? std::strtoull(packet, nullptr, 0) : 0;
  return std::max<size_t>(size, 0x800000) + 0x10000;
}

}  // namespace

// Untouched pages of the block cost nothing.
extern "C" void* strobe_shim_malloc(size_t size) { return std::malloc(std::max(size, largest_message())); }

extern "C" void* strobe_shim_realloc(void* block, size_t size) {
  if (size <= ::malloc_usable_size(block)) return block;
  std::fprintf(stderr, "emulated card: a message of %zu bytes is larger than SW_EMU_PACKET_SIZE allows\n", size);
  std::abort();
}
