#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "host/scouting/core/orbit.h"
#include "host/scouting/selection/columns.h"
#include "host/scouting/selection/program.h"

/// From the objects of an orbit to columns with a number a crossing: cuts, order, leading objects, counts, sums.
namespace strobe::scouting::selection {

/// A number a crossing made of all objects of a list.
struct Aggregate {
  Op op = Op::kAdd;  ///< or kMinimum, kMaximum
  TermId term = kNoTerm;
  Column column;
};

/// A field of the leading objects: `places` columns from `column` on, and one more that takes what is thrown away.
struct LeadingField {
  size_t field = 0;  ///< of the object's format
  Column column;
};

/// Objects of a collection that pass a cut, in an order, perhaps only the first ones.
struct List {
  static constexpr int32_t kNoLimit = std::numeric_limits<int32_t>::max();

  std::string name;
  TermId pass = kNoTerm;  ///< a truth value
  TermId key = kNoTerm;   ///< larger goes first; kNoTerm: as they come
  int32_t limit = kNoLimit;
  int32_t places = 0;  ///< leading objects whose fields are wanted
  std::vector<LeadingField> fields;
  std::vector<Aggregate> aggregates;
  bool counted = false;
  Column count;
};

/// One collection of one source, with all lists that are made from it. The leaves of its terms are the fields of its
/// format, by their index.
struct CollectionPlan {
  size_t source = 0, collection = 0;
  const ObjectFormat* format = nullptr;
  std::unique_ptr<Terms> terms = std::make_unique<Terms>();
  std::vector<List> lists;
  Program program;  ///< stored: pass and key of each list; read: terms of the aggregates, then the leading fields

  /// Makes the program, once all lists are complete but for their columns.
  void compile();
};

/// The leaf of a field of an object: its raw value.
TermId field_term(const ObjectFormat& format, size_t index, Terms& terms);

/// Memory of one collection's work, reused.
struct ObjectScratch {
  struct ListScratch {
    Buffer<int32_t> pass, member, target, ranks;
    Buffer<std::byte> keys;
  };
  std::vector<Operand> operands;
  Buffer<std::byte> registers;
  std::vector<Buffer<int32_t>> fields;  ///< by index in the format
  std::vector<ListScratch> lists;
  Buffer<int32_t> rows;
  Buffer<uint32_t> order;
  size_t capacity = 0;
};

/// Which crossings of a part become which rows.
struct RowRange {
  size_t begin = 0, end = 0;      ///< crossings of the part
  const int32_t* rows = nullptr;  ///< by crossing of the part; null: base + (crossing - begin)
  int32_t base = 0;
};

/// Sets the columns of a collection's lists to "no objects" for `rows` rows.
void clear_columns(const CollectionPlan& plan, size_t rows, Columns& columns);
/// Adds the objects of some crossings.
void add_objects(const CollectionPlan& plan, const Collection& objects, const RowRange& range, Columns& columns,
                 ObjectScratch& scratch);
/// After the last objects: the largest and smallest of nothing are 0.
void finish_columns(const CollectionPlan& plan, size_t rows, Columns& columns);

}  // namespace strobe::scouting::selection
