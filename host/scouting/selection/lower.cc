#include <algorithm>
#include <cmath>
#include <functional>
#include <numbers>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "host/scouting/selection/pairs.h"
#include "host/scouting/selection/plan.h"

namespace strobe::scouting::selection {
namespace {

/// Leading objects that can be reached, and crossings that windows reach.
constexpr int64_t kMostPlaces = 256;
constexpr int32_t kLongestWindow = 1000;
constexpr size_t kMostNumbers = 65536;
constexpr int kDeepestSums = 2;

/// What an expression stands for before it is a number.
struct Value {
  enum class Kind : uint8_t { kNumbers, kObjects, kList, kSource, kScores, kObjectScores };
  Kind kind = Kind::kNumbers;
  std::vector<TermId> numbers;
  std::vector<Object> objects;  ///< kObjects, kObjectScores
  ListRef list;                 ///< kList
  size_t index = 0;             ///< the source, or the model
};

struct Function {
  std::string_view name;
  Op op;
  size_t arguments;
};

constexpr Function kFunctions[] = {{"abs", Op::kAbs, 1},   {"sqrt", Op::kSqrt, 1},  {"exp", Op::kExp, 1},
                                   {"log", Op::kLog, 1},   {"sin", Op::kSin, 1},    {"cos", Op::kCos, 1},
                                   {"tan", Op::kTan, 1},   {"sinh", Op::kSinh, 1},  {"cosh", Op::kCosh, 1},
                                   {"tanh", Op::kTanh, 1}, {"floor", Op::kFloor, 1}};

constexpr std::string_view kFunctionNames =
    "abs, at, charge, cos, cosh, count, delta_eta, delta_phi, delta_r, exists, exp, floor, known, log, mass, mass2, "
    "max, "
    "min, phys, sin, sinh, sqrt, sum, tan, tanh";

class Lowering {
 public:
  Lowering(Plan& plan, const Scope& scope) : plan_(plan), scope_(scope) {}

  using Numbers = absl::StatusOr<std::vector<TermId>>;

  Numbers numbers(const Expression& e) {
    auto found = value(e);
    if (!found.ok()) return found.status();
    return as_numbers(e, *found);
  }

  absl::StatusOr<TermId> number(const Expression& e) {
    auto all = numbers(e);
    if (!all.ok()) return all.status();
    if (all->size() != 1) return flaw_at(e.at, absl::StrCat("expected one number, found ", all->size()));
    return (*all)[0];
  }

