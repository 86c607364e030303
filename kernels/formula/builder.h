#pragma once

#include <map>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "kernels/formula/formula.h"

namespace strobe::formula {

/// Makes a formula's terms; equal ones become one.
class Builder {
 public:
  /// Terms made from here on say that they stand there.
  void at(int line, int column) {
    line_ = line;
    column_ = column;
  }

  TermId input(int index);
  TermId constant(double number);
  TermId make(Op op, std::vector<TermId> arguments, int index = 0, double number = 0);
  TermId function(std::string_view name, TermId x);
  /// a and b combined from left to right.
  TermId chain(Op op, const std::vector<TermId>& arguments);
  TermId negate(TermId x);
  int add_type(const model::FixedType& type);
  int add_table(Table table);
  /// The number, where the term is one.
  const double* number(TermId term) const;

  Formula& formula() { return formula_; }
  const Formula& formula() const { return formula_; }

 private:
  Formula formula_;
  std::map<std::tuple<Op, std::vector<TermId>, uint64_t, int>, TermId> known_;
  int line_ = 1, column_ = 1;
};

/// What a function's name means for its arguments. `place` in errors is the caller's.
/// Errors: NotFound where no function has that name; InvalidArgument for a wrong number of arguments.
absl::StatusOr<TermId> call(Builder& builder, std::string_view name, const std::vector<TermId>& arguments);

/// "sin, cos, ...": every function's name.
std::string function_names();

}  // namespace strobe::formula
