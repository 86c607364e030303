#pragma once

#include <string>
#include <vector>

#include "kernels/hls/build.h"
#include "kernels/hls/project.h"
#include "kernels/model/graph.h"
#include "platform/emulation/kernel_abi.h"

namespace strobe::testing {

/// A kernel library that was compiled and loaded.
class LoadedLibrary {
 public:
  explicit LoadedLibrary(const std::string& path);
  ~LoadedLibrary();
  const struct strobe_emulated_library* library() const { return library_; }
  /// Runs the k-th kernel over packed rows; outputs come back packed. Fails the test where bytes behind them were
  /// written.
  void run(size_t k, const std::vector<std::vector<std::byte>>& inputs, std::vector<std::vector<std::byte>>& outputs,
           uint32_t rows) const;

 private:
  void* handle_ = nullptr;
  const struct strobe_emulated_library* library_ = nullptr;
};

/// A folder of this process below the test's temporary one, empty at first, gone at the end.
class ScratchFolder {
 public:
  ScratchFolder();
  ~ScratchFolder();
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

/// Compiles the graphs as one project and compares each with its reference evaluation in every bit, for each number of
/// rows, over random values. Prints the seed and the compile time; names model, tensor, row and element where they
/// differ.
void expect_hls_equals_reference(const std::vector<model::Graph>& graphs, const std::vector<size_t>& rows,
                                 uint64_t seed);

/// A finished, verified graph; fails the test otherwise.
model::Graph finished(model::GraphBuilder builder, std::vector<model::TensorId> outputs);

/// Raw values over the whole range of each element's type.
model::Constant random_constant(const model::TensorType& type, uint64_t seed);

}  // namespace strobe::testing
