#include "kernels/import/qkeras_quantizer.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"

namespace strobe::import {
namespace {

using model::FixedType;
using model::Overflow;
using model::Rounding;

/// Positional parameters of each quantiser's constructor, in QKeras' order.
const std::map<std::string, std::vector<std::string>>& signatures() {
  static const std::map<std::string, std::vector<std::string>> kSignatures = {
      {"quantized_bits", {"bits", "integer", "symmetric", "keep_negative", "alpha", "use_stochastic_rounding"}},
      {"quantized_linear", {"bits", "integer", "symmetric", "keep_negative", "alpha", "use_stochastic_rounding"}},
      {"quantized_relu",
       {"bits", "integer", "use_sigmoid", "negative_slope", "use_stochastic_rounding", "relu_upper_bound"}},
      {"quantized_tanh", {"bits", "use_stochastic_rounding", "symmetric", "use_real_tanh"}},
      {"quantized_sigmoid", {"bits", "symmetric", "use_real_sigmoid", "use_stochastic_rounding"}},
      {"quantized_po2", {"bits", "max_value", "use_stochastic_rounding", "quadratic_approximation"}},
      {"quantized_relu_po2",
       {"bits", "max_value", "negative_slope", "use_stochastic_rounding", "quadratic_approximation"}},
      {"binary", {"use_01", "alpha", "use_stochastic_rounding"}},
      {"stochastic_binary", {"alpha", "temperature", "use_real_sigmoid"}},
      {"ternary", {"alpha", "threshold", "use_stochastic_rounding", "number_of_unrolls"}},
      {"stochastic_ternary", {"alpha", "threshold", "temperature", "use_real_sigmoid", "number_of_unrolls"}},
  };
  return kSignatures;
}

std::string supported() {
  std::vector<std::string> names;
  for (const auto& [name, unused] : signatures()) names.push_back(name);
  return absl::StrJoin(names, ", ");
}

/// A Python literal: number, True, False, None, quoted text.
Json python_literal(absl::string_view text) {
  text = absl::StripAsciiWhitespace(text);
  double number = 0;
  if (text == "True" || text == "False") return text == "True";
  if (text.size() >= 2 && (text.front() == '\'' || text.front() == '"'))
    return std::string(text.substr(1, text.size() - 2));
  if (absl::SimpleAtod(text, &number)) return number;
  return text == "None" ? Json() : Json(std::string(text));
}

/// "quantized_bits(6, 0, alpha=1)" as the dictionary it stands for.
absl::StatusOr<Json> expand_text(const std::string& text) {
  const size_t open = text.find('(');
  const std::string name(absl::StripAsciiWhitespace(absl::string_view(text).substr(0, open)));
  const auto signature = signatures().find(name);
  if (signature == signatures().end()) {
    return absl::UnimplementedError(absl::StrCat("quantiser '", text, "'; supported are ", supported()));
  }
  Json entry = {{"class_name", name}, {"config", Json::object()}};
  if (open == std::string::npos) return entry;
  const size_t close = text.rfind(')');
  if (close == std::string::npos || close < open) {
    return absl::InvalidArgumentError(absl::StrCat("quantiser '", text, "': expected a closing bracket"));
  }
  const absl::string_view arguments =
      absl::StripAsciiWhitespace(absl::string_view(text).substr(open + 1, close - open - 1));
  if (arguments.empty()) return entry;
  size_t position = 0;
  for (const absl::string_view argument : absl::StrSplit(arguments, ',')) {
    const std::vector<std::string> parts = absl::StrSplit(argument, absl::MaxSplits('=', 1));
    std::string key(absl::StripAsciiWhitespace(parts[0]));
    if (parts.size() == 1) {
      if (position >= signature->second.size()) {
        return absl::InvalidArgumentError(absl::StrCat("quantiser '", text, "': too many arguments"));
      }
      key = signature->second[position++];
    }
    entry["config"][key] = python_literal(parts.back());
  }
  return entry;
}

/// Sets a number that the file leaves out (or gives as null) to its default.
double number_or(UniformQuantizer* quantizer, const std::string& key, double fallback) {
  return quantizer->numbers.emplace(key, fallback).first->second;
}

absl::Status check_width(const UniformQuantizer& quantizer, double bits, double integer) {
  if (bits >= 1 && bits <= FixedType::kMaxWidth && bits == std::floor(bits) && std::fabs(integer) <= 1024 &&
      integer == std::floor(integer)) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(absl::StrCat("quantiser '", quantizer.name, "': bits ", bits, " and integer ",
                                                 integer, "; expected whole numbers, 1 to ", int{FixedType::kMaxWidth},
                                                 " bits"));
}

FixedType format(bool is_signed, double width, double integer, bool symmetric) {
  return {is_signed, static_cast<int>(width), static_cast<int>(integer), Rounding::kRndConv,
          symmetric ? Overflow::kSatSym : Overflow::kSat};
}

/// Powers of two with a sign bit: the format that holds them all exactly.
absl::Status set_power_of_two(UniformQuantizer* quantizer, bool is_relu) {
  const double bits = number_or(quantizer, "bits", 8);
  if (absl::Status s = check_width(*quantizer, bits, 0); !s.ok()) return s;
  const bool is_signed = !is_relu || number_or(quantizer, "negative_slope", 0) != 0;
  // One bit is the sign (if any), one the exponent's sign.
  const int exponent_bits = std::max(0, static_cast<int>(bits) - (is_signed ? 2 : 1));
  if (exponent_bits > 5) {
    return absl::UnimplementedError(absl::StrCat("quantiser '", quantizer->name, "': its powers of two span more than ",
                                                 int{FixedType::kMaxWidth}, " bits"));
  }
  const int low = -(1 << exponent_bits);
  int high = (1 << exponent_bits) - 1;
  if (const auto it = quantizer->numbers.find("max_value"); it != quantizer->numbers.end() && it->second > 0) {
    high = std::clamp(static_cast<int>(std::ceil(std::log2(it->second))), low, high);
  }
  const int integer = high + 1 + (is_signed ? 1 : 0);
  if (integer - low > FixedType::kMaxWidth) {
    return absl::UnimplementedError(absl::StrCat("quantiser '", quantizer->name, "': its powers of two span more than ",
                                                 int{FixedType::kMaxWidth}, " bits"));
  }
  quantizer->type = format(is_signed, integer - low, integer, false);
  return absl::OkStatus();
}

absl::Status set_format(const std::string& name, UniformQuantizer* quantizer) {
  if (name == "quantized_po2" || name == "quantized_relu_po2")
    return set_power_of_two(quantizer, name != "quantized_po2");
  if (name == "binary" || name == "stochastic_binary") {
    quantizer->kind = UniformQuantizer::Kind::kBinary;
    const bool zero_one = number_or(quantizer, "use_01", 0) != 0;
    quantizer->type = zero_one ? FixedType::ufixed(1, 1) : FixedType::fixed(2, 2);
    return absl::OkStatus();
  }
  if (name == "ternary" || name == "stochastic_ternary") {
    quantizer->kind = UniformQuantizer::Kind::kTernary;
    quantizer->type = FixedType::fixed(2, 2);
    return absl::OkStatus();
  }
  const double bits = number_or(quantizer, "bits", 8);
  const bool has_integer = name == "quantized_bits" || name == "quantized_linear" || name == "quantized_relu";
  const double integer = has_integer ? number_or(quantizer, "integer", 0) : 0;
  if (absl::Status s = check_width(*quantizer, bits, integer); !s.ok()) return s;
  const bool symmetric = number_or(quantizer, "symmetric", name == "quantized_linear" ? 1 : 0) != 0;
  if (name == "quantized_relu") {
    const bool is_signed = number_or(quantizer, "negative_slope", 0) != 0;
    quantizer->type = format(is_signed, bits, integer + (is_signed ? 1 : 0), false);
  } else if (name == "quantized_tanh") {
    number_or(quantizer, "use_real_tanh", 0);
    quantizer->type = format(true, bits, 1, symmetric);
  } else if (name == "quantized_sigmoid") {
    number_or(quantizer, "use_real_sigmoid", 0);
    quantizer->type = format(false, bits, 0, false);
  } else {
    const bool is_signed = number_or(quantizer, "keep_negative", 1) != 0;
    quantizer->type = format(is_signed, bits, integer + (is_signed ? 1 : 0), symmetric && is_signed);
  }
  return absl::OkStatus();
}

}  // namespace

bool is_qkeras_quantizer(const Json& entry) {
  if (const std::optional<std::string> text = as_text(entry)) {
    return signatures().contains(text->substr(0, text->find('('))) || text->find('(') != std::string::npos;
  }
  return entry.is_object() && signatures().contains(as_text(member(entry, "class_name")).value_or(""));
}

absl::StatusOr<std::optional<UniformQuantizer>> parse_qkeras_quantizer(const Json& entry) {
  if (entry.is_null()) return std::nullopt;
  Json expanded = entry;
  std::string shown;
  if (const std::optional<std::string> text = as_text(entry)) {
    if (*text == "linear" || text->empty()) return std::nullopt;
    absl::StatusOr<Json> parsed = expand_text(*text);
    if (!parsed.ok()) return parsed.status();
    expanded = *std::move(parsed);
    shown = *text;
  }
  const std::string name = as_text(member(expanded, "class_name")).value_or("");
  const auto signature = signatures().find(name);
  if (signature == signatures().end()) {
    return absl::UnimplementedError(absl::StrCat("quantiser '", name, "'; supported are ", supported()));
  }
  UniformQuantizer quantizer;
  quantizer.name = shown.empty() ? name : shown;
  const Json& config = member(expanded, "config");
  if (config.is_object()) {
    for (const auto& [key, value] : config.items()) {
      if (const std::optional<double> number = as_number(value)) {
        if (!std::isfinite(*number)) {
          return absl::InvalidArgumentError(absl::StrCat("quantiser '", name, "': ", key, " is not finite"));
        }
        quantizer.numbers[key] = *number;
      } else if (const std::optional<std::string> text = as_text(value)) {
        quantizer.texts[key] = *text;
      }
    }
  }
  if (absl::Status s = set_format(name, &quantizer); !s.ok()) return s;
  return quantizer;
}

std::string quantizer_activation(const UniformQuantizer& quantizer) {
  const std::string name = quantizer.name.substr(0, quantizer.name.find('('));
  const auto flag = [&](const char* key) {
    const auto it = quantizer.numbers.find(key);
    return it != quantizer.numbers.end() && it->second != 0;
  };
  if (name == "quantized_relu" || name == "quantized_relu_po2") return flag("negative_slope") ? "leaky_relu" : "relu";
  if (name == "quantized_tanh") return flag("use_real_tanh") ? "tanh" : "hard_tanh";
  if (name == "quantized_sigmoid") return flag("use_real_sigmoid") ? "sigmoid" : "hard_sigmoid";
  if (quantizer.kind == UniformQuantizer::Kind::kBinary) return "binary_tanh";
  if (quantizer.kind == UniformQuantizer::Kind::kTernary) return "ternary_tanh";
  return "linear";
}

}  // namespace strobe::import
