#include <numbers>

#include "absl/strings/str_join.h"
#include "host/scouting/selection/lowering.h"

namespace strobe::scouting::selection {
namespace {

/// Leading objects that can be reached.
constexpr int64_t kMostPlaces = 256;
constexpr size_t kMostNumbers = 65536;

}  // namespace

absl::StatusOr<Value> Lowering::name(const Expression& e) {
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

absl::StatusOr<Value> Lowering::object_name(const Expression& e) {
  const CollectionPlan& collection = plan_.collections[scope_.list.collection];
  if (!scope_.as_members) {
    for (size_t i = 0; i < collection.format->fields.size(); ++i) {
      if (collection.format->fields[i].name == e.name) return one(field_term(*collection.format, i, *collection.terms));
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

bool Lowering::is_subject(ListRef list) const {
  return list.collection == scope_.list.collection && list.list == scope_.list.list;
}

absl::StatusOr<Value> Lowering::named_value(const Expression& e, size_t index) {
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

absl::StatusOr<Value> Lowering::crossing_name(const Expression& e) {
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

std::optional<size_t> Lowering::find_collection(std::string_view wanted) const {
  std::optional<size_t> found;
  for (size_t i = 0; i < plan_.collections.size(); ++i) {
    if (plan_.collections[i].format->name != wanted) continue;
    if (found) return std::nullopt;  // of several sources: source.collection
    found = i;
  }
  return found;
}

Value Lowering::whole_collection(size_t index) {
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

Object Lowering::list_object(ListRef list, int32_t place) const {
  return {list, place, scope_.shift, plan_.collections[list.collection].format};
}

absl::StatusOr<Value> Lowering::index(const Expression& e) {
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

absl::StatusOr<Value> Lowering::member(const Expression& e) {
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

absl::StatusOr<Value> Lowering::fields_by_name(const Expression& e, const std::vector<std::string>& wanted) {
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

bool Lowering::is_single(ListRef list) const {
  return plan_.list(list).limit == 1 || plan_.collections[list.collection].format->one_a_crossing;
}

absl::StatusOr<Value> Lowering::source_member(const Expression& e, const Value& of) {
  for (size_t i = 0; i < plan_.collections.size(); ++i) {
    const CollectionPlan& collection = plan_.collections[i];
    if (collection.source == of.index && collection.format->name == e.name) return whole_collection(i);
  }
  return flaw_at(e.at, absl::StrCat("expected a collection of source '", plan_.sources[of.index].name, "' (",
                                    collection_names(of.index), "), found '", e.name, "'"));
}

std::optional<size_t> Lowering::object_model(const Value& of, const std::vector<std::string>& wanted) const {
  const Object& object = of.objects[0];
  for (size_t i = 0; i < plan_.models.size(); ++i) {
    const ModelPlan& model = plan_.models[i];
    if (model.per && wanted.size() == 1 && model.name == wanted[0] && model.per->collection == object.list.collection &&
        model.per->list == object.list.list && object.format->find(wanted[0]) == nullptr)
      return i;
  }
  return std::nullopt;
}

Lowering::Numbers Lowering::score(const Expression& e, size_t index, int32_t object, int64_t element) {
  ModelPlan& model = plan_.models[index];
  if (!scope_.late_allowed)
    return flaw_at(e.at, absl::StrCat("the scores of '", model.name, "' are not there yet here"));
  if (scope_.shift != 0)
    return flaw_at(e.at, absl::StrCat("the scores of '", model.name, "' are known of their own crossing only, not ",
                                      "inside at(...)"));
  if (element >= static_cast<int64_t>(model.scores))
    return flaw_at(e.at, absl::StrCat("model '", model.name, "' has ", model.scores, " scores, found [", element, "]"));
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

}  // namespace strobe::scouting::selection
