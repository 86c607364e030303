#pragma once

#include <cstddef>
#include <cstdint>

#include "platform/emulation/device_memory.h"

/// The parts of XRT's sw_emu shim (2022.1, Debian's libxrt_swemu.a) that are replaced or called here, declared with the
/// names and types that give the same symbols. Nothing in this folder looks inside XRT's objects except where it says
/// so.
struct ert_packet;
enum xclAddressSpace : int;

namespace xclemulation {
struct drm_xocl_bo;
}

namespace xclcpuemhal2 {

struct exec_core;
struct xocl_cmd;
struct xocl_sched;

class CpuemShim {
 public:
  size_t xclWrite(xclAddressSpace space, uint64_t offset, const void* host, size_t size);
  size_t xclRead(xclAddressSpace space, uint64_t offset, void* host, size_t size);
  size_t xclCopyBufferHost2Device(uint64_t to, const void* from, size_t size, size_t seek);
  size_t xclCopyBufferDevice2Host(void* to, uint64_t from, size_t size, size_t skip);
  int xclExecWait(int timeout_ms);
};

class SWScheduler {
 public:
  int add_exec_buffer(exec_core* core, xclemulation::drm_xocl_bo* buffer);
  int fini_scheduler_thread();
  void notify_host(xocl_cmd* command);
};

/// One turn of the scheduler: takes in new commands, starts what can start, completes what is done. Locks by itself.
void scheduler_loop(xocl_sched* scheduler);

}  // namespace xclcpuemhal2

namespace strobe::emulation {

/// The memory shared with the model (made on first use); never null: the process ends where it cannot be made.
Control& control();
unsigned char* card_memory();

/// Says why on stderr and ends this process at once, without its exit handlers: XRT's would wait for the dead device.
[[noreturn]] void device_died(const char* why);
inline constexpr int kDeviceDiedExit = 121;

}  // namespace strobe::emulation
