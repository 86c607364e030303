#include "kernels/formula/builder.h"

#include <algorithm>
#include <bit>

namespace strobe::formula {

TermId Builder::make(Op op, std::vector<TermId> arguments, int index, double number) {
  std::vector<TermId> key = arguments;
  const bool commutes = op == Op::kAdd || op == Op::kMultiply || op == Op::kMaximum || op == Op::kMinimum ||
                        op == Op::kAnd || op == Op::kOr || op == Op::kEqual;
  if (commutes) std::sort(key.begin(), key.end());
  const auto id = static_cast<TermId>(formula_.terms.size());
  const auto [entry, is_new] = known_.try_emplace({op, std::move(key), std::bit_cast<uint64_t>(number), index}, id);
  if (is_new) formula_.terms.push_back({op, std::move(arguments), number, index, "", line_, column_});
  return entry->second;
}

TermId Builder::input(int index) { return make(Op::kInput, {}, index); }

TermId Builder::constant(double number) {
  number += 0.0;  // no negative zero
  const auto id = static_cast<TermId>(formula_.terms.size());
  const auto [entry, is_new] = known_.try_emplace({Op::kConstant, {}, std::bit_cast<uint64_t>(number), 0}, id);
  if (is_new) formula_.terms.push_back({Op::kConstant, {}, number, 0, "", line_, column_});
  return entry->second;
}

TermId Builder::function(std::string_view name, TermId x) { return make(Op::kFunction, {x}, find_function(name)); }

TermId Builder::chain(Op op, const std::vector<TermId>& arguments) {
  TermId result = arguments[0];
  for (size_t i = 1; i < arguments.size(); ++i) result = make(op, {result, arguments[i]});
  return result;
}

TermId Builder::negate(TermId x) {
  if (const double* value = number(x)) return constant(-*value);
  return make(Op::kNegate, {x});
}

int Builder::add_type(const model::FixedType& type) {
  auto& types = formula_.types;
  const auto found = std::find(types.begin(), types.end(), type);
  if (found != types.end()) return static_cast<int>(found - types.begin());
  types.push_back(type);
  return static_cast<int>(types.size() - 1);
}

int Builder::add_table(Table table) {
  auto& tables = formula_.tables;
  const auto found = std::find(tables.begin(), tables.end(), table);
  if (found != tables.end()) return static_cast<int>(found - tables.begin());
  tables.push_back(std::move(table));
  return static_cast<int>(tables.size() - 1);
}

const double* Builder::number(TermId term) const {
  const Term& t = formula_.terms[term];
  return t.op == Op::kConstant ? &t.number : nullptr;
}

}  // namespace strobe::formula
