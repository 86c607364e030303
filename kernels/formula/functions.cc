#include <cmath>
#include <limits>
#include <numbers>

#include "kernels/formula/formula.h"

namespace strobe::formula {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr Domain kEverywhere = {-kInfinity, kInfinity};
constexpr Domain kPositive = {0, kInfinity, true};
constexpr Domain kNotZero = {-kInfinity, kInfinity, false, false, true};

/// A function without a parameter.
template <double (*f)(double)>
double plain(double x, double) {
  return f(x);
}

double logistic(double x) { return 1 / (1 + std::exp(-x)); }
double softplus(double x) { return x > 30 ? x : std::log1p(std::exp(x)); }

const Function kFunctions[] = {
    {"x^p", [](double x, double p) { return std::pow(x, p); }, kInfinity, kEverywhere},
    {"p^x", [](double x, double p) { return std::pow(p, x); }, kInfinity, kEverywhere},
    {"sin", plain<std::sin>, 1, kEverywhere},
    {"cos", plain<std::cos>, 1, kEverywhere},
    {"tan", plain<std::tan>, kInfinity, kEverywhere},
    {"asin", plain<std::asin>, kInfinity, {-1, 1}},
    {"acos", plain<std::acos>, kInfinity, {-1, 1}},
    {"atan", plain<std::atan>, 1, kEverywhere},
    {"sinh", plain<std::sinh>, kInfinity, kEverywhere},
    {"cosh", plain<std::cosh>, kInfinity, kEverywhere},
    {"tanh", plain<std::tanh>, 1, kEverywhere},
    {"asinh", plain<std::asinh>, 1, kEverywhere},
    {"acosh", plain<std::acosh>, kInfinity, {1, kInfinity}},
    {"atanh", plain<std::atanh>, kInfinity, {-1, 1, true, true}},
    {"erf", plain<std::erf>, 2 * std::numbers::inv_sqrtpi, kEverywhere},
    {"erfc", plain<std::erfc>, 2 * std::numbers::inv_sqrtpi, kEverywhere},
    {"exp", plain<std::exp>, kInfinity, kEverywhere},
    {"exp2", plain<std::exp2>, kInfinity, kEverywhere},
    {"expm1", plain<std::expm1>, kInfinity, kEverywhere},
    {"log", plain<std::log>, kInfinity, kPositive},
    {"log2", plain<std::log2>, kInfinity, kPositive},
    {"log10", plain<std::log10>, kInfinity, kPositive},
    {"log1p", plain<std::log1p>, kInfinity, {-1, kInfinity, true}},
    {"sqrt", plain<std::sqrt>, kInfinity, {0, kInfinity}},
    {"cbrt", plain<std::cbrt>, kInfinity, kEverywhere},
    {"inv", [](double x, double p) { return x == 0 && p == kZeroIsUnread ? 0 : 1 / x; }, kInfinity, kNotZero},
    {"sigmoid", plain<logistic>, 0.25, kEverywhere},
    {"softplus", plain<softplus>, 1, kEverywhere},
};

}  // namespace

std::span<const Function> functions() { return kFunctions; }

int power_function() { return 0; }
int exponential_function() { return 1; }

int find_function(std::string_view name) {
  for (size_t i = 2; i < std::size(kFunctions); ++i) {
    if (kFunctions[i].name == name) return static_cast<int>(i);
  }
  return -1;
}

bool zero_is_unread(const Term& function) {
  return kFunctions[function.index].name == "inv" && function.number == kZeroIsUnread;
}

Domain domain_of(const Term& function) {
  if (function.index != power_function()) return kFunctions[function.index].domain;
  const double p = function.number;
  if (p == std::floor(p)) return p < 0 ? kNotZero : kEverywhere;
  return {0, kInfinity, p < 0};
}

}  // namespace strobe::formula
