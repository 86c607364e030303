#pragma once

#include "kernels/formula/builder.h"

namespace strobe::formula {

/// The square root of x, in a form that keeps small what small errors of x's parts do to it: near 0 a root is
/// infinitely steep. Squares come out of the root, and so do factors that are sums of squares, as norms
/// (`Op::kNorm`); 1 - cos t, 1 + cos t, cosh t - 1 and cosh s - cos t count as such:
///
///     sqrt(2 pt met (1 - cos t)) = sqrt(4 pt met) |sin(t / 2)|
///     sqrt(2 p q (cosh s - cos t)) = sqrt(4 p q) norm(sinh(s / 2), sin(t / 2))
TermId square_root(Builder& builder, TermId x);

}  // namespace strobe::formula
