#pragma once

#include <list>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "kernels/import/float_model.h"
#include "kernels/quantise/hls_config.h"

/// Working form of the ONNX passes: what onnx_parse.cc makes of the file and onnx_fuse.cc rewrites.
namespace strobe::quantise::onnx {

using model::FixedType;

/// Numbers with the arithmetic that numpy would do on them: hls4ml folds parameters in it, and a rounded fold shows in
/// bits.
struct Numbers {
  enum class Kind { kInteger, kFloat, kDouble };
  std::vector<int64_t> shape;  ///< empty: one number
  std::vector<double> data;
  Kind kind = Kind::kFloat;

  static Numbers of(double value, Kind kind) { return {{}, {value}, kind}; }
  static Numbers of(const import::Array& array) { return {array.shape, array.data, Kind::kFloat}; }
  bool all(double value) const;
  bool is_uniform() const;  ///< one value throughout
};

/// Elementwise, on equal counts or with one number on either side; floats stay floats, mixed kinds become doubles.
Numbers add(const Numbers& a, const Numbers& b);
Numbers multiply(const Numbers& a, const Numbers& b);
Numbers negate(Numbers a);
Numbers reciprocal(Numbers a);

/// Repeats `a` to `shape` (no batch axis) by numpy's rules, leading axes of 1 in `a` allowed. Empty: it does not fit.
std::optional<Numbers> expand(const Numbers& a, const std::vector<int64_t>& shape);
/// One value a channel (last axis), where all rows are alike; else as it was.
Numbers per_channel(const Numbers& a, int64_t channels);

/// A layer's weights or factors.
struct Parameter {
  Numbers plain;                       ///< before the trained quantiser, or what folding made
  Numbers value;                       ///< behind it
  std::optional<FixedType> quantizer;  ///< the trained quantiser's type
  std::optional<FixedType> precision;  ///< a type that hls4ml sets by itself: ap_uint<1> for a factor of 1
};

struct Op {
  std::string name;
  std::string kind;  ///< as TypedLayer::kind
  std::vector<Op*> inputs;
  std::vector<int64_t> shape;
  std::map<std::string, Parameter, std::less<>> parameters;
  std::map<std::string, import::Setting, std::less<>> settings;
  std::optional<FixedType> result;                    ///< fixed by a quantiser
  std::optional<FixedType> quantizer;                 ///< a linear activation's trained type
  bool trained_weight = false, trained_bias = false;  ///< of a Dense: what the file says, whatever was folded since

  bool is_affine() const { return kind == "BatchNormalization" || kind == "ApplyAlpha"; }
  bool is_linear() const;
  const Parameter& parameter(std::string_view key) const { return parameters.find(key)->second; }
};

/// Ops in topological order.
struct Network {
  std::list<Op> ops;
  std::vector<Op*> outputs;
  HlsConfig config;  ///< with the names that new layers inherit

  std::vector<Op*> readers(const Op* op);
  bool is_output(const Op* op) const;
  /// Only `reader` uses the result.
  bool feeds_only(const Op* op, const Op* reader);
  /// Takes a one-input op out; what read it reads its input.
  void remove(Op* op);
  /// Whether the result type is still to be inferred.
  bool is_open(const Op* op) const;
  /// True with strobe's own rules, where no configuration is given.
  bool own_rules() const { return config.default_precision().is_auto; }
};

/// File to ops. Errors as type_onnx_layers.
absl::StatusOr<Network> parse(const import::FloatModel& model, const HlsConfig& config);

/// Joins affine layers, folds them into Dense, lets layers take over the type of a quantiser behind them.
void fuse(Network& network);

/// The fixed-point type that a QONNX quantiser of these settings stands for, `exponent` the power of two of its scale.
/// Errors: Unimplemented for rounding or ranges that no fixed-point type has.
absl::StatusOr<FixedType> fixed_type_of(const import::UniformQuantizer& quantizer, int exponent,
                                        const std::string& layer);

/// QONNX's quantiser on constants: integers before `(q - zero_point) * scale`.
Numbers quantise_constant(const import::UniformQuantizer& quantizer, const Numbers& scaled);

}  // namespace strobe::quantise::onnx
