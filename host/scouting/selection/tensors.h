#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "host/runtime/codec.h"
#include "host/scouting/selection/plan.h"
#include "host/scouting/selection/program.h"
#include "host/scouting/selection/selection.h"

/// From columns of numbers to rows of a model's input in the model's own containers.
namespace strobe::scouting::selection {

/// One element of the tensor, for rows that stand for one place of a list (or for crossings).
struct ElementPlan {
  enum class How : uint8_t {
    kFits,    ///< an integer that always is a raw value of the element
    kWhole,   ///< an integer that has to be brought into the element's range
    kReal,    ///< rounded to the nearest raw value, ties to even, and brought into range
    kNumber,  ///< by the codec
  };
  How how = How::kFits;
  TermId term = kNoTerm;
  int64_t low = 0, high = 0;  ///< raw values of the element
  size_t codec = 0;
  bool whole = false;  ///< the term's column is of integers
};

struct TensorPlan {
  size_t elements = 0;
  size_t container_bytes = 1;
  model::InputEncoding encoding;
  std::vector<runtime::Codec> codecs;
  std::vector<std::vector<ElementPlan>> places;  ///< one for rows that are crossings
  Program program;                               ///< read: all elements of all places
};

/// Adds the element of `type` that takes a term.
void add_element(Terms& terms, TermId term, const model::FixedType& type, bool raw, TensorPlan& plan,
                 std::vector<ElementPlan>& elements);

/// Some rows of one place: element columns to containers.
struct TensorBlock {
  const Operand* operands;  ///< the program's, after its run
  size_t first_read;        ///< of the place's first element
  size_t rows;
  const uint32_t* targets;  ///< index of each row's tensor row, null: one after the other; kNowhere: not written
  std::byte* out;
};
constexpr uint32_t kNowhere = ~uint32_t{0};

TensorCounts write_block(const TensorPlan& plan, const std::vector<ElementPlan>& elements, const TensorBlock& block);

}  // namespace strobe::scouting::selection
