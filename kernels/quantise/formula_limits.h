#pragma once

#include "kernels/quantise/formula_ranges.h"

namespace strobe::quantise {

/// Finds the ranges beyond which terms do not matter, from where functions are flat: beyond a limit a tanh stays within
/// a small share of `output_error` of its last value, so its argument may be brought to that limit; and where only such
/// an argument hangs on a sum, a square or a multiple, neither do its parts matter beyond what brings it there.
///
/// Fills `ranges.limits` and `ranges.flattened`, and narrows `ranges.values`, which on entry are those of `everything`:
/// the terms over all inputs. `ranges.slopes` say how much terms matter.
///
/// Why it holds: say y' stands for y where both, brought into y's limits, are equal. If u beyond its limits brings
/// y = u + v beyond y's whatever v is, then any u' that stands for u gives a y' that stands for y. Bringing into limits
/// never increases a difference, so errors carry over.
void find_limits(const formula::Formula& formula, const std::vector<FormulaRanges::Interval>& everything,
                 double output_error, FormulaRanges& ranges);

}  // namespace strobe::quantise
