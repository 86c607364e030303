#pragma once

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "kernels/import/float_model.h"

/// ONNX and QONNX files. The graph is normalised as the field's flow does before hls4ml sees it (QONNX's cleanup,
/// Gemm split into MatMul and Add), so that layers carry the names a user's hls4ml configuration speaks of.
///
/// What the FloatModel holds, beyond float_model.h:
///  - Names: a node is `<OpType>_<i>`, counted per operator in topological order; its result `<node>_out0`, or
///    `global_in[_<i>]`, `global_out[_<i>]`; a constant `<node>_param<k>`.
///  - Kinds: "Input", "Constant" (array "value"), "MatMul", "Add", "Subtract", "Multiply", "Divide", "Maximum",
///    "Minimum", "Average", "Concatenate" ("axis" counted from the end), "Activation", "BatchNormalization" (axis -1,
///    or the channel axis with the batch axis counted), "Quantizer" (quantiser "output"), "Reshape" ("target_shape"),
///    "Transpose" ("permutation"), "Forest" (tree ensembles; its output is the margins, before the post transform,
///    and of a binary classifier with one column of weights one margin; label outputs are dropped).
///  - Quantised weights stay Constant -> Quantizer -> MatMul; nothing is rounded here.
///  - Every layer has setting "output_shape" (no batch axis; for constants, the shape in the file).
///  - `absorbed` names the constants that became settings, arrays or quantisers of the layer.
namespace strobe::import {

/// Reads an ONNX file. Errors: NotFound (no such file), InvalidArgument (damaged, inconsistent, NaN or infinite
/// numbers), Unimplemented (operator, attribute or element type that strobe lacks, named, with what is supported).
absl::StatusOr<FloatModel> import_onnx(const std::string& path);

/// The same from memory; `name` is what messages and the model are called by.
absl::StatusOr<FloatModel> import_onnx_bytes(std::string_view bytes, const std::string& name);

}  // namespace strobe::import
