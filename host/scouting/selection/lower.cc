#include <cmath>

#include "absl/strings/str_join.h"
#include "host/scouting/selection/lowering.h"

namespace strobe::scouting::selection {
namespace {

constexpr int32_t kLongestWindow = 1000;

struct Function {
  std::string_view name;
  Op op;
};

constexpr Function kFunctions[] = {{"abs", Op::kAbs},   {"sqrt", Op::kSqrt}, {"exp", Op::kExp},    {"log", Op::kLog},
                                   {"sin", Op::kSin},   {"cos", Op::kCos},   {"tan", Op::kTan},    {"sinh", Op::kSinh},
                                   {"cosh", Op::kCosh}, {"tanh", Op::kTanh}, {"floor", Op::kFloor}};

constexpr std::string_view kFunctionNames =
    "abs, at, charge, cos, cosh, count, delta_eta, delta_phi, delta_r, exists, exp, floor, known, log, mass, mass2, "
    "max, min, phys, sin, sinh, sqrt, sum, tan, tanh";

}  // namespace

Lowering::Numbers Lowering::numbers(const Expression& e) {
  auto found = value(e);
  if (!found.ok()) return found.status();
  return as_numbers(e, *found);
}

absl::StatusOr<TermId> Lowering::number(const Expression& e) {
  auto all = numbers(e);
  if (!all.ok()) return all.status();
  if (all->size() != 1) return flaw_at(e.at, absl::StrCat("expected one number, found ", all->size()));
  return (*all)[0];
}

Lowering::Numbers Lowering::as_numbers(const Expression& e, Value& found) {
  switch (found.kind) {
    case Value::Kind::kNumbers:
      return std::move(found.numbers);
    case Value::Kind::kScores:
      if (plan_.models[found.index].scores == 1) return score(e, found.index, 0, 0);
      return flaw_at(e.at,
                     absl::StrCat("model '", plan_.models[found.index].name, "' has ", plan_.models[found.index].scores,
                                  " scores; write ", plan_.models[found.index].name, "[0] for the first"));
    case Value::Kind::kObjectScores: {
      std::vector<TermId> all;
      const ModelPlan& model = plan_.models[found.index];
      if (model.scores != 1)
        return flaw_at(e.at, absl::StrCat("model '", model.name, "' has ", model.scores,
                                          " scores an object; write [0] behind it for the first"));
      for (const Object& object : found.objects) {
        auto one = score(e, found.index, object.place, 0);
        if (!one.ok()) return one;
        all.push_back((*one)[0]);
      }
      return all;
    }
    case Value::Kind::kObjects:
      return flaw_at(
          e.at, "expected a number, found an object; name one of its fields: " + field_names(*found.objects[0].format));
    case Value::Kind::kList:
      return flaw_at(e.at, absl::StrCat("expected a number, found the list '", plan_.list(found.list).name,
                                        "'; write count(...), or [0].FIELD behind it"));
    case Value::Kind::kSource:
      break;
  }
  return flaw_at(e.at, absl::StrCat("expected a number, found the source '", plan_.sources[found.index].name,
                                    "'; name one of its collections: ", collection_names(found.index)));
}

std::string Lowering::field_names(const ObjectFormat& format) {
  return absl::StrJoin(format.fields, ", ",
                       [](std::string* out, const Field& field) { absl::StrAppend(out, std::string(field.name)); });
}

std::string Lowering::collection_names(size_t source) const {
  return absl::StrJoin(plan_.sources[source].format->collections, ", ",
                       [](std::string* out, const ObjectFormat* f) { absl::StrAppend(out, std::string(f->name)); });
}

absl::StatusOr<Value> Lowering::value(const Expression& e) {
  switch (e.kind) {
    case Expression::Kind::kNumber:
      return one(plan_terms().constant(e.number));
    case Expression::Kind::kName:
      return name(e);
    case Expression::Kind::kMember:
      return member(e);
    case Expression::Kind::kIndex:
      return index(e);
    case Expression::Kind::kCall:
      return call(e);
    case Expression::Kind::kUnary:
      return each({&e.parts[0]},
                  [&](const TermId* x) { return plan_terms().make(e.name == "-" ? Op::kNegate : Op::kNot, x[0]); });
    case Expression::Kind::kBinary:
      return each({&e.parts[0], &e.parts[1]}, [&](const TermId* x) { return binary(e.name, x[0], x[1]); });
    case Expression::Kind::kChoice:
      break;
  }
  return each({&e.parts[0], &e.parts[1], &e.parts[2]},
              [&](const TermId* x) { return plan_terms().make(Op::kSelect, x[0], x[1], x[2]); });
}

Terms& Lowering::plan_terms() {
  return scope_.kind == Scope::Kind::kObject ? *plan_.collections[scope_.list.collection].terms : plan_.terms;
}

Value Lowering::one(TermId term) {
  Value made;
  made.numbers.push_back(term);
  return made;
}

TermId Lowering::binary(const std::string& op, TermId a, TermId b) {
  Terms& t = plan_terms();
  if (op == "+") return t.make(Op::kAdd, a, b);
  if (op == "-") return t.make(Op::kSubtract, a, b);
  if (op == "*") return t.make(Op::kMultiply, a, b);
  if (op == "/") return t.make(Op::kDivide, a, b);
  if (op == "^") return b == t.constant(2) ? t.make(Op::kMultiply, a, a) : t.make(Op::kPower, a, b);
  if (op == "<") return t.make(Op::kLess, a, b);
  if (op == "<=") return t.make(Op::kLessEqual, a, b);
  if (op == ">") return t.make(Op::kLess, b, a);
  if (op == ">=") return t.make(Op::kLessEqual, b, a);
  if (op == "==") return t.make(Op::kEqual, a, b);
  if (op == "!=") return t.make(Op::kNot, t.make(Op::kEqual, a, b));
  return t.make(op == "and" ? Op::kAnd : Op::kOr, a, b);
}

absl::Status Lowering::check_arguments(const Expression& e, size_t count) {
  if (e.parts.size() == count) return absl::OkStatus();
  return flaw_at(e.at, absl::StrCat(e.name, " takes ", count, count == 1 ? " argument" : " arguments", ", found ",
                                    e.parts.size()));
}

absl::StatusOr<Value> Lowering::call(const Expression& e) {
  for (const Function& function : kFunctions) {
    if (function.name != e.name) continue;
    if (absl::Status s = check_arguments(e, 1); !s.ok()) return s;
    return each({&e.parts[0]}, [&](const TermId* x) { return plan_terms().make(function.op, x[0]); });
  }
  if (e.name == "phys") return physical(e);
  if ((e.name == "max" || e.name == "min") && e.parts.size() > 1) return extreme(e);
  if (e.name == "sum" || e.name == "max" || e.name == "min" || e.name == "count") return over_list(e);
  if (e.name == "at") return shifted(e);
  if (e.name == "known") return known(e);
  if (e.name == "exists" || e.name == "charge") return of_objects(e, 1);
  if (e.name == "mass" || e.name == "mass2" || e.name == "delta_phi" || e.name == "delta_eta" || e.name == "delta_r")
    return of_objects(e, 2);
  return flaw_at(e.at, absl::StrCat("unknown function '", e.name, "'; known: ", std::string(kFunctionNames)));
}

absl::StatusOr<Value> Lowering::extreme(const Expression& e) {
  std::vector<TermId> all;
  for (const Expression& part : e.parts) {
    auto some = numbers(part);
    if (!some.ok()) return some.status();
    all.insert(all.end(), some->begin(), some->end());
  }
  TermId result = all[0];
  for (size_t i = 1; i < all.size(); ++i)
    result = plan_terms().make(e.name == "max" ? Op::kMaximum : Op::kMinimum, result, all[i]);
  return one(result);
}

absl::StatusOr<Value> Lowering::physical(const Expression& e) {
  if (absl::Status s = check_arguments(e, 1); !s.ok()) return s;
  const Expression& of = e.parts[0];
  Value made;
  std::vector<FieldValue> fields;
  if (absl::Status s = find_fields(of, fields); !s.ok()) return s;
  for (const FieldValue& field : fields) made.numbers.push_back(physical_value(plan_, plan_terms(), field));
  return made;
}

absl::Status Lowering::find_fields(const Expression& of, std::vector<FieldValue>& fields) {
  const bool is_field = of.kind == Expression::Kind::kMember || of.kind == Expression::Kind::kName;
  if (!is_field) return flaw_at(of.at, "phys takes a field of an object, such as good[0].pt");
  const std::vector<std::string> wanted = of.names.empty() ? std::vector<std::string>{of.name} : of.names;
  if (scope_.kind == Scope::Kind::kObject) {
    auto terms = numbers(of);
    if (!terms.ok()) return terms.status();
    const ObjectFormat& format = *plan_.collections[scope_.list.collection].format;
    for (size_t i = 0; i < wanted.size(); ++i) {
      const Field* field = format.find(wanted[i]);
      if (field == nullptr) return flaw_at(of.at, "phys takes a field of an object");
      fields.push_back({(*terms)[i], field, std::nullopt});
    }
    return absl::OkStatus();
  }
  std::vector<Object> objects;
  if (of.kind == Expression::Kind::kName) {
    if (!scope_.place || list_object(scope_.list, 0).format->find(of.name) == nullptr)
      return flaw_at(of.at, "phys takes a field of an object, such as good[0].pt");
    objects.push_back(list_object(scope_.list, *scope_.place));
  } else {
    auto found = value(of.parts[0]);
    if (!found.ok()) return found.status();
    if (found->kind == Value::Kind::kList && is_single(found->list)) found->objects = {list_object(found->list, 0)};
    if (found->objects.empty()) return flaw_at(of.at, "phys takes a field of an object, such as good[0].pt");
    objects = found->objects;
  }
  for (const Object& object : objects) {
    for (const std::string& name : wanted) {
      auto field = field_of(plan_, object, name);
      if (!field.ok()) return flaw_at(of.at, std::string(field.status().message()));
      fields.push_back(*field);
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<Object>> Lowering::objects(const Expression& e) {
  auto found = value(e);
  if (!found.ok()) return found.status();
  if (found->kind == Value::Kind::kList && is_single(found->list))
    return std::vector<Object>{list_object(found->list, 0)};
  if (found->kind != Value::Kind::kObjects) return flaw_at(e.at, "expected an object, such as good[0]");
  return found->objects;
}

absl::StatusOr<Value> Lowering::of_objects(const Expression& e, size_t count) {
  if (absl::Status s = check_arguments(e, count); !s.ok()) return s;
  if (scope_.kind == Scope::Kind::kObject)
    return flaw_at(e.at, absl::StrCat(e.name, " is of named objects, not of each object of a list"));
  std::vector<std::vector<Object>> arguments;
  size_t most = 1;
  for (const Expression& part : e.parts) {
    auto some = objects(part);
    if (!some.ok()) return some.status();
    if (some->size() != 1 && most != 1 && some->size() != most)
      return flaw_at(part.at, absl::StrCat("expected 1 or ", most, " objects, found ", some->size()));
    most = std::max(most, some->size());
    arguments.push_back(std::move(*some));
  }
  Value made;
  for (size_t i = 0; i < most; ++i) {
    const auto get = [&](size_t k) { return arguments[k][arguments[k].size() == 1 ? 0 : i]; };
    const Object a = get(0);
    auto term = count == 1 ? object_quantity(plan_, e.name, a) : pair_quantity(plan_, e.name, a, get(1));
    if (!term.ok()) return flaw_at(e.at, std::string(term.status().message()));
    made.numbers.push_back(*term);
  }
  return made;
}

absl::StatusOr<int32_t> Lowering::window(const Expression& e) {
  auto term = number(e);
  if (!term.ok()) return term.status();
  const Term& found = plan_terms().at(*term);
  if (found.op != Op::kConstant || !found.whole)
    return flaw_at(e.at, "expected a whole number of crossings, such as -1");
  const double shift = found.number + scope_.shift;
  if (std::abs(shift) > kLongestWindow)
    return flaw_at(e.at,
                   absl::StrCat("expected at most ", kLongestWindow, " crossings before or after, found ", shift));
  return static_cast<int32_t>(shift);
}

absl::StatusOr<Value> Lowering::shifted(const Expression& e) {
  if (absl::Status s = check_arguments(e, 2); !s.ok()) return s;
  if (scope_.kind == Scope::Kind::kObject) return flaw_at(e.at, "at(...) is of crossings, not of objects of a list");
  auto shift = window(e.parts[0]);
  if (!shift.ok()) return shift.status();
  Scope there = scope_;
  there.shift = *shift;
  return Lowering(plan_, there).value(e.parts[1]);
}

absl::StatusOr<Value> Lowering::known(const Expression& e) {
  if (absl::Status s = check_arguments(e, 1); !s.ok()) return s;
  if (scope_.kind == Scope::Kind::kObject) return flaw_at(e.at, "known(...) is of crossings, not of objects");
  auto shift = window(e.parts[0]);
  if (!shift.ok()) return shift.status();
  Leaf leaf;
  leaf.kind = Leaf::Kind::kKnown;
  leaf.shift = *shift;
  return one(plan_.terms.whole_leaf(plan_.leaf(leaf), 0, 1));
}

absl::StatusOr<std::vector<TermId>> lower_all(Plan& plan, const Scope& scope, const Expression& expression) {
  return Lowering(plan, scope).numbers(expression);
}

absl::StatusOr<TermId> lower(Plan& plan, const Scope& scope, const Expression& expression) {
  return Lowering(plan, scope).number(expression);
}

}  // namespace strobe::scouting::selection
