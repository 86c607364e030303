#include "host/scouting/selection/lowering.h"

namespace strobe::scouting::selection {
namespace {

constexpr int kDeepestSums = 2;

}  // namespace

std::optional<Value> Lowering::find_subject(const Expression& e) {
  if (e.kind == Expression::Kind::kName) {
    auto found = name(e);
    if (found.ok() && (found->kind == Value::Kind::kList || found->kind == Value::Kind::kScores)) return *found;
    return std::nullopt;
  }
  if (e.kind == Expression::Kind::kIndex || is_sum(e)) return std::nullopt;
  if (e.kind == Expression::Kind::kMember && e.parts[0].kind == Expression::Kind::kName) {
    auto found = value(e.parts[0]);
    if (found.ok() && found->kind == Value::Kind::kSource) found = source_member(e, *found);
    if (found.ok() && found->kind == Value::Kind::kList) return *found;
  }
  for (const Expression& part : e.parts) {
    if (auto found = find_subject(part)) return found;
  }
  return std::nullopt;
}

absl::StatusOr<Value> Lowering::over_list(const Expression& e) {
  if (absl::Status s = check_arguments(e, 1); !s.ok()) return s;
  if (scope_.kind == Scope::Kind::kObject)
    return flaw_at(e.at, absl::StrCat(e.name, "(...) over a list is of crossings, not of objects"));
  const auto subject = find_subject(e.parts[0]);
  if (subject && subject->kind == Value::Kind::kScores) return over_scores(e, subject->index);
  if (!subject) {
    auto some = numbers(e.parts[0]);  // a range: sum(good[0:4].pt)
    if (!some.ok()) return some.status();
    return fold(e, *some);
  }
  return over_objects(e, subject->list);
}

absl::StatusOr<Value> Lowering::fold(const Expression& e, const std::vector<TermId>& numbers) {
  Terms& terms = plan_terms();
  const Op op = e.name == "max" ? Op::kMaximum : e.name == "min" ? Op::kMinimum : Op::kAdd;
  TermId result = kNoTerm;
  for (TermId each_term : numbers) {
    if (e.name == "count") each_term = terms.truth(each_term);
    result = result == kNoTerm ? each_term : terms.make(op, result, each_term);
  }
  return one(result);
}

absl::StatusOr<Value> Lowering::over_scores(const Expression& e, size_t model) {
  if (sums_ == kDeepestSums)
    return flaw_at(e.at, absl::StrCat("at most ", kDeepestSums, " sums over scores inside one another"));
  ++sums_;
  std::vector<TermId> all;
  for (size_t element = 0; element < plan_.models[model].scores; ++element) {
    auto term = number(with_element(e.parts[0], plan_.models[model].name, static_cast<int64_t>(element)));
    if (!term.ok()) return term.status();
    all.push_back(*term);
  }
  --sums_;
  return fold(e, all);
}

bool Lowering::is_sum(const Expression& e) {
  if (e.kind != Expression::Kind::kCall || e.parts.size() != 1) return false;
  return e.name == "sum" || e.name == "count" || e.name == "max" || e.name == "min";
}

Expression Lowering::with_element(const Expression& e, const std::string& name, int64_t element) {
  if (e.kind == Expression::Kind::kIndex || is_sum(e)) return e;
  Expression copy = e;
  for (Expression& part : copy.parts) part = with_element(part, name, element);
  if (e.kind != Expression::Kind::kName || e.name != name) return copy;
  Expression indexed;
  indexed.kind = Expression::Kind::kIndex;
  indexed.at = e.at;
  indexed.low = element;
  indexed.high = element + 1;
  indexed.parts.push_back(std::move(copy));
  return indexed;
}

absl::StatusOr<Value> Lowering::over_objects(const Expression& e, ListRef ref) {
  Leaf leaf;
  leaf.collection = ref.collection;
  leaf.list = ref.list;
  leaf.shift = scope_.shift;
  const Expression& argument = e.parts[0];
  const bool names_list = argument.kind == Expression::Kind::kName ||
                          (argument.kind == Expression::Kind::kMember &&
                           plan_.lists.contains(absl::StrCat(argument.parts[0].name, ".", argument.name)));
  if (e.name == "count" && names_list) {
    plan_.list(ref).counted = true;
    leaf.kind = Leaf::Kind::kCount;
    return one(plan_.terms.whole_leaf(plan_.leaf(leaf), 0, kMostObjects));
  }
  const Scope inner{Scope::Kind::kObject, ref, true, {}, 0, false};
  auto term = lower(plan_, inner, argument);
  if (!term.ok()) return term.status();
  Terms& terms = *plan_.collections[ref.collection].terms;
  Aggregate aggregate;
  aggregate.op = e.name == "max" ? Op::kMaximum : e.name == "min" ? Op::kMinimum : Op::kAdd;
  aggregate.term = e.name == "count" ? terms.truth(*term) : *term;
  aggregate.column.whole = aggregate.op != Op::kAdd && terms.at(aggregate.term).whole;
  List& list = plan_.list(ref);
  list.counted |= aggregate.op != Op::kAdd;
  const auto same = [&](const Aggregate& a) { return a.op == aggregate.op && a.term == aggregate.term; };
  const auto known_one = std::find_if(list.aggregates.begin(), list.aggregates.end(), same);
  leaf.kind = Leaf::Kind::kAggregate;
  leaf.item = static_cast<size_t>(known_one - list.aggregates.begin());
  if (known_one == list.aggregates.end()) list.aggregates.push_back(aggregate);
  const int32_t index = plan_.leaf(leaf);
  if (!aggregate.column.whole) return one(plan_.terms.real_leaf(index));
  const Term& limits = terms.at(aggregate.term);
  return one(plan_.terms.whole_leaf(index, std::min(limits.low, 0.0), std::max(limits.high, 0.0)));
}

}  // namespace strobe::scouting::selection
