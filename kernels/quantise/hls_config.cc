#include "kernels/quantise/hls_config.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "kernels/quantise/config_file.h"

namespace strobe::quantise {
namespace {

std::string lower(std::string_view text) { return absl::AsciiStrToLower(std::string(text)); }

/// "TableSize" -> "table_size", "exp_table_t" unchanged.
std::string snake_case(const std::string& text) {
  std::string result;
  for (size_t i = 0; i < text.size(); ++i) {
    if (absl::ascii_isupper(text[i]) && i > 0 && !absl::ascii_isupper(text[i - 1])) result += '_';
    result += absl::ascii_tolower(text[i]);
  }
  return result;
}

const std::set<std::string> kStrategies = {"latency", "resource", "resource_unrolled", "distributed_arithmetic",
                                           "da",      "unrolled", "compressed"};
const std::set<std::string> kWithoutEffect = {"trace",
                                              "bram_factor",
                                              "trace_output",
                                              "compression",
                                              "conv_implementation",
                                              "parallelization_factor",
                                              "target_cycles",
                                              "pipeline_style",
                                              "balance_outputs",
                                              "channels_last_conversion",
                                              "transpose_outputs",
                                              "infer_no_bias"};
const std::set<std::string> kSettings = {"table_size",     "implementation", "skip",     "inv_table_size",
                                         "exp_table_size", "accum_t",        "exp_scale"};

}  // namespace

class HlsConfigParser {
 public:
  explicit HlsConfigParser(const std::string& origin) : file_(origin) { config_.origin_ = origin; }

  absl::StatusOr<HlsConfig> parse(const std::string& yaml) {
    auto loaded = file_.load(yaml);
    if (!loaded.ok()) return loaded.status();
    YAML::Node root = *loaded;
    if (root.IsMap() && root["HLSConfig"]) {
      for (const auto& entry : root) {
        const auto key = entry.first.as<std::string>("?");
        if (key != "HLSConfig") config_.without_effect_.push_back(absl::StrCat(key, instead_of(key)));
      }
      root = root["HLSConfig"];
    }
    if (!root.IsMap()) return error(root, "expected a map with Model, LayerType or LayerName");
    if (absl::Status s = parse_root(root); !s.ok()) return s;
    if (!has_default_) {
      return absl::InvalidArgumentError(
          absl::StrCat(config_.origin_,
                       ": Model.Precision is missing; expected for example `Model: {Precision: 'ap_fixed<16,6>'}`"));
    }
    return std::move(config_);
  }

 private:
  absl::Status error(const YAML::Node& node, const std::string& flaw) const { return file_.error(node, flaw); }

  absl::Status parse_root(const YAML::Node& root) {
    for (const auto& entry : root) {
      const auto key = entry.first.as<std::string>("?");
      if (key == "Model") {
        if (absl::Status s = parse_section(entry.second, "Model", config_.model_); !s.ok()) return s;
        if (auto it = config_.model_.precision.find("default"); it != config_.model_.precision.end()) {
          config_.default_ = it->second;
          has_default_ = true;
        }
        if (auto it = config_.model_.precision.find("maximum"); it != config_.model_.precision.end()) {
          config_.maximum_ = it->second.type;
        }
      } else if (key == "LayerName" || key == "LayerType") {
        if (absl::Status s = parse_layers(entry.second, key); !s.ok()) return s;
      } else if (key == "Optimizers" || key == "SkipOptimizers") {
        config_.without_effect_.push_back(key);
      } else {
        return error(entry.first, absl::StrCat("unknown key '", key, "'", instead_of(key),
                                               "; expected Model, LayerType or LayerName"));
      }
    }
    return absl::OkStatus();
  }

  /// What does here what a key of hls4ml's project settings does there.
  static std::string instead_of(const std::string& key) {
    if (key == "ClockPeriod") return " (use strobe compile --clock, in MHz)";
    if (key == "Part" || key == "Board") return " (use strobe compile --board)";
    if (key == "OutputDir") return " (use strobe compile --project)";
    return "";
  }

