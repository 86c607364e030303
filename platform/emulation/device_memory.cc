#include "platform/emulation/device_memory.h"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <climits>
#include <cstring>
#include <ctime>

namespace strobe::emulation {
namespace {

constexpr uint32_t kStart = 1, kDone = 2, kIdle = 4, kReady = 8, kContinue = 16;

bool start_run(Control&, Unit& unit) {
  const uint32_t run = unit.submitted.load(std::memory_order_relaxed);
  if (run - unit.completed.load(std::memory_order_acquire) >= kQueueDepth) return false;
  std::memcpy(unit.queue[run % kQueueDepth], unit.staged, sizeof unit.staged);
  unit.submitted.store(run + 1, std::memory_order_release);
  futex_wake(unit.submitted);
  return true;
}

}  // namespace

void futex_wait(const std::atomic<uint32_t>& word, uint32_t seen, int timeout_ms) {
  timespec timeout{timeout_ms / 1000, timeout_ms % 1000 * 1000000L};
  // Not the private form: the other side is another process.
  ::syscall(SYS_futex, &word, FUTEX_WAIT, seen, timeout_ms < 0 ? nullptr : &timeout, nullptr, 0);
}

void futex_wake(const std::atomic<uint32_t>& word) {
  ::syscall(SYS_futex, &word, FUTEX_WAKE, INT_MAX, nullptr, nullptr, 0);
}

Unit* find_unit(Control& control, uint64_t address) {
  const uint32_t count = control.unit_count.load(std::memory_order_acquire);
  for (uint32_t i = 0; i < count && i < kMaxUnits; ++i) {
    Unit& unit = control.units[i];
    if (address >= unit.base && address - unit.base < unit.range) return &unit;
  }
  return nullptr;
}

bool write_registers(Control& control, uint64_t address, const uint32_t* words, size_t count) {
  Unit* unit = find_unit(control, address);
  if (!unit || address % 4 != 0) return false;
  const uint64_t first = (address - unit->base) / 4;
  if (first + count > kRegisterWords) return false;
  if (first == 0 && count > 0 && (words[0] & kContinue)) {
    if (unit->acknowledged != unit->completed.load(std::memory_order_acquire)) ++unit->acknowledged;
  }
  std::memcpy(unit->staged + first, words, count * 4);
  return first != 0 || count == 0 || !(words[0] & kStart) || start_run(control, *unit);
}

bool read_register(Control& control, uint64_t address, Acknowledge acknowledge, uint32_t& word) {
  Unit* unit = find_unit(control, address);
  if (!unit || address % 4 != 0) return false;
  const uint64_t index = (address - unit->base) / 4;
  if (index >= kRegisterWords) return false;
  if (index != 0) {
    word = unit->staged[index];
    return true;
  }
  const uint32_t submitted = unit->submitted.load(std::memory_order_relaxed);
  const uint32_t completed = unit->completed.load(std::memory_order_acquire);
  word = submitted - completed >= kQueueDepth ? kStart : 0;
  if (submitted == completed) word |= kIdle;
  if (completed != unit->acknowledged) {
    word |= kDone | kReady;
    if (acknowledge == Acknowledge::kOnRead) ++unit->acknowledged;
  }
  return true;
}

}  // namespace strobe::emulation
