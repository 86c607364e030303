#include "kernels/quantise/formula_normal_form.h"

#include <bit>
#include <cmath>

#include "absl/strings/str_cat.h"

namespace strobe::quantise {
namespace {

using formula::Op;
using formula::Term;
using Kind = NormalForm::Kind;
using Node = NormalForm::Node;
using Part = NormalForm::Part;

class Maker {
 public:
  absl::StatusOr<NormalForm> run(const formula::Formula& formula) {
    std::vector<int> made;
    for (size_t t = 0; t < formula.terms.size(); ++t) {
      const int node = translate(formula.terms[t], made);
      if (node < 0) {
        return absl::UnimplementedError(
            absl::StrCat(formula.place(static_cast<formula::TermId>(t)),
                         ": hls4ml's arithmetic here is +, -, *, whole powers and functions by table only"));
      }
      made.push_back(node);
    }
    for (const formula::Output& output : formula.outputs) form_.outputs.push_back(made[output.term]);
    return std::move(form_);
  }

 private:
  int translate(const Term& term, const std::vector<int>& made) {
    const auto argument = [&](int i) { return made[term.arguments[i]]; };
    switch (term.op) {
      case Op::kInput:
        return keep({Kind::kInput, 0, term.index, {}});
      case Op::kConstant:
        return number(term.number);
      case Op::kAdd:
        return add(argument(0), argument(1), 1);
      case Op::kSubtract:
        return add(argument(0), argument(1), -1);
      case Op::kNegate:
        return multiply(number(-1), argument(0));
      case Op::kMultiply:
        return multiply(argument(0), argument(1));
      case Op::kDivide:
        if (at(argument(1)).kind != Kind::kNumber || at(argument(1)).number == 0) return -1;
        return multiply(argument(0), number(1 / at(argument(1)).number));
      case Op::kPower:
        return power(argument(0), argument(1));
      case Op::kFunction:
        return keep({Kind::kFunction, 0, term.index, {{argument(0), 1, 1}}});
      default:
        return -1;
    }
  }

  const Node& at(int node) const { return form_.nodes[node]; }

  int keep(Node node) {
    std::vector<int64_t> key = {static_cast<int64_t>(node.kind), std::bit_cast<int64_t>(node.number), node.index};
    for (const Part& part : node.parts)
      key.insert(key.end(), {part.node, std::bit_cast<int64_t>(part.coefficient), part.power});
    const auto [entry, is_new] = known_.try_emplace(key, static_cast<int>(form_.nodes.size()));
    if (is_new) form_.nodes.push_back(std::move(node));
    return entry->second;
  }

  int number(double value) { return keep({Kind::kNumber, value + 0.0, 0, {}}); }

  /// Collects a node's terms, times a factor.
  void collect(int id, double factor, double& constant, std::map<int, double>& terms) {
    const Node node = at(id);
    if (node.kind == Kind::kNumber) {
      constant += factor * node.number;
    } else if (node.kind == Kind::kSum) {
      constant += factor * node.number;
      for (const Part& part : node.parts) terms[part.node] += factor * part.coefficient;
    } else if (node.kind == Kind::kProduct) {
      terms[product(1, node.parts)] += factor * node.number;
    } else {
      terms[id] += factor;
    }
  }

  int add(int a, int b, double sign) {
    double constant = 0;
    std::map<int, double> terms;
    collect(a, 1, constant, terms);
    collect(b, sign, constant, terms);
    return sum(constant, terms);
  }

  int sum(double constant, const std::map<int, double>& terms) {
    Node node{Kind::kSum, constant, 0, {}};
    for (const auto& [term, coefficient] : terms) {
      if (coefficient != 0) node.parts.push_back({term, coefficient, 1});
    }
    if (node.parts.empty()) return number(constant);
    if (node.parts.size() == 1 && constant == 0) return multiply(number(node.parts[0].coefficient), node.parts[0].node);
    return keep(std::move(node));
  }

  /// A product as it stands; a lone factor without a number is that factor.
  int product(double coefficient, const std::vector<Part>& factors) {
    if (coefficient == 0 || factors.empty()) return number(coefficient);
    if (factors.size() == 1 && factors[0].power == 1 && coefficient == 1) return factors[0].node;
    return keep({Kind::kProduct, coefficient, 0, factors});
  }

  void factors_of(int id, double& coefficient, std::map<int, int>& factors) {
    const Node& node = at(id);
    if (node.kind == Kind::kNumber) {
      coefficient *= node.number;
    } else if (node.kind == Kind::kProduct) {
      coefficient *= node.number;
      for (const Part& part : node.parts) factors[part.node] += part.power;
    } else {
      ++factors[id];
    }
  }

  int multiply(int a, int b) {
    double coefficient = 1;
    std::map<int, int> factors;
    factors_of(a, coefficient, factors);
    factors_of(b, coefficient, factors);
    // A number times a sum alone goes into the sum.
    if (factors.size() == 1 && factors.begin()->second == 1 && coefficient != 1 &&
        at(factors.begin()->first).kind == Kind::kSum) {
      double constant = 0;
      std::map<int, double> terms;
      collect(factors.begin()->first, coefficient, constant, terms);
      return sum(constant, terms);
    }
    std::vector<Part> parts;
    for (const auto& [node, power] : factors) parts.push_back({node, 1, power});
    return product(coefficient, parts);
  }

  int power(int base, int exponent) {
    const Node& n = at(exponent);
    if (n.kind != Kind::kNumber || n.number != std::floor(n.number) || n.number < 0 || n.number > 64) return -1;
    const int times = static_cast<int>(n.number);  // `n` moves when nodes are added
    int result = number(1);
    for (int i = 0; i < times; ++i) result = multiply(result, base);
    return result;
  }

  NormalForm form_;
  std::map<std::vector<int64_t>, int> known_;
};

}  // namespace

absl::StatusOr<NormalForm> normal_form(const formula::Formula& formula) { return Maker().run(formula); }

}  // namespace strobe::quantise
