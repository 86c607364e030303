#include <algorithm>
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "kernels/hls/kernel_code.h"

namespace strobe::hls {
namespace {

using model::TensorId;

std::string include_lines(const std::vector<std::string>& headers) {
  std::string text;
  for (const std::string& header : std::set<std::string>(headers.begin(), headers.end())) {
    absl::StrAppend(&text, "#include \"", header, "\"\n");
  }
  return text;
}

std::string parameter(const TensorCode& tensor, bool is_const) {
  return absl::StrCat(is_const ? "const " : "", tensor.type, " ", tensor.name, "[", tensor.size, "]");
}

/// The distinct tensors that a node reads, in order.
std::vector<TensorId> distinct_inputs(const model::Node& node) {
  std::vector<TensorId> ids;
  for (const TensorId id : node.inputs) {
    if (std::find(ids.begin(), ids.end(), id) == ids.end()) ids.push_back(id);
  }
  return ids;
}

/// Between containers and numbers, one row of one port.
std::string rows_struct(const KernelCode& kernel, const Port& port, bool is_input) {
  const TensorCode& code = kernel.tensors.at(port.tensor);
  const model::TensorType& type = kernel.graph->tensor(port.tensor).type;
  const std::string containers = absl::StrCat("ap_uint<", type.container(), "> row[", code.size, "]");
  std::string text = absl::StrCat("/// ", port.argument, ": ", type.row_bytes(), " bytes a row.\nstruct ", port.rows,
                                  " {\n  static constexpr int size = ", code.size,
                                  ";\n  static constexpr int container = ", type.container(),
                                  ";\n  typedef strobe::event<", code.type, ", ", code.size, "> event_t;\n\n");
  if (is_input) {
    absl::StrAppend(&text, "  static void unpack(const ", containers, ", ", parameter(code, false), ") {\n");
  } else {
    absl::StrAppend(&text, "  static void pack(", parameter(code, true), ", ", containers, ") {\n");
  }
  absl::StrAppend(&text, "    STROBE_PRAGMA(HLS inline)\n");
  if (code.is_uniform) {
    const std::string arguments = is_input ? "row, " + code.name : code.name + ", row";
    absl::StrAppend(&text, "    strobe::", is_input ? "unpack" : "pack", "<", code.type, ", ", code.size, ">(",
                    arguments, ");\n");
  }
  for (int64_t e = 0; e < code.size && !code.is_uniform; ++e) {
    const model::FixedType& element = type.at(e);
    const std::string number = absl::StrCat(code.name, "[", e, "]"), container = absl::StrCat("row[", e, "]");
    const std::string name = Format::of(element).to_string();
    const std::string value =
        is_dead(element) ? "0"
        : is_input       ? absl::StrCat("strobe::from_container<", name, ">(", container, ")")
                         : absl::StrCat("strobe::to_container<", type.container(), ">(", name, "(", number, "))");
    absl::StrAppend(&text, "    ", is_input ? number : container, " = ", value, ";\n");
  }
  return text + "  }\n};\n\n";
}

std::string layer_function(const KernelCode& kernel, size_t index) {
  const LayerCode& layer = kernel.layers[index];
  const model::Node& node = kernel.graph->nodes()[index];
  std::vector<std::string> parameters;
  for (const TensorId id : distinct_inputs(node)) parameters.push_back(parameter(kernel.tensors.at(id), true));
  parameters.push_back(parameter(kernel.tensors.at(node.outputs[0]), false));
  // In dataflow each layer keeps its own pace; else the loop over events sets it.
  std::string pragmas = absl::StrCat("  STROBE_PRAGMA(HLS inline", kernel.dataflow ? " off" : "", ")\n");
  if (kernel.dataflow && !layer.plan.looped) {
    absl::StrAppend(&pragmas, "  STROBE_PRAGMA(HLS pipeline II=", layer.plan.initiation_interval, ")\n");
  }
  return absl::StrCat(layer.helpers, "/// ", layer.name, " (", node.op, "). Planned: an event every ",
                      layer.plan.initiation_interval, " cycles, ", layer.plan.depth, " cycles deep, ",
                      layer.plan.multipliers, " multipliers.\nvoid ", layer.function, "(",
                      absl::StrJoin(parameters, ", "), ") {\n", pragmas, layer.body, "}\n\n");
}

/// Writes the calls of one event. In dataflow an array has one reader, so further readers get copies.
class NetworkBody {
 public:
  explicit NetworkBody(const KernelCode& kernel) : kernel_(kernel) {
    if (!kernel.dataflow) return;
    for (const model::Node& node : kernel.graph->nodes()) {
      for (const TensorId id : distinct_inputs(node)) ++readers_[id];
    }
    for (const Port& port : kernel.outputs) ++readers_[port.tensor];
  }

