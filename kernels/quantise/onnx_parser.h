#pragma once

#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "kernels/quantise/onnx_network.h"

namespace strobe::quantise::onnx {

using import::FloatLayer;
using import::FloatModel;
using import::UniformQuantizer;

/// A constant tensor, through its quantiser where it has one: the tensor is `alpha * value + beta`.
struct ConstantTensor {
  Numbers plain, value;
  std::optional<FixedType> type;  ///< of `value`, where a quantiser gave it
  std::optional<Numbers> alpha;   ///< scale that is left to apply
  Numbers beta;
  std::string quantizer_name;  ///< of the layer that quantised it

  /// The tensor itself.
  Numbers whole() const { return alpha ? add(multiply(value, *alpha), beta) : value; }
};

/// Unimplemented, with the layer's name and class.
absl::Status refuse(const FloatLayer& layer, const std::string& text);
/// InvalidArgument, with the layer's name and class.
absl::Status wrong(const FloatLayer& layer, const std::string& text);
/// The exponent of a scale that is one power of two throughout.
std::optional<int> power_of_two(const Numbers& scale);

/// Reads a normalised model layer by layer. Its methods are spread over onnx_parse.cc (arithmetic, activations,
/// shapes), onnx_parse_quantisers.cc and onnx_parse_dense.cc.
class Parser {
 public:
  Parser(const FloatModel& source, const HlsConfig& config) : source_(source) { network_.config = config; }

  absl::StatusOr<Network> run();

 private:
  absl::Status read(const FloatLayer& layer);
  const std::vector<int64_t>& shape_of(const FloatLayer& layer) const;
  Op make(const FloatLayer& layer, std::string kind) const;
  Op* append(Op op);
  absl::Status place(const FloatLayer& layer, Op op);
  Op affine(const std::string& name, Op* input, std::vector<int64_t> shape, Numbers scale, Numbers bias) const;
  static Numbers zeros(const std::vector<int64_t>& shape);
  absl::Status read_constant(const FloatLayer& layer);
  absl::Status read_arithmetic(const FloatLayer& layer);
  absl::Status fold_constants(const FloatLayer& layer);
  absl::Status read_merge(const FloatLayer& layer);
  /// Add, Sub, Mul, Div by a constant.
  absl::Status read_affine(const FloatLayer& layer, bool constant_first);
  /// Holds the negatives of a type's values.
  static std::optional<FixedType> negated_type(std::optional<FixedType> type);
  absl::Status read_batch_norm(const FloatLayer& layer);
  absl::Status read_activation(const FloatLayer& layer);
  absl::Status read_clip(const FloatLayer& layer, Op op);
  /// Reshape, Transpose, Concatenate, Maximum, Minimum, Average.
  absl::Status read_plain(const FloatLayer& layer);

  absl::Status read_quantizer(const FloatLayer& layer);
  absl::Status binarise_constant(const FloatLayer& layer, const UniformQuantizer& quantizer,
                                 const ConstantTensor& input);
  /// Notes the scale (and offset) that the integers of a quantised constant still lack; none for a scale of 1.
  static absl::Status leave_scale(const FloatLayer& layer, const UniformQuantizer& quantizer, const Numbers& zero_point,
                                  ConstantTensor& out);
  absl::Status quantise_constant_tensor(const FloatLayer& layer, const UniformQuantizer& quantizer,
                                        const ConstantTensor& input);
  Op linear(const FloatLayer& layer, const std::string& name, Op* input, const FixedType& type);
  absl::Status read_step(const FloatLayer& layer, const UniformQuantizer& quantizer);
  Op* rescale(const FloatLayer& layer, Op* input, Numbers scale, Numbers bias);
  absl::Status read_rounding(const FloatLayer& layer, const UniformQuantizer& quantizer);
  /// Rounds to the incoming width, divides by 2^(incoming - outgoing width), rounds again; the scale stays (version 1)
  /// or is given (version 2).
  absl::Status read_trunc(const FloatLayer& layer, const UniformQuantizer& quantizer);

  absl::Status read_matmul(const FloatLayer& layer);
  /// Takes the scale off quantised weights, where it can be applied behind the product; else joins it to the weights.
  std::optional<Op> split_scale(const FloatLayer& layer, ConstantTensor& matrix);
  /// Scales in front of a product, the same for all elements, move behind it: W(sx) = s(Wx). hls4ml moves them too; an
  /// offset b becomes b times the column's sum.
  std::vector<Op> move_scales_behind(const ConstantTensor& matrix, Op*& source, const FloatLayer& layer);
  /// Whether a tensor still stands for this op: another layer of the file may read it, or an output be it.
  bool is_published(const Op* op) const;

  const FloatModel& source_;
  Network network_;
  std::unordered_map<std::string, Op*> dynamic_;
  std::unordered_map<std::string, ConstantTensor> constants_;
};

}  // namespace strobe::quantise::onnx
