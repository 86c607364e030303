#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "kernels/hls/format.h"
#include "kernels/hls/names.h"
#include "kernels/hls/plan.h"
#include "kernels/model/graph.h"

namespace strobe::hls {

/// How a tensor appears in generated code.
struct TensorCode {
  std::string name;  ///< the array
  std::string type;  ///< of its elements, "hidden1_t"
  Format format;     ///< covers every element
  int64_t size = 1;
  bool is_uniform = true;  ///< else elements have types of their own and live in the covering format
};

/// What one layer adds to a kernel.
struct LayerCode {
  std::string name;                       ///< of the layer as an identifier
  std::string function;                   ///< its function, "compute_hidden1"
  std::vector<std::string> includes;      ///< template headers, "layers/dense/dense_hls.h"
  std::vector<std::string> weight_files;  ///< below weights/, in the order of use
  std::string parameters;                 ///< typedefs and the config struct
  std::string helpers;                    ///< functions before the layer's own
  std::string body;                       ///< of the layer's function, indented
  /// Of a layer that is a kernel by itself: its template, called with the kernel's arguments. Else empty.
  std::string whole_kernel;
  std::string parameters_argument;  ///< of such a kernel: the memory that it reads its parameters from
  Plan plan;
};

/// The pen that a layer's `write_hls` writes with: names, constants, settings and statements of one layer.
class LayerWriter {
 public:
  LayerWriter(const model::Graph& graph, const model::Node& node, const std::map<model::TensorId, TensorCode>& tensors,
              NameTable& names, std::map<std::string, std::string>& weight_files);

  const TensorCode& input(size_t i = 0) const { return tensors_.at(node_.inputs[i]); }
  const TensorCode& output() const { return tensors_.at(node_.outputs[0]); }
  /// The layer's config struct, to name in calls.
  const std::string& config();
  /// The template's header, as generated code includes it: "layers/relu/relu_hls.h".
  void include(const std::string& header);

  /// A member `static constexpr int name = value` of the config struct.
  void setting(const std::string& name, int64_t value);
  /// A member typedef of the config struct.
  void setting_type(const std::string& name, const Format& type);
  void setting_type(const std::string& name, const model::FixedType& type);
  /// A member function of the config struct that returns one number.
  void setting_number(const std::string& name, int64_t raw, const Format& format);
  void setting_number(const std::string& name, const model::Constant& constant);

  /// Writes a constant array to weights/ and returns its name; `role` says which of the layer's constants it is.
  std::string constant(const std::string& role, const model::Constant& constant);
  /// The same for whole numbers that are not the model's (indices).
  std::string indices(const std::string& role, const std::vector<int64_t>& values);

  /// A member function `name(i)` of the config struct that gives the i-th of the whole numbers `values`, which are
  /// written to weights/.
  void setting_table(const std::string& name, const std::vector<int64_t>& values);

  /// Adds `text;` to the layer's function.
  void statement(const std::string& text);
  /// An array of the layer's own, for results in between. Returns its name.
  std::string local(const std::string& role, const Format& format, int64_t size);
  /// The array to compute into: the output itself, or, where each element has its own type, an array of `exact` results
  /// that are converted one by one afterwards. Call once.
  std::string result(const Format& exact);
  void plan(const Plan& plan) { code_.plan = plan; }
  /// The layer is the whole kernel: `function`, a template with its arguments in <>, is called with the kernel's
  /// inputs, outputs, rows, and the memory `parameters`, which the host fills while the kernel is on the card.
  void whole_kernel(const std::string& function, const std::string& parameters);

  /// Ends the layer. Errors: Unimplemented for a format beyond 1024 bits or a working type that holds 0 only.
  absl::StatusOr<LayerCode> finish() &&;

 private:
  void use(const Format& format);
  std::string rounding_function();

  const model::Graph& graph_;
  const model::Node& node_;
  const std::map<model::TensorId, TensorCode>& tensors_;
  NameTable& names_;
  std::map<std::string, std::string>& weight_files_;
  LayerCode code_;
  std::string config_name_, config_members_, typedefs_;
  std::string exact_name_, rounding_call_;
  std::string local_type_;  ///< of the array that `local` made last
  std::string flaw_;        ///< empty, or what cannot be written
  int widest_ = 0;
};

/// Adds the settings and header that every elementwise layer has: `size`.
void begin_elementwise(LayerWriter& writer, const std::string& header);

}  // namespace strobe::hls
