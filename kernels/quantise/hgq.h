#pragma once

#include "kernels/quantise/quantise.h"

namespace strobe::quantise {

/// Turns an HGQ2 network, whose quantisers give every element its own format, into a graph of exact sums.
/// With `options.input_type` events arrive in that type and the network's own input quantiser follows exactly; without
/// it the input quantiser's formats are those of the events.
absl::StatusOr<Quantised> quantise_hgq(const import::FloatModel& source, const QuantiseOptions& options);

}  // namespace strobe::quantise
