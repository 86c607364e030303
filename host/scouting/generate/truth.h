#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "host/scouting/generate/injection.h"

namespace strobe::scouting {

/// What was generated of one orbit, and what became of it.
struct TruthOrbit {
  GeneratedOrbit generated;
  uint32_t faults = 0;                    ///< bits of Injected: all that befell its packet or its crossings
  uint32_t sent = 0;                      ///< times
  bool damaged = false;                   ///< nothing of it can be relied on
  bool beside = false;                    ///< next to a place where the stream was cut or has bytes too many
  std::vector<uint32_t> crossing_faults;  ///< one a crossing: bits of Injected
  /// Sent once, in its turn and as generated.
  bool is_whole() const;
};

/// One fault.
struct TruthFault {
  static constexpr uint32_t kNone = ~0u;
  Injected kind;
  uint32_t orbit = 0;         ///< index into `Truth::orbits`
  uint32_t crossing = kNone;  ///< bunch crossing; kNone: the orbit as a whole
  uint64_t offset = 0;        ///< byte in the stream: of the damage, of what was put in, of where something is missing
};

/// A stream as it was meant. Grows with every orbit.
struct Truth {
  const SourceFormat* format = nullptr;
  std::deque<TruthOrbit> orbits;  ///< in the order of their numbers
  std::vector<TruthFault> faults;

  /// Writes arrays, as docs/scouting.md describes them. Errors: as io::write_npz.
  absl::Status write(const std::string& path) const;
};

/// A digest of a crossing's number, counts and object words: equal for equal crossings, whether generated or decoded.
/// `crossing` is an index into the orbit's crossings.
uint64_t crossing_digest(const SourceOrbit& orbit, size_t crossing);

}  // namespace strobe::scouting
