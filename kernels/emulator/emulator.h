#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "kernels/model/graph.h"

namespace strobe::emulator {

class Plan;
class Listing;

/// Memory that a run needs besides the plan: one a thread, for any Emulator. Kept from call to call, so that a call
/// allocates only where the Scratch has not yet served one that needs as much.
class Scratch {
 public:
  Scratch() = default;
  Scratch(Scratch&&) = default;
  Scratch& operator=(Scratch&&) = default;

 private:
  friend class Emulator;

  /// At least `bytes` of storage on a cache line. Contents are not kept.
  std::byte* reserve(size_t bytes);

  std::unique_ptr<std::byte[]> storage_;
  std::byte* aligned_ = nullptr;
  size_t capacity_ = 0;
  std::vector<const std::byte*> inputs_, bounced_inputs_;  ///< rows still to be run
  std::vector<std::byte*> outputs_, bounced_outputs_;
};

struct Options {
  /// Off: every run goes the exact way, one event after the other with 128-bit integers. For tests.
  bool vectorise = true;
};

/// What an exact run saw: all tensors of a batch, and how often values were changed by more than rounding.
struct Trace {
  std::vector<std::vector<int64_t>> tensors;   ///< per tensor of the graph: raw values, rows x elements
  std::vector<model::OverflowCount> overflow;  ///< per node of the graph
};

/// Runs a graph over batches of events in this process, equal in every bit to `layers::evaluate_reference`.
///
/// `create` compiles the graph to a plan of SIMD steps over events: the exact range of every intermediate value is
/// known, so each is held in the narrowest integer that cannot change the result. Immutable: threads share one
/// Emulator, each with its own Scratch.
class Emulator {
 public:
  /// Errors: those of `layers::verify`; Unimplemented for an op without emulation or intermediates beyond 126 bits.
  static absl::StatusOr<Emulator> create(const model::Graph& graph, Options options = {});

  Emulator(Emulator&&) noexcept;
  Emulator& operator=(Emulator&&) noexcept;
  ~Emulator();

  /// Evaluates `rows` events. `inputs[i]` and `outputs[o]` are rows of the graph's i-th input and o-th output:
  /// row-major little-endian containers of TensorType::container() bits an element, no alignment needed, not
  /// overlapping. Input bits above an element's width are not looked at. Errors: InvalidArgument for a wrong number of
  /// tensors.
  absl::Status run(std::span<const std::byte* const> inputs, std::span<std::byte* const> outputs, size_t rows,
                   Scratch& scratch) const;

  /// Like `run` without outputs, by the exact path (slow): every tensor and every overflow. `keep_tensors` off: only
  /// the counts, for batches of any size.
  absl::StatusOr<Trace> trace(std::span<const std::byte* const> inputs, size_t rows, bool keep_tensors = true) const;

  /// The plan for people: instruction set, events a block, slots, and per layer its steps, lanes and method.
  std::string describe() const;

 private:
  Emulator();
  absl::Status check(size_t inputs, size_t outputs) const;
  void run_blocks(size_t rows, Scratch& scratch) const;
  void run_last_block(size_t events, std::byte* arena, std::byte* bounce, Scratch& scratch) const;

  std::shared_ptr<const Listing> listing_;
  std::shared_ptr<const Plan> plan_;  ///< null: the exact path
};

}  // namespace strobe::emulator
