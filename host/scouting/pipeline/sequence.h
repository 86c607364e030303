#pragma once

#include <bitset>
#include <cstdint>
#include <optional>

#include "host/scouting/core/faults.h"

namespace strobe::scouting {

/// Tells from the numbers of one source's orbits which come too late, twice, or never.
///
/// A number that jumps ahead may be a gap, or a damaged number; only the next orbit tells. So an orbit after a gap is
/// to be held until then: orbits that are late still come before it. More than `kWindow` ahead it is wrong where the
/// next one does not continue behind it, and more than `kBelieved` ahead where the next one comes before it: a damaged
/// number that is believed makes all that follow late. Not thread-safe.
class Sequence {
 public:
  /// `step`: how far apart the numbers of a time slice are.
  explicit Sequence(uint32_t step = 1) : step_(step) {}

  enum class Verdict : uint8_t {
    kNext,            ///< goes on at once; what is held goes on before it
    kHold,            ///< comes after a gap: keep it; what was held goes on
    kThenHeld,        ///< late by one, and in time: goes on at once, and what is held behind it
    kBeforeHeld,      ///< late, and in time: goes on at once; what is held stays
    kReplaceHeld,     ///< goes on at once, and what is held is out of sequence
    kReplaceAndHold,  ///< what is held is out of sequence; keep this one instead
    kLate,            ///< out of sequence: drop
    kDuplicate,       ///< drop
  };
  Verdict next(uint32_t number);
  /// No orbit tells for the moment (`at_end`: ever): what is held goes on. False: it stays, as a number so far ahead
  /// is more likely damaged, and then all that follow would be late.
  bool release(bool at_end);

  /// Orbits in gaps that have not come: late ones are taken off again.
  uint64_t missing() const { return missing_; }

 private:
  static constexpr uint32_t kWindow = 4096;
  /// An orbit that comes behind a later one is late if that one's gap is no longer than this; else that one is damaged.
  static constexpr uint32_t kBelieved = 64;

  /// Of a number up to the last one that went on.
  Verdict next_behind(uint32_t number);
  /// Of a later one, while another is held.
  Verdict next_with_held(uint32_t number);
  Verdict replace_held(uint32_t number);
  void accept(uint32_t number);
  void accept_held();
  bool seen(uint32_t number) const;
  bool continues(uint32_t number) const { return any_ && number - last_ == step_; }
  /// A gap before the held one that is more likely a damaged number; shorter ones are of a stream of which orbits were
  /// dropped.
  bool held_is_far() const { return any_ && (*held_ - last_) / step_ > kWindow; }

  uint32_t step_;
  bool any_ = false;
  uint32_t last_ = 0;  ///< of what went on
  std::optional<uint32_t> held_;
  std::bitset<kWindow> recent_;  ///< numbers modulo the window that went on, of the last window
  uint64_t missing_ = 0;
};

}  // namespace strobe::scouting
