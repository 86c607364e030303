#include "kernels/quantise/forest_config.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <string_view>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "kernels/quantise/config_file.h"

namespace strobe::quantise {
namespace {

using model::FixedType;

constexpr double kDefaultScoreError = 0x1p-12;
/// conifer's, where its configuration names none.
constexpr FixedType kConiferPrecision = {true, 18, 8};

constexpr std::array<std::string_view, 14> kWithoutEffect = {
    "outputdir",         "projectname", "xilinxpart",   "clockperiod",     "unroll",      "fpgapart", "nthreads",
    "acceleratorconfig", "board",       "dynamicinput", "entitynamespace", "libraryname", "fpupart",  "hlsversion"};

/// "InputPrecision" and "input_precision" are one key.
std::string plain(const std::string& key) {
  std::string result;
  for (const char c : key) {
    if (c != '_' && c != '-') result += absl::ascii_tolower(c);
  }
  return result;
}

class Parser {
 public:
  Parser(const std::string& origin, ForestConfig& config) : file_(origin), config_(config) {}

  absl::Status parse(const std::string& yaml) {
    auto loaded = file_.load(yaml);
    if (!loaded.ok()) return loaded.status();
    const YAML::Node root = loaded->IsMap() && (*loaded)["Forest"] ? (*loaded)["Forest"] : *loaded;
    if (!root.IsMap()) return error(root, "expected a map with keys such as InputPrecision");
    // Compatibility and Precision first: they change the defaults of others.
    for (const bool first : {true, false}) {
      for (const auto& entry : root) {
        const auto key = entry.first.as<std::string>("?");
        const std::string name = plain(key);
        const bool is_first = name == "compatibility" || name == "precision" || name == "backend";
        if (is_first != first) continue;
        if (absl::Status s = parse_entry(entry.second, key, name); !s.ok()) return s;
      }
    }
    return check(root);
  }

 private:
  absl::Status error(const YAML::Node& node, const std::string& flaw) const { return file_.error(node, flaw); }

  absl::Status parse_entry(const YAML::Node& node, const std::string& key, const std::string& name) {
    if (std::find(kWithoutEffect.begin(), kWithoutEffect.end(), name) != kWithoutEffect.end()) {
      config_.without_effect.push_back(key);
      return absl::OkStatus();
    }
    if (!node.IsScalar()) return error(node, absl::StrCat(key, " must be a value"));
    const auto value = node.as<std::string>();
    if (name == "inputprecision") return parse_type(node, key, value, config_.input);
    if (name == "thresholdprecision") return parse_type(node, key, value, config_.threshold);
    if (name == "scoreprecision") return parse_type(node, key, value, config_.score);
    if (name == "scoreerror") return parse_error(node, key, value);
    if (name == "precision") {
      if (absl::Status s = parse_type(node, key, value, config_.input); !s.ok()) return s;
      config_.threshold = config_.score = config_.input;
      return absl::OkStatus();
    }
    return parse_choice(node, key, name, absl::AsciiStrToLower(value));
  }

  absl::Status parse_choice(const YAML::Node& node, const std::string& key, const std::string& name,
                            const std::string& value) {
    const auto choose = [&](std::string_view a, std::string_view b, bool& is_b) {
      is_b = value == b;
      if (value == a || is_b) return absl::OkStatus();
      return error(node,
                   absl::StrCat(key, ": expected ", std::string(a), " or ", std::string(b), ", found '", value, "'"));
    };
    bool second = false;
    absl::Status status;
    if (name == "compatibility") {
      status = choose("none", "conifer", config_.conifer);
    } else if (name == "output") {
      status = choose("margins", "probabilities", config_.probabilities);
    } else if (name == "sum") {
      status = choose("file_order", "balanced", second);
      config_.sum = second ? ForestConfig::Sum::kBalanced : ForestConfig::Sum::kFileOrder;
      has_sum_ = true;
    } else if (name == "backend") {  // conifer's C++ adds in file order, its HLS in a tree
      config_.sum = value == "xilinxhls" ? ForestConfig::Sum::kBalanced : ForestConfig::Sum::kFileOrder;
    } else {
      status = error(node, absl::StrCat("unknown key '", key,
                                        "'; expected InputPrecision, ThresholdPrecision, ScorePrecision, ScoreError, "
                                        "Compatibility, Sum or Output"));
    }
    return status;
  }

  absl::Status parse_type(const YAML::Node& node, const std::string& key, const std::string& value,
                          std::optional<FixedType>& type) {
    type.reset();
    if (absl::AsciiStrToLower(value) == "auto") return absl::OkStatus();
    auto parsed = file_.type(node, key);
    if (!parsed.ok()) return parsed.status();
    type = *parsed;
    return absl::OkStatus();
  }

  /// "exact", a number, or a power of two as "2^-12".
  absl::Status parse_error(const YAML::Node& node, const std::string& key, const std::string& value) {
    config_.score_error.reset();
    if (absl::AsciiStrToLower(value) == "exact") return absl::OkStatus();
    auto number = file_.positive_number(node, key, "exact, or a number above 0 such as 2^-12");
    if (!number.ok()) return number.status();
    config_.score_error = *number;
    return absl::OkStatus();
  }

  absl::Status check(const YAML::Node& root) const {
    if (has_sum_ && !config_.conifer) return error(root, "Sum needs Compatibility: conifer; else sums are exact");
    if (config_.conifer && config_.probabilities) return error(root, "Output: conifer's scores are margins");
    return absl::OkStatus();
  }

  ConfigFile file_;
  ForestConfig& config_;
  bool has_sum_ = false;
};

}  // namespace

absl::StatusOr<ForestConfig> ForestConfig::parse(const std::string& yaml, const std::string& origin) {
  ForestConfig config;
  config.score_error = kDefaultScoreError;
  if (yaml.empty()) return config;
  if (absl::Status s = Parser(origin, config).parse(yaml); !s.ok()) return s;
  if (config.conifer) {
    for (auto* type : {&config.input, &config.threshold, &config.score}) {
      if (!*type) *type = kConiferPrecision;
    }
  }
  return config;
}

}  // namespace strobe::quantise
