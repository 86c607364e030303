#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "kernels/import/float_model.h"
#include "kernels/model/graph.h"

/// A model between its file and its graph: layers in hls4ml's vocabulary and names, each with the types that it has by
/// now.
namespace strobe::quantise {

using model::FixedType;

/// A type that a layer needs: given, or (nullopt) to be inferred ("auto").
using MaybeType = std::optional<FixedType>;

/// Weights of a layer, still floating point; `type` is applied when the graph is written.
struct WeightArray {
  import::Array values;       ///< after the trained quantiser, where there is one
  import::Array unquantized;  ///< as in the file
  MaybeType type;
  bool has_quantizer = false;  ///< the type comes from the trained quantiser and is not the configuration's to change
};

/// One layer. `kind` is hls4ml's class: Input, Dense, BatchNormalization, ApplyAlpha, Activation,
/// ParametrizedActivation, HardActivation, PReLU, Softmax, TernaryTanh, BatchNormalizationQuantizedTanh, Reshape,
/// Transpose, Merge, Concatenate.
struct TypedLayer {
  std::string name;
  std::string kind;
  std::vector<std::string> inputs;                      ///< names of layers
  std::vector<int64_t> shape;                           ///< of the output, without batch
  std::map<std::string, MaybeType, std::less<>> types;  ///< "result", "accum", "weight", "bias", "scale", "table", ...
  std::map<std::string, WeightArray, std::less<>>
      weights;  ///< "weight" [n_in, n_out], "bias", "scale", "threshold", ...
  std::map<std::string, import::Setting, std::less<>>
      settings;  ///< "activation", "axis", "table_size", "reuse_factor", ...

  MaybeType type(std::string_view key) const {
    auto it = types.find(key);
    return it == types.end() ? std::nullopt : it->second;
  }
  bool wants(std::string_view key) const {  ///< has that type, and it is still to be inferred
    auto it = types.find(key);
    return it != types.end() && !it->second.has_value();
  }
  std::string text(std::string_view key, std::string_view fallback = "") const;
  int64_t integer(std::string_view key, int64_t fallback) const;
  double real(std::string_view key, double fallback) const;
  bool flag(std::string_view key, bool fallback) const;
};

/// Layers in topological order, one output each, named like the layer.
struct TypedModel {
  std::string name;
  std::vector<TypedLayer> layers;
  std::vector<std::string> outputs;  ///< names of layers
  std::map<std::string, std::string> provenance;

  TypedLayer* find(std::string_view layer_name);
  const TypedLayer* find(std::string_view layer_name) const;
  /// The layers that read `layer_name`.
  std::vector<TypedLayer*> readers(std::string_view layer_name);
  /// Takes a one-input layer out; its readers read its input.
  void remove(std::string_view layer_name);
};

}  // namespace strobe::quantise
