#include "kernels/quantise/hgq.h"

#include <algorithm>
#include <set>

#include "absl/strings/str_cat.h"
#include "kernels/import/file_rules.h"
#include "kernels/layers/catalog.h"
#include "kernels/quantise/hgq_layers.h"
#include "kernels/quantise/hgq_weights.h"

namespace strobe::quantise {
namespace {

using import::ElementQuantizer;
using import::FloatLayer;
using import::FloatModel;
using import::layer_error;
using model::FixedType;
using model::Node;
using model::Shape;
using model::TensorId;

/// Goes through the layers, gives each quantiser a node or the events their types, and keeps what names mean.
class HgqBuilder {
 public:
  HgqBuilder(const FloatModel& source, const QuantiseOptions& options)
      : source_(source), options_(options), graph_(source.name) {}

  absl::StatusOr<Quantised> run() {
    for (const auto& [key, value] : source_.provenance) graph_.builder().set_provenance(key, value);
    for (const FloatLayer& layer : source_.layers) {
      if (absl::Status s = add(layer); !s.ok()) return s;
    }
    std::vector<TensorId> outputs;
    for (const auto& output : source_.outputs) {
      auto it = tensor_.find(output.name);
      if (it == tensor_.end())
        return absl::InvalidArgumentError(absl::StrCat("output '", output.name, "' is never computed"));
      outputs.push_back(it->second);
    }
    graph_.builder().set_outputs(std::move(outputs));
    if (counted_ebops_ > 0) graph_.builder().set_provenance("ebops_while_training", absl::StrCat(counted_ebops_));
    auto graph = std::move(graph_.builder()).build();
    if (!graph.ok()) return graph.status();
    if (absl::Status s = layers::verify(*graph); !s.ok()) return s;
    return Quantised{model::prune(*graph), std::move(warnings_), {}};
  }

 private:
  absl::Status add(const FloatLayer& layer) {
    std::vector<TensorId> inputs;
    for (const std::string& name : layer.inputs) {
      auto it = tensor_.find(name);
      if (it == tensor_.end()) return layer_error(layer, absl::StrCat("reads '", name, "', which nothing computes"));
      inputs.push_back(it->second);
    }
    if (layer.kind != "Input" && inputs.empty()) return layer_error(layer, "has no input");
    for (size_t i = 0; i < inputs.size(); ++i) {
      auto quantized = quantize_input(layer, inputs, i);
      if (!quantized.ok()) return quantized.status();
      inputs[i] = *quantized;
    }
    if (absl::Status s = expect_typed_events(layer); !s.ok()) return s;
    auto result = compute(layer, inputs);
    if (!result.ok()) return result.status();
    if (const ElementQuantizer* output = element_quantizer(layer, "output")) {
      result = add_quantizer(layer, layer.name + "_output", *output, *result,
                             layer.kind == "Quantizer" && reads_events(layer, 0));
      if (!result.ok()) return result.status();
    }
    for (const std::string& name : layer.outputs) {
      tensor_[name] = *result;
      if (layer.kind == "Dropout" && reads_events(layer, 0)) event_names_.insert(name);
    }
    return absl::OkStatus();
  }

  static const ElementQuantizer* element_quantizer(const FloatLayer& layer, const std::string& which) {
    auto it = layer.quantizers.find(which);
    return it == layer.quantizers.end() ? nullptr : std::get_if<ElementQuantizer>(&it->second);
  }

  static const ElementQuantizer* input_quantizer(const FloatLayer& layer, size_t i) {
    const ElementQuantizer* quantizer = element_quantizer(layer, absl::StrCat("input_", i));
    return quantizer == nullptr && i == 0 ? element_quantizer(layer, "input") : quantizer;
  }

  absl::StatusOr<TensorId> quantize_input(const FloatLayer& layer, const std::vector<TensorId>& inputs, size_t i) {
    const ElementQuantizer* quantizer = input_quantizer(layer, i);
    if (quantizer == nullptr) return inputs[i];
    const std::string name = inputs.size() == 1 ? layer.name + "_input" : absl::StrCat(layer.name, "_input_", i);
    return add_quantizer(layer, name, *quantizer, inputs[i], reads_events(layer, i));
  }

  absl::StatusOr<TensorId> add_quantizer(const FloatLayer& layer, const std::string& name,
                                         const ElementQuantizer& quantizer, TensorId input, bool is_event) {
    const Shape shape = graph_.shape_of(input);
    auto types = element_types(quantizer, shape);
    if (!types.ok()) return layer_error(layer, std::string(types.status().message()));
    if (is_event) {
      const std::vector<FixedType>& settled = event_types_[input];
      if (settled.empty()) return settle_input(input, *types);
      if (settled == *types) return input;
      return layer_error(layer, absl::StrCat("another quantiser has given the events of '",
                                             graph_.builder().tensor(input).name, "' other formats; use --input-type"));
    }
    Lanes lanes;
    for (size_t e = 0; e < types->size(); ++e) lanes.push_back(converted(graph_.lanes(input)[e], (*types)[e]));
    Node node{name, "quantize", {input}, {}, {}, {}};
    return graph_.add(std::move(node), shape, std::move(lanes), *std::move(types));
  }

