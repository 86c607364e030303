#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "host/scouting/core/faults.h"

namespace strobe::scouting {

/// One line of text an orbit: what came in, what passed, what was kept, and what became of it. About 50 bytes an orbit,
/// half a megabyte a second at the LHC's rate. A run adds its lines to those of earlier ones. Lines that the disk does
/// not take are lost, and said so at the end. What a file loses when it is closed is in the account alone.
class OrbitLog {
 public:
  struct Line {
    uint32_t orbit = 0;
    bool complete = true;
    size_t crossings = 0, passed = 0, kept = 0;
    std::optional<Fault> dropped;
    double latency_us = 0;
  };

  /// Errors: FailedPrecondition where the file cannot be made.
  static absl::StatusOr<std::unique_ptr<OrbitLog>> open(const std::string& path, uint32_t run);
  ~OrbitLog();
  void put(const Line& line);
  /// Errors: Internal where lines were lost.
  absl::Status close();

 private:
  OrbitLog(std::string path, uint32_t run, int descriptor)
      : path_(std::move(path)), run_(run), descriptor_(descriptor) {}
  void flush();

  const std::string path_;
  const uint32_t run_;
  int descriptor_;
  std::string lines_;
  bool lost_ = false;
};

}  // namespace strobe::scouting
