#include "kernels/layers/formula/formula.h"

#include <variant>

#include "kernels/layers/formula/program.h"
#include "kernels/layers/hooks.h"
#include "kernels/layers/support.h"

namespace strobe::layers {
namespace {

using formula::Program;
using formula::Step;
using formula::StepOp;
using model::Graph;
using model::Node;

absl::Status verify(const Graph& graph, const Node& node) {
  if (absl::Status s = expect_inputs(node, 1); !s.ok()) return s;
  auto program = formula::load(graph, node);
  if (!program.ok()) return program.status();
  const model::TensorType& out = graph.tensor(node.outputs[0]).type;
  if (static_cast<int64_t>(program->results.size()) != out.elements()) {
    return layer_error(
        node, absl::StrCat("has ", program->results.size(), " results, its output ", out.elements(), " elements"));
  }
  for (size_t e = 0; e < program->results.size(); ++e) {
    const model::FixedType& type = program->steps[program->results[e]].type;
    if (!type.same_format(out.at(static_cast<int64_t>(e)))) {
      return layer_error(node, absl::StrCat("result ", e, " is ", type.to_string(), ", the output's element ",
                                            out.at(static_cast<int64_t>(e)).to_string()));
    }
  }
  return absl::OkStatus();
}

/// One step, as plain as program.h defines it.
Exact value_of(const Step& step, const EventView& view, const std::vector<Exact>& values) {
  const auto a = [&] { return values[step.a]; };
  const auto b = [&] { return values[step.b]; };
  switch (step.op) {
    case StepOp::kInput:
      return exact(view.inputs[0][step.value], view.input_type(0).at(step.value));
    case StepOp::kConstant:
      return {step.value, step.fraction};
    case StepOp::kAdd:
      return a() + b();
    case StepOp::kSubtract:
      return a() - b();
    case StepOp::kMultiply:
      return a() * b();
    case StepOp::kNegate:
      return -a();
    case StepOp::kMinimum:
      return b() < a() ? b() : a();
    case StepOp::kMaximum:
      return a() < b() ? b() : a();
    case StepOp::kSelect:
      return a() < b() ? values[step.d] : values[step.c];
    case StepOp::kCast:
      return {cast(a(), step.type, view.overflow), step.type.fraction()};
    case StepOp::kLookup: {
      const model::Constant& table = *view.node.constant(absl::StrCat("table_", step.value));
      return constant_at(table, static_cast<int64_t>(a().value));
    }
  }
  return {};
}

void reference(const EventView& view) {
  const auto& numbers = std::get<std::vector<int64_t>>(view.node.attributes.find("steps")->second);
  std::vector<Exact> values;
  values.reserve(numbers.size() / formula::kStepNumbers);
  for (size_t i = 0; i < numbers.size(); i += formula::kStepNumbers) {
    values.push_back(value_of(formula::stored_step(numbers.data() + i), view, values));
  }
  const auto& results = std::get<std::vector<int64_t>>(view.node.attributes.find("results")->second);
  for (size_t e = 0; e < results.size(); ++e) {
    view.outputs[0][e] = static_cast<int64_t>(values[results[e]].value);
  }
}

int bits_of(const Step& step) {
  const model::Wide size = std::max(step.high, -step.low - 1);
  int bits = step.low < 0 ? 1 : 0;
  while (bits < 126 && (size >> (bits - (step.low < 0 ? 1 : 0))) != 0) ++bits;
  return std::max(bits, 1);
}

Cost cost(const Graph& graph, const Node& node) {
  Cost cost;
  auto program = formula::load(graph, node);
  if (!program.ok()) return cost;
  for (const Step& step : program->steps) {
    const auto bits = [&](formula::StepId id) { return bits_of(program->steps[id]); };
    if (step.op == StepOp::kMultiply) {
      ++cost.multiplications;
      cost.bit_operations += static_cast<double>(bits(step.a)) * bits(step.b);
    } else if (step.op == StepOp::kAdd || step.op == StepOp::kSubtract) {
      ++cost.additions;
      cost.bit_operations += std::max(bits(step.a), bits(step.b));
    }
  }
  cost.effective_bit_operations = cost.bit_operations;
  return with_plan(cost, plan_hls_formula(graph, node));
}

}  // namespace

const Layer kFormulaLayer = {"formula", "a formula, step by step", verify,           reference,
                             cost,      emulate_formula,           write_hls_formula};

}  // namespace strobe::layers
