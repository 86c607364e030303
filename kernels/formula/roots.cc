#include "kernels/formula/roots.h"

#include <cmath>
#include <map>
#include <optional>

namespace strobe::formula {
namespace {

/// Larger expressions stay as they are.
constexpr int kMostParts = 64;
/// What is left of constants that cancel.
constexpr double kNothing = 1e-14;

/// A number times powers of terms.
struct Product {
  double number = 1;
  std::map<TermId, int> powers;
};

/// A number plus multiples of terms.
struct Sum {
  double number = 0;
  std::map<TermId, double> multiples;
};

class Roots {
 public:
  explicit Roots(Builder& builder) : builder_(builder) {}

  TermId root(TermId x) {
    const TermId plain = builder_.function("sqrt", x);
    Product product;
    parts_ = 0;
    if (!factors(x, 1, product)) return plain;
    std::optional<TermId> outside, inside;
    for (const auto& [factor, power] : product.powers) {
      if (power / 2 % 2 == 1) multiply(outside, builder_.make(Op::kAbs, {factor}));
      for (int i = 0; i < power / 4; ++i) multiply(outside, builder_.make(Op::kMultiply, {factor, factor}));
      if (power % 2 == 0) continue;
      if (const auto norm = norm_of(factor)) {
        multiply(outside, *norm);
      } else {
        multiply(inside, factor);
      }
    }
    if (!outside || (product.number < 0 && !inside)) return plain;
    if (product.number != 1 && inside) multiply(inside, builder_.constant(product.number));
    if (product.number != 1 && !inside) multiply(outside, builder_.constant(std::sqrt(product.number)));
    if (inside) multiply(outside, builder_.function("sqrt", *inside));
    return *outside;
  }

 private:
  const Term& at(TermId t) const { return builder_.formula().terms[t]; }

  bool is_function(TermId t, const char* name) const {
    return at(t).op == Op::kFunction && at(t).index == find_function(name);
  }

  void multiply(std::optional<TermId>& product, TermId factor) {
    product = product ? builder_.make(Op::kMultiply, {*product, factor}) : factor;
  }

  /// Multiplies t^power into a product. False where there are too many parts.
  bool factors(TermId t, int power, Product& product) {
    if (++parts_ > kMostParts || power > kMostParts) return false;
    const Term term = at(t);
    if (term.op == Op::kConstant) {
      product.number *= std::pow(term.number, power);
    } else if (term.op == Op::kNegate) {
      product.number *= power % 2 == 0 ? 1 : -1;
      return factors(term.arguments[0], power, product);
    } else if (term.op == Op::kMultiply && term.arguments[0] == term.arguments[1]) {
      return factors(term.arguments[0], 2 * power, product);
    } else if (term.op == Op::kMultiply) {
      return factors(term.arguments[0], power, product) && factors(term.arguments[1], power, product);
    } else {
      product.powers[t] += power;
    }
    return std::isfinite(product.number) && product.number != 0;
  }

  /// Adds t times `scale` to a sum.
  bool terms(TermId t, double scale, Sum& sum) {
    if (++parts_ > kMostParts) return false;
    const Term term = at(t);
    const auto argument = [&](int i, double by) { return terms(term.arguments[i], scale * by, sum); };
    switch (term.op) {
      case Op::kConstant:
        sum.number += scale * term.number;
        return true;
      case Op::kAdd:
        return argument(0, 1) && argument(1, 1);
      case Op::kSubtract:
        return argument(0, 1) && argument(1, -1);
      case Op::kNegate:
        return argument(0, -1);
      case Op::kMultiply:
        for (const int i : {0, 1}) {
          if (const double* number = builder_.number(term.arguments[i])) return argument(1 - i, *number);
        }
        break;
      default:
        break;
    }
    sum.multiples[t] += scale;
    return true;
  }

  /// The square root of a sum of squares, where t is one.
  std::optional<TermId> norm_of(TermId t) {
    if (at(t).op != Op::kAdd && at(t).op != Op::kSubtract) return std::nullopt;
    Sum sum;
    if (!terms(t, 1, sum)) return std::nullopt;
    std::vector<TermId> roots;
    double size = std::abs(sum.number);
    for (const auto& [term, multiple] : sum.multiples) {
      if (multiple == 0) continue;
      size += std::abs(multiple);
      const auto root = half_angle(term, multiple, sum.number);
      const auto square = root ? root : root_of_square(term, multiple);
      if (!square) return std::nullopt;
      roots.push_back(*square);
    }
    if (sum.number < -kNothing * size) return std::nullopt;
    if (sum.number > kNothing * size) roots.push_back(builder_.constant(std::sqrt(sum.number)));
    if (roots.empty()) return std::nullopt;
    if (roots.size() == 1) return builder_.make(Op::kAbs, roots);
    return builder_.make(Op::kNorm, roots);
  }

  TermId scaled(TermId t, double factor) {
    return factor == 1 ? t : builder_.make(Op::kMultiply, {t, builder_.constant(factor)});
  }

  /// k cos t = k - 2 k sin(t / 2)^2 = -k + 2 k cos(t / 2)^2, k cosh t = k + 2 k sinh(t / 2)^2.
  std::optional<TermId> half_angle(TermId t, double k, double& number) {
    const bool is_cos = is_function(t, "cos");
    if (!is_cos && !(is_function(t, "cosh") && k > 0)) return std::nullopt;
    const TermId half = scaled(at(t).arguments[0], 0.5);
    number += is_cos ? -std::abs(k) : k;
    const char* name = !is_cos ? "sinh" : k > 0 ? "cos" : "sin";
    return scaled(builder_.function(name, half), std::sqrt(2 * std::abs(k)));
  }

  std::optional<TermId> root_of_square(TermId t, double multiple) {
    Product product;
    product.number = multiple;
    if (!factors(t, 1, product) || product.number < 0) return std::nullopt;
    std::optional<TermId> root;
    for (const auto& [factor, power] : product.powers) {
      if (power % 2 != 0) return std::nullopt;
      for (int i = 0; i < power / 2; ++i) multiply(root, factor);
    }
    if (!root) return std::nullopt;
    return scaled(*root, std::sqrt(product.number));
  }

  Builder& builder_;
  int parts_ = 0;
};

}  // namespace

TermId square_root(Builder& builder, TermId x) { return Roots(builder).root(x); }

}  // namespace strobe::formula
