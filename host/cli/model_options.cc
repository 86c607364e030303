#include "host/cli/model_options.h"

#include <algorithm>
#include <filesystem>
#include <functional>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace strobe::cli {
namespace {

using compile::ModelOptions;
using Models = std::vector<ModelOptions>;

struct NamedValue {
  std::string name;  ///< empty: none
  std::string value;
};

/// "NAME=VALUE" taken apart. A name is an identifier, so "./a=b.h5" has none.
NamedValue split(const std::string& word) {
  const size_t equals = word.find('=');
  const std::string name = word.substr(0, equals);
  const bool is_name = equals != std::string::npos && !name.empty() && !absl::ascii_isdigit(name[0]) &&
                       std::all_of(name.begin(), name.end(), [](char c) { return absl::ascii_isalnum(c) || c == '_'; });
  return is_name ? NamedValue{name, word.substr(equals + 1)} : NamedValue{"", word};
}

/// A choice of --select that has a '=' of its own.
bool is_choice(const std::string& word) {
  return absl::StartsWith(word, "complexity=") || absl::StartsWith(word, "number=");
}

std::string names_of(const Models& models) {
  std::string list;
  for (const ModelOptions& model : models) {
    if (!model.name.empty()) absl::StrAppend(&list, list.empty() ? "" : ", ", model.name);
  }
  return list;
}

absl::Status unknown_name(const std::string& option, const std::string& name, const Models& models) {
  const std::string names = names_of(models);
  return absl::InvalidArgumentError(absl::StrCat(option, " ", name, "=...: no model was given as ", name, "=FILE",
                                                 names.empty() ? "" : absl::StrCat("; named are ", names)));
}

/// Hands the values of one option to the models: those for all first, those for one over them.
absl::Status assign(const std::string& option, const std::vector<std::string>& words, Models& models,
                    const std::function<absl::Status(ModelOptions&, const std::string&)>& set) {
  std::vector<NamedValue> values;
  for (const std::string& word : words) {
    NamedValue value = is_choice(word) ? NamedValue{"", word} : split(word);
    if (value.value.empty()) return absl::InvalidArgumentError(absl::StrCat(option, " '", word, "': has no value"));
    const auto same = [&](const NamedValue& other) { return other.name == value.name; };
    if (std::any_of(values.begin(), values.end(), same)) {
      return absl::InvalidArgumentError(absl::StrCat(
          option, ": given twice for ", value.name.empty() ? "all models" : absl::StrCat("model '", value.name, "'")));
    }
    values.push_back(std::move(value));
  }
  std::stable_partition(values.begin(), values.end(), [](const NamedValue& value) { return value.name.empty(); });
  for (const NamedValue& value : values) {
    bool used = false;
    for (ModelOptions& model : models) {
      if (!value.name.empty() && model.name != value.name) continue;
      used = true;
      if (absl::Status s = set(model, value.value); !s.ok()) return s;
    }
    if (!used) return unknown_name(option, value.name, models);
  }
  return absl::OkStatus();
}

/// A word that has no name, but looks as if it should have one: what comes behind its '=' is there, itself it is not.
bool has_bad_name(const std::string& word) {
  std::error_code ignored;
  const size_t equals = word.find('=');
  return equals != std::string::npos && !std::filesystem::exists(word, ignored) &&
         std::filesystem::exists(word.substr(equals + 1), ignored);
}

absl::StatusOr<Models> named_models(const ModelWords& words) {
  Models models;
  for (const std::string& word : words.models) {
    auto [name, path] = split(word);
    if (path.empty()) return absl::InvalidArgumentError(absl::StrCat("MODEL '", word, "': names no file"));
    if (name.empty() && has_bad_name(word)) {
      return absl::InvalidArgumentError(
          absl::StrCat("MODEL '", word, "': '", word.substr(0, word.find('=')),
                       "' is no name; expected NAME=FILE, a name of letters, digits and '_' that begins with a letter "
                       "or '_'"));
    }
    const auto same = [&](const ModelOptions& other) { return !name.empty() && other.name == name; };
    if (std::any_of(models.begin(), models.end(), same))
      return absl::InvalidArgumentError(absl::StrCat("two models are named '", name, "'"));
    ModelOptions& model = models.emplace_back();
    model.path = path;
    model.name = name;
  }
  if (words.engine) {
    ModelOptions& engine = models.emplace_back();
    engine.engine = words.engine;
    engine.name = models.size() == 1 && !words.name.empty() ? words.name : "forest_engine";
    if (models.size() == 1) return models;
  }
  if (models.empty()) return absl::InvalidArgumentError("nothing to compile: name a MODEL, or --engine");
  if (words.name.empty()) return models;
  if (models.size() > 1) return absl::InvalidArgumentError("--name: is for one model; several are named as NAME=FILE");
  if (!models[0].name.empty())
    return absl::InvalidArgumentError(
        absl::StrCat("--name ", words.name, ": the model is named ", models[0].name, " already"));
  models[0].name = words.name;
  return models;
}

auto set_type(const char* option, std::optional<model::FixedType> ModelOptions::*member) {
  return [option, member](ModelOptions& model, const std::string& text) {
    auto type = model::FixedType::parse(text);
    if (!type.ok()) return absl::InvalidArgumentError(absl::StrCat(option, ": ", type.status().message()));
    model.*member = *type;
    return absl::OkStatus();
  };
}

absl::Status set_weight_bits(ModelOptions& model, const std::string& text) {
  int bits = 0;
  if (!absl::SimpleAtoi(text, &bits))
    return absl::InvalidArgumentError(absl::StrCat("--weight-bits: expected a number of bits, found '", text, "'"));
  model.weight_bits = bits;
  return absl::OkStatus();
}

absl::Status set_compute_units(ModelOptions& model, const std::string& text) {
  int units = 0;
  if (!absl::SimpleAtoi(text, &units) || units < 1 || units > kMostComputeUnits)
    return absl::InvalidArgumentError(
        absl::StrCat("--compute-units: expected a number from 1 to ", kMostComputeUnits, ", found '", text, "'"));
  model.compute_units = units;
  return absl::OkStatus();
}

auto set_text(std::string ModelOptions::*member) {
  return [member](ModelOptions& model, const std::string& text) {
    model.*member = text;
    return absl::OkStatus();
  };
}

}  // namespace

absl::StatusOr<Models> model_options(const ModelWords& words) {
  auto models = named_models(words);
  if (!models.ok()) return models.status();
  absl::Status status = assign("--weights", words.weights, *models, set_text(&ModelOptions::weights));
  status.Update(assign("--config", words.configs, *models, set_text(&ModelOptions::config)));
  status.Update(
      assign("--input-type", words.input_types, *models, set_type("--input-type", &ModelOptions::input_type)));
  status.Update(assign("--weight-bits", words.weight_bits, *models, set_weight_bits));
  status.Update(
      assign("--score-type", words.score_types, *models, set_type("--score-type", &ModelOptions::score_type)));
  status.Update(assign("--select", words.formula_choices, *models, set_text(&ModelOptions::formula_choice)));
  status.Update(assign("--inputs", words.formula_inputs, *models, set_text(&ModelOptions::formula_inputs)));
  status.Update(assign("--compute-units", words.compute_units, *models, set_compute_units));
  if (!status.ok()) return status;
  return models;
}

}  // namespace strobe::cli
