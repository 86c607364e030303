// Registers through shared memory: as shipped, a launch is three or more messages and replies over the socket (42 us
// each). The scheduler's register writes and reads are stores and loads here; only starting a run wakes a thread of the
// model.

#include "platform/emulation/shim/xrt_shim.h"

namespace {

constexpr auto kKernelCtrl = static_cast<xclAddressSpace>(2);  // XCL_ADDR_KERNEL_CTRL

}  // namespace

size_t xclcpuemhal2::CpuemShim::xclWrite(xclAddressSpace space, uint64_t offset, const void* host, size_t size) {
  if (space != kKernelCtrl || size % 4 != 0) return static_cast<size_t>(-1);
  using strobe::emulation::control;
  return strobe::emulation::write_registers(control(), offset, static_cast<const uint32_t*>(host), size / 4)
             ? size
             : static_cast<size_t>(-1);
}

size_t xclcpuemhal2::CpuemShim::xclRead(xclAddressSpace space, uint64_t offset, void* host, size_t size) {
  if (space != kKernelCtrl || size != 4) return static_cast<size_t>(-1);
  using namespace strobe::emulation;
  return read_register(control(), offset, Acknowledge::kOnContinue, *static_cast<uint32_t*>(host))
             ? size
             : static_cast<size_t>(-1);
}
