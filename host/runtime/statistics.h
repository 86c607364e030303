#pragma once

#include <cstdint>
#include <map>

namespace strobe::runtime {

/// How often something was done and how long it took in all.
struct Duration {
  uint64_t count = 0;
  uint64_t ns = 0;
  void add(int64_t elapsed_ns) {
    ++count;
    ns += static_cast<uint64_t>(elapsed_ns);
  }
};

/// Times of launches of one size.
struct BatchStatistics {
  Duration input, infer, output;
};

/// What a model did since it was opened. A client's own mistake (InvalidArgument, Cancelled) counts nowhere.
struct Statistics {
  Duration success, fail;                       ///< requests, from submission to answer
  Duration queue;                               ///< requests, from submission to their first launch
  Duration input, infer, output;                ///< requests: conversion in, device, conversion out
  uint64_t rows = 0;                            ///< answered well
  uint64_t launches = 0;                        ///< finished well
  int64_t last_inference_ms = 0;                ///< since 1970; 0: never
  std::map<uint64_t, BatchStatistics> batches;  ///< by rows of a launch
};

}  // namespace strobe::runtime
