#pragma once

#include "absl/status/statusor.h"
#include "host/scouting/formats/decoder.h"

namespace strobe::scouting {

/// Whether the machine and this build have `isa`.
bool has_isa(Isa isa);
/// The best that there is for kBest, else `isa` itself. Errors: Unimplemented where the machine or build lacks it.
absl::StatusOr<Isa> choose_isa(Isa isa);
/// "scalar", "AVX2", "AVX-512".
const char* name_of(Isa isa);

}  // namespace strobe::scouting
