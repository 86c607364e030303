#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "absl/status/statusor.h"
#include "kernels/model/fixed_type.h"

/// A trained model as its file describes it: layers with floating-point weights and the quantisers they were trained
/// with, no arithmetic yet. Every importer ends here; `kernels/quantise` turns it into a graph.
namespace strobe::formula {
struct Formula;
}

namespace strobe::import {

struct Forest;

/// Numbers from a model file, row-major. Float32 values are held exactly.
struct Array {
  std::vector<int64_t> shape;
  std::vector<double> data;
};

/// A uniform trained quantiser: QKeras (`quantized_bits`...) and QONNX (`Quant`, `BipolarQuant`).
struct UniformQuantizer {
  enum class Kind { kFixed, kBinary, kTernary, kQonnx };
  Kind kind = Kind::kFixed;
  model::FixedType type;                                  ///< kFixed: the format, rounding and overflow it stands for
  std::string name;                                       ///< as in the file: "quantized_relu(7,0)", "Quant"
  std::map<std::string, double, std::less<>> numbers;     ///< further settings: alpha, threshold, negative_slope...
  std::map<std::string, std::string, std::less<>> texts;  ///< alpha="auto_po2", rounding_mode="ROUND"
  Array scale, zero_point, bits;                          ///< kQonnx: as given, broadcastable against the tensor
};

/// HGQ2's quantiser: a format per element (shapes broadcast against the tensor, batch axis included where HGQ has it).
/// k: sign bit, i: integer bits without sign, f: fraction bits; already rounded half to even to integers.
struct ElementQuantizer {
  Array k, i, f;
  std::string rounding;         ///< "TRN", "RND", "RND_CONV"...
  std::string overflow;         ///< "WRAP", "SAT", "SAT_SYM"
  bool trainable_wrap = false;  ///< a weight quantiser whose WRAP does not wrap (facts/hgq-and-adders.md, 5)
};

/// A softmax table quantiser, a LUT or the like is just another named quantiser of its layer.
using Quantizer = std::variant<UniformQuantizer, ElementQuantizer>;

using Setting = std::variant<bool, int64_t, double, std::string, std::vector<int64_t>, std::vector<double>>;

/// One layer as the file has it. `kind` is strobe's common vocabulary, whatever the framework calls it:
/// "Input", "Dense", "BatchNormalization", "Activation", "Quantizer", "Flatten", "Reshape", "Transpose", "Concatenate",
/// "Add", "Subtract", "Multiply", "Maximum", "Minimum", "Average", "MatMul", "Constant", "Dropout"...
/// Conventions:
///  - Dense: arrays "kernel" [n_in, n_out], optional "bias" [n_out]; setting "activation" ("linear" if none) where the
///    framework fused one; a fused batch normalisation leaves "gamma", "beta", "moving_mean", "moving_variance" and
///    setting "epsilon". Quantisers "kernel", "bias", "input", "output", "activation".
///  - BatchNormalization: arrays "gamma", "beta" (absent when unscaled/uncentred), "moving_mean", "moving_variance";
///  settings
///    "epsilon", "axis".
///  - Activation: setting "activation": "relu", "sigmoid", "tanh", "softmax", "linear", "elu", ...; settings such as
///  "alpha",
///    "max_value", "threshold", "axis"; array "alpha" for PReLU. A QActivation has quantiser "output" beside it.
///  - Formula: `formula` (kernels/formula/formula.h); one input tensor of its inputs, one output tensor of its outputs.
///  - Forest: `forest` (forest.h); one input tensor of [features], one output tensor of [outputs].
///  - Reshape: setting "target_shape"; Transpose: "permutation" (batch axis not counted); Concatenate: "axis".
struct FloatLayer {
  std::string name;
  std::string kind;
  std::string class_name;            ///< the framework's own name, for messages: "QDense", "Gemm"
  std::vector<std::string> inputs;   ///< tensor names
  std::vector<std::string> outputs;  ///< tensor names
  std::map<std::string, Setting, std::less<>> settings;
  std::map<std::string, Array, std::less<>> arrays;
  std::map<std::string, Quantizer, std::less<>> quantizers;
  /// Names of the file's constants and nodes that became part of this layer; a configuration may still speak of them.
  std::vector<std::string> absorbed;
  std::shared_ptr<const Forest> forest;             ///< kind "Forest" only
  std::shared_ptr<const formula::Formula> formula;  ///< kind "Formula" only

  template <typename T>
  std::optional<T> setting(std::string_view key) const {
    auto it = settings.find(key);
    if (it == settings.end()) return std::nullopt;
    if (const T* value = std::get_if<T>(&it->second)) return *value;
    return std::nullopt;
  }
  const Array* array(std::string_view key) const {
    auto it = arrays.find(key);
    return it == arrays.end() ? nullptr : &it->second;
  }
};

struct FloatTensor {
  std::string name;
  std::vector<int64_t> shape;  ///< without the batch axis
};

/// Layers in topological order. The tensor of a layer with one output carries the layer's name (Keras) or the file's
/// tensor name (ONNX).
struct FloatModel {
  std::string name;
  std::string framework;  ///< "keras2", "keras3", "onnx", "qonnx"
  std::vector<FloatTensor> inputs, outputs;
  std::vector<FloatLayer> layers;
  std::map<std::string, std::string> provenance;  ///< format, file name, sha256, framework version
};

struct ImportOptions {
  std::string weights_path;    ///< the `.h5` beside a Keras `.json`
  std::string formula_choice;  ///< which row of a PySR hall of fame (formula_file.h)
  std::string formula_inputs;  ///< declares a formula's inputs, "x[16]" or "pt, eta", where its file does not
};

/// Reads a model file, told apart by content and extension: `.json` + `.h5`, `.h5`, `.keras`, `.onnx`.
/// Errors: NotFound, InvalidArgument (damaged file, wrong or missing weights, NaN or infinite weights) and
/// Unimplemented (an unsupported layer, named, with the list of supported ones).
absl::StatusOr<FloatModel> import_model(const std::string& path, const ImportOptions& options = {});

}  // namespace strobe::import
