#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <string>

#include "absl/status/statusor.h"
#include "host/scouting/core/faults.h"

namespace strobe::scouting {

/// The file that keeps what was not understood, for people to look at: records of a line of text and the bytes.
///
/// A record is the line "strobe-bad run=N source=NAME fault=NAME orbit=N bytes=N kept=N DETAIL\n", `kept` bytes and
/// "\n". A run adds its records to those of earlier ones. The file is bounded: beyond its size only counters go on.
/// Thread-safe; a failing disk costs records, never orbits.
class Quarantine {
 public:
  /// `limit_bytes`: of the file, with what is in it already. Errors: those of opening the file. An empty path keeps
  /// nothing.
  static absl::StatusOr<std::unique_ptr<Quarantine>> open(const std::string& path, uint64_t limit_bytes, uint32_t run);
  ~Quarantine();

  struct Record {
    const std::string& source;
    Fault fault;
    int64_t orbit;  ///< -1: unknown
    std::span<const std::byte> bytes;
    const std::string& detail;
  };
  void put(const Record& record);

  struct Counts {
    uint64_t records = 0, kept = 0, bytes = 0;
    FaultCounts faults{};  ///< records, kept or not, by reason
  };
  Counts counts() const;

 private:
  Quarantine(int descriptor, uint64_t limit_bytes, uint32_t run);

  const int descriptor_;
  const uint64_t limit_bytes_;
  const uint32_t run_;
  uint64_t before_bytes_ = 0;  ///< of earlier runs
  mutable std::mutex mutex_;
  Counts counts_;
};

}  // namespace strobe::scouting
