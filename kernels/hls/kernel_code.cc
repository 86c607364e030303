#include "kernels/hls/kernel_code.h"

#include <algorithm>
#include <numeric>

#include "absl/strings/str_cat.h"
#include "kernels/layers/catalog.h"

namespace strobe::hls {
namespace {

TensorCode tensor_code(const model::Tensor& tensor, NameTable& names) {
  TensorCode code;
  const std::string base = identifier(tensor.name);
  code.name = names.unique(base);
  code.type = names.unique(base + "_t");
  code.format = Format::covering(tensor.type);
  code.size = tensor.type.elements();
  code.is_uniform = tensor.type.is_uniform() && !is_dead(tensor.type.types[0]);
  return code;
}

Port make_port(model::TensorId id, const std::string& argument, NameTable& names) {
  Port port;
  port.tensor = id;
  port.argument = argument;
  port.rows = names.unique(argument + "_rows");
  port.events = names.unique(argument + "_events");
  port.words = names.unique(argument + "_words");
  return port;
}

void make_ports(KernelCode& kernel, NameTable& names) {
  // Arguments live in the top function only, so a tensor's own name serves, unless the tensor is listed twice.
  NameTable arguments;
  arguments.unique(kernel.name);
  const auto port = [&](model::TensorId id) {
    return make_port(id, arguments.unique(identifier(kernel.graph->tensor(id).name)), names);
  };
  for (const model::TensorId id : kernel.graph->inputs()) kernel.inputs.push_back(port(id));
  for (const model::TensorId id : kernel.graph->outputs()) kernel.outputs.push_back(port(id));
}

/// Names the model, with the hash of its file where the graph says it.
std::string make_banner(const KernelSpec& spec) {
  std::string text = absl::StrCat("// Written by strobe for the model ", identifier(spec.graph->name()));
  const auto hash = spec.graph->provenance().find("sha256");
  if (hash != spec.graph->provenance().end()) absl::StrAppend(&text, ", ", hash->second);
  return text + ".\n";
}

/// Cycles a row takes at the border: one, or a beat each where it is longer than a word (strobe/rows.h).
int row_interval(const model::TensorType& type) {
  const int64_t a_word = 512 / type.container(), size = type.elements();
  return size <= a_word ? 1 : static_cast<int>(size / std::gcd(size, a_word));
}

/// Interval: the slowest layer's. Depth: the longest path, each tensor there after its layer's depth.
void plan_kernel(KernelCode& kernel) {
  std::map<model::TensorId, int> ready;
  for (size_t n = 0; n < kernel.layers.size(); ++n) {
    const model::Node& node = kernel.graph->nodes()[n];
    const Plan& plan = kernel.layers[n].plan;
    kernel.dataflow |= plan.looped;
    kernel.initiation_interval = std::max(kernel.initiation_interval, plan.initiation_interval);
    int start = 0;
    for (const model::TensorId id : node.inputs) start = std::max(start, ready[id]);
    for (const model::TensorId id : node.outputs) ready[id] = start + plan.depth;
  }
  for (const std::vector<Port>* ports : {&kernel.inputs, &kernel.outputs}) {
    for (const Port& port : *ports) {
      kernel.row_interval = std::max(kernel.row_interval, row_interval(kernel.graph->tensor(port.tensor).type));
    }
  }
  for (const model::TensorId id : kernel.graph->outputs()) kernel.depth = std::max(kernel.depth, ready[id]);
}

absl::Status write_layers(KernelCode& kernel, NameTable& names) {
  for (const model::Node& node : kernel.graph->nodes()) {
    const layers::Layer* layer = layers::find_layer(node.op);
    if (layer == nullptr || layer->write_hls == nullptr) {
      return absl::UnimplementedError(absl::StrCat("layer '", node.name, "': op '", node.op, "' has no HLS template"));
    }
    LayerWriter writer(*kernel.graph, node, kernel.tensors, names, kernel.weight_files);
    if (absl::Status s = layer->write_hls(*kernel.graph, node, writer); !s.ok()) return s;
    absl::StatusOr<LayerCode> code = std::move(writer).finish();
    if (!code.ok()) return code.status();
    kernel.layers.push_back(*std::move(code));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<KernelCode> make_kernel_code(const KernelSpec& spec) {
  KernelCode kernel;
  kernel.graph = spec.graph;
  kernel.name = kernel_identifier(spec.name.empty() ? spec.graph->name() : spec.name);
  kernel.name_space = kernel.name + "_model";
  kernel.banner = make_banner(spec);
  NameTable names;
  names.unique(kernel.name);
  names.unique(kernel.name_space);
  for (size_t id = 0; id < spec.graph->tensors().size(); ++id) {
    const model::Tensor& tensor = spec.graph->tensors()[id];
    const TensorCode code = tensor_code(tensor, names);
    if (code.format.width > 1024) {
      return absl::UnimplementedError(absl::StrCat("tensor '", tensor.name, "': its elements span ", code.format.width,
                                                   " bits; HLS has at most 1024"));
    }
    kernel.tensors.emplace(static_cast<model::TensorId>(id), code);
  }
  make_ports(kernel, names);
  if (absl::Status s = write_layers(kernel, names); !s.ok()) return s;
  plan_kernel(kernel);
  for (const LayerCode& layer : kernel.layers) {
    if (layer.whole_kernel.empty()) continue;
    if (kernel.layers.size() != 1) {
      return absl::UnimplementedError(
          absl::StrCat("layer '", layer.name, "': is a kernel by itself; no other layer can be in its model"));
    }
    NameTable arguments;
    for (const std::vector<Port>* ports : {&kernel.inputs, &kernel.outputs}) {
      for (const Port& port : *ports) arguments.unique(port.argument);
    }
    kernel.parameters_argument = arguments.unique(layer.parameters_argument);
  }
  return kernel;
}

}  // namespace strobe::hls
