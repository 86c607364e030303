// Data through shared memory: as shipped, every byte of a sync is packed into a message, written to a socket and
// unpacked again (0.2-1.0 GB/s). The card's memory is a memfd here, which the model inherits, and a sync is one memcpy.
// Host buffers stay apart from it, so a program that forgets a sync still gets wrong results, as it would on a card.

#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "platform/emulation/shim/xrt_shim.h"

namespace strobe::emulation {
namespace {

unsigned char* make_memory() {
  const int file = ::memfd_create("strobe-emulated-card", 0);  // no close-on-exec: the model is to have it
  if (file < 0 || ::ftruncate(file, static_cast<off_t>(kControlBytes + kMemoryBytes)) != 0)
    device_died(std::strerror(errno));
  void* at = ::mmap(nullptr, kControlBytes + kMemoryBytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, file, 0);
  if (at == MAP_FAILED) device_died(std::strerror(errno));
  char number[16];
  std::snprintf(number, sizeof number, "%d", file);
  ::setenv(kMemoryVariable, number, 1);
  reinterpret_cast<Control*>(at)->magic = kMagic;
  return static_cast<unsigned char*>(at);
}

unsigned char* shared() {
  static unsigned char* const memory = make_memory();
  return memory;
}

/// The environment must name the memory before the shim forks the model.
[[gnu::constructor]] void make_memory_early() { shared(); }

bool inside(uint64_t address, size_t size) { return address <= kMemoryBytes && size <= kMemoryBytes - address; }

}  // namespace

Control& control() { return *reinterpret_cast<Control*>(shared()); }
unsigned char* card_memory() { return shared() + kControlBytes; }

}  // namespace strobe::emulation

using strobe::emulation::card_memory;
using strobe::emulation::inside;

size_t xclcpuemhal2::CpuemShim::xclCopyBufferHost2Device(uint64_t to, const void* from, size_t size, size_t seek) {
  if (!inside(to + seek, size)) return 0;
  std::memcpy(card_memory() + to + seek, static_cast<const char*>(from) + seek, size);
  return size;
}

size_t xclcpuemhal2::CpuemShim::xclCopyBufferDevice2Host(void* to, uint64_t from, size_t size, size_t skip) {
  if (!inside(from + skip, size)) return 0;
  std::memcpy(static_cast<char*>(to) + skip, card_memory() + from + skip, size);
  return size;
}
