#pragma once

#include <string>
#include <vector>

#include "kernels/hls/kernel_code.h"
#include "kernels/hls/project.h"

namespace strobe::hls {

/// A kernel's v++ configuration: clock, compute units, memory banks, SLRs.
std::string vpp_configuration(const KernelDescription& kernel, const ProjectOptions& options);
/// Builds with Vitis (v++ -c, v++ -l) and the C simulation with g++.
std::string makefile(const std::vector<KernelDescription>& kernels, const ProjectOptions& options);
std::string readme(const std::vector<KernelCode>& kernels, const ProjectOptions& options);
/// Runs a kernel over its golden vectors and compares every bit.
std::string testbench(const KernelCode& kernel);
/// Rows of whole numbers, one row a line.
std::string vector_text(const std::vector<int64_t>& values, int64_t row_size);
/// Exports the kernels by platform/emulation/kernel_abi.h.
std::string emulation_library(const std::vector<KernelCode>& kernels,
                              const std::vector<KernelDescription>& descriptions);

}  // namespace strobe::hls
