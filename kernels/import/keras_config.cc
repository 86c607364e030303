#include "kernels/import/keras_config.h"

#include <cctype>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace strobe::import {
namespace {

constexpr size_t kMaxLayers = 100000;

absl::Status invalid(const std::string& file, std::string what) {
  return absl::InvalidArgumentError(absl::StrCat("'", file, "': ", what));
}

absl::Status unsupported(const std::string& file, std::string what) {
  return absl::UnimplementedError(absl::StrCat("'", file, "': ", what));
}

bool is_model(const std::string& class_name) {
  return class_name == "Model" || class_name == "Functional" || class_name == "Sequential";
}

/// The extents after the batch axis; nullopt where the entry is no shape.
std::optional<Json> batch_shape(const Json& entry) {
  for (const char* key : {"batch_input_shape", "batch_shape", "input_shape"}) {
    if (const Json& shape = member(entry, key); shape.is_array() && !shape.empty() && !shape[0].is_array())
      return shape;
  }
  return std::nullopt;
}

absl::StatusOr<std::vector<int64_t>> fixed_shape(const Json& shape, const std::string& layer, const std::string& file) {
  std::vector<int64_t> extents;
  int64_t elements = 1;
  for (size_t i = 1; i < shape.size(); ++i) {
    const std::optional<int64_t> extent = as_integer(shape[i]);
    if (!extent || *extent < 1) {
      return unsupported(file, absl::StrCat("input '", layer, "': axis ", i, " of its shape ",
                                            shape.dump(-1, ' ', false, Json::error_handler_t::replace),
                                            " is open; every extent but the batch must be fixed"));
    }
    if (*extent > (int64_t{1} << 30) / elements) {
      return unsupported(file, absl::StrCat("input '", layer, "': more than 2^30 elements"));
    }
    elements *= *extent;
    extents.push_back(*extent);
  }
  return extents;
}

/// Collects the producers that an inbound entry of any version names. A producer is [layer, call, tensor(, kwargs)] in
/// Keras 2 and a `__keras_tensor__` in Keras 3.
absl::Status collect_producers(const Json& entry, const std::string& layer, const std::string& file,
                               std::vector<std::string>* producers) {
  const Json* history = nullptr;
  if (entry.is_object() && as_text(member(entry, "class_name")) == "__keras_tensor__") {
    history = &member(member(entry, "config"), "keras_history");
  } else if (entry.is_array() && entry.size() >= 3 && entry[0].is_string() && entry[1].is_number_integer()) {
    history = &entry;
  }
  if (history == nullptr) {
    if (!entry.is_array()) return absl::OkStatus();
    for (const Json& inner : entry) {
      if (absl::Status s = collect_producers(inner, layer, file, producers); !s.ok()) return s;
    }
    return absl::OkStatus();
  }
  if (!history->is_array() || history->size() < 3 || !(*history)[0].is_string()) {
    return invalid(file, absl::StrCat("layer '", layer, "': an input without a layer's name"));
  }
  const std::string producer = (*history)[0].get<std::string>();
  if (as_integer((*history)[1]) != 0) {
    return unsupported(file, absl::StrCat("layer '", producer,
                                          "' is called more than once (shared weights); each layer "
                                          "must be used once"));
  }
  if (as_integer((*history)[2]) != 0) {
    return unsupported(file, absl::StrCat("layer '", producer, "': only layers with one output are supported"));
  }
  producers->push_back(producer);
  return absl::OkStatus();
}

absl::Status read_inbound(const Json& entry, const std::string& file, KerasLayer* layer) {
  const Json& nodes = member(entry, "inbound_nodes");
  if (!nodes.is_array() || nodes.empty()) return absl::OkStatus();
  if (nodes.size() > 1) {
    return unsupported(file, absl::StrCat("layer '", layer->name, "' (", layer->class_name, ") is called ",
                                          nodes.size(), " times (shared weights); each layer must be used once"));
  }
  const Json& node = nodes[0];
  if (node.is_object()) {
    layer->arguments = member(node, "args");
    return collect_producers(layer->arguments, layer->name, file, &layer->inputs);
  }
  return collect_producers(node, layer->name, file, &layer->inputs);
}

/// Takes off wrappers that do nothing more than apply a layer to each step.
void unwrap(KerasLayer* layer) {
  if (layer->class_name != "TimeDistributed") return;
  const Json inner = member(layer->config, "layer");
  const std::string inner_class = as_text(member(inner, "class_name")).value_or("");
  if (inner_class != "Dense" && inner_class != "QDense" && inner_class != "Activation") return;
  layer->class_name = inner_class;
  layer->config = member(inner, "config");
  layer->weights_path += "/layer";
}

absl::StatusOr<KerasLayer> read_layer(const Json& entry, const std::string& file) {
  KerasLayer layer;
  layer.config = member(entry, "config");
  layer.class_name = as_text(member(entry, "class_name")).value_or("");
  layer.name = as_text(member(layer.config, "name")).value_or(as_text(member(entry, "name")).value_or(""));
  if (layer.class_name.empty() || layer.name.empty() || !layer.config.is_object()) {
    return invalid(file, "a layer without a class, a name or a configuration");
  }
  const std::string module = as_text(member(entry, "module")).value_or("");
  const std::string registered = as_text(member(entry, "registered_name")).value_or("");
  layer.is_hgq = absl::StartsWith(module, "hgq") || absl::StartsWith(registered, "hgq>");
  if (is_model(layer.class_name)) {
    return unsupported(file, absl::StrCat("layer '", layer.name, "' is itself a model (", layer.class_name,
                                          "); join its layers into one model"));
  }
  if (absl::Status s = read_inbound(entry, file, &layer); !s.ok()) return s;
  if (const std::optional<Json> shape = batch_shape(layer.config); shape && layer.class_name == "InputLayer") {
    absl::StatusOr<std::vector<int64_t>> extents = fixed_shape(*shape, layer.name, file);
    if (!extents.ok()) return extents.status();
    layer.input_shape = *std::move(extents);
  } else if (layer.class_name == "InputLayer") {
    return invalid(file, absl::StrCat("input '", layer.name, "' has no shape"));
  }
  return layer;
}

/// Names as in `["x", 0, 0]` or `[["x", 0, 0], ["y", 0, 0]]`, and nested deeper, in dictionaries too.
absl::Status read_ends(const Json& entry, const std::string& what, const std::string& file,
                       std::vector<std::string>* names) {
  if (entry.is_array() && entry.size() >= 3 && entry[0].is_string() && entry[1].is_number_integer()) {
    return collect_producers(entry, what, file, names);
  }
  if (entry.is_array() || entry.is_object()) {
    for (const Json& inner : entry) {
      if (absl::Status s = read_ends(inner, what, file, names); !s.ok()) return s;
    }
  }
  return absl::OkStatus();
}

/// A Sequential model names no connections, and its first layer may stand for the input layer too.
absl::Status chain(const Json& config, const std::string& file, KerasNetwork* network) {
  std::vector<KerasLayer>& layers = network->layers;
  if (layers.empty()) return invalid(file, "the model has no layers");
  if (layers.front().class_name != "InputLayer") {
    std::optional<Json> shape = batch_shape(layers.front().config);
    if (!shape) shape = batch_shape(member(config, "build_config"));
    if (!shape && member(config, "build_input_shape").is_array()) shape = member(config, "build_input_shape");
    if (!shape) {
      return invalid(file, absl::StrCat("the model does not say its input's shape (layer '", layers.front().name,
                                        "' has no batch_input_shape)"));
    }
    KerasLayer input;
    input.class_name = "InputLayer";
    input.name = absl::StrCat(layers.front().name, "_input");
    absl::StatusOr<std::vector<int64_t>> extents = fixed_shape(*shape, input.name, file);
    if (!extents.ok()) return extents.status();
    input.input_shape = *std::move(extents);
    layers.insert(layers.begin(), std::move(input));
  }
  for (size_t i = 1; i < layers.size(); ++i) layers[i].inputs = {layers[i - 1].name};
  network->inputs = {layers.front().name};
  network->outputs = {layers.back().name};
  return absl::OkStatus();
}

/// Checks names and connections and sorts so that every layer follows those it reads; keeps the file's order otherwise.
absl::Status sort_topologically(const std::string& file, KerasNetwork* network) {
  std::map<std::string, size_t> index;
  for (size_t i = 0; i < network->layers.size(); ++i) {
    if (!index.emplace(network->layers[i].name, i).second) {
      return invalid(file, absl::StrCat("two layers are named '", network->layers[i].name, "'"));
    }
  }
  std::vector<size_t> waiting(network->layers.size());
  std::vector<std::vector<size_t>> readers(network->layers.size());
  std::set<size_t> ready;
  for (size_t i = 0; i < network->layers.size(); ++i) {
    const KerasLayer& layer = network->layers[i];
    if (layer.inputs.empty() && layer.class_name != "InputLayer") {
      return invalid(file, absl::StrCat("layer '", layer.name, "' has no input"));
    }
    for (const std::string& producer : layer.inputs) {
      const auto it = index.find(producer);
      if (it == index.end()) {
        return invalid(file, absl::StrCat("layer '", layer.name, "' reads '", producer, "', which does not exist"));
      }
      readers[it->second].push_back(i);
    }
    waiting[i] = layer.inputs.size();
    if (waiting[i] == 0) ready.insert(i);
  }
  std::vector<KerasLayer> sorted;
  while (!ready.empty()) {
    const size_t next = *ready.begin();
    ready.erase(ready.begin());
    sorted.push_back(std::move(network->layers[next]));
    for (const size_t reader : readers[next]) {
      if (--waiting[reader] == 0) ready.insert(reader);
    }
  }
  if (sorted.size() != network->layers.size()) return invalid(file, "the layers' connections form a cycle");
  network->layers = std::move(sorted);
  for (const std::vector<std::string>* ends : {&network->inputs, &network->outputs}) {
    for (const std::string& name : *ends) {
      if (!index.contains(name))
        return invalid(file, absl::StrCat("the model's input or output '", name, "' does not exist"));
    }
    if (ends->empty()) return invalid(file, "the model names no inputs or no outputs");
  }
  return absl::OkStatus();
}

}  // namespace

