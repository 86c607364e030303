#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "kernels/layers/forest_engine/engine_shape.h"
#include "kernels/model/graph.h"

/// A forest as a forest engine reads it from the card's memory. Little-endian, in words of 64 bytes:
///
///   header     one word:   0 u32 "SFI1"   4 u32 version   8 u64 hash of all other bytes (FNV-1a)   16 u32 words, all
///              20 u16 engines   22 u16 features   24 u16 outputs   26 u8 input width   27 u8 input signed
///              28 u8 input container   29 u8 score width   30 u8 score signed   31 u8 score container   32 u8 overflow
///              (0 wrap, 1 nearest limit, 2 zero)   40 i64 lowest score   48 i64 highest score   56 i64 odd value
///              the rest 0
///   programs   u32 an engine: the nodes of its program
///   base       i64 an output: what the sum starts from
///   nodes      16 bytes each, engine by engine, each engine from a new word on:
///              0 i64 value   8 u24 next   11 u24 other   14 u16: bit 15 adds, bit 14 last or odd, bits 0..13 item
///
/// An engine begins at its node 0. A node that does not add compares: x[item] <= value goes on at `next`, else at
/// `other`; an odd one the other way round where x[item] is the odd value (which stands for "missing", so that a
/// missing value goes either way in one comparison). One that adds: score[item] += value, then the engine is done where
/// it is the last, else goes on at `next`. `next` and `other` are later nodes of the same engine, so every walk ends;
/// several nodes may lead to one. The trees of an engine follow one another: a leaf goes on at the next tree's root.
namespace strobe::layers {

/// A node of an engine's program.
struct ForestInstruction {
  int64_t value = 0;
  uint32_t next = 0, other = 0;
  uint16_t item = 0;  ///< feature or output
  bool adds = false, last = false, odd = false;
};

class ForestImage {
 public:
  /// Bits of an element and of the container that it travels in.
  struct Elements {
    int width = 0;
    bool is_signed = false;
    int container = 0;
    bool operator==(const Elements&) const = default;
  };
  enum class Overflow : uint8_t { kWrap = 0, kClamp = 1, kZero = 2 };

  /// From a quantised forest, for an engine of that shape. Scores are those of the graph in every bit.
  /// Errors: Unimplemented for what an engine does not compute (other layers, additions that round or saturate on the
  /// way), ResourceExhausted where the engine is too small; both say what was found and what the engine has.
  static absl::StatusOr<ForestImage> make(const model::Graph& graph, const EngineShape& shape);

  /// Safe for any bytes. Errors: InvalidArgument with the flaw, Unimplemented for a version from the future.
  static absl::StatusOr<ForestImage> parse(std::string_view bytes);

  /// Errors: ResourceExhausted that says what the engine holds and what the forest needs.
  absl::Status fits(const EngineShape& shape) const;

  const std::string& bytes() const { return bytes_; }
  uint64_t hash() const;
  /// Nodes on an event's longest way through the busiest engine, which is the planned cycles between events, unless
  /// the event has more features or scores than that.
  int64_t planned_interval() const;
  /// What the image uses of an engine: its engines, the longest program, features, outputs.
  EngineShape used() const;
  size_t input_row_bytes() const { return features_ * static_cast<size_t>(input_.container) / 8; }
  size_t score_row_bytes() const { return base_.size() * static_cast<size_t>(score_.container) / 8; }

  /// What the engine computes, slow and obvious: `rows` rows of containers to as many rows of scores.
  void run(std::span<const std::byte> events, std::span<std::byte> scores, size_t rows) const;

 private:
  friend class ForestImageWriter;
  friend class ForestImageReader;
  void serialize();
  int64_t score(int64_t sum) const;

  size_t features_ = 0;
  Elements input_, score_;
  Overflow overflow_ = Overflow::kWrap;
  int64_t low_ = 0, high_ = 0, odd_ = 0;
  std::vector<int64_t> base_;
  std::vector<std::vector<ForestInstruction>> programs_;  ///< one an engine
  std::string bytes_;
};

/// Bytes of the largest image for an engine of that shape.
size_t forest_image_bytes(const EngineShape& shape);

}  // namespace strobe::layers
