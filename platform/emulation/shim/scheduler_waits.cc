// Waits instead of spinning, and fewer threads in a launch. As shipped, the scheduler wakes every 60 us for ever and
// XRT's wait thread spins while a run is outstanding, because xclExecWait returns at once (a plain host burns 127 % of
// a core). Here the thread that submits a command takes the scheduler's turn itself, and so does the thread that waits
// in xclExecWait, which sleeps on the word that the model raises at every completion. The scheduler's own thread only
// sleeps.

#include <xrt/ert.h>

#include <atomic>
#include <cstring>
#include <mutex>

#include "platform/emulation/shim/xrt_shim.h"

// The originals, renamed in the relinked object.
extern "C" int strobe_original_add_exec_buffer(xclcpuemhal2::SWScheduler*, xclcpuemhal2::exec_core*,
                                               xclemulation::drm_xocl_bo*);
extern "C" int strobe_original_fini_scheduler_thread(xclcpuemhal2::SWScheduler*);

namespace strobe::emulation {
namespace {

/// The live scheduler, null once it is being ended; `turn` is held for each turn, so that none runs on a dead one.
std::mutex turn;
xclcpuemhal2::xocl_sched* live = nullptr;

/// Commands completed since the start; xclExecWait reports each change once.
std::atomic<uint32_t> finished{0};

/// Raised when the scheduler's own thread must look whether it is to stop.
std::atomic<uint32_t> stop_bell{0};
std::atomic<bool> stopping{false};

void take_turn() {
  std::lock_guard lock(turn);
  if (live) xclcpuemhal2::scheduler_loop(live);
}

/// The shim makes every unit ap_ctrl_hs whatever the xclbin says, so a unit would get its next run only after the host
/// saw the end of the last. Bits 2..0 of a unit's address in the configure command are its protocol: 1 is
/// ap_ctrl_chain.
void configure_chain(xclemulation::drm_xocl_bo* buffer) {
  ert_packet* packet = nullptr;
  std::memcpy(&packet, reinterpret_cast<const char*>(buffer) + 0x18, sizeof packet);  // drm_xocl_bo::buf in 2022.1
  if (!packet || packet->opcode != ERT_CONFIGURE) return;
  auto* configure = reinterpret_cast<ert_configure_cmd*>(packet);
  for (uint32_t i = 0; i < configure->num_cus; ++i) configure->data[i] = (configure->data[i] & ~7u) | 1u;
}

}  // namespace
}  // namespace strobe::emulation

using namespace strobe::emulation;

int xclcpuemhal2::SWScheduler::add_exec_buffer(exec_core* core, xclemulation::drm_xocl_bo* buffer) {
  configure_chain(buffer);
  {
    std::lock_guard lock(turn);
    std::memcpy(&live, this, sizeof live);  // SWScheduler's first member is its xocl_sched in 2022.1
  }
  const int result = strobe_original_add_exec_buffer(this, core, buffer);
  take_turn();
  return result;
}

int xclcpuemhal2::CpuemShim::xclExecWait(int timeout_ms) {
  static std::atomic<uint32_t> reported{0};
  Control& shared = control();
  for (bool expired = false;;) {
    // Read before the turn, so that a completion during or after it ends the sleep.
    const uint32_t events = shared.events.load(std::memory_order_acquire);
    take_turn();
    const uint32_t seen = finished.load(std::memory_order_acquire);
    if (reported.exchange(seen) != seen) return 1;
    if (expired) return 0;
    futex_wait(shared.events, events, timeout_ms);
    expired = shared.events.load(std::memory_order_acquire) == events;
  }
}

void xclcpuemhal2::SWScheduler::notify_host(xocl_cmd*) {
  finished.fetch_add(1, std::memory_order_release);
  // The completion may have been seen by a thread that submits: wake the one that waits.
  control().events.fetch_add(1, std::memory_order_release);
  futex_wake(control().events);
}

int xclcpuemhal2::SWScheduler::fini_scheduler_thread() {
  {
    std::lock_guard lock(turn);
    live = nullptr;
  }
  stopping = true;
  const int result = strobe_original_fini_scheduler_thread(this);
  stopping = false;
  return result;
}

/// The scheduler's notify_one, called for every new command (whose turn is taken elsewhere) and, after the order to
/// stop, at the end.
extern "C" void strobe_scheduler_notify_one(void*) {
  if (!stopping) return;
  stop_bell.fetch_add(1);
  futex_wake(stop_bell);
}

/// The scheduler thread's usleep(10): its turns are taken elsewhere, so it looks only once a second and when it is to
/// stop.
extern "C" int strobe_scheduler_usleep(unsigned) {
  const uint32_t bell = stop_bell.load();
  futex_wait(stop_bell, bell, 1000);
  return 0;
}
