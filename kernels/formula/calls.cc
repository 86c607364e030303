#include <algorithm>
#include <cmath>
#include <iterator>
#include <numbers>

#include "absl/strings/str_cat.h"
#include "kernels/formula/builder.h"

namespace strobe::formula {
namespace {

using Arguments = std::vector<TermId>;

constexpr int kAny = 1 << 20;

/// A function of the language and what it is made of. Names of PySR (Julia), SymPy and C.
struct Call {
  std::string_view name;
  int fewest, most;
  TermId (*make)(Builder& b, const Arguments& a);
};

template <Op op>
TermId one(Builder& b, const Arguments& a) {
  return b.make(op, a);
}

template <Op op>
TermId many(Builder& b, const Arguments& a) {
  return b.chain(op, a);
}

TermId select(Builder& b, TermId condition, TermId yes, TermId no) { return b.make(Op::kSelect, {condition, yes, no}); }

TermId power_of(Builder& b, TermId x, int n) { return b.make(Op::kPower, {x, b.constant(n)}); }

TermId divide(Builder& b, TermId x, TermId y) { return b.make(Op::kDivide, {x, y}); }

/// The place of the largest (smallest) argument, the first of equal ones.
TermId place_of(Builder& b, const Arguments& a, bool largest) {
  TermId best = a[0], place = b.constant(0);
  for (size_t i = 1; i < a.size(); ++i) {
    const TermId better = b.make(Op::kGreater, largest ? Arguments{a[i], best} : Arguments{best, a[i]});
    place = select(b, better, b.constant(static_cast<double>(i)), place);
    best = b.make(largest ? Op::kMaximum : Op::kMinimum, {best, a[i]});
  }
  return place;
}

/// x - y floor(x / y), of y's sign.
TermId mod_of(Builder& b, const Arguments& a) {
  const TermId whole = b.make(Op::kFloor, {divide(b, a[0], a[1])});
  return b.make(Op::kSubtract, {a[0], b.make(Op::kMultiply, {a[1], whole})});
}

/// An angle brought to -pi to pi.
TermId wrapped(Builder& b, TermId angle) {
  const double pi = std::numbers::pi;
  const TermId turned = mod_of(b, {b.make(Op::kAdd, {angle, b.constant(pi)}), b.constant(2 * pi)});
  return b.make(Op::kSubtract, {turned, b.constant(pi)});
}

/// The angle of the vector (x, y): the arc tangent of the smaller coordinate over the larger one, then the octant.
TermId atan2_of(Builder& b, TermId y, TermId x) {
  const Term& sine = b.formula().terms[y];
  const Term& cosine = b.formula().terms[x];
  if (sine.op == Op::kFunction && sine.index == find_function("sin") && cosine.op == Op::kFunction &&
      cosine.index == find_function("cos") && sine.arguments == cosine.arguments)
    return wrapped(b, sine.arguments[0]);
  const TermId up = b.make(Op::kAbs, {y}), right = b.make(Op::kAbs, {x});
  const TermId steep = b.make(Op::kGreater, {up, right});
  const TermId inverse =
      b.make(Op::kFunction, {b.make(Op::kMaximum, {up, right})}, find_function("inv"), kZeroIsUnread);
  const TermId ratio = b.make(Op::kMultiply, {b.make(Op::kMinimum, {up, right}), inverse});
  const TermId slope = b.make(Op::kMinimum, {ratio, b.constant(1)});  // as its factors do not show
  const TermId angle = b.function("atan", slope);
  const double pi = std::numbers::pi;
  const TermId first = select(b, steep, b.make(Op::kSubtract, {b.constant(pi / 2), angle}), angle);
  const TermId left = b.make(Op::kGreater, {b.constant(0), x});
  const TermId upper = select(b, left, b.make(Op::kSubtract, {b.constant(pi), first}), first);
  return select(b, b.make(Op::kGreater, {b.constant(0), y}), b.negate(upper), upper);
}

TermId logarithm(Builder& b, const Arguments& a) {
  const TermId y = b.function("log", a[0]);
  return a.size() == 1 ? y : divide(b, y, b.function("log", a[1]));
}

const Call kCalls[] = {
    {"abs", 1, 1, one<Op::kAbs>},
    {"Abs", 1, 1, one<Op::kAbs>},
    {"fabs", 1, 1, one<Op::kAbs>},
    {"sign", 1, 1, one<Op::kSign>},
    {"sgn", 1, 1, one<Op::kSign>},
    {"floor", 1, 1, one<Op::kFloor>},
    {"ceil", 1, 1, one<Op::kCeil>},
    {"ceiling", 1, 1, one<Op::kCeil>},
    {"round", 1, 1, one<Op::kRound>},
    {"trunc", 1, 1,
     [](Builder& b, const Arguments& a) {
       const TermId size = b.make(Op::kFloor, {b.make(Op::kAbs, a)});
       return b.make(Op::kMultiply, {b.make(Op::kSign, a), size});
     }},
    {"neg", 1, 1, [](Builder& b, const Arguments& a) { return b.negate(a[0]); }},
    {"square", 1, 1, [](Builder& b, const Arguments& a) { return power_of(b, a[0], 2); }},
    {"cube", 1, 1, [](Builder& b, const Arguments& a) { return power_of(b, a[0], 3); }},
    {"pow", 2, 2, one<Op::kPower>},
    {"Pow", 2, 2, one<Op::kPower>},
    {"add", 2, kAny, many<Op::kAdd>},
    {"plus", 2, kAny, many<Op::kAdd>},
    {"Add", 1, kAny, many<Op::kAdd>},
    {"sub", 2, 2, one<Op::kSubtract>},
    {"mult", 2, kAny, many<Op::kMultiply>},
    {"Mul", 1, kAny, many<Op::kMultiply>},
    {"div", 2, 2, one<Op::kDivide>},
    {"Rational", 2, 2, one<Op::kDivide>},
    {"Float", 1, 1, [](Builder&, const Arguments& a) { return a[0]; }},
    {"Integer", 1, 1, [](Builder&, const Arguments& a) { return a[0]; }},
    {"max", 1, kAny, many<Op::kMaximum>},
    {"Max", 1, kAny, many<Op::kMaximum>},
    {"min", 1, kAny, many<Op::kMinimum>},
    {"Min", 1, kAny, many<Op::kMinimum>},
    {"relu", 1, 1,
     [](Builder& b, const Arguments& a) {
       return b.make(Op::kMaximum, {a[0], b.constant(0)});
     }},
    {"clamp", 3, 3,
     [](Builder& b, const Arguments& a) {
       return b.make(Op::kMinimum, {b.make(Op::kMaximum, {a[0], a[1]}), a[2]});
     }},
    {"clip", 3, 3,
     [](Builder& b, const Arguments& a) {
       return b.make(Op::kMinimum, {b.make(Op::kMaximum, {a[0], a[1]}), a[2]});
     }},
    {"greater", 2, 2, one<Op::kGreater>},
    {"greater_equal", 2, 2, one<Op::kGreaterEqual>},
    {"less", 2, 2,
     [](Builder& b, const Arguments& a) {
       return b.make(Op::kGreater, {a[1], a[0]});
     }},
    {"less_equal", 2, 2,
     [](Builder& b, const Arguments& a) {
       return b.make(Op::kGreaterEqual, {a[1], a[0]});
     }},
    {"equal", 2, 2, one<Op::kEqual>},
    {"logical_and", 2, kAny, many<Op::kAnd>},
    {"And", 1, kAny, many<Op::kAnd>},
    {"logical_or", 2, kAny, many<Op::kOr>},
    {"Or", 1, kAny, many<Op::kOr>},
    {"logical_not", 1, 1, one<Op::kNot>},
    {"Not", 1, 1, one<Op::kNot>},
    {"Heaviside", 1, 1,
     [](Builder& b, const Arguments& a) {
       return b.make(Op::kGreater, {a[0], b.constant(0)});
     }},
    {"cond", 2, 2, [](Builder& b, const Arguments& a) { return select(b, a[0], a[1], b.constant(0)); }},
    {"select", 3, 3, one<Op::kSelect>},
    {"ifelse", 3, 3, one<Op::kSelect>},
    {"ITE", 3, 3, one<Op::kSelect>},
    {"argmax", 1, kAny, [](Builder& b, const Arguments& a) { return place_of(b, a, true); }},
    {"argmin", 1, kAny, [](Builder& b, const Arguments& a) { return place_of(b, a, false); }},
    {"atan2", 2, 2, [](Builder& b, const Arguments& a) { return atan2_of(b, a[0], a[1]); }},
    {"hypot", 2, 2,
     [](Builder& b, const Arguments& a) {
       return b.function("sqrt", b.make(Op::kAdd, {power_of(b, a[0], 2), power_of(b, a[1], 2)}));
     }},
    {"mod", 2, 2, mod_of},
    {"Mod", 2, 2, mod_of},
    {"log", 1, 2, logarithm},
    {"ln", 1, 1, logarithm},
    {"logistic", 1, 1, [](Builder& b, const Arguments& a) { return b.function("sigmoid", a[0]); }},
};

}  // namespace

absl::StatusOr<TermId> call(Builder& builder, std::string_view name, const Arguments& arguments) {
  const auto* found =
      std::find_if(std::begin(kCalls), std::end(kCalls), [&](const Call& call) { return call.name == name; });
  int fewest = 1, most = 1;
  if (found != std::end(kCalls)) {
    fewest = found->fewest;
    most = found->most;
  } else if (find_function(name) < 0) {
    return absl::NotFoundError("");
  }
  const auto count = static_cast<int>(arguments.size());
  if (count < fewest || count > most) {
    return absl::InvalidArgumentError(absl::StrCat("'", std::string(name), "' takes ", fewest,
                                                   most == kAny    ? " or more"
                                                   : most > fewest ? absl::StrCat(" to ", most)
                                                                   : "",
                                                   most == 1 ? " argument" : " arguments", ", found ", count));
  }
  return found == std::end(kCalls) ? builder.function(name, arguments[0]) : found->make(builder, arguments);
}

std::string function_names() {
  std::string list;
  for (const Function& f : functions().subspan(2))
    absl::StrAppend(&list, list.empty() ? "" : ", ", std::string(f.name));
  for (const Call& c : kCalls) absl::StrAppend(&list, ", ", std::string(c.name));
  return absl::StrCat(list, ", cast, table, Piecewise");
}

}  // namespace strobe::formula
