#include "tests/host/scouting/selection/random_expression.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "absl/strings/str_cat.h"

namespace strobe::scouting::naive {
namespace {

using Numbers = std::array<double, 3>;

/// An operation as text with $0, $1, $2 for its operands.
struct Operation {
  const char* text;
  int operands;
  double (*value)(const Numbers&);
};

bool yes(double x) { return x > 0; }

const Operation kOperations[] = {
    {"($0 + $1)", 2, [](const Numbers& x) { return x[0] + x[1]; }},
    {"($0 - $1)", 2, [](const Numbers& x) { return x[0] - x[1]; }},
    {"($0 * $1)", 2, [](const Numbers& x) { return plain(x[0] * x[1]); }},
    {"($0 / $1)", 2, [](const Numbers& x) { return plain(x[0] / x[1]); }},
    {"(-$0)", 1, [](const Numbers& x) { return 0 - x[0]; }},
    {"($0 < $1)", 2, [](const Numbers& x) { return x[0] < x[1] ? 1.0 : 0.0; }},
    {"($0 <= $1)", 2, [](const Numbers& x) { return x[0] <= x[1] ? 1.0 : 0.0; }},
    {"($0 > $1)", 2, [](const Numbers& x) { return x[0] > x[1] ? 1.0 : 0.0; }},
    {"($0 >= $1)", 2, [](const Numbers& x) { return x[0] >= x[1] ? 1.0 : 0.0; }},
    {"($0 == $1)", 2, [](const Numbers& x) { return x[0] == x[1] ? 1.0 : 0.0; }},
    {"($0 != $1)", 2, [](const Numbers& x) { return x[0] == x[1] ? 0.0 : 1.0; }},
    {"($0 and $1)", 2, [](const Numbers& x) { return yes(x[0]) && yes(x[1]) ? 1.0 : 0.0; }},
    {"($0 or $1)", 2, [](const Numbers& x) { return yes(x[0]) || yes(x[1]) ? 1.0 : 0.0; }},
    {"(not $0)", 1, [](const Numbers& x) { return yes(x[0]) ? 0.0 : 1.0; }},
    {"($0 ? $1 : $2)", 3, [](const Numbers& x) { return yes(x[0]) ? x[1] : x[2]; }},
    {"max($0, $1)", 2, [](const Numbers& x) { return x[0] < x[1] ? x[1] : x[0]; }},
    {"min($0, $1)", 2, [](const Numbers& x) { return x[1] < x[0] ? x[1] : x[0]; }},
    {"abs($0)", 1, [](const Numbers& x) { return std::fabs(x[0]); }},
    {"sqrt($0)", 1, [](const Numbers& x) { return std::sqrt(x[0]); }},
    {"exp($0)", 1, [](const Numbers& x) { return std::exp(x[0]); }},
    {"log($0)", 1, [](const Numbers& x) { return std::log(x[0]); }},
    {"sin($0)", 1, [](const Numbers& x) { return plain(std::sin(x[0])); }},
    {"cos($0)", 1, [](const Numbers& x) { return plain(std::cos(x[0])); }},
    {"tanh($0)", 1, [](const Numbers& x) { return plain(std::tanh(x[0])); }},
    {"cosh(0.01 * $0)", 1, [](const Numbers& x) { return std::cosh(plain(0.01 * x[0])); }},
    {"floor($0)", 1, [](const Numbers& x) { return plain(std::floor(x[0])); }},
    {"($0 ^ 2)", 1, [](const Numbers& x) { return plain(x[0] * x[0]); }},
    {"(abs($0) ^ 1.5)", 1, [](const Numbers& x) { return plain(std::pow(std::fabs(x[0]), 1.5)); }},
};

std::string fill(std::string text, const std::vector<std::string>& operands) {
  for (size_t i = 0; i < operands.size(); ++i) {
    const std::string mark = absl::StrCat("$", i);
    for (size_t at = text.find(mark); at != std::string::npos; at = text.find(mark, at + operands[i].size()))
      text.replace(at, mark.size(), operands[i]);
  }
  return text;
}

const Object* at(const std::vector<Object>& objects, size_t place) {
  return place < objects.size() ? &objects[place] : nullptr;
}

/// `operation` on as many operands as it has, as text and as what it means.
template <typename E, typename MakeOperand>
E applied(const Operation& operation, MakeOperand make_operand) {
  std::vector<std::string> texts;
  std::vector<decltype(E::value)> values;
  for (int i = 0; i < operation.operands; ++i) {
    const E operand = make_operand();
    texts.push_back(operand.text);
    values.push_back(operand.value);
  }
  return {fill(operation.text, texts), [values, value = operation.value](const auto& of) {
            Numbers x{};
            for (size_t i = 0; i < values.size(); ++i) x[i] = values[i](of);
            return value(x);
          }};
}

}  // namespace

std::string ExpressionMaker::number(double& value) {
  const double choices[] = {0, 1, 2, 3, 10, 100, 0.5, 1.25, 1e-3, 123456, 65536, 2147483647, 1e12};
  value = choices[below(std::size(choices))];
  char text[40];
  std::snprintf(text, sizeof text, "%.17g", value);
  return text;
}

ObjectExpression ExpressionMaker::object(const ObjectFormat& format, const std::string& prefix, int depth) {
  if (depth == 0 || below(5) == 0) {
    const int kind = below(5);
    if (kind == 0) {
      double value = 0;
      const std::string text = number(value);
      return {text, [value](const Object&) { return value; }};
    }
    const std::string field(format.fields[static_cast<size_t>(below(static_cast<int>(format.fields.size())))].name);
    if (kind == 1)
      return {absl::StrCat("phys(", prefix, field, ")"),
              [field](const Object& object) { return physical(&object, field); }};
    return {absl::StrCat(prefix, field), [field](const Object& object) { return object.raw(field); }};
  }
  return applied<ObjectExpression>(kOperations[below(std::size(kOperations))],
                                   [&] { return object(format, prefix, depth - 1); });
}

Expression ExpressionMaker::of_object(const NamedList& named) {
  const List& list = named.list;
  const size_t place = static_cast<size_t>(below(static_cast<int>(std::min<size_t>(list.first, 5))));
  const std::string object = absl::StrCat(list.name, "[", place, "]");
  const std::string field(
      named.format->fields[static_cast<size_t>(below(static_cast<int>(named.format->fields.size())))].name);
  switch (below(5)) {
    case 0:
      return {absl::StrCat("exists(", object, ")"),
              [list, place](const Crossing& c) { return at(list.objects(c), place) ? 1.0 : 0.0; }};
    case 1:
      return {absl::StrCat("phys(", object, ".", field, ")"), [list, place, field](const Crossing& c) {
                const std::vector<Object> objects = list.objects(c);
                return physical(at(objects, place), field);
              }};
    case 2:
      if (named.format->find("charge") != nullptr) {
        return {absl::StrCat("charge(", object, ")"), [list, place](const Crossing& c) {
                  const std::vector<Object> objects = list.objects(c);
                  return charge(at(objects, place));
                }};
      }
      [[fallthrough]];
    default:
      return {absl::StrCat(object, ".", field), [list, place, field](const Crossing& c) {
                const std::vector<Object> objects = list.objects(c);
                return place < objects.size() ? objects[place].raw(field) : 0;
              }};
  }
}

Expression ExpressionMaker::of_pair(const std::vector<NamedList>& lists) {
  std::vector<NamedList> with_angles;
  for (const NamedList& each : lists) {
    const bool has_momentum = each.format->find("pt") != nullptr || each.format->find("et") != nullptr;
    if (has_momentum && each.format->find("eta") != nullptr && each.format->find("phi") != nullptr)
      with_angles.push_back(each);
  }
  if (with_angles.empty()) return of_object(lists[0]);
  const NamedList a = with_angles[static_cast<size_t>(below(static_cast<int>(with_angles.size())))];
  const NamedList b = with_angles[static_cast<size_t>(below(static_cast<int>(with_angles.size())))];
  const auto place = [&](const NamedList& of) {
    return static_cast<size_t>(below(static_cast<int>(std::min<size_t>(of.list.first, 4))));
  };
  const size_t i = place(a), k = place(b);
  struct Quantity {
    const char* name;
    double (*value)(const Object*, const Object*);
    bool hardware;
  };
  const Quantity quantities[] = {
      {"mass", [](const Object* x, const Object* y) { return std::sqrt(mass_squared(x, y)); }, false},
      {"mass2", mass_squared, false},
      {"delta_r", delta_r, false},
      {"delta_phi", delta_phi, true},
      {"delta_eta", delta_eta, true}};
  const Quantity& quantity = quantities[below(a.format == b.format ? 5 : 3)];
  const std::string text = absl::StrCat(quantity.name, "(", a.list.name, "[", i, "], ", b.list.name, "[", k, "])");
  return {text, [a = a.list, b = b.list, i, k, value = quantity.value](const Crossing& c) {
            const std::vector<Object> x = a.objects(c), y = b.objects(c);
            return value(at(x, i), at(y, k));
          }};
}

Expression ExpressionMaker::over_list(const NamedList& named) {
  const List& list = named.list;
  if (below(3) == 0) {
    return {absl::StrCat("count(", list.name, ")"),
            [list](const Crossing& c) { return static_cast<double>(list.objects(c).size()); }};
  }
  ObjectExpression inner = object(*named.format, list.name + ".", 1);
  while (inner.text.find(list.name + ".") == std::string::npos) inner = object(*named.format, list.name + ".", 1);
  const int kind = below(4);
  const char* names[] = {"sum", "max", "min", "count"};
  return {absl::StrCat(names[kind], "(", inner.text, ")"), [list, kind, value = inner.value](const Crossing& c) {
            double sum = 0, low = HUGE_VAL, high = -HUGE_VAL;
            size_t count = 0;
            // In the order of arrival: that of the sum matters.
            List all = list;
            const std::vector<Object> members = all.objects(c);
            all.sort = nullptr;
            all.first = 1'000'000;
            std::vector<Object> left = members;
            for (const Object& object : all.objects(c)) {
              const auto same = [&](const Object& other) { return other.words == object.words; };
              const auto found = std::find_if(left.begin(), left.end(), same);
              if (found == left.end()) continue;
              left.erase(found);
              const double x = value(object);
              sum += kind == 3 ? (x > 0 ? 1 : 0) : x;
              low = x < low ? x : low;
              high = high < x ? x : high;
              ++count;
            }
            if (kind == 0 || kind == 3) return sum;
            return count == 0 ? 0 : kind == 1 ? high : low;
          }};
}

Expression ExpressionMaker::leaf(const std::vector<NamedList>& lists, const std::vector<Expression>& values) {
  const NamedList& list = lists[static_cast<size_t>(below(static_cast<int>(lists.size())))];
  switch (below(10)) {
    case 0: {
      double value = 0;
      const std::string text = number(value);
      return {text, [value](const Crossing&) { return value; }};
    }
    case 1:
      return {"bx", [](const Crossing& c) { return static_cast<double>(c.number); }};
    case 2:
      if (!values.empty()) return values[static_cast<size_t>(below(static_cast<int>(values.size())))];
      return {"orbit", [](const Crossing& c) { return static_cast<double>(c.orbit); }};
    case 3:
    case 4:
      return over_list(list);
    case 5:
    case 6:
      return of_pair(lists);
    case 7: {
      const int shift = below(2 * window_ + 1) - window_;
      return {absl::StrCat("known(", shift, ")"),
              [shift](const Crossing& c) { return c.world->complete(c.later(shift).orbit) ? 1.0 : 0.0; }};
    }
    default:
      return of_object(list);
  }
}

Expression ExpressionMaker::crossing(const std::vector<NamedList>& lists, const std::vector<Expression>& values,
                                     int depth) {
  if (depth == 0 || below(6) == 0) return leaf(lists, values);
  if (window_ > 0 && below(4) == 0) {
    const int shift = below(2 * window_ + 1) - window_;
    const Expression inner = crossing(lists, values, depth - 1);
    // Shifts inside add up; only the sum has to stay within the window.
    if (inner.text.find("at(") == std::string::npos && inner.text.find("known(") == std::string::npos &&
        inner.text.find("v") == std::string::npos) {
      return {absl::StrCat("at(", shift, ", ", inner.text, ")"),
              [shift, value = inner.value](const Crossing& c) { return value(c.later(shift)); }};
    }
    return inner;
  }
  return applied<Expression>(kOperations[below(std::size(kOperations))],
                             [&] { return crossing(lists, values, depth - 1); });
}

}  // namespace strobe::scouting::naive
