#pragma once

#include "absl/status/statusor.h"
#include "kernels/import/float_model.h"
#include "kernels/quantise/hls_config.h"
#include "kernels/quantise/typed_model.h"

namespace strobe::quantise {

/// Turns a normalised ONNX or QONNX model (kernels/import/onnx.h) into hls4ml's layers, with its names and its types
/// before inference. Mirrors hls4ml 1.3 (flows parse_qonnx and convert): constants join the nodes that read them; Quant
/// on weights becomes their type, with an ApplyAlpha layer behind where the scale is no power of two or the zero point
/// not 0; Quant on activations becomes a linear activation of fixed type, with scales around it where needed, or the
/// result type of the layer before where that is open; MatMul by a constant becomes Dense; Add, Sub, Mul and Div by a
/// constant become ApplyAlpha; those and batch normalisations join each other and the Dense before them where its
/// result type is open. New layers take over the configuration of the node they come from, by name.
///
/// Further than hls4ml: scales per output channel, rounding modes beyond ROUND and FLOOR, Trunc, binary networks (steps
/// of -1 and +1; hls4ml's are wrong). Errors: Unimplemented (node named), InvalidArgument for inconsistent shapes.
absl::StatusOr<TypedModel> type_onnx_layers(const import::FloatModel& model, const HlsConfig& config);

}  // namespace strobe::quantise
