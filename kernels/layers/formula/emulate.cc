#include "kernels/emulator/program_builder.h"
#include "kernels/layers/formula/program.h"
#include "kernels/layers/hooks.h"

namespace strobe::layers {
namespace {

using emulator::ProgramBuilder;
using emulator::Term;
using emulator::ValueId;
using formula::Program;
using formula::Step;
using formula::StepId;
using formula::StepOp;

/// Sums, differences and products with constants that only one further sum reads become part of it, so that the planner
/// sees sums as long as the formula's.
class Emulation {
 public:
  Emulation(const Program& program, std::span<const ValueId> inputs, ProgramBuilder& builder)
      : program_(program), inputs_(inputs), builder_(builder), values_(program.steps.size()) {
    for (const model::Constant& table : program.tables) tables_.push_back(builder.add_table(table));
    std::vector<int> readers(program.steps.size());
    for (const Step& step : program.steps) {
      for (int i = 0; i < operand_count(step.op); ++i) ++readers[operand(step, i)];
    }
    for (size_t i = 0; i < program.steps.size(); ++i) {
      Value& value = values_[i];
      value = evaluate(program.steps[i]);
      if (!value.terms.empty() && (readers[i] > 1 || value.terms.size() > 32)) settle(value);
    }
  }

  std::vector<ValueId> results() {
    std::vector<ValueId> ids;
    for (const StepId result : program_.results) ids.push_back(id(result));
    return ids;
  }

 private:
  /// A value of the builder, or a sum that is not written yet.
  struct Value {
    ValueId id = emulator::kNoValue;
    std::vector<Term> terms;
  };

  void settle(Value& value) {
    value.id = builder_.linear(value.terms);
    value.terms.clear();
  }

  ValueId id(StepId step) {
    Value& value = values_[step];
    if (!value.terms.empty()) settle(value);
    return value.id;
  }

  const Step* constant(StepId step) const {
    const Step& s = program_.steps[step];
    return s.op == StepOp::kConstant ? &s : nullptr;
  }

  /// The step's terms times raw * 2^-fraction.
  void add_terms(StepId step, int64_t raw, int fraction, std::vector<Term>& terms) {
    if (const Step* c = constant(step)) {
      int64_t product = 0;
      if (!__builtin_mul_overflow(c->value, raw, &product))
        return terms.push_back(ProgramBuilder::constant_term(product, c->fraction + fraction));
    }
    const Value& value = values_[step];
    int64_t weight = 0;
    const bool fits = std::none_of(value.terms.begin(), value.terms.end(),
                                   [&](const Term& t) { return __builtin_mul_overflow(t.weight, raw, &weight); });
    if (value.terms.empty() || !fits) return terms.push_back(builder_.term(id(step), raw, fraction));
    for (const Term& t : value.terms) terms.push_back({t.value, t.fraction + fraction, t.weight * raw});
  }

  Value sum(StepId a, StepId b, int64_t sign) {
    Value value;
    add_terms(a, 1, 0, value.terms);
    add_terms(b, sign, 0, value.terms);
    return value;
  }

  Value product(const Step& step) {
    Value value;
    const Step* a = constant(step.a);
    const Step* b = constant(step.b);
    if (a == nullptr && b == nullptr) {
      const ValueId x = id(step.a);
      return {builder_.product(x, id(step.b)), {}};
    }
    const Step& factor = b != nullptr ? *b : *a;
    add_terms(b != nullptr ? step.a : step.b, factor.value, factor.fraction, value.terms);
    return value;
  }

  Value evaluate(const Step& step) {
    switch (step.op) {
      case StepOp::kInput:
        return {inputs_[step.value], {}};
      case StepOp::kConstant:
        return {builder_.constant(step.value, step.fraction), {}};
      case StepOp::kAdd:
        return sum(step.a, step.b, 1);
      case StepOp::kSubtract:
        return sum(step.a, step.b, -1);
      case StepOp::kNegate: {
        Value value;
        add_terms(step.a, -1, 0, value.terms);
        return value;
      }
      case StepOp::kMultiply:
        return product(step);
      case StepOp::kMinimum:
        return {builder_.minimum(id(step.a), id(step.b)), {}};
      case StepOp::kMaximum:
        return {builder_.maximum(id(step.a), id(step.b)), {}};
      case StepOp::kSelect:
        return {builder_.select(id(step.a), id(step.b), id(step.c), id(step.d)), {}};
      case StepOp::kCast:
        return {builder_.cast(id(step.a), step.type), {}};
      case StepOp::kLookup:
        return {builder_.lookup(tables_[step.value], id(step.a)), {}};
    }
    return {};
  }

  const Program& program_;
  std::span<const ValueId> inputs_;
  ProgramBuilder& builder_;
  std::vector<emulator::TableId> tables_;
  std::vector<Value> values_;
};

}  // namespace

absl::Status emulate_formula(const model::Graph& graph, const model::Node& node, ProgramBuilder& builder) {
  auto program = formula::load(graph, node);
  if (!program.ok()) return program.status();
  const std::span<const ValueId> tensor = builder.tensor(node.inputs[0]);
  const std::vector<ValueId> inputs(tensor.begin(), tensor.end());
  builder.define(node.outputs[0], Emulation(*program, inputs, builder).results());
  return absl::OkStatus();
}

}  // namespace strobe::layers
