#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "kernels/model/graph.h"

/// The scalar program of a formula node, and how a node carries it.
namespace strobe::layers::formula {

using StepId = int32_t;
inline constexpr StepId kNoStep = -1;

enum class StepOp : uint8_t {
  kInput,     ///< element `value` of the input
  kConstant,  ///< value * 2^-fraction
  kAdd,       ///< a + b
  kSubtract,  ///< a - b
  kMultiply,  ///< a b
  kNegate,    ///< -a
  kMinimum,   ///< min(a, b)
  kMaximum,   ///< max(a, b)
  kSelect,    ///< a >= b ? c : d
  kCast,      ///< a rounded and brought into the range of `type`
  kLookup,    ///< tables[value][a]; a is a cast to a type of whole numbers that cannot leave the table
};

/// One scalar operation in single-assignment form: operands come before it. Results are exact.
struct Step {
  StepOp op = StepOp::kConstant;
  StepId a = kNoStep, b = kNoStep, c = kNoStep, d = kNoStep;
  int64_t value = 0;
  model::FixedType type;  ///< kCast
  int fraction = 0;       ///< kConstant's own; of others found by `analyse`: the result is an integer times 2^-fraction
  std::string name;       ///< what the formula calls it, or empty

  // Found by `analyse`.
  model::Wide low = 0, high = 0;  ///< limits of that integer
};

int operand_count(StepOp op);
inline StepId operand(const Step& step, int i) { return i == 0 ? step.a : i == 1 ? step.b : i == 2 ? step.c : step.d; }

struct Program {
  std::vector<Step> steps;
  std::vector<StepId> results;  ///< one for each element of the output; casts
  std::vector<model::Constant> tables;
};

/// Finds one step's grid and limits; its operands' are known.
absl::Status analyse_step(const Program& program, const model::TensorType& input, Step& step);

/// Finds every step's grid and limits over all values of the input's types.
/// Errors: InvalidArgument for a step that reads what is not there, a lookup that could leave its table or whose index
/// is no cast to whole numbers; Unimplemented for results that need more than 120 bits.
absl::Status analyse(Program& program, const model::TensorType& input);

/// Writes the program into a node's attributes and constants.
void store(const Program& program, model::Node& node);

/// Reads it again and analyses it. Errors: InvalidArgument that names the layer and the step; those of `analyse`.
absl::StatusOr<Program> load(const model::Graph& graph, const model::Node& node);

/// What a formula's text calls its inputs and outputs, and the outputs' expressions.
struct Texts {
  std::vector<std::string> inputs, outputs, expressions;
};
void store(const Texts& texts, model::Node& node);

/// The texts of the formula that reads an input of the graph, or makes an output; lists of the tensor's length.
struct ElementTexts {
  std::vector<std::string> names;
  std::vector<std::string> expressions;  ///< of an output
};
/// Nothing for a tensor that no formula names.
std::optional<ElementTexts> element_texts(const model::Graph& graph, const model::Tensor& tensor);

/// The numbers that a stored step consists of, for reading them in place.
inline constexpr int kStepNumbers = 11;
Step stored_step(const int64_t* numbers);

}  // namespace strobe::layers::formula