 private:
  Numbers as_numbers(const Expression& e, Value& found) {
    switch (found.kind) {
      case Value::Kind::kNumbers:
        return std::move(found.numbers);
      case Value::Kind::kScores:
        if (plan_.models[found.index].scores == 1) return score(e, found.index, 0, 0);
        return flaw_at(
            e.at, absl::StrCat("model '", plan_.models[found.index].name, "' has ", plan_.models[found.index].scores,
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
        return flaw_at(e.at, "expected a number, found an object; name one of its fields: " +
                                 field_names(*found.objects[0].format));
      case Value::Kind::kList:
        return flaw_at(e.at, absl::StrCat("expected a number, found the list '", plan_.list(found.list).name,
                                          "'; write count(...), or [0].FIELD behind it"));
      case Value::Kind::kSource:
        break;
    }
    return flaw_at(e.at, absl::StrCat("expected a number, found the source '", plan_.sources[found.index].name,
                                      "'; name one of its collections: ", collection_names(found.index)));
  }

  static std::string field_names(const ObjectFormat& format) {
    return absl::StrJoin(format.fields, ", ",
                         [](std::string* out, const Field& field) { absl::StrAppend(out, std::string(field.name)); });
  }

  std::string collection_names(size_t source) const {
    return absl::StrJoin(plan_.sources[source].format->collections, ", ",
                         [](std::string* out, const ObjectFormat* f) { absl::StrAppend(out, std::string(f->name)); });
  }

  absl::StatusOr<Value> value(const Expression& e) {
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

  /// The terms that this scope's numbers are made of.
  Terms& plan_terms() {
    return scope_.kind == Scope::Kind::kObject ? *plan_.collections[scope_.list.collection].terms : plan_.terms;
  }

  static Value one(TermId term) {
    Value made;
    made.numbers.push_back(term);
    return made;
  }

  TermId binary(const std::string& op, TermId a, TermId b) {
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

  /// Applies `f` to numbers one by one; a single number goes with each of several.
  template <typename F>
  absl::StatusOr<Value> each(const std::vector<const Expression*>& parts, F f) {
    std::vector<std::vector<TermId>> arguments;
    size_t count = 1;
    for (const Expression* part : parts) {
      auto some = numbers(*part);
      if (!some.ok()) return some.status();
      if (some->size() != 1 && count != 1 && some->size() != count)
        return flaw_at(part->at, absl::StrCat("expected 1 or ", count, " numbers, found ", some->size()));
      count = std::max(count, some->size());
      arguments.push_back(std::move(*some));
    }
    Value made;
    for (size_t i = 0; i < count; ++i) {
      TermId x[3] = {kNoTerm, kNoTerm, kNoTerm};
      for (size_t k = 0; k < arguments.size(); ++k) x[k] = arguments[k][arguments[k].size() == 1 ? 0 : i];
      made.numbers.push_back(f(x));
    }
    return made;
  }

  // Names.

  absl::StatusOr<Value> name(const Expression& e) {
    if (e.name == "pi") return one(plan_terms().constant(std::numbers::pi));
    if (scope_.kind == Scope::Kind::kObject) return object_name(e);
    if (scope_.place) {
      const Object object = list_object(scope_.list, *scope_.place);
      if (object.format->find(e.name) != nullptr) return one(field_of(plan_, object, e.name)->term);
    }
    for (size_t i = 0; i < plan_.values.size(); ++i) {
      if (plan_.values[i].name == e.name) return named_value(e, i);
    }
    if (e.name == "bx" || e.name == "orbit") {
      Leaf leaf;
      leaf.kind = e.name == "bx" ? Leaf::Kind::kCrossing : Leaf::Kind::kOrbit;
      leaf.shift = scope_.shift;
      const int32_t index = plan_.leaf(leaf);
      return one(e.name == "bx" ? plan_.terms.whole_leaf(index, 0, 4095) : plan_.terms.real_leaf(index));
    }
    return crossing_name(e);
  }

  absl::StatusOr<Value> object_name(const Expression& e) {
    const CollectionPlan& collection = plan_.collections[scope_.list.collection];
    if (!scope_.as_members) {
      for (size_t i = 0; i < collection.format->fields.size(); ++i) {
        if (collection.format->fields[i].name == e.name)
          return one(field_term(*collection.format, i, *collection.terms));
      }
      return flaw_at(e.at, absl::StrCat("expected a field of ", std::string(collection.format->name), " (",
                                        field_names(*collection.format), "), found '", e.name, "'"));
    }
    auto found = Lowering(plan_, Scope{}).name(e);
    if (found.ok() && found->kind == Value::Kind::kSource) return found;
    if (found.ok() && found->kind == Value::Kind::kList && is_subject(found->list)) return found;
    return flaw_at(e.at, absl::StrCat("expected fields of the one list that is counted or summed, '",
                                      plan_.list(scope_.list).name, "', found '", e.name, "'"));
  }

  bool is_subject(ListRef list) const {
    return list.collection == scope_.list.collection && list.list == scope_.list.list;
  }

  absl::StatusOr<Value> named_value(const Expression& e, size_t index) {
    NamedValue& named = plan_.values[index];
    TermId term = named.term;
    if (scope_.shift != 0) {
      Scope there;
      there.shift = scope_.shift;
      there.late_allowed = scope_.late_allowed;
      const auto [known, is_new] = plan_.shifted_values.try_emplace({index, scope_.shift}, kNoTerm);
      if (is_new) {
        const Expression expression = named.expression;
        auto lowered = lower(plan_, there, expression);
        if (!lowered.ok()) return lowered.status();
        plan_.shifted_values[{index, scope_.shift}] = *lowered;
      }
      term = plan_.shifted_values[{index, scope_.shift}];
    }
    if (!scope_.late_allowed && plan_.is_late(term))
      return flaw_at(e.at, absl::StrCat("'", e.name, "' needs a model's scores, which are not there yet here"));
    return one(term);
  }

  absl::StatusOr<Value> crossing_name(const Expression& e) {
    Value made;
    if (const auto found = plan_.lists.find(e.name); found != plan_.lists.end()) {
      made.kind = Value::Kind::kList;
      made.list = found->second;
      return made;
    }
    for (size_t i = 0; i < plan_.models.size(); ++i) {
      if (plan_.models[i].name != e.name) continue;
      if (plan_.models[i].per)
        return flaw_at(e.at, absl::StrCat("model '", e.name, "' has scores for each object: write ",
                                          plan_.list(*plan_.models[i].per).name, "[0].", e.name));
      made.kind = Value::Kind::kScores;
      made.index = i;
      return made;
    }
    for (size_t i = 0; i < plan_.sources.size(); ++i) {
      if (plan_.sources[i].name != e.name) continue;
      made.kind = Value::Kind::kSource;
      made.index = i;
      return made;
    }
    if (const auto collection = find_collection(e.name)) return whole_collection(*collection);
    std::vector<std::string> known;
    for (const auto& [list, ref] : plan_.lists) {
      if (list.find('.') == std::string::npos) known.push_back(list);
    }
    for (const NamedValue& each : plan_.values) known.push_back(each.name);
    if (scope_.late_allowed) {
      for (const ModelPlan& each : plan_.models) known.push_back(each.name);
    }
    for (const CollectionPlan& each : plan_.collections) known.emplace_back(each.format->name);
    known.insert(known.end(), {"bx", "orbit", "pi"});
    std::sort(known.begin(), known.end());
    known.erase(std::unique(known.begin(), known.end()), known.end());
    return flaw_at(e.at, absl::StrCat("unknown name '", e.name, "'; known here: ", absl::StrJoin(known, ", ")));
  }

  std::optional<size_t> find_collection(std::string_view wanted) const {
    std::optional<size_t> found;
    for (size_t i = 0; i < plan_.collections.size(); ++i) {
      if (plan_.collections[i].format->name != wanted) continue;
      if (found) return std::nullopt;  // of several sources: source.collection
      found = i;
    }
    return found;
  }

  /// All objects of a collection, as they come: a list without a cut.
  Value whole_collection(size_t index) {
    Value made;
    made.kind = Value::Kind::kList;
    CollectionPlan& collection = plan_.collections[index];
    const std::string full =
        absl::StrCat(plan_.sources[collection.source].name, ".", std::string(collection.format->name));
    const auto [found, is_new] = plan_.lists.try_emplace(full, ListRef{index, collection.lists.size()});
    if (is_new) {
      collection.lists.emplace_back();
      collection.lists.back().name = full;
    }
    made.list = found->second;
    return made;
  }

  // Objects.

  Object list_object(ListRef list, int32_t place) const {
    return {list, place, scope_.shift, plan_.collections[list.collection].format};
  }

  absl::StatusOr<Value> index(const Expression& e) {
    auto of = value(e.parts[0]);
    if (!of.ok()) return of;
    Value made;
    if (of->kind == Value::Kind::kScores || of->kind == Value::Kind::kObjectScores) {
      const size_t objects = of->kind == Value::Kind::kScores ? 1 : of->objects.size();
      for (size_t i = 0; i < objects; ++i) {
        for (int64_t element = e.low; element < e.high; ++element) {
          auto one_score = score(e, of->index, of->objects.empty() ? 0 : of->objects[i].place, element);
          if (!one_score.ok()) return one_score.status();
          made.numbers.push_back((*one_score)[0]);
        }
      }
      return made;
    }
    if (of->kind != Value::Kind::kList || scope_.kind == Scope::Kind::kObject)
      return flaw_at(e.at, "expected a list or a model's scores before '['");
    const List& list = plan_.list(of->list);
    const int64_t places = list.limit == List::kNoLimit ? kMostPlaces : list.limit;
    if (e.high > places)
      return flaw_at(e.at, absl::StrCat("list '", list.name, "' has ", list.limit == List::kNoLimit ? "at most " : "",
                                        places, " objects to name, found [", e.high - 1, "]"));
    made.kind = Value::Kind::kObjects;
    for (int64_t place = e.low; place < e.high; ++place)
      made.objects.push_back(list_object(of->list, static_cast<int32_t>(place)));
    return made;
  }

  absl::StatusOr<Value> member(const Expression& e) {
    auto of = value(e.parts[0]);
    if (!of.ok()) return of;
    const std::vector<std::string> wanted = e.names.empty() ? std::vector<std::string>{e.name} : e.names;
    if (of->kind == Value::Kind::kSource) return source_member(e, *of);
    if (of->kind == Value::Kind::kList && scope_.kind == Scope::Kind::kObject) {
      if (!is_subject(of->list))
        return flaw_at(e.at, absl::StrCat("expected fields of the one list that is counted or summed, '",
                                          plan_.list(scope_.list).name, "', found '", plan_.list(of->list).name, "'"));
      const Scope fields{Scope::Kind::kObject, scope_.list, false, {}, 0, false};
      return Lowering(plan_, fields).fields_by_name(e, wanted);
    }
    if (of->kind == Value::Kind::kList && is_single(of->list)) {
      of->kind = Value::Kind::kObjects;
      of->objects = {list_object(of->list, 0)};
    }
    if (of->kind == Value::Kind::kList)
      return flaw_at(e.at, absl::StrCat("'", plan_.list(of->list).name, "' is a list: write [0] behind it for its ",
                                        "first object, or sum(...), max(...), min(...) around it"));
    if (of->kind != Value::Kind::kObjects) return flaw_at(e.at, "expected an object before '.'");
    if (const auto model = object_model(*of, wanted)) {
      of->kind = Value::Kind::kObjectScores;
      of->index = *model;
      return of;
    }
    Value made;
    for (const Object& object : of->objects) {
      for (const std::string& field : wanted) {
        auto found = field_of(plan_, object, field);
        if (!found.ok()) return flaw_at(e.at, std::string(found.status().message()));
        made.numbers.push_back(found->term);
      }
    }
    if (made.numbers.size() > kMostNumbers) return flaw_at(e.at, "too many numbers");
    return made;
  }

  absl::StatusOr<Value> fields_by_name(const Expression& e, const std::vector<std::string>& wanted) {
    Value made;
    for (const std::string& field : wanted) {
      Expression one_name;
      one_name.kind = Expression::Kind::kName;
      one_name.name = field;
      one_name.at = e.at;
      auto found = object_name(one_name);
      if (!found.ok()) return found;
      made.numbers.push_back(found->numbers[0]);
    }
    return made;
  }

  /// A list of which one object is all there is.
  bool is_single(ListRef list) const {
    return plan_.list(list).limit == 1 || plan_.collections[list.collection].format->one_a_crossing;
  }

  absl::StatusOr<Value> source_member(const Expression& e, const Value& of) {
    for (size_t i = 0; i < plan_.collections.size(); ++i) {
      const CollectionPlan& collection = plan_.collections[i];
      if (collection.source == of.index && collection.format->name == e.name) return whole_collection(i);
    }
    return flaw_at(e.at, absl::StrCat("expected a collection of source '", plan_.sources[of.index].name, "' (",
                                      collection_names(of.index), "), found '", e.name, "'"));
  }

  // Scores.

  /// The model whose scores an object has by that name.
  std::optional<size_t> object_model(const Value& of, const std::vector<std::string>& wanted) const {
    const Object& object = of.objects[0];
    for (size_t i = 0; i < plan_.models.size(); ++i) {
      const ModelPlan& model = plan_.models[i];
      if (model.per && wanted.size() == 1 && model.name == wanted[0] &&
          model.per->collection == object.list.collection && model.per->list == object.list.list &&
          object.format->find(wanted[0]) == nullptr)
        return i;
    }
    return std::nullopt;
  }

  Numbers score(const Expression& e, size_t index, int32_t object, int64_t element) {
    ModelPlan& model = plan_.models[index];
    if (!scope_.late_allowed)
      return flaw_at(e.at, absl::StrCat("the scores of '", model.name, "' are not there yet here"));
    if (scope_.shift != 0)
      return flaw_at(e.at, absl::StrCat("the scores of '", model.name, "' are known of their own crossing only, not ",
                                        "inside at(...)"));
    if (element >= static_cast<int64_t>(model.scores))
      return flaw_at(e.at,
                     absl::StrCat("model '", model.name, "' has ", model.scores, " scores, found [", element, "]"));
    Leaf leaf;
    leaf.kind = Leaf::Kind::kScore;
    leaf.list = index;
    leaf.item = static_cast<size_t>(object);
    leaf.place = static_cast<int32_t>(element);
    const int32_t made = plan_.leaf(leaf);
    const size_t slot = static_cast<size_t>(object) * model.scores + static_cast<size_t>(element);
    if (model.score_leaf.size() <= slot) model.score_leaf.resize(slot + 1, -1);
    model.score_leaf[slot] = made;
    return std::vector<TermId>{plan_.terms.real_leaf(made)};
  }

  // Functions.

  absl::Status check_arguments(const Expression& e, size_t count) {
    if (e.parts.size() == count) return absl::OkStatus();
    return flaw_at(e.at, absl::StrCat(e.name, " takes ", count, count == 1 ? " argument" : " arguments", ", found ",
                                      e.parts.size()));
  }

  absl::StatusOr<Value> call(const Expression& e) {
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

  absl::StatusOr<Value> extreme(const Expression& e) {
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

  /// phys(good[0].pt), or phys(pt) in an object's own scope.
  absl::StatusOr<Value> physical(const Expression& e) {
    if (absl::Status s = check_arguments(e, 1); !s.ok()) return s;
    const Expression& of = e.parts[0];
    Value made;
    std::vector<FieldValue> fields;
    if (absl::Status s = find_fields(of, fields); !s.ok()) return s;
    for (const FieldValue& field : fields) made.numbers.push_back(physical_value(plan_, plan_terms(), field));
    return made;
  }

  absl::Status find_fields(const Expression& of, std::vector<FieldValue>& fields) {
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

  absl::StatusOr<std::vector<Object>> objects(const Expression& e) {
    auto found = value(e);
    if (!found.ok()) return found.status();
    if (found->kind == Value::Kind::kList && is_single(found->list))
      return std::vector<Object>{list_object(found->list, 0)};
    if (found->kind != Value::Kind::kObjects) return flaw_at(e.at, "expected an object, such as good[0]");
    return found->objects;
  }

  absl::StatusOr<Value> of_objects(const Expression& e, size_t count) {
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

  absl::StatusOr<int32_t> window(const Expression& e) {
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

  absl::StatusOr<Value> shifted(const Expression& e) {
    if (absl::Status s = check_arguments(e, 2); !s.ok()) return s;
    if (scope_.kind == Scope::Kind::kObject) return flaw_at(e.at, "at(...) is of crossings, not of objects of a list");
    auto shift = window(e.parts[0]);
    if (!shift.ok()) return shift.status();
    Scope there = scope_;
    there.shift = *shift;
    return Lowering(plan_, there).value(e.parts[1]);
  }

  absl::StatusOr<Value> known(const Expression& e) {
    if (absl::Status s = check_arguments(e, 1); !s.ok()) return s;
    if (scope_.kind == Scope::Kind::kObject) return flaw_at(e.at, "known(...) is of crossings, not of objects");
    auto shift = window(e.parts[0]);
    if (!shift.ok()) return shift.status();
    Leaf leaf;
    leaf.kind = Leaf::Kind::kKnown;
    leaf.shift = *shift;
    return one(plan_.terms.whole_leaf(plan_.leaf(leaf), 0, 1));
  }

  /// The first list or model that an expression names outside of brackets.
  std::optional<Value> find_subject(const Expression& e) {
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

  absl::StatusOr<Value> over_list(const Expression& e) {
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

  absl::StatusOr<Value> fold(const Expression& e, const std::vector<TermId>& numbers) {
    Terms& terms = plan_terms();
    const Op op = e.name == "max" ? Op::kMaximum : e.name == "min" ? Op::kMinimum : Op::kAdd;
    TermId result = kNoTerm;
    for (TermId each_term : numbers) {
      if (e.name == "count") each_term = terms.truth(each_term);
      result = result == kNoTerm ? each_term : terms.make(op, result, each_term);
    }
    return one(result);
  }

  /// sum(latent * latent): of each of a model's scores.
  absl::StatusOr<Value> over_scores(const Expression& e, size_t model) {
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

  static bool is_sum(const Expression& e) {
    if (e.kind != Expression::Kind::kCall || e.parts.size() != 1) return false;
    return e.name == "sum" || e.name == "count" || e.name == "max" || e.name == "min";
  }

  /// The same expression with `name[element]` for `name`, but for sums of their own.
  static Expression with_element(const Expression& e, const std::string& name, int64_t element) {
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

  absl::StatusOr<Value> over_objects(const Expression& e, ListRef ref) {
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

  Plan& plan_;
  Scope scope_;
  int sums_ = 0;  ///< over scores, that are being made
};

}  // namespace

int32_t Plan::leaf(Leaf wanted) {
  if (wanted.shift != 0 && wanted.kind <= Leaf::Kind::kAggregate) {
    Leaf here = wanted;
    here.shift = 0;
    leaf(here);
  }
  const auto [found, is_new] = known_leaves_.try_emplace(wanted.key(), static_cast<int32_t>(leaves.size()));
  if (is_new) leaves.push_back(wanted);
  return found->second;
}

bool Plan::is_late(TermId term) {
  while (late.size() < terms.size()) {
    const Term& next = terms.at(static_cast<TermId>(late.size()));
    bool needs = next.op == Op::kLeaf && leaves[static_cast<size_t>(next.index)].kind == Leaf::Kind::kScore;
    for (const TermId argument : {next.a, next.b, next.c}) {
      if (argument != kNoTerm) needs |= late[static_cast<size_t>(argument)];
    }
    late.push_back(needs);
  }
  return late[static_cast<size_t>(term)];
}

absl::StatusOr<std::vector<TermId>> lower_all(Plan& plan, const Scope& scope, const Expression& expression) {
  return Lowering(plan, scope).numbers(expression);
}

absl::StatusOr<TermId> lower(Plan& plan, const Scope& scope, const Expression& expression) {
  return Lowering(plan, scope).number(expression);
}

}  // namespace strobe::scouting::selection
