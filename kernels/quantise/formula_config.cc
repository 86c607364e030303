#include "kernels/quantise/formula_config.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "kernels/quantise/config_file.h"

namespace strobe::quantise {
namespace {

constexpr const char* kPositive = "a positive number such as 0.001 or 2^-10";

using Names = std::vector<std::string>;

/// "pt, met, dphi", the first twenty.
std::string list_of(const Names& names) {
  std::string list;
  for (size_t i = 0; i < std::min<size_t>(names.size(), 20); ++i) absl::StrAppend(&list, i == 0 ? "" : ", ", names[i]);
  return names.size() > 20 ? list + ", ..." : list;
}

class Reader {
 public:
  Reader(const std::string& origin, const Names& inputs, const Names& outputs)
      : file_(origin), inputs_(inputs), outputs_(outputs) {}

  absl::StatusOr<FormulaConfig> read(const std::string& yaml) {
    auto root = file_.load(yaml);
    if (!root.ok()) return root.status();
    if (!root->IsMap() || root->size() != 1 || !(*root)["Formula"] || !(*root)["Formula"].IsMap())
      return file_.error(*root, "expected one map `Formula`: a formula has no layers to configure");
    const YAML::Node section = (*root)["Formula"];
    for (const auto& entry : section) {
      const auto key = entry.first.as<std::string>("?");
      if (absl::Status s = read_key(key, entry.second); !s.ok()) return s;
    }
    if (config_.hls4ml && !has_precision_)
      return file_.error(section, "Compatibility: hls4ml needs a Precision, such as ap_fixed<16,6>");
    if (!config_.hls4ml && (has_precision_ || !config_.tables.empty()))
      return file_.error(section, "Precision and Tables belong to Compatibility: hls4ml");
    if (config_.hls4ml && (config_.input_type.all || !config_.input_type.named.empty()))
      return file_.error(section, "Compatibility: hls4ml has one Precision, no InputPrecision");
    return config_;
  }

 private:
  absl::Status read_key(const std::string& key, const YAML::Node& node) {
    const std::string value = node.IsScalar() ? node.Scalar() : "";
    const auto error = [&](const YAML::Node& at, const std::string& name) {
      return file_.positive_number(at, name, kPositive);
    };
    const auto type = [&](const YAML::Node& at, const std::string& name) { return read_type(name, at); };
    if (key == "OutputError") return read_by_name(key, node, "output", outputs_, error, config_.output_error);
    if (key == "OutputType") return read_by_name(key, node, "output", outputs_, type, config_.output_type);
    if (key == "InputPrecision") return read_by_name(key, node, "input", inputs_, type, config_.input_type);
    if (key == "StepError") return give(error(node, key), config_.step_error);
    if (key == "Tables") return read_tables(node);
    if (key == "Domain") {
      config_.saturate = value == "saturate";
      return value == "saturate" || value == "error"
                 ? absl::OkStatus()
                 : file_.error(node, absl::StrCat("Domain: expected error or saturate, found '", value, "'"));
    }
    if (key == "Compatibility") {
      config_.hls4ml = value == "hls4ml";
      return config_.hls4ml ? absl::OkStatus()
                            : file_.error(node, absl::StrCat("Compatibility: expected hls4ml, found '", value, "'"));
    }
    if (key == "Precision") {
      has_precision_ = true;
      return give(type(node, key), config_.precision);
    }
    return file_.error(node, absl::StrCat("unknown key Formula.", key,
                                          "; known: InputPrecision, OutputError, StepError, OutputType, Domain, "
                                          "Compatibility, Precision, Tables"));
  }

  template <typename T>
  static absl::Status give(const absl::StatusOr<T>& found, T& target) {
    if (found.ok()) target = *found;
    return found.status();
  }

  absl::StatusOr<model::FixedType> read_type(const std::string& key, const YAML::Node& node) const {
    auto type = file_.type(node, key);
    if (type.ok() && type->width == 0) return file_.error(node, absl::StrCat(key, ": a type of 0 bits holds nothing"));
    return type;
  }

  /// One value for all, or a map of values by the names of inputs or outputs (`what`).
  template <typename T, typename Read>
  absl::Status read_by_name(const std::string& key, const YAML::Node& node, const char* what, const Names& names,
                            Read read, ByName<T>& target) {
    if (!node.IsMap()) return give<std::optional<T>>(read(node, key), target.all);
    for (const auto& entry : node) {
      const auto name = entry.first.as<std::string>("?");
      ByName<bool> known;
      known.named[name] = true;
      if (std::none_of(names.begin(), names.end(), [&](const std::string& n) { return known.of(n).has_value(); })) {
        return file_.error(entry.first, absl::StrCat(key, ": the formula has no ", what, " '", name, "'; its ", what,
                                                     "s: ", list_of(names)));
      }
      if (absl::Status s = give(read(entry.second, absl::StrCat(key, ".", name)), target.named[name]); !s.ok())
        return s;
    }
    return absl::OkStatus();
  }

  /// {Size: 1024, From: -8, To: 8, sin: {Size: 512, ...}}
  absl::Status read_tables(const YAML::Node& node) {
    if (!node.IsMap()) return file_.error(node, "Tables: expected a map");
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
      auto number = file_.number(entry.second, "Tables." + key, "a number such as 8");
      if (!number.ok()) return number.status();
      if (key == "From") {
        table.from = *number;
      } else if (key == "To") {
        table.to = *number;
      } else if (key == "Size" && *number >= 2 && *number <= (1 << 20) && *number == std::floor(*number)) {
        table.size = static_cast<int64_t>(*number);
      } else {
        return file_.error(entry.second, absl::StrCat("Tables.", key, ": expected Size (2 to 1048576), From or To"));
      }
    }
    if (table.from >= table.to) return file_.error(node, "Tables: From must be below To");
    return absl::OkStatus();
  }

  ConfigFile file_;
  const Names& inputs_;
  const Names& outputs_;
  FormulaConfig config_;
  bool has_precision_ = false;
};

}  // namespace

absl::StatusOr<FormulaConfig> parse_formula_config(const std::string& yaml, const std::string& origin,
                                                   const std::vector<std::string>& inputs,
                                                   const std::vector<std::string>& outputs) {
  if (yaml.empty()) return FormulaConfig{};
  return Reader(origin, inputs, outputs).read(yaml);
}

}  // namespace strobe::quantise