  absl::Status parse_layers(const YAML::Node& node, const std::string& where) {
    if (!node.IsMap()) return error(node, where + " must be a map");
    for (const auto& entry : node) {
      const auto name = entry.first.as<std::string>("?");
      auto& section = (where == "LayerName" ? config_.names_ : config_.kinds_)[lower(name)];
      if (where == "LayerName") config_.named_layers_.insert(name);
      if (absl::Status s = parse_section(entry.second, absl::StrCat(where, ".", name), section); !s.ok()) return s;
    }
    return absl::OkStatus();
  }

  absl::Status parse_section(const YAML::Node& node, const std::string& where, HlsConfig::Section& section) {
    if (!node.IsMap()) return error(node, where + " must be a map");
    for (const auto& entry : node) {
      const auto key = entry.first.as<std::string>("?");
      const std::string snake = snake_case(key);
      if (snake == "precision") {
        if (absl::Status s = parse_precision(entry.second, where, section); !s.ok()) return s;
        continue;
      }
      if (!entry.second.IsScalar() && !kWithoutEffect.contains(snake))
        return error(entry.second, absl::StrCat(where, ".", key, " must be a value"));
      const std::string value = entry.second.IsScalar() ? entry.second.as<std::string>() : "";
      if (absl::Status s = parse_value(entry.second, where, key, snake, value, section); !s.ok()) return s;
    }
    return absl::OkStatus();
  }

  absl::Status parse_value(const YAML::Node& node, const std::string& where, const std::string& key,
                           const std::string& snake, const std::string& value, HlsConfig::Section& section) {
    int64_t number = 0;
    const bool is_number = absl::SimpleAtoi(value, &number);
    if (snake == "reuse_factor") {
      if (!is_number || number < 1)
        return error(node, absl::StrCat(where, ".", key, ": expected a whole number from 1 on, found '", value, "'"));
      section.reuse_factor = number;
    } else if (snake == "strategy") {
      const std::string strategy = snake_case(value);
      if (!kStrategies.contains(strategy)) {
        return error(node, absl::StrCat(where, ".", key, ": '", value,
                                        "' is not Latency, Resource, Resource_unrolled or distributed_arithmetic"));
      }
      section.strategy = strategy == "da" ? "distributed_arithmetic" : strategy;
    } else if (snake.ends_with("table_size")) {
      if (!is_number || number < 2 || number > (1 << 24) || (number & (number - 1)) != 0) {
        return error(
            node, absl::StrCat(where, ".", key, ": expected a power of two from 2 to 16777216, found '", value, "'"));
      }
      section.settings[snake] = value;
      if (snake != "table_size") note_softmax_setting(where, key, snake);
    } else if (snake.ends_with("_t")) {
      auto entry = parse_type(node, absl::StrCat(where, ".", key), value);
      if (!entry.ok()) return entry.status();
      section.precision[snake.substr(0, snake.size() - 2)] = *entry;
    } else if (snake == "exp_scale") {
      double scale = 0;
      if (!absl::SimpleAtod(value, &scale) || !std::isfinite(scale))
        return error(node, absl::StrCat(where, ".", key, ": expected a number, found '", value, "'"));
      section.settings[snake] = value;
      note_softmax_setting(where, key, snake);
    } else if (kSettings.contains(snake)) {
      section.settings[snake] = lower(value);
    } else if (kWithoutEffect.contains(snake)) {
      config_.without_effect_.push_back(absl::StrCat(where, ".", key));
    } else {
      return error(node, absl::StrCat(where, ": unknown key '", key, "'"));
    }
    return absl::OkStatus();
  }

  void note_softmax_setting(const std::string& where, const std::string& key, const std::string& snake) {
    HlsConfig::SoftmaxSetting setting{absl::StrCat(where, ".", key), snake, "", ""};
    const size_t dot = where.find('.');
    if (where.starts_with("LayerName.")) setting.layer = lower(where.substr(dot + 1));
    if (where.starts_with("LayerType.")) setting.kind = lower(where.substr(dot + 1));
    config_.softmax_settings_.push_back(std::move(setting));
  }

