#pragma once

#include <string>

#include "host/scouting/pipeline/account.h"

namespace strobe::scouting {

/// One screen of text about a running pipeline: rates since `before`, queues, losses, latency. At most `lines` lines.
std::string live_text(const Account& before, const Account& now, size_t lines = 40);

}  // namespace strobe::scouting
