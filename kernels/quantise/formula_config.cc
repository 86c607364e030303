#include "kernels/quantise/formula_config.h"

#include <yaml-cpp/yaml.h>

#include <cmath>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace strobe::quantise {
namespace {

/// A number, or a power: "0.001", "2^-10", "2**-10".
bool parse_number(const std::string& text, double& number) {
  for (const std::string_view sign : {"**", "^"}) {
    const size_t at = text.find(sign);
    if (at == std::string::npos) continue;
    double exponent = 0;
    if (!absl::SimpleAtod(text.substr(0, at), &number) || !absl::SimpleAtod(text.substr(at + sign.size()), &exponent))
      return false;
    number = std::pow(number, exponent);
    return true;
  }
  return absl::SimpleAtod(text, &number);
}

class Reader {
 public:
  explicit Reader(const std::string& origin) : origin_(origin) {}

  absl::StatusOr<FormulaConfig> read(const std::string& yaml) {
    YAML::Node root;
    try {
      root = YAML::Load(yaml);
    } catch (const YAML::Exception& e) {
      return absl::InvalidArgumentError(absl::StrCat(origin_, ":", e.mark.line + 1, ": not YAML: ", e.msg));
    }
    if (!root.IsMap() || root.size() != 1 || !root["Formula"] || !root["Formula"].IsMap())
      return error(root, "expected one map `Formula`: a formula has no layers to configure");
    for (const auto& entry : root["Formula"]) {
      const auto key = entry.first.as<std::string>("?");
      if (absl::Status s = read_key(key, entry.second); !s.ok()) return s;
    }
    if (config_.hls4ml && !has_precision_)
      return error(root["Formula"], "Compatibility: hls4ml needs a Precision, such as ap_fixed<16,6>");
    if (!config_.hls4ml && (has_precision_ || !config_.tables.empty()))
      return error(root["Formula"], "Precision and Tables belong to Compatibility: hls4ml");
    return config_;
  }

 private:
  absl::Status error(const YAML::Node& node, const std::string& flaw) const {
    return absl::InvalidArgumentError(absl::StrCat(origin_, ":", node.Mark().line + 1, ": ", flaw));
  }

  absl::Status read_number(const std::string& key, const YAML::Node& node, double& number, bool positive) const {
    const bool good = node.IsScalar() && parse_number(node.Scalar(), number);
    if (good && std::isfinite(number) && (!positive || number > 0)) return absl::OkStatus();
    return error(
        node, absl::StrCat(key, ": expected a ", positive ? "positive " : "", "number such as 0.001 or 2^-10, found '",
                           node.IsScalar() ? node.Scalar() : "?", "'"));
  }

  absl::StatusOr<model::FixedType> read_type(const std::string& key, const YAML::Node& node) const {
    auto type = model::FixedType::parse(node.IsScalar() ? node.Scalar() : "");
    if (!type.ok()) return error(node, absl::StrCat(key, ": ", std::string(type.status().message())));
    if (type->width == 0) return error(node, absl::StrCat(key, ": a type of 0 bits holds nothing"));
    return type;
  }

  absl::Status read_key(const std::string& key, const YAML::Node& node) {
    const std::string value = node.IsScalar() ? node.Scalar() : "";
    if (key == "OutputError") {
      config_.has_output_error = true;
      return read_number(key, node, config_.output_error, true);
    }
    if (key == "StepError") return read_number(key, node, config_.step_error, true);
    if (key == "Tables") return read_tables(node);
    if (key == "Domain") {
      config_.saturate = value == "saturate";
      return value == "saturate" || value == "error"
                 ? absl::OkStatus()
                 : error(node, absl::StrCat("Domain: expected error or saturate, found '", value, "'"));
    }
    if (key == "Compatibility") {
      config_.hls4ml = value == "hls4ml";
      return config_.hls4ml ? absl::OkStatus()
                            : error(node, absl::StrCat("Compatibility: expected hls4ml, found '", value, "'"));
    }
    if (key == "OutputType" || key == "Precision") {
      auto type = read_type(key, node);
      if (!type.ok()) return type.status();
      if (key == "OutputType") {
        config_.output_type = *type;
      } else {
        config_.precision = *type;
        has_precision_ = true;
      }
      return absl::OkStatus();
    }
    return error(node, absl::StrCat("unknown key Formula.", key,
                                    "; known: OutputError, StepError, OutputType, Domain, Compatibility, Precision, "
                                    "Tables"));
  }

  /// {Size: 1024, From: -8, To: 8, sin: {Size: 512, ...}}
  absl::Status read_tables(const YAML::Node& node) {
    if (!node.IsMap()) return error(node, "Tables: expected a map");
    Hls4mlTable common;
    if (absl::Status s = read_table(node, common); !s.ok()) return s;
    config_.tables["default"] = common;
    for (const auto& entry : node) {
      if (!entry.second.IsMap()) continue;
      Hls4mlTable table = common;
      if (absl::Status s = read_table(entry.second, table); !s.ok()) return s;
      config_.tables[entry.first.as<std::string>("?")] = table;
    }
    return absl::OkStatus();
  }

  absl::Status read_table(const YAML::Node& node, Hls4mlTable& table) const {
    for (const auto& entry : node) {
      const auto key = entry.first.as<std::string>("?");
      if (entry.second.IsMap()) continue;
      double number = 0;
      if (absl::Status s = read_number("Tables." + key, entry.second, number, false); !s.ok()) return s;
      if (key == "From") {
        table.from = number;
      } else if (key == "To") {
        table.to = number;
      } else if (key == "Size" && number >= 2 && number <= (1 << 20) && number == std::floor(number)) {
        table.size = static_cast<int64_t>(number);
      } else {
        return error(entry.second, absl::StrCat("Tables.", key, ": expected Size (2 to 1048576), From or To"));
      }
    }
    if (table.from >= table.to) return error(node, "Tables: From must be below To");
    return absl::OkStatus();
  }

  const std::string& origin_;
  FormulaConfig config_;
  bool has_precision_ = false;
};

}  // namespace

absl::StatusOr<FormulaConfig> parse_formula_config(const std::string& yaml, const std::string& origin) {
  if (yaml.empty()) return FormulaConfig{};
  return Reader(origin).read(yaml);
}

}  // namespace strobe::quantise