  absl::StatusOr<PrecisionEntry> parse_type(const YAML::Node& node, const std::string& where, const std::string& text) {
    if (lower(text) == "auto") return PrecisionEntry{true, {}};
    auto type = file_.type(node, where);
    if (!type.ok()) return type.status();
    return PrecisionEntry{false, *type};
  }

  absl::Status parse_precision(const YAML::Node& node, const std::string& where, HlsConfig::Section& section) {
    const std::string object = where + ".Precision";
    if (node.IsScalar()) {
      auto entry = parse_type(node, object, node.as<std::string>());
      if (!entry.ok()) return entry.status();
      section.precision["default"] = *entry;
      return absl::OkStatus();
    }
    if (!node.IsMap()) return error(node, object + " must be a type or a map of types");
    for (const auto& item : node) {
      const auto variable = item.first.as<std::string>("?");
      if (!item.second.IsScalar()) return error(item.second, absl::StrCat(object, ".", variable, " must be a type"));
      auto entry = parse_type(item.second, absl::StrCat(object, ".", variable), item.second.as<std::string>());
      if (!entry.ok()) return entry.status();
      section.precision[variable] = *entry;
    }
    return absl::OkStatus();
  }

  ConfigFile file_;
  HlsConfig config_;
  bool has_default_ = false;
};

absl::StatusOr<HlsConfig> HlsConfig::parse(const std::string& yaml, const std::string& origin) {
  return HlsConfigParser(origin).parse(yaml);
}

const HlsConfig::Section* HlsConfig::by_name(std::string_view layer) const {
  auto it = names_.find(lower(layer));
  return it == names_.end() ? nullptr : &it->second;
}

const HlsConfig::Section* HlsConfig::by_kind(std::string_view kind) const {
  auto it = kinds_.find(lower(kind));
  return it == kinds_.end() ? nullptr : &it->second;
}

void HlsConfig::inherit(std::string_view source, std::string_view heir) {
  if (const Section* section = by_name(source)) names_.try_emplace(lower(heir), *section);
}

PrecisionEntry HlsConfig::precision(std::string_view layer, std::string_view kind, std::string_view variable) const {
  for (const Section* section : {by_name(layer), by_kind(kind), &model_}) {
    if (section == nullptr) continue;
    for (const std::string_view key : {variable, std::string_view("default")}) {
      if (auto it = section->precision.find(key); it != section->precision.end()) return it->second;
    }
  }
  return default_;
}

std::optional<PrecisionEntry> HlsConfig::explicit_precision(std::string_view layer, std::string_view kind,
                                                            std::string_view variable) const {
  for (const Section* section : {by_name(layer), by_kind(kind)}) {
    if (section == nullptr) continue;
    if (auto it = section->precision.find(variable); it != section->precision.end()) return it->second;
  }
  return std::nullopt;
}

std::optional<std::string> HlsConfig::setting(std::string_view layer, std::string_view kind,
                                              std::string_view key) const {
  for (const Section* section : {by_name(layer), by_kind(kind), &model_}) {
    if (section == nullptr) continue;
    if (auto it = section->settings.find(key); it != section->settings.end()) return it->second;
  }
  return std::nullopt;
}

int64_t HlsConfig::reuse_factor(std::string_view layer, std::string_view kind) const {
  for (const Section* section : {by_name(layer), by_kind(kind), &model_}) {
    if (section != nullptr && section->reuse_factor) return *section->reuse_factor;
  }
  return 1;
}

std::string HlsConfig::strategy(std::string_view layer, std::string_view kind) const {
  for (const Section* section : {by_name(layer), by_kind(kind), &model_}) {
    if (section != nullptr && section->strategy) return *section->strategy;
  }
  return "latency";
}

}  // namespace strobe::quantise
