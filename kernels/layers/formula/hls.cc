#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "kernels/hls/layer_writer.h"
#include "kernels/layers/formula/program.h"
#include "kernels/layers/hooks.h"

namespace strobe::layers {
namespace {

using formula::Program;
using formula::Step;
using formula::StepId;
using formula::StepOp;

/// Expressions longer than this get a name.
constexpr size_t kLongest = 100;

enum Precedence : uint8_t { kSum, kProduct, kPrimary };

/// A step as C++: what stands for it where it is read.
struct Code {
  std::string text;
  Precedence precedence = kPrimary;
  bool is_inline = false;  ///< an expression, not a name
};

hls::Format format_of(const Step& step) { return hls::Format::of_range(step.low, step.high, step.fraction); }

/// Writes the program's steps as statements: exact expressions as the formula has them, a constant of its own type for
/// each result that is read twice, has a name, or is converted.
class Body {
 public:
  Body(const Program& program, hls::LayerWriter& writer)
      : program_(program), writer_(writer), code_(program.steps.size()), readers_(program.steps.size()) {
    for (const Step& step : program.steps) {
      for (int i = 0; i < operand_count(step.op); ++i) ++readers_[operand(step, i)];
    }
    names_.unique(writer.input().name);
    names_.unique(writer.output().name);
    for (size_t t = 0; t < program.tables.size(); ++t) {
      tables_.push_back(writer.constant(absl::StrCat("table_", t), program.tables[t]));
      names_.unique(tables_.back());
    }
  }

  void write() {
    for (size_t i = 0; i < program_.steps.size(); ++i) code_[i] = write_step(static_cast<StepId>(i));
    for (size_t e = 0; e < program_.results.size(); ++e) {
      writer_.statement(absl::StrCat(writer_.output().name, "[", e, "] = ", code_[program_.results[e]].text));
    }
  }

 private:
  std::string bracketed(StepId id, Precedence at_least) const {
    const Code& code = code_[id];
    return code.precedence >= at_least ? code.text : absl::StrCat("(", code.text, ")");
  }

  Code named(StepId id, const std::string& type, const std::string& expression) {
    const Step& step = program_.steps[id];
    const std::string name = names_.unique(hls::identifier(step.name.empty() ? absl::StrCat("step_", id) : step.name));
    writer_.statement(absl::StrCat("const ", type, " ", name, " = ", expression));
    return {name, kPrimary, false};
  }

  /// An exact expression, in place where it is read once and is short.
  Code expression(StepId id, std::string text, Precedence precedence) {
    const bool keep = readers_[id] == 1 && program_.steps[id].name.empty() && text.size() <= kLongest;
    if (keep) return {std::move(text), precedence, true};
    return named(id, format_of(program_.steps[id]).to_string(), text);
  }

  /// One of two values, in the type of both.
  Code choice(StepId id, const std::string& condition, StepId yes, StepId no) {
    const std::string type = format_of(program_.steps[id]).to_string();
    return named(id, type,
                 absl::StrCat(condition, " ? ", type, "(", code_[yes].text, ") : ", type, "(", code_[no].text, ")"));
  }

  Code write_step(StepId id) {
    const Step& step = program_.steps[id];
    switch (step.op) {
      case StepOp::kInput:
        return {absl::StrCat(writer_.input().name, "[", step.value, "]"), kPrimary, false};
      case StepOp::kConstant: {
        const std::string type = format_of(step).to_string();
        return {absl::StrCat(type, "(", hls::literal(step.value, step.fraction, type), ")"), kPrimary, true};
      }
      case StepOp::kAdd:
        return expression(id, absl::StrCat(bracketed(step.a, kSum), " + ", bracketed(step.b, kProduct)), kSum);
      case StepOp::kSubtract:
        return expression(id, absl::StrCat(bracketed(step.a, kSum), " - ", bracketed(step.b, kProduct)), kSum);
      case StepOp::kMultiply:
        return expression(id, absl::StrCat(bracketed(step.a, kProduct), " * ", bracketed(step.b, kPrimary)), kProduct);
      case StepOp::kNegate:
        return expression(id, absl::StrCat("ap_ufixed<1,1>(0) - ", bracketed(step.a, kProduct)), kSum);
      case StepOp::kMinimum:
        return choice(id, absl::StrCat(bracketed(step.b, kSum), " < ", bracketed(step.a, kSum)), step.b, step.a);
      case StepOp::kMaximum:
        return choice(id, absl::StrCat(bracketed(step.a, kSum), " < ", bracketed(step.b, kSum)), step.b, step.a);
      case StepOp::kSelect:
        return choice(id, absl::StrCat(bracketed(step.a, kSum), " >= ", bracketed(step.b, kSum)), step.c, step.d);
      case StepOp::kCast:
        return named(id, hls::type_name(step.type), code_[step.a].text);
      case StepOp::kLookup:
        return named(id, format_of(step).to_string(),
                     absl::StrCat(tables_[step.value], "[", code_[step.a].text, ".to_int()]"));
    }
    return {};
  }

  const Program& program_;
  hls::LayerWriter& writer_;
  std::vector<Code> code_;
  std::vector<int> readers_;
  std::vector<std::string> tables_;
  hls::NameTable names_;
};

/// Share of a clock cycle that a step takes, as planned: four additions or comparisons of usual widths fit one cycle,
/// a product of two variables or a lookup takes one, a large table (in block memory) two.
double planned_cycles(const Program& program, const Step& step) {
  const auto is_constant = [&](StepId id) { return program.steps[id].op == StepOp::kConstant; };
  switch (step.op) {
    case StepOp::kInput:
    case StepOp::kConstant:
      return 0;
    case StepOp::kMultiply:
      return is_constant(step.a) || is_constant(step.b) ? 0.5 : 1;
    case StepOp::kCast:
      return step.type.rounding == model::Rounding::kTrn && step.type.overflow == model::Overflow::kWrap ? 0 : 0.25;
    case StepOp::kLookup:
      return program.tables[step.value].raw.size() > 1024 ? 2 : 1;
    default:
      return 0.25;
  }
}

}  // namespace

hls::Plan plan_hls_formula(const model::Graph& graph, const model::Node& node) {
  hls::Plan plan;
  auto program = formula::load(graph, node);
  if (!program.ok()) return plan;
  std::vector<double> ready(program->steps.size());
  double latest = 0;
  for (size_t i = 0; i < program->steps.size(); ++i) {
    const Step& step = program->steps[i];
    for (int o = 0; o < operand_count(step.op); ++o) ready[i] = std::max(ready[i], ready[operand(step, o)]);
    ready[i] += planned_cycles(*program, step);
    latest = std::max(latest, ready[i]);
    if (step.op == StepOp::kMultiply) {
      const auto is_constant = [&](StepId id) { return program->steps[id].op == StepOp::kConstant; };
      plan.multipliers += is_constant(step.a) || is_constant(step.b) ? 0 : 1;
    }
  }
  plan.depth = std::max(1, static_cast<int>(std::ceil(latest)));
  return plan;
}

absl::Status write_hls_formula(const model::Graph& graph, const model::Node& node, hls::LayerWriter& writer) {
  auto program = formula::load(graph, node);
  if (!program.ok()) return program.status();
  writer.plan(plan_hls_formula(graph, node));
  Body(*program, writer).write();
  return absl::OkStatus();
}

}  // namespace strobe::layers
