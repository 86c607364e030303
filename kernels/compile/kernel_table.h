#pragma once

#include "kernels/hls/project.h"
#include "platform/boards/boards.h"
#include "platform/xclbin/xclbin.h"

namespace strobe::compile {

/// Kernels, compute units, banks and connections of a project as an xclbin lists them, without its code.
xclbin::Xclbin describe_kernels(const hls::Project& project, const boards::Board& board, xclbin::Target target);

}  // namespace strobe::compile
