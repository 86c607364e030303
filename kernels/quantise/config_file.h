#pragma once

#include <yaml-cpp/yaml.h>

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "kernels/model/fixed_type.h"

namespace strobe::quantise {

/// What the readers of networks', forests' and formulas' configurations share: YAML whose flaws are told by
/// "FILE:LINE: ".
class ConfigFile {
 public:
  explicit ConfigFile(std::string origin) : origin_(std::move(origin)) {}

  /// Errors: InvalidArgument where the text is not YAML.
  absl::StatusOr<YAML::Node> load(const std::string& yaml) const;

  /// InvalidArgument at the node's line.
  absl::Status error(const YAML::Node& node, const std::string& flaw) const;

  /// A finite number, plain or as a power: "0.001", "2^-10", "2**-10". `expected` is told where it is none.
  absl::StatusOr<double> number(const YAML::Node& node, const std::string& key, const std::string& expected) const;

  /// The same, above 0.
  absl::StatusOr<double> positive_number(const YAML::Node& node, const std::string& key,
                                         const std::string& expected) const;

  /// "ap_fixed<16,6,AP_RND,AP_SAT>" and the like.
  absl::StatusOr<model::FixedType> type(const YAML::Node& node, const std::string& key) const;

 private:
  std::string origin_;
};

}  // namespace strobe::quantise