  std::string write() {
    for (const Port& port : kernel_.inputs) {
      declare(kernel_.tensors.at(port.tensor), kernel_.tensors.at(port.tensor).name);
      absl::StrAppend(&text_, "  strobe::take(", port.events, ", ", kernel_.tensors.at(port.tensor).name, ");\n");
      spread(port.tensor);
    }
    for (size_t n = 0; n < kernel_.layers.size(); ++n) {
      const model::Node& node = kernel_.graph->nodes()[n];
      const TensorCode& out = kernel_.tensors.at(node.outputs[0]);
      std::vector<std::string> arguments;
      for (const TensorId id : distinct_inputs(node)) arguments.push_back(reader(id));
      arguments.push_back(out.name);
      declare(out, out.name);
      absl::StrAppend(&text_, "  ", kernel_.layers[n].function, "(", absl::StrJoin(arguments, ", "), ");\n");
      spread(node.outputs[0]);
    }
    for (const Port& port : kernel_.outputs) {
      absl::StrAppend(&text_, "  strobe::give(", reader(port.tensor), ", ", port.events, ");\n");
    }
    return text_;
  }

 private:
  void declare(const TensorCode& tensor, const std::string& name) {
    absl::StrAppend(&text_, "  ", tensor.type, " ", name, "[", tensor.size,
                    "];\n  STROBE_PRAGMA(HLS array_partition variable=", name, " complete)\n");
  }

  /// Makes one copy of a tensor for each of its readers, where there are several.
  void spread(TensorId id) {
    const TensorCode& tensor = kernel_.tensors.at(id);
    std::string source = tensor.name;
    for (int copy = 1; copy < readers_[id]; ++copy) {
      const bool last = copy + 1 == readers_[id];
      const std::string first = absl::StrCat(tensor.name, "_for_reader_", copy);
      const std::string rest = absl::StrCat(tensor.name, last ? "_for_reader_" : "_from_reader_", copy + 1);
      declare(tensor, first);
      declare(tensor, rest);
      absl::StrAppend(&text_, "  strobe::duplicate<", tensor.size, ">(", source, ", ", first, ", ", rest, ");\n");
      source = rest;
    }
  }

  std::string reader(TensorId id) {
    const std::string& name = kernel_.tensors.at(id).name;
    return readers_[id] > 1 ? absl::StrCat(name, "_for_reader_", ++served_[id]) : name;
  }

