#include "tests/kernels/quantise/error_bound.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>

namespace strobe::testing {
namespace {

using model::Constant;
using model::Node;
using model::TensorId;

class Bounds {
 public:
  Bounds(const import::FloatModel& model, const model::Graph& graph, const layers::Evaluation& evaluation, size_t rows)
      : model_(model), graph_(graph), evaluation_(evaluation), rows_(rows), errors_(graph.tensors().size(), 0) {
    for (const Node& node : graph.nodes()) errors_[node.outputs[0]] = of(node);
  }

  double at(TensorId tensor) const { return errors_[tensor]; }

 private:
  double largest(TensorId tensor) const {
    const auto& type = graph_.tensor(tensor).type;
    const auto& raw = evaluation_.tensors[tensor];
    double most = 0;
    for (size_t i = 0; i < rows_ * static_cast<size_t>(type.elements()); ++i) {
      const int64_t e = static_cast<int64_t>(i) % type.elements();
      most = std::max(most, std::abs(model::to_double(raw[i], type.at(e))));
    }
    return most;
  }

  static double value(const Constant& c, size_t i) {
    return model::to_double(c.raw[i], c.type.at(static_cast<int64_t>(i)));
  }

  static double largest(const Constant& c) {
    double most = 0;
    for (size_t i = 0; i < c.raw.size(); ++i) most = std::max(most, std::abs(value(c, i)));
    return most;
  }

  /// Half a step of a node's constant; nothing where the network was trained with its quantiser.
  double half_step(const Node& node, const char* constant, const char* trained) const {
    for (const auto& layer : model_.layers) {
      if (layer.name == node.name && layer.quantizers.contains(trained)) return 0;
    }
    return node.constant(constant)->type.at(0).step() / 2;
  }

  /// Behind a layer's own arithmetic: its result's rounding (a whole step, where both sides round), float32 on the
  /// other side.
  double of(const Node& node) const {
    const TensorId out = node.outputs[0];
    return exact(node) + graph_.tensor(out).type.at(0).step() + 2e-6 * (1 + largest(out));
  }

  double exact(const Node& node) const {
    const TensorId in = node.inputs[0];
    const double x = largest(in), error = errors_[in];
    if (node.op == "dense") return of_dense(node, x + error, error);
    if (node.op == "batch_norm") {
      return largest(*node.constant("scale")) * error + half_step(node, "scale", "kernel") * (x + error) +
             half_step(node, "bias", "bias");
    }
    if (node.op == "leaky_relu") {
      const Constant& alpha = *node.constant("alpha");
      return std::max(1.0, largest(alpha)) * error + alpha.type.at(0).step() / 2 * (x + error);
    }
    if (node.op == "clip") return error + std::ldexp(x + 1, -15);
    if (node.op == "table") return of_table(node, error);
    if (node.op == "softmax") return 0.01 + error;
    if (node.op == "relu" || node.op == "quantize" || node.op == "concatenate") return of_choice(node);
    return of_merge(node);
  }

  double of_dense(const Node& node, double x, double error) const {
    const Constant& weight = *node.constant("weight");
    const auto n_in = static_cast<size_t>(weight.type.shape[0]), n_out = static_cast<size_t>(weight.type.shape[1]);
    double most = 0;
    for (size_t j = 0; j < n_out; ++j) {
      double sum = 0;
      for (size_t i = 0; i < n_in; ++i) sum += std::abs(value(weight, i * n_out + j));
      most = std::max(most, sum);
    }
    return most * error + static_cast<double>(n_in) * half_step(node, "weight", "kernel") * x +
           half_step(node, "bias", "bias");
  }

  /// Steps of 1/256 or finer with a slope of at most 1, and tails of less than 0.001.
  static double of_table(const Node& node, double error) {
    const Constant* scale = node.constant("negative_scale");
    return std::max(1.0, scale == nullptr ? 0 : largest(*scale)) * (error + 0.005);
  }

  double of_choice(const Node& node) const {
    double most = 0;
    for (const TensorId id : node.inputs) most = std::max(most, errors_[id]);
    return most;
  }

  double of_merge(const Node& node) const {
    const TensorId a = node.inputs[0], b = node.inputs[1];
    if (const auto term = graph_.tensor(a).producer;
        term >= 0 && graph_.nodes()[term].name.starts_with(node.name + "_"))
      return errors_[graph_.nodes()[term].inputs[0]] + std::ldexp(1.0, -8);  // softplus, softsign: a sum of terms
    if (node.op == "maximum" || node.op == "minimum") return of_choice(node);
    if (node.op == "add" || node.op == "subtract") return errors_[a] + errors_[b];
    if (node.op == "multiply") return (largest(a) + errors_[a]) * errors_[b] + largest(b) * errors_[a];
    throw std::logic_error("no bound for " + node.op);
  }

  const import::FloatModel& model_;
  const model::Graph& graph_;
  const layers::Evaluation& evaluation_;
  size_t rows_;
  std::vector<double> errors_;
};

}  // namespace

double error_bound(const import::FloatModel& model, const model::Graph& graph, const layers::Evaluation& evaluation,
                   size_t rows, TensorId tensor) {
  return Bounds(model, graph, evaluation, rows).at(tensor);
}

}  // namespace strobe::testing