  /// Without a type from the user, events arrive in the formats of the first quantiser that reads them.
  TensorId settle_input(TensorId input, std::vector<FixedType> types) {
    Lanes lanes;
    for (const FixedType& type : types) lanes.push_back(lane_of(type));
    graph_.set_lanes(input, std::move(lanes));
    event_types_[input] = types;
    if (std::all_of(types.begin(), types.end(), [&](const FixedType& t) { return t == types[0]; })) types.resize(1);
    graph_.builder().mutable_tensor(input).type.types = std::move(types);
    return input;
  }

  /// Whether an input is events whose types their quantisers set.
  bool reads_events(const FloatLayer& layer, size_t i) const { return event_names_.contains(layer.inputs[i]); }

  /// Nothing but a quantiser may read such events.
  absl::Status expect_typed_events(const FloatLayer& layer) const {
    if (layer.kind == "Dropout" || layer.kind == "Quantizer") return absl::OkStatus();
    for (size_t i = 0; i < layer.inputs.size(); ++i) {
      if (!reads_events(layer, i) || input_quantizer(layer, i) != nullptr) continue;
      return layer_error(layer, "reads events to which no quantiser of its own gives a type; use --input-type");
    }
    return absl::OkStatus();
  }

  absl::StatusOr<TensorId> compute(const FloatLayer& layer, const std::vector<TensorId>& inputs) {
    const std::string& kind = layer.kind;
    if (kind == "Input") return add_input(layer);
    if (kind == "Dropout" || kind == "Quantizer") return inputs[0];
    if (kind == "Dense") {
      counted_ebops_ += layer.setting<double>("ebops").value_or(0);
      return hgq::add_dense(graph_, layer, inputs[0]);
    }
    if (kind == "BatchNormalization") return hgq::add_batch_norm(graph_, layer, inputs[0]);
    if (kind == "Activation")
      return hgq::add_activation(graph_, layer, layer.name, layer.setting<std::string>("activation").value_or("linear"),
                                 inputs[0]);
    if (kind == "Flatten" || kind == "Reshape") return hgq::add_reshape(graph_, layer, inputs[0]);
    if (kind == "Concatenate") return hgq::add_concatenate(graph_, layer, inputs);
    static const std::map<std::string, std::string> kMerges = {{"Add", "add"},           {"Subtract", "subtract"},
                                                               {"Multiply", "multiply"}, {"Maximum", "maximum"},
                                                               {"Minimum", "minimum"},   {"AveragePow2", "add"}};
    if (auto it = kMerges.find(kind); it != kMerges.end()) return hgq::add_merge(graph_, layer, it->second, inputs);
    return absl::UnimplementedError(
        absl::StrCat("layer '", layer.name, "' (", layer.class_name, "): kind '", kind,
                     "' is not supported in an HGQ2 network; supported: Input, Quantizer, Dense, "
                     "BatchNormalization, Activation, Flatten, Reshape, Concatenate, Add, Subtract, "
                     "Multiply, Maximum, Minimum, Dropout"));
  }

  absl::StatusOr<TensorId> add_input(const FloatLayer& layer) {
    auto shape = layer.setting<std::vector<int64_t>>("shape");
    for (const auto& input : source_.inputs) {
      if (!shape && !layer.outputs.empty() && input.name == layer.outputs[0]) shape = input.shape;
    }
    if (!shape) return layer_error(layer, "has no shape");
    const FixedType type = options_.input_type.value_or(kDefaultInputType);
    const TensorId id = graph_.builder().add_input(layer.name, {*shape, {type}});
    graph_.set_lanes(id, Lanes(model::element_count(*shape), lane_of(type)));
    if (!options_.input_type) event_names_.insert(layer.outputs.begin(), layer.outputs.end());
    return id;
  }

  const FloatModel& source_;
  const QuantiseOptions& options_;
  HgqGraph graph_;
  std::map<std::string, TensorId> tensor_;
  std::set<std::string, std::less<>> event_names_;          ///< inputs whose types their quantisers set
  std::map<TensorId, std::vector<FixedType>> event_types_;  ///< what the first of them set
  std::vector<std::string> warnings_;
  double counted_ebops_ = 0;  ///< the sum of HGQ2's own counts, as the file has them
};

}  // namespace

absl::StatusOr<Quantised> quantise_hgq(const FloatModel& source, const QuantiseOptions& options) {
  return HgqBuilder(source, options).run();
}

}  // namespace strobe::quantise