  const KernelCode& kernel_;
  std::map<TensorId, int> readers_, served_;
  std::string text_;
};

std::string event_streams(const KernelCode& kernel) {
  std::vector<std::string> streams;
  for (const std::vector<Port>* ports : {&kernel.inputs, &kernel.outputs}) {
    for (const Port& port : *ports) {
      streams.push_back(absl::StrCat("hls::stream<", port.rows, "::event_t>& ", port.events));
    }
  }
  return absl::StrJoin(streams, ", ");
}

std::string compute_process(const KernelCode& kernel) {
  std::vector<std::string> arguments;
  for (const Port& port : kernel.inputs) arguments.push_back(port.events);
  for (const Port& port : kernel.outputs) arguments.push_back(port.events);
  const std::string streams = event_streams(kernel);
  const std::string loop_pragma =
      kernel.dataflow ? "" : absl::StrCat("    STROBE_PRAGMA(HLS pipeline II=", kernel.initiation_interval, ")\n");
  return absl::StrCat("/// One event through all layers. Planned: an event every ", kernel.initiation_interval,
                      " cycles, ", kernel.depth, " cycles deep.\nvoid network(", streams, ") {\n  STROBE_PRAGMA(HLS ",
                      kernel.dataflow ? "dataflow" : "inline", ")\n", NetworkBody(kernel).write(), "}\n\n",
                      "/// The compute process: all events, one after the other.\nvoid compute(", streams,
                      ", ap_uint<32> rows) {\n  STROBE_LOOP(events) for (ap_uint<32> row = 0; row < rows; ++row) {\n",
                      loop_pragma, "    network(", absl::StrJoin(arguments, ", "), ");\n  }\n}\n\n");
}

std::string interface_pragmas(const KernelCode& kernel) {
  std::string text;
  for (const std::vector<Port>* ports : {&kernel.inputs, &kernel.outputs}) {
    for (const Port& port : *ports) {
      const char* direction = ports == &kernel.inputs ? "read" : "write";
      absl::StrAppend(&text, "  STROBE_PRAGMA(HLS interface m_axi port=", port.argument, " bundle=", port.argument,
                      " offset=slave max_", direction, "_burst_length=64 num_", direction, "_outstanding=16)\n",
                      "  STROBE_PRAGMA(HLS interface s_axilite port=", port.argument, " bundle=control)\n");
    }
  }
  if (!kernel.parameters_argument.empty()) {
    const std::string& name = kernel.parameters_argument;
    absl::StrAppend(&text, "  STROBE_PRAGMA(HLS interface m_axi port=", name, " bundle=", name,
                    " offset=slave max_read_burst_length=64 num_read_outstanding=16)\n",
                    "  STROBE_PRAGMA(HLS interface s_axilite port=", name, " bundle=control)\n");
  }
  return text +
         "  STROBE_PRAGMA(HLS interface s_axilite port=rows bundle=control)\n"
         "  STROBE_PRAGMA(HLS interface s_axilite port=return bundle=control)\n"
         "  STROBE_PRAGMA(HLS interface ap_ctrl_chain port=return)\n";
}

/// The top function of a kernel that is one layer's template.
std::string whole_function(const KernelCode& kernel) {
  std::vector<std::string> arguments;
  for (const std::vector<Port>* ports : {&kernel.inputs, &kernel.outputs}) {
    for (const Port& port : *ports) arguments.push_back(port.argument);
  }
  arguments.push_back("rows");
  arguments.push_back(kernel.parameters_argument);
  return absl::StrCat("extern \"C\" void ", kernel.name, top_signature(kernel), " {\n", interface_pragmas(kernel), "  ",
                      kernel.whole()->whole_kernel, "(", absl::StrJoin(arguments, ", "), ");\n}\n");
}

std::string top_function(const KernelCode& kernel) {
  std::string text = absl::StrCat("extern \"C\" void ", kernel.name, top_signature(kernel), " {\n",
                                  interface_pragmas(kernel), "  STROBE_PRAGMA(HLS dataflow)\n");
  std::vector<std::string> events;
  for (const std::vector<Port>* ports : {&kernel.inputs, &kernel.outputs}) {
    for (const Port& port : *ports) {
      absl::StrAppend(&text, "  hls::stream<strobe::word> ", port.words, "(\"", port.words, "\");\n",
                      "  STROBE_PRAGMA(HLS stream variable=", port.words, " depth=64)\n", "  hls::stream<", port.rows,
                      "::event_t> ", port.events, "(\"", port.events, "\");\n",
                      "  STROBE_PRAGMA(HLS stream variable=", port.events, " depth=8)\n");
      events.push_back(port.events);
    }
  }
  for (const Port& port : kernel.inputs) {
    absl::StrAppend(&text, "  strobe::load_words<", port.rows, ">(", port.argument, ", ", port.words, ", rows);\n",
                    "  strobe::unpack_rows<", port.rows, ">(", port.words, ", ", port.events, ", rows);\n");
  }
  absl::StrAppend(&text, "  compute(", absl::StrJoin(events, ", "), ", rows);\n");
  for (const Port& port : kernel.outputs) {
    absl::StrAppend(&text, "  strobe::pack_rows<", port.rows, ">(", port.events, ", ", port.words, ", rows);\n",
                    "  strobe::store_words<", port.rows, ">(", port.words, ", ", port.argument, ", rows);\n");
  }
  return text + "}\n";
}

}  // namespace

std::string top_signature(const KernelCode& kernel) {
  std::vector<std::string> parameters;
  for (const Port& port : kernel.inputs) parameters.push_back(absl::StrCat("const ap_uint<512>* ", port.argument));
  for (const Port& port : kernel.outputs) parameters.push_back(absl::StrCat("ap_uint<512>* ", port.argument));
  parameters.push_back("unsigned int rows");
  if (!kernel.parameters_argument.empty())
    parameters.push_back(absl::StrCat("const ap_uint<512>* ", kernel.parameters_argument));
  return absl::StrCat("(", absl::StrJoin(parameters, ", "), ")");
}

std::string parameters_header(const KernelCode& kernel) {
  std::vector<std::string> headers = {"strobe/tensor.h"};
  for (const LayerCode& layer : kernel.layers) {
    for (const std::string& header : layer.includes) headers.push_back(header);
    for (const std::string& file : layer.weight_files) headers.push_back("weights/" + file);
  }
  std::string text = absl::StrCat(kernel.banner, "#pragma once\n\n", include_lines(headers), "\nnamespace ",
                                  kernel.name_space, " {\n\n// Tensors.\n");
  for (const auto& [id, tensor] : kernel.tensors) {
    const model::TensorType& type = kernel.graph->tensor(id).type;
    const std::string name = tensor.is_uniform ? type_name(type.types[0]) : tensor.format.to_string();
    absl::StrAppend(&text, "typedef ", name, " ", tensor.type, ";  // ", model::to_string(type.shape),
                    tensor.is_uniform ? "" : ", holds every element's own type", "\n");
  }
  for (size_t n = 0; n < kernel.layers.size(); ++n) {
    if (kernel.layers[n].parameters.empty()) continue;
    absl::StrAppend(&text, "\n// ", kernel.layers[n].name, " (", kernel.graph->nodes()[n].op, ").\n",
                    kernel.layers[n].parameters);
  }
  return absl::StrCat(text, "\n}  // namespace ", kernel.name_space, "\n");
}

std::string kernel_source(const KernelCode& kernel) {
  const std::string start =
      absl::StrCat(kernel.banner, "#include \"", kernel.name, ".h\"\n\n#include \"parameters.h\"\n");
  if (kernel.whole() != nullptr)
    return absl::StrCat(start, "\nusing namespace ", kernel.name_space, ";\n\n", whole_function(kernel));
  std::string text =
      absl::StrCat(start, "#include \"strobe/rows.h\"\n\nnamespace {\n\nusing namespace ", kernel.name_space, ";\n\n");
  for (const Port& port : kernel.inputs) absl::StrAppend(&text, rows_struct(kernel, port, true));
  for (const Port& port : kernel.outputs) absl::StrAppend(&text, rows_struct(kernel, port, false));
  for (size_t n = 0; n < kernel.layers.size(); ++n) absl::StrAppend(&text, layer_function(kernel, n));
  absl::StrAppend(&text, compute_process(kernel), "}  // namespace\n\n", top_function(kernel));
  return text;
}

}  // namespace strobe::hls
