#pragma once

#include <span>
#include <string>
#include <string_view>

#include "host/scouting/core/format.h"

namespace strobe::scouting {

/// All formats that can be decoded, in the order of the documentation.
std::span<const SourceFormat* const> formats();
/// Null where no format has that name.
const SourceFormat* find_format(std::string_view name);
/// "gmt, gmt-zs, ...", for messages.
std::string format_names();

}  // namespace strobe::scouting
