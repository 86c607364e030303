#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "kernels/hls/build.h"

namespace strobe::hls {

/// The embedded headers on disk, for a compiler.
struct HeaderFolder {
  std::string cache;    ///< the cache that it lies in
  std::string key;      ///< changes with the headers, the compiler and the flags
  std::string include;  ///< for -I
  std::string prelude;  ///< for -include: the header that was precompiled; empty without one
  bool is_new = false;  ///< made by this call
  double seconds = 0;   ///< spent precompiling now
};

/// How a cache's folders of unfinished work begin.
inline constexpr char kWorkFolder[] = "tmp.";

/// Whether headers that look whole are good enough, or g++ found them not to be.
enum class Headers { kAsTheyAre, kAnew };

/// The flags that kernels are compiled with; a precompiled header serves these only.
std::vector<std::string> compile_flags();

/// Text that identifies a compiler: its path, size and time of change.
std::string compiler_identity(const std::string& compiler);

/// 32 hexadecimal digits of a text.
std::string digest(std::string_view text);

/// Puts the headers and their precompiled form into the cache, once for each compiler and version of the headers, and
/// again where they were damaged. Tries the cache folders in their order; the last is a private one under /tmp. A
/// header that cannot be precompiled is done without. Errors: of the last folder, where none can be written.
absl::StatusOr<HeaderFolder> headers_on_disk(const std::string& compiler, const BuildOptions& options,
                                             Headers want = Headers::kAsTheyAre);

}  // namespace strobe::hls
