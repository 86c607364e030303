#pragma once

#include <memory>
#include <string>
#include <vector>

#include "kernels/hls/build.h"
#include "kernels/model/graph.h"
#include "platform/emulation/kernel_abi.h"

namespace strobe::testing {

/// A kernel library that was compiled and loaded.
class LoadedLibrary {
 public:
  explicit LoadedLibrary(const std::string& path);
  ~LoadedLibrary();
  const struct strobe_emulated_library* library() const { return library_; }
  /// Runs the k-th kernel over packed rows; outputs come back packed, followed by `guard` bytes that must be untouched.
  void run(size_t k, const std::vector<std::vector<std::byte>>& inputs, std::vector<std::vector<std::byte>>& outputs,
           uint32_t rows) const;

 private:
  void* handle_ = nullptr;
  const struct strobe_emulated_library* library_ = nullptr;
};

/// A folder below the test's temporary one, emptied at first.
std::string scratch_folder(const std::string& name);

/// Compiles the graphs as one project and compares each with its reference evaluation, over `rows` random rows, in every
/// bit. Fails the test with names, row and element where they differ.
void expect_hls_equals_reference(const std::vector<model::Graph>& graphs, size_t rows, uint64_t seed);

}  // namespace strobe::testing
