#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <set>

#include "absl/strings/str_cat.h"
#include "host/cli/command.h"
#include "host/cli/report_text.h"
#include "host/session/loaded_xclbin.h"
#include "kernels/hls/total_cost.h"
#include "kernels/layers/catalog.h"
#include "kernels/layers/forest/forest.h"
#include "kernels/layers/forest_engine/forest_engine.h"
#include "kernels/layers/formula/program.h"
#include "platform/files/file.h"

namespace strobe::cli {
namespace {

using Json = nlohmann::ordered_json;

Json tensor_json(const model::Graph& graph, const model::Tensor& tensor) {
  Json json = {{"name", tensor.name},
               {"shape", tensor.type.shape},
               {"type", tensor.type.to_string()},
               {"container_bits", tensor.type.container()},
               {"row_bytes", tensor.type.row_bytes()}};
  if (tensor.encoding.kind == model::InputEncoding::Kind::kOrderedFloat) json["encoding"] = "float32 keys";
  if (tensor.encoding.missing) json["missing"] = *tensor.encoding.missing;
  const auto texts = layers::formula::element_texts(graph, tensor);
  for (size_t e = 0; texts && e < texts->names.size(); ++e) {
    Json element = {{"name", texts->names[e]}, {"type", tensor.type.at(static_cast<int64_t>(e)).to_string()}};
    if (!texts->expressions.empty()) element["expression"] = texts->expressions[e];
    json["elements"].push_back(std::move(element));
  }
  return json;
}

/// ", float32 keys, missing = -2147483648"
std::string encoding_text(const Json& tensor) {
  std::string text = tensor.contains("encoding") ? ", " + tensor["encoding"].get<std::string>() : "";
  if (tensor.contains("missing")) absl::StrAppend(&text, ", missing = ", tensor["missing"].get<long long>());
  return text;
}

/// What a forest is, beside its tables.
Json forest_json(const model::Graph& graph, const model::Node& node) {
  const layers::ForestShape shape = layers::forest_shape(graph, node);
  Json json = {{"trees", shape.trees},
               {"depth", shape.depth},
               {"nodes", shape.nodes},
               {"leaves", shape.leaves},
               {"comparisons", shape.predicates},
               {"comparators", shape.comparators},
               {"sum", node.text("sum", "exact")}};
  if (node.has("score_error")) json["score_error"] = node.real("score_error");
  return json;
}

/// What a forest engine takes, or what a forest uses of one.
Json engine_json(const layers::EngineShape& shape) {
  return {{"engines", shape.engines},
          {"nodes", shape.nodes},
          {"features", shape.features},
          {"outputs", shape.outputs},
          {"image_bytes", shape.image_bytes()}};
}

Json layer_json(const model::Graph& graph, const model::Node& node, const layers::Cost& cost) {
  Json json = {{"name", node.name}, {"op", node.op}, {"output", graph.tensor(node.outputs[0]).type.to_string()}};
  for (const auto& [name, constant] : node.constants) json["constants"][name] = constant.type.to_string();
  if (const auto accum = node.type("accum")) json["accumulator"] = accum->to_string();
  if (node.op == "forest") json["forest"] = forest_json(graph, node);
  if (const auto engine = layers::engine_of(graph)) json["engine"] = engine_json(*engine);
  json["multiplications"] = cost.multiplications;
  json["additions"] = cost.additions;
  json["bit_operations"] = cost.bit_operations;
  json["effective_bit_operations"] = cost.effective_bit_operations;
  json["planned"] = {{"initiation_interval", cost.planned_initiation_interval},
                     {"depth", cost.planned_depth},
                     {"multipliers", cost.planned_multipliers}};
  return json;
}

/// Layers of the trained model that the graph has no node for, each with where it went: "into" the nearest layer before
/// it that the graph has, or nothing where it has none or the layer does nothing in inference.
Json folded_json(const package::KernelModel& model) {
  std::set<std::string> kept;
  for (const model::Node& node : model.graph.nodes()) kept.insert(node.name);
  for (const model::TensorId id : model.graph.inputs()) kept.insert(model.graph.tensor(id).name);
  const auto is_kept = [&](const std::string& name) {
    const auto at = kept.lower_bound(name);  // a layer may have become several nodes: fc1_input, fc1_sum
    return at != kept.end() && (*at == name || at->starts_with(name + "_"));
  };
  std::map<std::string, std::string> home;  // of each tensor: the kept layer that it comes from
  Json folded = Json::array();
  for (const import::FloatLayer& layer : model.float_model->layers) {
    std::string into = is_kept(layer.name) ? layer.name : "";
    if (into.empty()) {
      if (!layer.inputs.empty()) into = home[layer.inputs[0]];
      if (layer.kind != "Input") folded.push_back({{"layer", layer.name}, {"type", layer.class_name}, {"into", into}});
    }
    for (const std::string& output : layer.outputs) home[output] = into;
  }
  return folded;
}

Json model_json(const package::KernelModel& model) {
  Json json = {
      {"kernel", model.kernel}, {"model", model.graph.name()}, {"floating_point_model", model.float_model.has_value()}};
  for (const model::TensorId id : model.graph.inputs())
    json["inputs"].push_back(tensor_json(model.graph, model.graph.tensor(id)));
  for (const model::TensorId id : model.graph.outputs())
    json["outputs"].push_back(tensor_json(model.graph, model.graph.tensor(id)));
  for (const model::Node& node : model.graph.nodes())
    json["layers"].push_back(layer_json(model.graph, node, layers::find_layer(node.op)->cost(model.graph, node)));
  const layers::Cost total = hls::total_cost(model.graph);
  if (model.float_model) {
    if (Json folded = folded_json(model); !folded.empty()) json["folded"] = std::move(folded);
  }
  json["total"] = {{"multiplications", total.multiplications},
                   {"additions", total.additions},
                   {"bit_operations", total.bit_operations},
                   {"effective_bit_operations", total.effective_bit_operations},
                   {"planned",
                    {{"initiation_interval", total.planned_initiation_interval},
                     {"depth", total.planned_depth},
                     {"multipliers", total.planned_multipliers}}}};
  for (const auto& [key, value] : model.graph.provenance()) json["provenance"][key] = value;
  return json;
}

Json file_json(const session::LoadedXclbin& loaded) {
  const xclbin::Xclbin& file = loaded.file;
  Json json = {{"file", loaded.path},
               {"target", std::string(xclbin::target_name(file.target))},
               {"uuid", xclbin::uuid_text(file.uuid)},
               {"platform", file.platform},
               {"made_by", loaded.package.made_by}};
  for (const xclbin::Kernel& kernel : file.kernels) {
    Json k = {{"name", kernel.name},
              {"control", kernel.control == xclbin::Control::kChain ? "ap_ctrl_chain" : "ap_ctrl_hs"}};
    for (const xclbin::Argument& a : kernel.arguments)
      k["arguments"].push_back(
          {{"name", a.name}, {"type", a.type}, {"offset", a.offset}, {"size", a.size}, {"port", a.port}});
    json["kernels"].push_back(std::move(k));
  }
  for (const xclbin::ComputeUnit& unit : file.compute_units)
    json["compute_units"].push_back(
        {{"kernel", file.kernels[unit.kernel].name}, {"instance", unit.instance}, {"base_address", unit.base_address}});
  for (const xclbin::MemoryBank& bank : file.banks) {
    if (bank.used)
      json["memory"].push_back({{"bank", bank.tag}, {"base_address", bank.base_address}, {"size_kib", bank.size_kib}});
  }
  return json;
}

void print_kernels(const Json& json) {
  for (const auto& kernel : json["kernels"]) {
    std::printf("kernel %s (%s)\n", kernel["name"].get<std::string>().c_str(),
                kernel["control"].get<std::string>().c_str());
    for (const auto& a : kernel["arguments"]) {
      std::printf("  argument %-16s %-14s offset 0x%02x  %s\n", a["name"].get<std::string>().c_str(),
                  a["type"].get<std::string>().c_str(), a["offset"].get<unsigned>(),
                  a["port"].get<std::string>().c_str());
    }
  }
  for (const auto& unit : json.value("compute_units", Json::array()))
    std::printf("compute unit %s\n", unit["instance"].get<std::string>().c_str());
  for (const auto& bank : json.value("memory", Json::array())) {
    std::printf("memory %s, %.0f MiB at 0x%llx\n", bank["bank"].get<std::string>().c_str(),
                bank["size_kib"].get<double>() / 1024, bank["base_address"].get<unsigned long long>());
  }
}

void print_forest(const Json& layer) {
  if (!layer.contains("forest")) return;
  const auto& f = layer["forest"];
  std::printf(
      "  %-24s   %lld trees, depth %lld, %lld nodes, %lld leaves; %lld distinct comparisons (%lld comparators); "
      "sum %s\n",
      "", f["trees"].get<long long>(), f["depth"].get<long long>(), f["nodes"].get<long long>(),
      f["leaves"].get<long long>(), f["comparisons"].get<long long>(), f["comparators"].get<long long>(),
      f["sum"].get<std::string>().c_str());
  if (f.contains("score_error"))
    std::printf("  %-24s   scores within %.3g of the trained forest's\n", "", f["score_error"].get<double>());
}

/// "8 engines of 4096 nodes, 32 features, 8 outputs"
std::string engine_text(const Json& engine) {
  return absl::StrCat(engine["engines"].get<int64_t>(), " engines of ", engine["nodes"].get<int64_t>(), " nodes, ",
                      engine["features"].get<int64_t>(), " features, ", engine["outputs"].get<int64_t>(), " outputs");
}

void print_layer(const Json& layer) {
  const auto& planned = layer["planned"];
  std::printf("  %-24s %-15s %9lld %8lld %11.0f %9.0f %5d %6d %8lld  %s\n", layer["name"].get<std::string>().c_str(),
              layer["op"].get<std::string>().c_str(), layer["multiplications"].get<long long>(),
              layer["additions"].get<long long>(), layer["bit_operations"].get<double>(),
              layer["effective_bit_operations"].get<double>(), planned["initiation_interval"].get<int>(),
              planned["depth"].get<int>(), planned["multipliers"].get<long long>(),
              layer["output"].get<std::string>().c_str());
  const bool is_forest = layer.contains("forest");  // its tables say nothing to people
  const Json constants = is_forest ? Json::object() : layer.value("constants", Json::object());
  for (const auto& [name, type] : constants.items()) {
    std::printf("  %-24s   %s %s\n", "", name.c_str(), type.get<std::string>().c_str());
  }
  print_forest(layer);
  if (layer.contains("engine"))
    std::printf("  %-24s   takes forests of up to %s (--forest); one's longest walk is the interval then\n", "",
                engine_text(layer["engine"]).c_str());
  if (layer.contains("accumulator"))
    std::printf("  %-24s   accumulator %s\n", "", layer["accumulator"].get<std::string>().c_str());
}

/// A formula's inputs and outputs, a line each.
void print_elements(const Json& tensor) {
  constexpr size_t kMostWidth = 100;
  const Json elements = tensor.value("elements", Json::array());
  for (size_t e = 0; e < elements.size(); ++e) {
    const auto expression = elements[e].value("expression", std::string());
    size_t end = std::min(expression.size(), kMostWidth);
    while (end < expression.size() && (static_cast<unsigned char>(expression[end]) & 0xc0) == 0x80) --end;
    const std::string shown = expression.substr(0, end) + (end < expression.size() ? " ..." : "");
    std::printf("    %3zu  %-12s  %s%s%s\n", e, elements[e]["name"].get<std::string>().c_str(),
                elements[e]["type"].get<std::string>().c_str(), shown.empty() ? "" : "  = ", shown.c_str());
  }
}

void print_tensors(const Json& model) {
  for (const char* side : {"inputs", "outputs"}) {
    for (const auto& t : model[side]) {
      std::printf("  %s %s: %s%s, rows of %lld bytes in %d-bit containers\n",
                  side == std::string("inputs") ? "input" : "output", t["name"].get<std::string>().c_str(),
                  t["type"].get<std::string>().c_str(), encoding_text(t).c_str(), t["row_bytes"].get<long long>(),
                  t["container_bits"].get<int>());
      print_elements(t);
    }
  }
}

void print_provenance(const Json& model) {
  const Json provenance = model.value("provenance", Json::object());
  for (const auto& [key, value] : provenance.items())
    std::printf("  %s: %s\n", key.c_str(), value.get<std::string>().c_str());
}

void print_model(const Json& model) {
  const std::string kernel = model["kernel"], trained = model["model"];
  std::printf("model %s%s\n", kernel.c_str(), trained == kernel ? "" : (" (" + trained + ")").c_str());
  print_tensors(model);
  std::printf("  %-24s %-15s %9s %8s %11s %9s | planned: %s  output\n", "layer", "op", "mult", "add", "BOPs", "EBOPs",
              "II depth multipliers");
  for (const auto& layer : model["layers"]) print_layer(layer);
  for (const auto& layer : model.value("folded", Json::array())) {
    const auto into = layer["into"].get<std::string>();
    std::printf("  %s (%s): %s\n", layer["layer"].get<std::string>().c_str(), layer["type"].get<std::string>().c_str(),
                into.empty() ? "nothing left of it" : ("folded into " + into).c_str());
  }
  const auto& total = model["total"];
  std::printf(
      "  total: %lld multiplications, %.0f BOPs, %.0f EBOPs; planned (from the pragmas, not synthesised): II %d, depth "
      "%d cycles, %lld multipliers\n",
      total["multiplications"].get<long long>(), total["bit_operations"].get<double>(),
      total["effective_bit_operations"].get<double>(), total["planned"]["initiation_interval"].get<int>(),
      total["planned"]["depth"].get<int>(), total["planned"]["multipliers"].get<long long>());
  print_provenance(model);
}

/// A line a model, where there are several and none is named.
void print_models(const Json& models) {
  std::printf("%zu models; --model NAME shows one layer by layer\n", models.size());
  for (const auto& model : models) {
    const auto tensors = [&](const char* side) {
      std::string text;
      for (const auto& t : model[side])
        absl::StrAppend(&text, text.empty() ? "" : ", ", t["name"].get<std::string>(), " ",
                        t["type"].get<std::string>());
      return text;
    };
    const auto& planned = model["total"]["planned"];
    std::printf("  %-24s %s -> %s; %zu layer%s, planned II %d, depth %d cycles\n",
                model["kernel"].get<std::string>().c_str(), tensors("inputs").c_str(), tensors("outputs").c_str(),
                model["layers"].size(), model["layers"].size() == 1 ? "" : "s",
                planned["initiation_interval"].get<int>(), planned["depth"].get<int>());
  }
}

struct Settings {
  std::string xclbin, model;
  bool json = false;
};

/// Every model, or the one that is named.
absl::StatusOr<Json> models_json(const session::LoadedXclbin& loaded, const std::string& name) {
  Json json;
  if (name.empty()) {
    for (const package::KernelModel& model : loaded.package.models) json.push_back(model_json(model));
    return json;
  }
  auto index = session::find_model(loaded, name);
  if (!index.ok()) return index.status();
  json.push_back(model_json(loaded.package.models[*index]));
  return json;
}

/// Of a forest file: the forest as a model, and what it uses of an engine.
absl::Status inspect_forest(const Settings& settings) {
  auto forest = session::load_forest(settings.xclbin);
  if (!forest.ok()) return forest.status();
  const layers::ForestImage& image = (*forest)->image;
  Json model = model_json((*forest)->model);
  Json engine = engine_json(image.used());
  engine["image_bytes"] = image.bytes().size();
  engine["hash"] = absl::StrCat(absl::Hex(image.hash(), absl::kZeroPad16));
  engine["planned"] = {{"initiation_interval", image.planned_interval()}};
  if (settings.json) {
    const Json json = {
        {"file", settings.xclbin}, {"made_by", (*forest)->made_by}, {"engine", engine}, {"model", model}};
    print_document(json);
    return absl::OkStatus();
  }
  std::printf("%s: forest for an engine, hash %s, made by %s\n", settings.xclbin.c_str(),
              engine["hash"].get<std::string>().c_str(), (*forest)->made_by.c_str());
  std::printf("uses %s; %zu bytes; planned (longest walk, not synthesised): II %lld\n", engine_text(engine).c_str(),
              image.bytes().size(), static_cast<long long>(image.planned_interval()));
  print_tensors(model);
  for (const auto& layer : model["layers"]) print_forest(layer);
  print_provenance(model);
  return absl::OkStatus();
}

absl::Status inspect_command(const Settings& settings) {
  auto start = files::read_file(settings.xclbin);
  if (!start.ok()) return start.status();
  if (package::is_forest_file(*start)) return inspect_forest(settings);
  auto loaded = session::load_xclbin(settings.xclbin);
  if (!loaded.ok()) return loaded.status();
  auto models = models_json(**loaded, settings.model);
  if (!models.ok()) return models.status();
  Json description = file_json(**loaded);
  if (settings.json) {
    description["models"] = *std::move(models);
    print_document(description);
    return absl::OkStatus();
  }
  std::printf("%s: target %s, platform %s, UUID %s, made by %s\n", settings.xclbin.c_str(),
              description["target"].get<std::string>().c_str(), description["platform"].get<std::string>().c_str(),
              description["uuid"].get<std::string>().c_str(), description["made_by"].get<std::string>().c_str());
  print_kernels(description);
  models->size() == 1 ? print_model((*models)[0]) : print_models(*models);
  auto bytes = files::read_file(settings.xclbin);
  if (!bytes.ok()) return bytes.status();
  for (const xclbin::Finding& finding : xclbin::check(*bytes)) {
    std::printf("finding: %s: %s\n", finding.section.c_str(), finding.text.c_str());
  }
  return absl::OkStatus();
}

}  // namespace

void add_inspect(CLI::App& app, Action& action) {
  auto settings = std::make_shared<Settings>();
  CLI::App* command =
      app.add_subcommand("inspect", "Says what an xclbin holds: kernels, memory, its models, one layer by layer");
  command->footer("Example: strobe inspect jets.xclbin");
  command->add_option("XCLBIN", settings->xclbin, "xclbin, or forest for an engine (.sfi), made by strobe compile")
      ->type_name("FILE")
      ->required();
  command->add_option("--model", settings->model, "of an xclbin that holds several models: which one to show")
      ->type_name("NAME");
  command->add_flag("--json", settings->json, "report as JSON");
  command->callback([settings, &action] { action = [settings] { return inspect_command(*settings); }; });
}

}  // namespace strobe::cli
