#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "platform/xclbin/xclbin.h"

/// EMBEDDED_METADATA: the XML that tells XRT of kernels, arguments and instances.
namespace strobe::xclbin {

/// What the XML says.
struct Metadata {
  std::string project, vendor, board, platform_name, part;
  std::string core_target;  ///< "csim", "hw_em", "bitstream"; strobe's own "emulator"
  std::vector<Kernel> kernels;
  std::vector<ComputeUnit> compute_units;  ///< in the order of the XML
};

std::string write_metadata(const Xclbin& xclbin);
absl::StatusOr<Metadata> read_metadata(std::string_view xml);

/// The word for a target in the core's attribute `target`.
std::string_view core_target(Target target);

}  // namespace strobe::xclbin
