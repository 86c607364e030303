#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "host/scouting/selection/objects.h"
#include "host/scouting/selection/selection.h"
#include "host/scouting/selection/syntax.h"

/// A selection under construction: which columns expressions need, and the terms over them.
namespace strobe::scouting::selection {

/// A column of numbers a crossing, and where its numbers come from.
struct Leaf {
  enum class Kind : uint8_t {
    kField,      ///< of the object at `place` of a list; 0 where it is missing
    kCount,      ///< objects of a list
    kAggregate,  ///< of all objects of a list
    kCrossing,   ///< bunch crossing number
    kOrbit,
    kKnown,  ///< 1 where the orbit of the crossing is there, from every source
    kValue,  ///< a named value that is computed already
    kScore,  ///< of a model: element `place` of the object at `object`
  };
  Kind kind = Kind::kField;
  size_t collection = 0, list = 0;  ///< or the model, the value
  size_t item = 0;                  ///< index among the list's fields or aggregates; of kScore the object's place
  int32_t place = 0;
  int32_t shift = 0;  ///< crossings later than the row's
  Column column;

  auto key() const { return std::tuple(kind, collection, list, item, place, shift); }
};

/// Objects that a crossing can have: formats count them in at most 16 bits.
constexpr double kMostObjects = 65536;

/// A list by its place in the plan.
struct ListRef {
  size_t collection = 0, list = 0;
};

struct NamedValue {
  std::string name;
  Expression expression;
  TermId term = kNoTerm;
  bool late = false;  ///< needs scores
  Column column;
};

struct ModelPlan {
  std::string name;
  std::vector<size_t> outputs;      ///< elements of each output
  size_t scores = 0;                ///< of all of them
  std::optional<ListRef> per;       ///< rows are objects of a list; else crossings
  std::vector<int32_t> score_leaf;  ///< [object * scores + element]; -1 where nobody wants it
};

/// What the lowering of expressions writes into.
struct Plan {
  std::vector<SourceSetup> sources;
  std::vector<CollectionPlan> collections;
  std::map<std::string, ListRef, std::less<>> lists;
  std::vector<NamedValue> values;
  std::vector<ModelPlan> models;
  Terms terms;
  std::vector<Leaf> leaves;
  std::vector<bool> late;                                       ///< by term: needs scores
  std::map<std::pair<size_t, int32_t>, TermId> shifted_values;  ///< by value and shift

  List& list(ListRef ref) { return collections[ref.collection].lists[ref.list]; }
  const List& list(ListRef ref) const { return collections[ref.collection].lists[ref.list]; }
  /// The number of the leaf, a new one if need be. Its unshifted column is made too.
  int32_t leaf(Leaf leaf);
  /// Whether a term needs scores.
  bool is_late(TermId term);

 private:
  std::map<decltype(Leaf{}.key()), int32_t> known_leaves_;
};

/// Where an expression stands: what its names mean.
struct Scope {
  enum class Kind : uint8_t {
    kCrossing,  ///< one number a crossing
    kObject,    ///< of each object of `list`'s collection: its fields by name
  };
  Kind kind = Kind::kCrossing;
  ListRef list;
  /// Of kObject in sums over a list: its fields are reached as members of the list, not by name alone.
  bool as_members = false;
  /// Of kCrossing: the object that the row stands for, whose fields go by name alone.
  std::optional<int32_t> place;
  int32_t shift = 0;
  bool late_allowed = false;
};

/// The numbers that an expression stands for: several where it has ranges.
/// Errors: InvalidArgument, "at character 5: ...".
absl::StatusOr<std::vector<TermId>> lower_all(Plan& plan, const Scope& scope, const Expression& expression);
/// Of an expression that stands for one number.
absl::StatusOr<TermId> lower(Plan& plan, const Scope& scope, const Expression& expression);

}  // namespace strobe::scouting::selection
