#pragma once

/// What a `sw_emu` kernel library (the xclbin's BITSTREAM section, built by g++ from the HLS project) exports, and the
/// emulated device calls. Plain C, so that the library needs nothing of strobe's.

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define STROBE_KERNEL_ABI 1

struct strobe_emulated_argument {
  const char* name;
  uint32_t offset;    /**< of its registers in the kernel's address range: 0x10, 0x1c, ... */
  uint32_t size;      /**< bytes: 8 for a memory argument (an address), 4 or 8 for a scalar */
  uint32_t is_memory; /**< 1: the device replaces the card address by a host pointer before the call */
};

struct strobe_emulated_kernel {
  const char* name;
  uint32_t argument_count;
  const struct strobe_emulated_argument* arguments;
  /** Runs the kernel to its end. values[i]: the i-th argument, a host pointer for memory arguments. Thread-safe:
     compute units of one kernel run at the same time. */
  void (*run)(const uint64_t* values);
};

struct strobe_emulated_library {
  uint32_t abi; /**< STROBE_KERNEL_ABI */
  uint32_t kernel_count;
  const struct strobe_emulated_kernel* kernels;
};

/** The one symbol that is looked up. It has the struct's name: in C++ the struct is then spelt with `struct`. */
#if defined(__GNUC__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wshadow"
#endif
const struct strobe_emulated_library* strobe_emulated_library(void);
#if defined(__GNUC__)
#pragma GCC diagnostic pop
#endif

#ifdef __cplusplus
}
#endif
