#pragma once

#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "kernels/hls/layer_writer.h"
#include "kernels/hls/project.h"

namespace strobe::hls {

/// One tensor at the kernel's border.
struct Port {
  model::TensorId tensor = 0;
  std::string argument;  ///< of the top function
  std::string rows;      ///< struct that describes its rows
  std::string events;    ///< stream of events
  std::string words;     ///< stream of memory words
};

/// A kernel between graph and text: names are fixed, layers are written.
struct KernelCode {
  const model::Graph* graph = nullptr;
  std::string name;        ///< kernel and top function
  std::string name_space;  ///< of its types and weights
  std::string banner;      ///< first lines of every file
  std::map<model::TensorId, TensorCode> tensors;
  std::vector<Port> inputs, outputs;
  std::vector<LayerCode> layers;  ///< one per node
  std::map<std::string, std::string> weight_files;
  bool dataflow = false;  ///< layers are processes of their own: one of them has loops that stay loops
  int initiation_interval = 1;
  int row_interval = 1;             ///< cycles that the longest row takes to be read or written
  int depth = 0;                    ///< cycles of the longest path through the layers
  std::string parameters_argument;  ///< memory that the kernel reads its parameters from; empty: it has none

  /// The layer that is the kernel by itself, or null.
  const LayerCode* whole() const {
    return layers.size() == 1 && !layers[0].whole_kernel.empty() ? &layers[0] : nullptr;
  }
};

/// Names everything and has every layer write itself.
absl::StatusOr<KernelCode> make_kernel_code(const KernelSpec& spec);

/// The kernel's types and configurations.
std::string parameters_header(const KernelCode& kernel);
/// The kernel: rows, layers, processes, top function.
std::string kernel_source(const KernelCode& kernel);
/// The top function's declaration, `const ap_uint<512>* features, ..., unsigned rows`, then the parameters' memory.
std::string top_signature(const KernelCode& kernel);

}  // namespace strobe::hls
