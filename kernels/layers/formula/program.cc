#include "kernels/layers/formula/program.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "kernels/layers/support.h"

namespace strobe::layers::formula {
namespace {

using model::Wide;

/// Limits of exact results: what the emulator's 126 bits leave for bringing numbers to one grid.
constexpr Wide kWidest = Wide{1} << 120;

absl::Status too_wide() { return absl::UnimplementedError("its exact result needs more than 120 bits"); }

bool shift_left(Wide& value, int bits) {
  if (value == 0) return true;
  if (bits >= 120) return false;
  value <<= bits;
  return value <= kWidest && value >= -kWidest && bits >= 0;
}

/// Limits of a step on a finer grid.
struct Limits {
  Wide low = 0, high = 0;
};

bool on_grid(const Step& step, int fraction, Limits& limits) {
  limits = {step.low, step.high};
  return shift_left(limits.low, fraction - step.fraction) && shift_left(limits.high, fraction - step.fraction);
}

bool times(Wide a, Wide b, Wide& result) {
  return !__builtin_mul_overflow(a, b, &result) && result <= kWidest && result >= -kWidest;
}

absl::Status multiply(const Step& a, const Step& b, Step& step) {
  step.fraction = a.fraction + b.fraction;
  Wide corner = 0;
  bool first = true;
  for (const Wide x : {a.low, a.high}) {
    for (const Wide y : {b.low, b.high}) {
      if (!times(x, y, corner)) return too_wide();
      step.low = first ? corner : std::min(step.low, corner);
      step.high = first ? corner : std::max(step.high, corner);
      first = false;
    }
  }
  if (&a == &b) step.low = a.low <= 0 && a.high >= 0 ? 0 : std::min(a.low * a.low, a.high * a.high);
  return absl::OkStatus();
}

absl::Status combine(const Step& a, const Step& b, Step& step) {
  step.fraction = std::max(a.fraction, b.fraction);
  Limits x, y;
  if (!on_grid(a, step.fraction, x) || !on_grid(b, step.fraction, y)) return too_wide();
  if (step.op == StepOp::kAdd) {
    step.low = x.low + y.low;
    step.high = x.high + y.high;
  } else if (step.op == StepOp::kSubtract) {
    step.low = x.low - y.high;
    step.high = x.high - y.low;
  } else if (step.op == StepOp::kMaximum) {
    step.low = std::max(x.low, y.low);
    step.high = std::max(x.high, y.high);
  } else if (step.op == StepOp::kMinimum) {
    step.low = std::min(x.low, y.low);
    step.high = std::min(x.high, y.high);
  } else {  // one of both
    step.low = std::min(x.low, y.low);
    step.high = std::max(x.high, y.high);
  }
  return absl::OkStatus();
}

absl::Status cast_limits(const Step& a, Step& step) {
  const model::FixedType& type = step.type;
  if (type.width < 1 || type.width > model::FixedType::kMaxWidth - (type.is_signed ? 0 : 1) ||
      std::abs(type.integer) > 200)
    return absl::InvalidArgumentError(absl::StrCat("a cast to ", type.to_string()));
  step.fraction = type.fraction();
  if (type.is_signed && type.width == 1 && type.overflow == model::Overflow::kSatSym)
    return absl::InvalidArgumentError(absl::StrCat("the type ", type.to_string(), " holds 0 only"));
  if (std::abs(type.fraction() - a.fraction) > 100) return too_wide();
  const auto rounded = [&](Wide v) {
    return model::shift_right_rounded(v, a.fraction - type.fraction(), type.rounding);
  };
  Limits exact = {a.low, a.high};
  if (a.fraction < type.fraction() && !on_grid(a, type.fraction(), exact)) return too_wide();
  if (a.fraction >= type.fraction()) exact = {rounded(a.low), rounded(a.high)};
  const Wide least = type.min_raw(), most = type.max_raw();
  const bool fits = exact.low >= least && exact.high <= most;
  if (type.overflow == model::Overflow::kSat || fits) {
    step.low = std::clamp(exact.low, least, most);
    step.high = std::clamp(exact.high, least, most);
  } else {
    step.low = type.is_signed ? -most - 1 : 0;
    step.high = most;
  }
  return absl::OkStatus();
}

absl::Status lookup_limits(const Program& program, const Step& index, Step& step) {
  if (step.value < 0 || step.value >= static_cast<int64_t>(program.tables.size()))
    return absl::InvalidArgumentError(absl::StrCat("reads table ", step.value, " of ", program.tables.size()));
  const model::Constant& table = program.tables[step.value];
  if (table.raw.empty() || !table.type.is_uniform())
    return absl::InvalidArgumentError(absl::StrCat("table ", step.value, " must have entries of one type"));
  if (index.op != StepOp::kCast || index.type.fraction() != 0)
    return absl::InvalidArgumentError("an index must be a cast to whole numbers");
  if (index.low < 0 || index.high >= static_cast<Wide>(table.raw.size())) {
    return absl::InvalidArgumentError(absl::StrCat("an index of ", static_cast<int64_t>(index.low), " to ",
                                                   static_cast<int64_t>(index.high), " leaves a table of ",
                                                   table.raw.size()));
  }
  step.fraction = table.type.types[0].fraction();
  const auto first = table.raw.begin() + static_cast<std::ptrdiff_t>(index.low);
  const auto last = table.raw.begin() + static_cast<std::ptrdiff_t>(index.high) + 1;
  step.low = *std::min_element(first, last);
  step.high = *std::max_element(first, last);
  return absl::OkStatus();
}

/// Numbers of a stored step: op, a, b, c, d, value, fraction, and the type's sign, width, integer bits and modes.
void append(const Step& step, std::vector<int64_t>& numbers) {
  const model::FixedType& type = step.type;
  const bool is_cast = step.op == StepOp::kCast;
  for (const int64_t number :
       {static_cast<int64_t>(step.op), int64_t{step.a}, int64_t{step.b}, int64_t{step.c}, int64_t{step.d}, step.value,
        int64_t{step.op == StepOp::kConstant ? step.fraction : 0}, int64_t{is_cast && type.is_signed},
        int64_t{is_cast ? type.width : 0}, int64_t{is_cast ? type.integer : 0},
        is_cast ? static_cast<int64_t>(type.rounding) * 8 + static_cast<int64_t>(type.overflow) : 0}) {
    numbers.push_back(number);
  }
}

absl::Status check_stored(const int64_t* numbers, int64_t index) {
  const int64_t modes = numbers[10];
  if (numbers[0] < 0 || numbers[0] > static_cast<int64_t>(StepOp::kLookup))
    return absl::InvalidArgumentError(absl::StrCat("has no known operation (", numbers[0], ")"));
  if (modes < 0 || modes / 8 > static_cast<int64_t>(model::Rounding::kRndConv) ||
      modes % 8 > static_cast<int64_t>(model::Overflow::kSatSym))
    return absl::InvalidArgumentError("has no known rounding or overflow");
  if (numbers[6] < -200 || numbers[6] > 200 || numbers[8] < 0 || numbers[8] > 64 || numbers[9] < -200 ||
      numbers[9] > 264)
    return absl::InvalidArgumentError("has an impossible format");
  const int operands = operand_count(static_cast<StepOp>(numbers[0]));
  for (int i = 0; i < operands; ++i) {
    if (numbers[1 + i] < 0 || numbers[1 + i] >= index)
      return absl::InvalidArgumentError(absl::StrCat("reads step ", numbers[1 + i], ", which does not come before it"));
  }
  return absl::OkStatus();
}

absl::Status located(const absl::Status& status, size_t step, const std::string& name) {
  return absl::Status(status.code(), absl::StrCat("step ", step, name.empty() ? "" : " '", name,
                                                  name.empty() ? "" : "'", ": ", status.message()));
}

}  // namespace

absl::Status analyse_step(const Program& program, const model::TensorType& input, Step& step) {
  const auto at = [&](StepId id) -> const Step& { return program.steps[id]; };
  switch (step.op) {
    case StepOp::kInput: {
      if (step.value < 0 || step.value >= input.elements())
        return absl::InvalidArgumentError(absl::StrCat("reads element ", step.value, " of ", input.elements()));
      const model::FixedType& type = input.at(step.value);
      step.fraction = type.fraction();
      step.high = type.width == 0 ? Wide{0} : (Wide{1} << (type.width - (type.is_signed ? 1 : 0))) - 1;
      step.low = type.is_signed && type.width > 0 ? -step.high - 1 : Wide{0};
      return absl::OkStatus();
    }
    case StepOp::kConstant:
      step.low = step.high = step.value;
      return std::abs(step.fraction) > 200 ? absl::InvalidArgumentError("a constant beyond 2^200") : absl::OkStatus();
    case StepOp::kMultiply:
      return multiply(at(step.a), at(step.b), step);
    case StepOp::kNegate:
      step.fraction = at(step.a).fraction;
      step.low = -at(step.a).high;
      step.high = -at(step.a).low;
      return absl::OkStatus();
    case StepOp::kSelect: {
      Limits ignored;
      const int grid = std::max(at(step.a).fraction, at(step.b).fraction);
      if (!on_grid(at(step.a), grid, ignored) || !on_grid(at(step.b), grid, ignored)) return too_wide();
      return combine(at(step.c), at(step.d), step);
    }
    case StepOp::kCast:
      return cast_limits(at(step.a), step);
    case StepOp::kLookup:
      return lookup_limits(program, at(step.a), step);
    default:
      if (absl::Status s = combine(at(step.a), at(step.b), step); !s.ok()) return s;
      // max(x, -x), which is |x|.
      if (step.op == StepOp::kMaximum && at(step.b).op == StepOp::kNegate && at(step.b).a == step.a)
        step.low = std::max<model::Wide>(step.low, 0);
      return absl::OkStatus();
  }
}

int operand_count(StepOp op) {
  switch (op) {
    case StepOp::kInput:
    case StepOp::kConstant:
      return 0;
    case StepOp::kNegate:
    case StepOp::kCast:
    case StepOp::kLookup:
      return 1;
    case StepOp::kSelect:
      return 4;
    default:
      return 2;
  }
}

absl::Status analyse(Program& program, const model::TensorType& input) {
  for (size_t i = 0; i < program.steps.size(); ++i) {
    Step& step = program.steps[i];
    if (absl::Status s = analyse_step(program, input, step); !s.ok()) return located(s, i, step.name);
  }
  return absl::OkStatus();
}

void store(const Program& program, model::Node& node) {
  std::vector<int64_t> numbers;
  std::vector<std::string> names;
  for (const Step& step : program.steps) {
    append(step, numbers);
    names.push_back(step.name);
  }
  node.attributes["steps"] = std::move(numbers);
  node.attributes["results"] = std::vector<int64_t>(program.results.begin(), program.results.end());
  node.attributes["names"] = absl::StrJoin(names, "\n");
  for (size_t t = 0; t < program.tables.size(); ++t) node.constants[absl::StrCat("table_", t)] = program.tables[t];
}

void store(const Texts& texts, model::Node& node) {
  node.attributes["inputs"] = absl::StrJoin(texts.inputs, "\n");
  node.attributes["outputs"] = absl::StrJoin(texts.outputs, "\n");
  node.attributes["expressions"] = absl::StrJoin(texts.expressions, "\n");
}

std::optional<ElementTexts> element_texts(const model::Graph& graph, const model::Tensor& tensor) {
  const auto elements = static_cast<size_t>(tensor.type.elements());
  const auto lines = [&](const model::Node& node, const char* key) -> std::vector<std::string> {
    std::vector<std::string> texts = absl::StrSplit(node.text(key), '\n');
    return texts.size() == elements && node.has(key) ? texts : std::vector<std::string>{};
  };
  for (const model::Node& node : graph.nodes()) {
    if (node.op != "formula") continue;
    const bool reads = graph.tensor(node.inputs[0]).name == tensor.name;
    if (!reads && graph.tensor(node.outputs[0]).name != tensor.name) continue;
    ElementTexts texts{lines(node, reads ? "inputs" : "outputs"), {}};
    if (!reads) texts.expressions = lines(node, "expressions");
    if (!texts.names.empty()) return texts;
  }
  return std::nullopt;
}

Step stored_step(const int64_t* numbers) {
  Step step;
  step.op = static_cast<StepOp>(numbers[0]);
  step.a = static_cast<StepId>(numbers[1]);
  step.b = static_cast<StepId>(numbers[2]);
  step.c = static_cast<StepId>(numbers[3]);
  step.d = static_cast<StepId>(numbers[4]);
  step.value = numbers[5];
  step.fraction = static_cast<int>(numbers[6]);
  step.type = {numbers[7] != 0, static_cast<int>(numbers[8]), static_cast<int>(numbers[9]),
               static_cast<model::Rounding>(numbers[10] / 8), static_cast<model::Overflow>(numbers[10] % 8)};
  return step;
}

absl::StatusOr<Program> load(const model::Graph& graph, const model::Node& node) {
  const auto fail = [&](const absl::Status& s) {
    return absl::Status(s.code(), absl::StrCat("layer '", node.name, "' (", node.op, "): ", s.message()));
  };
  Program program;
  const std::vector<int64_t> numbers = node.integers("steps");
  if (numbers.empty() || numbers.size() % kStepNumbers != 0) return layer_error(node, "attribute 'steps' is damaged");
  const size_t count = numbers.size() / kStepNumbers;
  const std::vector<std::string> names = absl::StrSplit(node.text("names"), '\n');
  if (names.size() != count) return layer_error(node, "attribute 'names' is damaged");
  for (size_t i = 0; i < count; ++i) {
    const int64_t* stored = numbers.data() + i * kStepNumbers;
    if (absl::Status s = check_stored(stored, static_cast<int64_t>(i)); !s.ok()) return fail(located(s, i, names[i]));
    program.steps.push_back(stored_step(stored));
    program.steps.back().name = names[i];
  }
  while (const model::Constant* table = node.constant(absl::StrCat("table_", program.tables.size())))
    program.tables.push_back(*table);
  for (const int64_t result : node.integers("results")) {
    if (result < 0 || result >= static_cast<int64_t>(count) || program.steps[result].op != StepOp::kCast)
      return layer_error(node, absl::StrCat("result ", result, " is no cast"));
    program.results.push_back(static_cast<StepId>(result));
  }
  if (absl::Status s = analyse(program, graph.tensor(node.inputs[0]).type); !s.ok()) return fail(s);
  return program;
}

}  // namespace strobe::layers::formula
