#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "kernels/quantise/typed_model.h"

namespace strobe::quantise {

/// A precision as a configuration gives it: a type, or "auto".
struct PrecisionEntry {
  bool is_auto = false;
  FixedType type;
  MaybeType maybe() const { return is_auto ? std::nullopt : MaybeType(type); }
};

/// hls4ml's configuration: `Model:`, `LayerType:`, `LayerName:`, bare or under `HLSConfig:`.
class HlsConfig {
 public:
  /// Reads YAML. Errors: InvalidArgument with `origin`, line and key for a malformed file, an unknown key, an
  /// impossible type, reuse factor, table size or strategy.
  static absl::StatusOr<HlsConfig> parse(const std::string& yaml, const std::string& origin);

  /// The precision of a layer's variable ("result", "weight"...): by name, then by kind, then the model's. hls4ml
  /// compares names without case.
  PrecisionEntry precision(std::string_view layer, std::string_view kind, std::string_view variable) const;
  /// The same, only where it is given for that very variable of the layer or of its kind.
  std::optional<PrecisionEntry> explicit_precision(std::string_view layer, std::string_view kind,
                                                   std::string_view variable) const;
  /// A further setting of a layer in snake case ("table_size", "implementation", "skip"), as text.
  std::optional<std::string> setting(std::string_view layer, std::string_view kind, std::string_view key) const;
  int64_t reuse_factor(std::string_view layer, std::string_view kind) const;
  std::string strategy(std::string_view layer, std::string_view kind) const;  ///< "latency", "resource", ...
  /// Gives layer `heir` the LayerName section of `source`, where it has none of its own: a layer made of another by a
  /// pass.
  void inherit(std::string_view source, std::string_view heir);
  PrecisionEntry default_precision() const { return default_; }
  std::optional<FixedType> maximum_precision() const { return maximum_; }

  /// Accepted keys that change nothing here: "Model.BramFactor", "LayerName.fc1.Trace".
  const std::vector<std::string>& without_effect() const { return without_effect_; }
  /// A setting that only some layers follow ("exp_table_size", "inv_table_size", "exp_scale"), where it is given.
  struct SoftmaxSetting {
    std::string where;  ///< "LayerName.scores.ExpScale"
    std::string key;
    std::string layer, kind;  ///< which it is for, in lower case; both empty: all
  };
  const std::vector<SoftmaxSetting>& softmax_settings() const { return softmax_settings_; }
  /// Every layer that LayerName names.
  const std::set<std::string>& named_layers() const { return named_layers_; }
  const std::string& origin() const { return origin_; }

 private:
  friend class HlsConfigParser;
  struct Section {
    std::map<std::string, PrecisionEntry, std::less<>> precision;  ///< by variable; "default" for a bare type
    std::map<std::string, std::string, std::less<>> settings;
    std::optional<int64_t> reuse_factor;
    std::optional<std::string> strategy;
  };
  const Section* by_name(std::string_view layer) const;
  const Section* by_kind(std::string_view kind) const;

  std::string origin_;
  PrecisionEntry default_;
  std::optional<FixedType> maximum_;
  Section model_;
  std::map<std::string, Section, std::less<>> names_, kinds_;  ///< keys in lower case
  std::set<std::string> named_layers_;
  std::vector<std::string> without_effect_;
  std::vector<SoftmaxSetting> softmax_settings_;
};

}  // namespace strobe::quantise
