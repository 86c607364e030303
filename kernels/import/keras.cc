#include "kernels/import/keras.h"

#include <algorithm>
#include <map>
#include <span>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "kernels/import/keras_config.h"
#include "kernels/import/keras_layers.h"
#include "kernels/import/keras_weights.h"
#include "platform/files/file.h"
#include "platform/files/zip.h"

namespace strobe::import {
namespace {

/// Larger layers than this are damaged configurations.
constexpr int64_t kMaxTensorElements = int64_t{1} << 30;

absl::StatusOr<std::vector<std::vector<int64_t>>> input_shapes(const KerasLayer& layer,
                                                               const std::map<std::string, FloatTensor>& tensors) {
  std::vector<std::vector<int64_t>> shapes;
  for (const std::string& producer : layer.inputs) shapes.push_back(tensors.at(producer).shape);
  return shapes;
}

int64_t capped_elements(const std::vector<int64_t>& shape) {
  int64_t count = 1;
  for (const int64_t extent : shape) {
    if (extent > kMaxTensorElements / count) return kMaxTensorElements + 1;
    count *= std::max<int64_t>(extent, 1);
  }
  return count;
}

/// Converts every layer of the configuration.
absl::StatusOr<FloatModel> build(const Json& config, const KerasWeights& weights, bool keras3,
                                 const std::string& name) {
  absl::StatusOr<KerasNetwork> network = parse_keras_network(config, name);
  if (!network.ok()) return network.status();
  FloatModel model;
  model.name = network->name;
  model.framework = keras3 ? "keras3" : "keras2";
  std::map<std::string, FloatTensor> tensors;
  for (const KerasLayer& source : network->layers) {
    absl::StatusOr<std::vector<std::vector<int64_t>>> shapes = input_shapes(source, tensors);
    if (!shapes.ok()) return shapes.status();
    FloatLayer layer;
    layer.name = source.name;
    layer.class_name = source.class_name;
    layer.inputs = source.inputs;
    layer.outputs = {source.name};
    LayerContext context{source, weights, *std::move(shapes), keras3, layer};
    if (absl::Status s = convert_keras_layer(context); !s.ok()) {
      return absl::Status(s.code(), absl::StrCat("'", name, "': ", s.message()));
    }
    if (capped_elements(context.output) > kMaxTensorElements) {
      return absl::UnimplementedError(
          absl::StrCat("'", name, "': layer '", source.name, "' gives more than 2^30 elements"));
    }
    tensors[source.name] = {source.name, std::move(context.output)};
    for (FloatLayer& extra : context.before) model.layers.push_back(std::move(extra));
    model.layers.push_back(std::move(layer));
    for (FloatLayer& extra : context.after) model.layers.push_back(std::move(extra));
  }
  for (const std::string& input : network->inputs) model.inputs.push_back(tensors.at(input));
  for (const std::string& output : network->outputs) model.outputs.push_back(tensors.at(output));
  model.provenance["file"] = name.substr(name.rfind('/') + 1);
  if (!network->version.empty()) model.provenance["keras_version"] = network->version;
  return model;
}

absl::StatusOr<KerasWeights> open_weights(std::string bytes, const std::string& name) {
  absl::StatusOr<hdf5::File> file = hdf5::File::open(std::move(bytes), name);
  if (!file.ok()) return file.status();
  return KerasWeights::open(*std::move(file));
}

bool is_keras3(const std::string& version) { return absl::StartsWith(version, "3"); }

}  // namespace

absl::StatusOr<FloatModel> read_keras_json(std::string_view json, std::string weights, const std::string& name,
                                           const std::string& weights_name) {
  absl::StatusOr<Json> config = parse_python_json(json, name);
  if (!config.ok()) return config.status();
  absl::StatusOr<KerasWeights> opened = open_weights(std::move(weights), weights_name);
  if (!opened.ok()) return opened.status();
  const bool keras3 = is_keras3(as_text(member(*config, "keras_version")).value_or("")) || config->contains("module");
  absl::StatusOr<FloatModel> model = build(*config, *opened, keras3, name);
  if (!model.ok()) return model;
  model->provenance["format"] = "Keras JSON and HDF5";
  model->provenance["weights_file"] = weights_name.substr(weights_name.rfind('/') + 1);
  return model;
}

absl::StatusOr<FloatModel> read_keras_h5(std::string bytes, const std::string& name) {
  absl::StatusOr<KerasWeights> weights = open_weights(std::move(bytes), name);
  if (!weights.ok()) return weights.status();
  absl::StatusOr<std::optional<std::string>> text = weights->file().text("", "model_config");
  if (!text.ok()) return text.status();
  if (!text->has_value()) {
    return absl::InvalidArgumentError(
        absl::StrCat("'", name,
                     "': expected a whole Keras model, found weights only (no "
                     "'model_config'); name the model's .json and give this file as --weights"));
  }
  absl::StatusOr<Json> config = parse_python_json(**text, name);
  if (!config.ok()) return config.status();
  absl::StatusOr<std::optional<std::string>> version = weights->file().text("", "keras_version");
  if (!version.ok()) return version.status();
  absl::StatusOr<FloatModel> model = build(*config, *weights, is_keras3(version->value_or("")), name);
  if (!model.ok()) return model;
  model->provenance["format"] = "Keras HDF5";
  if (version->has_value()) model->provenance["keras_version"] = **version;
  return model;
}

absl::StatusOr<FloatModel> read_keras_zip(std::string_view bytes, const std::string& name) {
  absl::StatusOr<files::ZipReader> zip = files::ZipReader::open(std::as_bytes(std::span(bytes)), name);
  if (!zip.ok()) return zip.status();
  std::map<std::string, std::string> parts;
  for (const char* part : {"config.json", "model.weights.h5"}) {
    absl::StatusOr<std::string> content = zip->read(part);
    if (absl::IsNotFound(content.status())) {
      return absl::InvalidArgumentError(
          absl::StrCat("'", name, "': expected a .keras archive with '", part, "', found none"));
    }
    if (!content.ok()) return content.status();
    parts[part] = *std::move(content);
  }
  absl::StatusOr<Json> config = parse_python_json(parts["config.json"], absl::StrCat(name, "/config.json"));
  if (!config.ok()) return config.status();
  std::string version;
  if (absl::StatusOr<std::string> metadata = zip->read("metadata.json"); metadata.ok()) {
    absl::StatusOr<Json> parsed = parse_python_json(*metadata, absl::StrCat(name, "/metadata.json"));
    if (!parsed.ok()) return parsed.status();
    version = as_text(member(*parsed, "keras_version")).value_or("");
  }
  absl::StatusOr<KerasWeights> weights =
      open_weights(std::move(parts["model.weights.h5"]), absl::StrCat(name, "/model.weights.h5"));
  if (!weights.ok()) return weights.status();
  // The archive came with Keras 2.12; its layers then still had Keras 2's defaults.
  absl::StatusOr<FloatModel> model = build(*config, *weights, !absl::StartsWith(version, "2"), name);
  if (!model.ok()) return model;
  model->provenance["format"] = "Keras archive";
  if (!version.empty()) model->provenance["keras_version"] = version;
  return model;
}

absl::StatusOr<FloatModel> import_keras_json(const std::string& path, const std::string& weights_path) {
  absl::StatusOr<std::string> json = files::read_file(path);
  if (!json.ok()) return json.status();
  if (weights_path.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat("'", path, "': a Keras configuration without weights; give its .h5 as --weights"));
  }
  absl::StatusOr<std::string> weights = files::read_file(weights_path);
  if (!weights.ok()) return weights.status();
  return read_keras_json(*json, *std::move(weights), path, weights_path);
}

absl::StatusOr<FloatModel> import_keras_h5(const std::string& path) {
  absl::StatusOr<std::string> bytes = files::read_file(path);
  if (!bytes.ok()) return bytes.status();
  return read_keras_h5(*std::move(bytes), path);
}

absl::StatusOr<FloatModel> import_keras_zip(const std::string& path) {
  absl::StatusOr<std::string> bytes = files::read_file(path);
  if (!bytes.ok()) return bytes.status();
  return read_keras_zip(*bytes, path);
}

}  // namespace strobe::import
