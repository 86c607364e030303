#include "kernels/compile/prepare.h"

#include <openssl/evp.h>

#include <array>
#include <filesystem>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "kernels/hls/names.h"
#include "kernels/import/formula_file.h"
#include "kernels/layers/forest_engine/forest_engine.h"
#include "platform/files/file.h"
#include "platform/process/stopwatch.h"

namespace strobe::compile {
namespace {

std::string sha256_text(const std::string& bytes) {
  std::array<unsigned char, 32> digest{};
  unsigned int size = 0;
  EVP_Digest(bytes.data(), bytes.size(), digest.data(), &size, EVP_sha256(), nullptr);
  return absl::BytesToHexString(absl::string_view(reinterpret_cast<const char*>(digest.data()), size));
}

/// The weight file beside the model: the one that was named, or that the importer found by itself. Empty: none.
std::string weights_path(const ModelOptions& options, const import::FloatModel& source) {
  if (!options.weights.empty()) return options.weights;
  const auto found = source.provenance.find("weights_file");
  if (found == source.provenance.end()) return "";
  return (std::filesystem::path(options.path).parent_path() / found->second).string();
}

/// A file's bytes; of a folder of formulas, those of its files in their order.
absl::StatusOr<std::string> content_of(const std::string& path) {
  auto paths = import::hall_of_fame_files(path);
  if (!paths.ok()) return paths.status();
  std::string content;
  for (const std::string& file : *paths) {
    auto bytes = files::read_file(file);
    if (!bytes.ok()) return bytes.status();
    content += *bytes;
  }
  return content;
}

/// Says in the graph what it was made of.
absl::StatusOr<model::Graph> with_provenance(const model::Graph& graph, const import::FloatModel& source,
                                             const ModelOptions& options) {
  model::GraphBuilder builder(graph);
  for (const auto& [key, path] :
       {std::pair("sha256", options.path), std::pair("weights_sha256", weights_path(options, source)),
        std::pair("config_sha256", options.config)}) {
    if (path.empty()) continue;
    auto bytes = content_of(path);
    if (!bytes.ok()) return bytes.status();
    builder.set_provenance(key, sha256_text(*bytes));
  }
  if (options.input_type) builder.set_provenance("input_type", options.input_type->to_string());
  if (options.weight_bits) builder.set_provenance("weight_bits", absl::StrCat(*options.weight_bits));
  if (options.score_type) builder.set_provenance("score_type", options.score_type->to_string());
  return std::move(builder).build();
}

/// What the kernel will be called, whatever the user or the model file call it.
std::string kernel_name(const std::string& wish) {
  std::string name;
  for (const char c : wish) name += absl::ascii_isalnum(c) ? c : '_';
  if (name.empty() || absl::ascii_isdigit(name[0])) name = "model_" + name;
  return hls::kernel_identifier(name.substr(0, 48));
}

/// A name that was asked for and cannot be given is worth a word.
void warn_of_name(const std::string& wish, const std::string& name, std::vector<std::string>& warnings) {
  if (wish.empty() || wish == name) return;
  warnings.push_back(
      absl::StrCat("'", wish, "' is no name that generated C++ can take; the kernel is called '", name, "'"));
}

}  // namespace

absl::StatusOr<quantise::QuantiseOptions> quantise_options(const ModelOptions& options) {
  quantise::QuantiseOptions settings;
  settings.input_type = options.input_type;
  settings.weight_bits = options.weight_bits;
  settings.score_type = options.score_type;
  settings.config_origin = options.config;
  if (options.config.empty()) return settings;
  auto text = files::read_file(options.config);
  if (!text.ok()) return text.status();
  settings.config = *std::move(text);
  if (settings.config.find_first_not_of(" \t\r\n") == std::string::npos) {
    return absl::InvalidArgumentError(
        absl::StrCat(options.config, ": is empty; expected a configuration with Model, LayerType or LayerName"));
  }
  return settings;
}

absl::StatusOr<PreparedModel> prepare(const ModelOptions& options) {
  process::Stopwatch watch;
  if (options.engine) {
    const std::string name = kernel_name(options.name.empty() ? "forest_engine" : options.name);
    auto graph = layers::engine_graph(name, *options.engine);
    if (!graph.ok()) return graph.status();
    PreparedModel engine{name, std::nullopt, *std::move(graph), {}, {}, 0, watch.lap()};
    warn_of_name(options.name, name, engine.warnings);
    return engine;
  }
  auto source = import::import_model(options.path, {options.weights, options.formula_choice, options.formula_inputs});
  if (!source.ok()) return source.status();
  const double import_seconds = watch.lap();
  auto settings = quantise_options(options);
  if (!settings.ok()) return settings.status();
  auto result = quantise::quantise(*source, *settings);
  if (!result.ok()) return result.status();
  auto graph = with_provenance(result->graph, *source, options);
  if (!graph.ok()) return graph.status();
  std::string name = kernel_name(options.name.empty() ? graph->name() : options.name);
  warn_of_name(options.name, name, result->warnings);
  return PreparedModel{std::move(name),
                       *std::move(source),
                       *std::move(graph),
                       std::move(result->warnings),
                       std::move(result->without_effect),
                       import_seconds,
                       watch.lap()};
}

}  // namespace strobe::compile