std::string to_snake_case(const std::string& class_name) {
  // A capital starts a word where a small letter stands before or after it: Conv2D is conv2d, ReLU is re_lu.
  std::string snake;
  for (size_t i = 0; i < class_name.size(); ++i) {
    const unsigned char c = static_cast<unsigned char>(class_name[i]);
    const bool capital = std::isupper(c) != 0;
    if (capital && i > 0) {
      const unsigned char before = static_cast<unsigned char>(class_name[i - 1]);
      const unsigned char after = i + 1 < class_name.size() ? static_cast<unsigned char>(class_name[i + 1]) : 0;
      if (std::islower(before) || std::islower(after)) snake += '_';
    }
    snake += static_cast<char>(std::tolower(c));
  }
  return snake;
}

absl::StatusOr<KerasNetwork> parse_keras_network(const Json& document, const std::string& file) {
  const std::string class_name = as_text(member(document, "class_name")).value_or("");
  const Json& config = member(document, "config");
  if (class_name.empty() || config.is_null()) {
    return invalid(file, "expected a Keras model, found no 'class_name' and 'config'");
  }
  const Json& entries = config.is_array() ? config : member(config, "layers");
  if (!is_model(class_name) && !entries.is_array()) {
    return unsupported(file,
                       absl::StrCat("a model of class '", class_name, "'; Sequential and functional models are read"));
  }
  if (!entries.is_array()) return invalid(file, absl::StrCat("the ", class_name, " model has no list of layers"));
  if (entries.size() > kMaxLayers) return invalid(file, absl::StrCat(entries.size(), " layers"));
  KerasNetwork network;
  network.name = as_text(member(config, "name")).value_or("model");
  network.version = as_text(member(document, "keras_version")).value_or("");
  std::map<std::string, int> used;
  for (const Json& entry : entries) {
    absl::StatusOr<KerasLayer> layer = read_layer(entry, file);
    if (!layer.ok()) return layer.status();
    const std::string stem = to_snake_case(layer->class_name);
    const int count = used[stem]++;
    layer->weights_path = count == 0 ? stem : absl::StrCat(stem, "_", count);
    unwrap(&*layer);
    network.layers.push_back(*std::move(layer));
  }
  if (class_name == "Sequential" || config.is_array()) {
    if (absl::Status s = chain(config, file, &network); !s.ok()) return s;
  } else {
    if (absl::Status s = read_ends(member(config, "input_layers"), "model", file, &network.inputs); !s.ok()) return s;
    if (absl::Status s = read_ends(member(config, "output_layers"), "model", file, &network.outputs); !s.ok()) return s;
  }
  if (absl::Status s = sort_topologically(file, &network); !s.ok()) return s;
  return network;
}

}  // namespace strobe::import
