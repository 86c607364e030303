#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "kernels/hls/project.h"

namespace strobe::hls {

/// How kernels are compiled to a shared object.
struct BuildOptions {
  std::string compiler;      ///< empty: g++ on PATH
  std::string cache_folder;  ///< empty: $XDG_CACHE_HOME/strobe, ~/.cache/strobe, or a temporary folder, whichever can
                             ///< be written
  bool use_precompiled_header = true;
  bool reuse_library = true;  ///< take a library that was built from the same text before
};

struct BuildReport {
  double seconds = 0;         ///< of everything
  double header_seconds = 0;  ///< of the precompiled header, 0 where it was there
  bool reused = false;        ///< nothing was compiled
};

/// Compiles a project's kernels with g++ and strobe's own ap_* headers into the shared object `library`, which exports
/// platform/emulation/kernel_abi.h; it is put in place at once or not at all. Safe for several runs at the same time.
/// Errors: NotFound where there is no compiler, Internal with the compiler's first error lines, what the system says
/// (a full disk, a folder that cannot be written, a compiler that was killed).
absl::StatusOr<BuildReport> build_sw_emu(const Project& project, const std::string& library,
                                         const BuildOptions& options = {});

/// Builds a project, written to `folder` before, into a hardware xclbin with v++ as Vitis' documentation (UG1393) has
/// it. Not yet run with Vitis. Errors: NotFound where v++ is not on PATH or no platform is named, Internal with v++'s
/// last lines.
absl::Status build_hw(const Project& project, const std::string& folder, const std::string& xclbin);

}  // namespace strobe::hls
