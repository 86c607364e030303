// The kernel library of the device tests: one kernel, `twice(in, out, rows)`, rows of four int32 in, of two int32 out:
// out = {2 * in[0] + in[1], in[2]}. The first row's in[3] may ask for something else first.

#include "tests/host/device/test_kernel.h"

#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstdint>
#include <cstdlib>

#include "platform/emulation/kernel_abi.h"

namespace {

std::atomic<int> meeting{0};

void obey(int32_t order) {
  switch (order) {
    case kHang:
      for (;;) ::pause();
    case kMeet: {  // ends only when another unit runs at the same time
      const int first = meeting.fetch_add(1) / 2 * 2;
      while (meeting.load() < first + 2) ::usleep(100);
      break;
    }
    case kDie:
      ::raise(SIGKILL);
      break;
    case kCrash:
      std::abort();
      break;
    case kExit:
      std::exit(0);
    default:
      break;
  }
}

void run(const uint64_t* values) {
  const auto* in = reinterpret_cast<const int32_t*>(values[0]);
  auto* out = reinterpret_cast<int32_t*>(values[1]);
  const auto rows = static_cast<uint32_t>(values[2]);
  if (rows > 0) obey(in[3]);
  for (uint32_t r = 0; r < rows; ++r) {
    out[2 * r] = static_cast<int32_t>(2u * static_cast<uint32_t>(in[4 * r]) + static_cast<uint32_t>(in[4 * r + 1]));
    out[2 * r + 1] = in[4 * r + 2];
  }
}

constexpr strobe_emulated_argument kArguments[] = {{"in", 0x10, 8, 1}, {"out", 0x1c, 8, 1}, {"rows", 0x28, 4, 0}};
constexpr strobe_emulated_kernel kKernels[] = {{"twice", 3, kArguments, run}};
constexpr struct strobe_emulated_library kLibrary = {STROBE_KERNEL_ABI, 1, kKernels};

}  // namespace

extern "C" const struct strobe_emulated_library* strobe_emulated_library(void) { return &kLibrary; }
