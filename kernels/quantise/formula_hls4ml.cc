#include "kernels/quantise/formula_hls4ml.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "kernels/quantise/formula_normal_form.h"
#include "kernels/quantise/step_writer.h"

namespace strobe::quantise {
namespace {

using model::FixedType;
using Kind = NormalForm::Kind;
using Node = NormalForm::Node;

class Hls4mlLowering {
 public:
  Hls4mlLowering(const NormalForm& form, const model::TensorType& input, const FormulaConfig& config)
      : form_(form), config_(config), writer_(input) {}

  absl::StatusOr<LoweredFormula> run() {
    for (const Node& node : form_.nodes) steps_.push_back(lower(node));
    std::vector<StepId> results;
    for (const int output : form_.outputs) results.push_back(writer_.cast(value(output), config_.precision));
    if (!writer_.status().ok()) return writer_.status();
    LoweredFormula result;
    result.outputs = {config_.precision};
    result.program = std::move(writer_).finish(results);
    return result;
  }

 private:
  /// A number in the precision, its sign included.
  StepId constant(double number) {
    return writer_.constant(model::cast(number, config_.precision), config_.precision.fraction());
  }

  StepId value(int node) { return steps_[node]; }

  /// A term of a sum: its coefficient's sign stands outside the conversion.
  StepId scaled(double coefficient, StepId x) {
    return std::abs(coefficient) == 1 ? x : writer_.multiply(constant(std::abs(coefficient)), x);
  }

  StepId lower(const Node& node) {
    switch (node.kind) {
      case Kind::kNumber:
        return constant(node.number);
      case Kind::kInput:
        return writer_.cast(writer_.input(node.index), config_.precision);
      case Kind::kSum: {
        StepId sum = node.number != 0 ? constant(node.number) : writer_.constant(0, 0);
        for (const NormalForm::Part& part : node.parts) {
          const StepId term = scaled(part.coefficient, value(part.node));
          sum = part.coefficient < 0 ? writer_.subtract(sum, term) : writer_.add(sum, term);
        }
        return sum;
      }
      case Kind::kProduct: {
        StepId product = writer_.constant(1, 0);
        for (const NormalForm::Part& part : node.parts) {
          for (int i = 0; i < part.power; ++i) product = writer_.multiply(product, value(part.node));
        }
        product = scaled(node.number, product);
        return node.number < 0 ? writer_.negate(product) : product;
      }
      case Kind::kFunction:
        return table(node);
    }
    return 0;
  }

  /// The nearest lower entry: clamp(int((x - from) base_div)), base_div in hls4ml's ap_fixed<20,16>.
  StepId table(const Node& node) {
    const formula::Function& f = formula::functions()[node.index];
    auto found = config_.tables.find(f.name);
    if (found == config_.tables.end()) found = config_.tables.find("default");
    const Hls4mlTable table = found == config_.tables.end() ? Hls4mlTable{} : found->second;
    const FixedType& t = config_.precision;
    model::Constant entries;
    entries.type = {{table.size}, {t}};
    for (int64_t i = 0; i < table.size; ++i) {
      const double x = table.from + static_cast<double>(i) * (table.to - table.from) / static_cast<double>(table.size);
      const double y = f.evaluate(model::to_double(model::cast(x, t), t), 0);
      entries.raw.push_back(model::cast(std::isfinite(y) ? y : 0, t));
    }
    const FixedType scale_type = FixedType::fixed(20, 16);
    const int64_t scale = model::cast(static_cast<double>(table.size) / (table.to - table.from), scale_type);
    const StepId x = writer_.cast(value(node.parts[0].node), t);
    const StepId distance = writer_.subtract(x, exact(table.from));
    const StepId place = writer_.multiply(distance, writer_.constant(scale, scale_type.fraction()));
    const StepId whole = writer_.cut(place, 0, model::Rounding::kTrn);
    const StepId inside = writer_.clamp(whole, 0, table.size - 1);
    const StepId index = writer_.cast(inside, type_for(0, table.size - 1, 0, model::Rounding::kTrn));
    return writer_.lookup(entries, index);
  }

  StepId exact(double number) {
    int fraction = 0;
    while (fraction < 40 && std::ldexp(number, fraction) != std::floor(std::ldexp(number, fraction))) ++fraction;
    return writer_.constant(std::llrint(std::ldexp(number, fraction)), fraction);
  }

  const NormalForm& form_;
  const FormulaConfig& config_;
  StepWriter writer_;
  std::vector<StepId> steps_;
};

}  // namespace

absl::StatusOr<LoweredFormula> lower_formula_as_hls4ml(const formula::Formula& formula, const model::TensorType& input,
                                                       const FormulaConfig& config) {
  auto form = normal_form(formula);
  if (!form.ok()) return form.status();
  return Hls4mlLowering(*form, input, config).run();
}

}  // namespace strobe::quantise
