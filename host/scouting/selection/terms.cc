#include "host/scouting/selection/terms.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

namespace strobe::scouting::selection {
namespace {

constexpr double kWidest = std::numeric_limits<int32_t>::max();
constexpr double kInfinity = std::numeric_limits<double>::infinity();
/// A function of an integer that has at most so many values becomes a table, which stays in the first-level cache.
constexpr double kLargestTable = 4096;

bool is_function(Op op) { return op >= Op::kPower && op <= Op::kTanh; }
bool is_truth(const Term& term) { return term.whole && term.low >= 0 && term.high <= 1; }

struct Limits {
  double low, high;
};

/// Limits of an operation on integers, as exact as doubles are up to far beyond 32 bits.
Limits limits_of(Op op, const Term& a, const Term* b, const Term* c) {
  switch (op) {
    case Op::kAdd:
      return {a.low + b->low, a.high + b->high};
    case Op::kSubtract:
      return {a.low - b->high, a.high - b->low};
    case Op::kMultiply: {
      const auto [low, high] = std::minmax({a.low * b->low, a.low * b->high, a.high * b->low, a.high * b->high});
      return {low, high};
    }
    case Op::kNegate:
      return {-a.high, -a.low};
    case Op::kMinimum:
      return {std::min(a.low, b->low), std::min(a.high, b->high)};
    case Op::kMaximum:
      return {std::max(a.low, b->low), std::max(a.high, b->high)};
    case Op::kAbs:
      return {a.low > 0 ? a.low : a.high < 0 ? -a.high : 0, std::max(std::abs(a.low), std::abs(a.high))};
    case Op::kFloor:
      return {a.low, a.high};
    case Op::kSelect:
      return {std::min(b->low, c->low), std::max(b->high, c->high)};
    case Op::kLess:
    case Op::kLessEqual:
    case Op::kEqual:
    case Op::kAnd:
    case Op::kOr:
    case Op::kNot:
      return {0, 1};
    default:
      return {-kInfinity, kInfinity};
  }
}

}  // namespace

double evaluate(Op op, double a, double b, double c) {
  switch (op) {
    case Op::kConstant:
    case Op::kLeaf:
    case Op::kTable:
    case Op::kToReal:
      return a;
    case Op::kAdd:
      return a + b;
    case Op::kSubtract:
      return a - b;
    case Op::kMultiply:
      return a * b + 0.0;
    case Op::kDivide:
      return a / b + 0.0;
    case Op::kNegate:
      return 0.0 - a;
    case Op::kMinimum:
      return b < a ? b : a;
    case Op::kMaximum:
      return a < b ? b : a;
    case Op::kAbs:
      return std::fabs(a);
    case Op::kLess:
      return a < b ? 1 : 0;
    case Op::kLessEqual:
      return a <= b ? 1 : 0;
    case Op::kEqual:
      return a == b ? 1 : 0;
    case Op::kAnd:
      return a > 0 && b > 0 ? 1 : 0;
    case Op::kOr:
      return a > 0 || b > 0 ? 1 : 0;
    case Op::kNot:
      return a > 0 ? 0 : 1;
    case Op::kSelect:
      return a > 0 ? b : c;
    case Op::kSqrt:
      return std::sqrt(a);
    case Op::kPower:
      return std::pow(a, b) + 0.0;
    case Op::kExp:
      return std::exp(a);
    case Op::kLog:
      return std::log(a);
    case Op::kSin:
      return std::sin(a) + 0.0;
    case Op::kCos:
      return std::cos(a) + 0.0;
    case Op::kTan:
      return std::tan(a) + 0.0;
    case Op::kSinh:
      return std::sinh(a) + 0.0;
    case Op::kCosh:
      return std::cosh(a);
    case Op::kTanh:
      return std::tanh(a) + 0.0;
    case Op::kFloor:
      return std::floor(a) + 0.0;
  }
  return 0;
}

TermId Terms::add(const Term& term) {
  const Key key{term.op, term.whole, term.a, term.b, term.c, term.index, std::bit_cast<uint64_t>(term.number)};
  const auto [found, is_new] = known_.try_emplace(key, static_cast<TermId>(terms_.size()));
  if (is_new) terms_.push_back(term);
  return found->second;
}

TermId Terms::constant(double number) {
  number += 0.0;
  Term term;
  term.number = number;
  term.whole = number == std::floor(number) && std::abs(number) <= kWidest;
  term.low = term.whole ? number : -kInfinity;
  term.high = term.whole ? number : kInfinity;
  return add(term);
}

TermId Terms::whole_leaf(int32_t column, double low, double high) {
  Term term;
  term.op = Op::kLeaf;
  term.whole = true;
  term.index = column;
  term.low = low;
  term.high = high;
  return add(term);
}

TermId Terms::real_leaf(int32_t column) {
  Term term;
  term.op = Op::kLeaf;
  term.index = column;
  term.low = -kInfinity;
  term.high = kInfinity;
  return add(term);
}

TermId Terms::to_real(TermId a) {
  if (!at(a).whole) return a;
  Term term;
  term.low = -kInfinity;
  term.high = kInfinity;
  if (is_constant(a)) {
    term.number = at(a).number;
    return add(term);
  }
  term.op = Op::kToReal;
  term.a = a;
  return add(term);
}

TermId Terms::truth(TermId a) { return is_truth(at(a)) ? a : make(Op::kLess, constant(0), a); }

TermId Terms::make(Op op, TermId a, TermId b, TermId c) {
  if (op == Op::kAnd || op == Op::kOr || op == Op::kNot || op == Op::kSelect) a = truth(a);
  if (op == Op::kAnd || op == Op::kOr) b = truth(b);
  const auto known = [&](TermId id) { return id == kNoTerm || is_constant(id); };
  const auto number = [&](TermId id) { return id == kNoTerm ? 0.0 : at(id).number; };
  if (known(a) && known(b) && known(c)) return constant(evaluate(op, number(a), number(b), number(c)));
  if (op == Op::kSelect && is_constant(a)) return at(a).number > 0 ? b : c;
  return make_whole_or_real(op, a, b, c);
}

TermId Terms::make_whole_or_real(Op op, TermId a, TermId b, TermId c) {
  const auto is_whole = [&](TermId id) { return id == kNoTerm || at(id).whole; };
  const bool compares = op == Op::kLess || op == Op::kLessEqual || op == Op::kEqual;
  Term term;
  term.op = op;
  if (is_whole(a) && is_whole(b) && is_whole(c)) {
    if (op == Op::kFloor) return a;
    const Limits limits = limits_of(op, at(a), b == kNoTerm ? nullptr : &at(b), c == kNoTerm ? nullptr : &at(c));
    term.whole = limits.low >= -kWidest && limits.high <= kWidest;
    term.low = limits.low;
    term.high = limits.high;
  }
  if (!term.whole) {
    if (op != Op::kSelect) a = to_real(a);
    if (b != kNoTerm) b = to_real(b);
    if (c != kNoTerm) c = to_real(c);
    term.whole = compares;
    term.low = compares ? 0 : -kInfinity;
    term.high = compares ? 1 : kInfinity;
  }
  term.a = a;
  term.b = b;
  term.c = c;
  if (is_function(op) && (b == kNoTerm || is_constant(b))) {
    const Key key{op, false, a, b, c, 0, 0};
    if (const auto found = known_.find(key); found != known_.end()) return found->second;
    const TermId made = add(term);
    return known_[key] = tabulate(made);
  }
  return add(term);
}

/// The doubles that a term is computed from (itself included), arguments first, down to the one integer that it depends
/// on. Empty where it depends on several, or on a column of doubles.
std::vector<TermId> Terms::computed_from(TermId x, TermId& variable) const {
  std::vector<TermId> reached, open = {x};
  std::vector<bool> seen(terms_.size());
  while (!open.empty()) {
    const TermId id = open.back();
    open.pop_back();
    if (id == kNoTerm || seen[static_cast<size_t>(id)]) continue;
    seen[static_cast<size_t>(id)] = true;
    const Term& term = at(id);
    if (term.whole && !is_constant(id)) {
      if (variable != kNoTerm) return {};
      variable = id;
      continue;
    }
    if (term.op == Op::kLeaf) return {};
    reached.push_back(id);
    open.insert(open.end(), {term.a, term.b, term.c});
  }
  std::sort(reached.begin(), reached.end());
  return reached;
}

/// A function of one integer as a table: each entry is what computing it directly gives.
TermId Terms::tabulate(TermId x) {
  TermId variable = kNoTerm;
  const std::vector<TermId> steps = computed_from(x, variable);
  if (steps.empty() || variable == kNoTerm) return x;
  const double low = at(variable).low, high = at(variable).high;
  if (high - low + 1 > kLargestTable) return x;
  std::vector<double> of(terms_.size()), values;
  const auto get = [&](TermId id) { return id == kNoTerm ? 0.0 : of[static_cast<size_t>(id)]; };
  for (double v = low; v <= high; ++v) {
    of[static_cast<size_t>(variable)] = v;
    for (const TermId id : steps) {
      const Term& term = at(id);
      double& result = of[static_cast<size_t>(id)];
      if (term.op == Op::kConstant) {
        result = term.number;
      } else if (term.op == Op::kTable) {
        result = table(term.index)[static_cast<size_t>(get(term.a) - at(term.a).low)];
      } else {
        result = evaluate(term.op, get(term.a), get(term.b), get(term.c));
      }
    }
    values.push_back(get(x));
  }
  // Bits, not values: a value that is not a number is equal to nothing.
  const auto same = [&](const std::vector<double>& other) {
    return std::equal(values.begin(), values.end(), other.begin(), other.end(),
                      [](double p, double q) { return std::bit_cast<uint64_t>(p) == std::bit_cast<uint64_t>(q); });
  };
  const auto found = std::find_if(tables_.begin(), tables_.end(), same);
  Term term;
  term.op = Op::kTable;
  term.a = variable;
  term.index = static_cast<int32_t>(found - tables_.begin());
  if (found == tables_.end()) tables_.push_back(std::move(values));
  term.low = -kInfinity;
  term.high = kInfinity;
  return add(term);
}

}  // namespace strobe::scouting::selection
