#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

/// What XRT's shim (in the host's process) and the device model (in its own) share: one memfd that begins with
/// `Control` and goes on with the card's memory, whose address 0 is at `kControlBytes`. The shim makes it, the model
/// inherits it. Starting a kernel and moving data are then plain stores and one futex wake, instead of three messages
/// over a socket.
namespace strobe::emulation {

inline constexpr uint64_t kControlBytes = 4u << 20;
inline constexpr uint64_t kMemoryBytes = 64ull << 30;  ///< sparse: pages exist once they are written
inline constexpr uint32_t kMagic = 0x53'54'52'42;
inline constexpr uint32_t kMaxUnits = 128;       ///< of XRT's scheduler
inline constexpr uint32_t kQueueDepth = 4;       ///< runs that one compute unit accepts, the running one included
inline constexpr uint32_t kRegisterWords = 512;  ///< control word, interrupts and up to 168 arguments
/// Environment variable with the number of the memfd, for the model.
inline constexpr char kMemoryVariable[] = "STROBE_EMULATED_MEMORY";

/// One compute unit. The host writes `submitted` and `acknowledged`, the model `completed`; all three only grow, and
/// acknowledged <= completed <= submitted <= completed + kQueueDepth.
struct Unit {
  uint64_t base = 0;
  uint64_t range = 0;
  alignas(64) std::atomic<uint32_t> submitted{0};
  uint32_t acknowledged = 0;
  uint32_t staged[kRegisterWords] = {};  ///< the registers as last written
  alignas(64) std::atomic<uint32_t> completed{0};
  alignas(64) uint32_t queue[kQueueDepth][kRegisterWords] = {};  ///< of the run `n` in entry `n % kQueueDepth`
};

struct Control {
  uint32_t magic = kMagic;
  std::atomic<uint32_t> unit_count{0};          ///< set by the model before it acknowledges a load
  std::atomic<uint32_t> closed{0};              ///< the model was told to close: its exit is no accident
  alignas(64) std::atomic<uint32_t> events{0};  ///< grows with every completion; the host sleeps on it
  Unit units[kMaxUnits];
};
static_assert(sizeof(Control) <= kControlBytes);

/// Sleeps while `word` is `seen`, at most `timeout_ms` (below 0: without limit). Works across processes. May return
/// early.
void futex_wait(const std::atomic<uint32_t>& word, uint32_t seen, int timeout_ms);
void futex_wake(const std::atomic<uint32_t>& word);

/// The unit whose registers hold `address`, or null.
Unit* find_unit(Control& control, uint64_t address);

/// A host's write of `count` words at `address`. Starts a run when the control word's bit 0 is among them; bit 4
/// acknowledges a completed run. False where no unit has these registers or its queue is full (the host ignored the
/// start bit).
bool write_registers(Control& control, uint64_t address, const uint32_t* words, size_t count);

/// How a host lets the model know that it saw a run's end.
enum class Acknowledge { kOnRead /**< ap_ctrl_hs */, kOnContinue /**< ap_ctrl_chain */ };

/// A host's read of one word. The control word: 1 cannot accept a run yet, 2 done, 4 idle, 8 ready.
bool read_register(Control& control, uint64_t address, Acknowledge acknowledge, uint32_t& word);

}  // namespace strobe::emulation
