#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <tuple>
#include <vector>

/// What expressions compute: terms over columns, equal ones made once, constants folded.
namespace strobe::scouting::selection {

using TermId = int32_t;
constexpr TermId kNoTerm = -1;

/// There is no negative zero: a result that would be one is 0. Truth is "above 0", its value 1, else 0.
enum class Op : uint8_t {
  kConstant,  ///< `number`
  kLeaf,      ///< column `index`
  kTable,     ///< tables()[index][a - low], `a` whole
  kToReal,    ///< a
  kAdd,
  kSubtract,
  kMultiply,
  kDivide,
  kNegate,
  kMinimum,  ///< b < a ? b : a
  kMaximum,  ///< a < b ? b : a
  kAbs,
  kLess,
  kLessEqual,
  kEqual,
  kAnd,  ///< of truth values only, as kOr, kNot and the first of kSelect
  kOr,
  kNot,
  kSelect,  ///< a ? b : c
  kSqrt,
  kPower,
  kExp,
  kLog,
  kSin,
  kCos,
  kTan,
  kSinh,
  kCosh,
  kTanh,
  kFloor,
};

/// The value of an operation other than kLeaf and kTable: what every way of computing it must give in each bit.
double evaluate(Op op, double a, double b, double c);

/// `whole` terms are integers between `low` and `high`, which fit 32 bits, and are computed as such; all others are
/// doubles. Both give the same values, since doubles are exact for such integers.
struct Term {
  Op op = Op::kConstant;
  bool whole = false;
  TermId a = kNoTerm, b = kNoTerm, c = kNoTerm;
  int32_t index = 0;
  double number = 0;
  double low = 0, high = 0;  ///< limits; of terms that are not whole, infinite
};

/// Terms over the columns of one kind of row. Arguments come before what uses them.
class Terms {
 public:
  TermId constant(double number);
  /// A column of integers in `low`..`high`.
  TermId whole_leaf(int32_t column, double low, double high);
  TermId real_leaf(int32_t column);
  TermId make(Op op, TermId a, TermId b = kNoTerm, TermId c = kNoTerm);
  /// 1 where a > 0, else 0.
  TermId truth(TermId a);
  TermId to_real(TermId a);
  /// Tells limits of a whole term that are tighter than its arguments' limits show.
  void narrow(TermId id, double low, double high) {
    terms_[static_cast<size_t>(id)].low = low;
    terms_[static_cast<size_t>(id)].high = high;
  }

  const Term& at(TermId id) const { return terms_[static_cast<size_t>(id)]; }
  size_t size() const { return terms_.size(); }
  const std::vector<double>& table(int32_t index) const { return tables_[static_cast<size_t>(index)]; }
  size_t tables() const { return tables_.size(); }

 private:
  using Key = std::tuple<Op, bool, TermId, TermId, TermId, int32_t, uint64_t>;

  TermId add(const Term& term);
  bool is_constant(TermId id) const { return at(id).op == Op::kConstant; }
  TermId make_whole_or_real(Op op, TermId a, TermId b, TermId c);
  TermId tabulate(TermId x);
  std::vector<TermId> computed_from(TermId x, TermId& variable) const;

  std::vector<Term> terms_;
  std::vector<std::vector<double>> tables_;
  std::map<Key, TermId> known_;
};

}  // namespace strobe::scouting::selection
