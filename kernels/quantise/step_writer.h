#pragma once

#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "absl/status/status.h"
#include "kernels/layers/formula/program.h"

namespace strobe::quantise {

using layers::formula::Step;
using layers::formula::StepId;
using layers::formula::StepOp;

/// Writes a formula's program: equal steps become one, and each step's grid and limits are known at once. After the
/// first error, which `status` keeps, it goes on with harmless values.
class StepWriter {
 public:
  explicit StepWriter(const model::TensorType& input) : input_(input) {}

  StepId input(int64_t element);
  StepId constant(int64_t raw, int fraction);
  StepId add(StepId a, StepId b);
  StepId subtract(StepId a, StepId b);
  StepId multiply(StepId a, StepId b);
  StepId negate(StepId a);
  StepId minimum(StepId a, StepId b) { return make({.op = StepOp::kMinimum, .a = a, .b = b}); }
  StepId maximum(StepId a, StepId b) { return make({.op = StepOp::kMaximum, .a = a, .b = b}); }
  /// a >= b ? c : d
  StepId select(StepId a, StepId b, StepId c, StepId d);
  StepId cast(StepId a, const model::FixedType& type);
  /// a times 2^power.
  StepId scale(StepId a, int power) { return power == 0 ? a : multiply(a, constant(1, -power)); }
  /// a on a grid of at most `fraction` bits, in as many integer bits as it needs. A cast only where it is finer.
  StepId cut(StepId a, int fraction, model::Rounding rounding);
  /// a brought into [low, high].
  StepId clamp(StepId a, int64_t low, int64_t high);
  StepId lookup(const model::Constant& table, StepId index);
  /// The user's name for a step that has none.
  void name(StepId step, const std::string& name);

  const Step& at(StepId step) const { return program_.steps[step]; }
  const Step* number(StepId step) const { return at(step).op == StepOp::kConstant ? &at(step) : nullptr; }
  double low(StepId step) const;
  double high(StepId step) const;
  const absl::Status& status() const { return status_; }
  void fail(const absl::Status& status) {
    if (status_.ok()) status_ = status;
  }
  /// The program, without steps that no result needs.
  layers::formula::Program finish(const std::vector<StepId>& results) &&;

 private:
  StepId make(Step step);

  const model::TensorType& input_;
  layers::formula::Program program_;
  std::map<std::vector<int64_t>, StepId> known_;
  std::map<std::vector<int64_t>, int64_t> known_tables_;
  absl::Status status_;
};

/// The narrowest type that holds raw values `low` to `high` of the grid 2^-fraction.
model::FixedType type_for(model::Wide low, model::Wide high, int fraction, model::Rounding rounding);

}  // namespace strobe::quantise
