#pragma once

#include <random>
#include <string>
#include <vector>

#include "tests/host/scouting/selection/naive.h"

namespace strobe::scouting::naive {

/// An expression as a user writes it, and what it means.
struct ObjectExpression {
  std::string text;
  ObjectFunction value;
};
struct Expression {
  std::string text;
  Function value;
};

/// A list with its text's meaning.
struct NamedList {
  List list;
  const ObjectFormat* format = nullptr;
};

/// Writes random expressions together with functions that evaluate them.
class ExpressionMaker {
 public:
  ExpressionMaker(std::mt19937_64& random, int window) : random_(random), window_(window) {}

  /// Of one object's fields, each written behind `prefix`.
  ObjectExpression object(const ObjectFormat& format, const std::string& prefix, int depth);
  /// Of a crossing, over lists and earlier values.
  Expression crossing(const std::vector<NamedList>& lists, const std::vector<Expression>& values, int depth);

  int below(int limit) { return static_cast<int>(random_() % static_cast<uint64_t>(limit)); }

 private:
  std::string number(double& value);
  Expression leaf(const std::vector<NamedList>& lists, const std::vector<Expression>& values);
  Expression of_object(const NamedList& list);
  Expression of_pair(const std::vector<NamedList>& lists);
  Expression over_list(const NamedList& list);

  std::mt19937_64& random_;
  int window_;
};

}  // namespace strobe::scouting::naive
