#pragma once

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "host/scouting/selection/pairs.h"
#include "host/scouting/selection/plan.h"

namespace strobe::scouting::selection {

/// What an expression stands for before it is a number.
struct Value {
  enum class Kind : uint8_t { kNumbers, kObjects, kList, kSource, kScores, kObjectScores };
  Kind kind = Kind::kNumbers;
  std::vector<TermId> numbers;
  std::vector<Object> objects;  ///< kObjects, kObjectScores
  ListRef list;                 ///< kList
  size_t index = 0;             ///< the source, or the model
};

/// From expressions to terms and columns, in one scope.
class Lowering {
 public:
  using Numbers = absl::StatusOr<std::vector<TermId>>;

  Lowering(Plan& plan, const Scope& scope) : plan_(plan), scope_(scope) {}

  Numbers numbers(const Expression& e);
  absl::StatusOr<TermId> number(const Expression& e);

 private:
  Numbers as_numbers(const Expression& e, Value& found);
  static std::string field_names(const ObjectFormat& format);
  std::string collection_names(size_t source) const;
  absl::StatusOr<Value> value(const Expression& e);

  /// The terms that this scope's numbers are made of.
  Terms& plan_terms();
  static Value one(TermId term);
  TermId binary(const std::string& op, TermId a, TermId b);

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
  absl::StatusOr<Value> name(const Expression& e);
  absl::StatusOr<Value> object_name(const Expression& e);
  bool is_subject(ListRef list) const;
  absl::StatusOr<Value> named_value(const Expression& e, size_t index);
  absl::StatusOr<Value> crossing_name(const Expression& e);
  std::optional<size_t> find_collection(std::string_view wanted) const;
  /// All objects of a collection, as they come: a list without a cut.
  Value whole_collection(size_t index);

  // Objects.
  Object list_object(ListRef list, int32_t place) const;
  absl::StatusOr<Value> index(const Expression& e);
  absl::StatusOr<Value> member(const Expression& e);
  absl::StatusOr<Value> fields_by_name(const Expression& e, const std::vector<std::string>& wanted);
  /// A list of which one object is all there is.
  bool is_single(ListRef list) const;
  absl::StatusOr<Value> source_member(const Expression& e, const Value& of);

  // Scores.
  /// The model whose scores an object has by that name.
  std::optional<size_t> object_model(const Value& of, const std::vector<std::string>& wanted) const;
  Numbers score(const Expression& e, size_t index, int32_t object, int64_t element);

  // Functions.
  absl::Status check_arguments(const Expression& e, size_t count);
  absl::StatusOr<Value> call(const Expression& e);
  absl::StatusOr<Value> extreme(const Expression& e);
  /// phys(good[0].pt), or phys(pt) in an object's own scope.
  absl::StatusOr<Value> physical(const Expression& e);
  absl::Status find_fields(const Expression& of, std::vector<FieldValue>& fields);
  absl::StatusOr<std::vector<Object>> objects(const Expression& e);
  absl::StatusOr<Value> of_objects(const Expression& e, size_t count);
  absl::StatusOr<int32_t> window(const Expression& e);
  absl::StatusOr<Value> shifted(const Expression& e);
  absl::StatusOr<Value> known(const Expression& e);

  /// The first list or model that an expression names outside of brackets.
  std::optional<Value> find_subject(const Expression& e);
  absl::StatusOr<Value> over_list(const Expression& e);
  absl::StatusOr<Value> fold(const Expression& e, const std::vector<TermId>& numbers);
  /// sum(latent * latent): of each of a model's scores.
  absl::StatusOr<Value> over_scores(const Expression& e, size_t model);
  static bool is_sum(const Expression& e);
  /// The same expression with `name[element]` for `name`, but for sums of their own.
  static Expression with_element(const Expression& e, const std::string& name, int64_t element);
  absl::StatusOr<Value> over_objects(const Expression& e, ListRef ref);

  Plan& plan_;
  Scope scope_;
  int sums_ = 0;  ///< over scores, that are being made
};

}  // namespace strobe::scouting::selection
