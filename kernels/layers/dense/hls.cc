#include <algorithm>

#include "absl/strings/str_cat.h"
#include "kernels/hls/layer_writer.h"
#include "kernels/layers/hooks.h"
#include "kernels/layers/support.h"

namespace strobe::layers {
namespace {

using model::Constant;
using model::Graph;
using model::Node;
using model::Wide;

struct Sizes {
  int64_t rows, n_in, n_out;
};

Sizes sizes_of(const Graph& graph, const Node& node) {
  const model::Shape& extents = node.constant("weight")->type.shape;
  return {graph.tensor(node.inputs[0]).type.elements() / extents[0], extents[0], extents[1]};
}

/// hls4ml's rule for the resource strategies: a cycle takes whole inputs, or an equal part of one input's outputs.
bool is_valid_reuse(int64_t reuse, int64_t n_in, int64_t n_out) {
  const int64_t limit = (n_in * n_out + std::min(n_in, reuse) - 1) / std::min(n_in, reuse);
  return (limit % n_out == 0 || reuse >= n_in) && (reuse % n_in == 0 || reuse < n_in) && n_in * n_out % reuse == 0;
}

/// The closest factor that the rule allows, the smaller of two as close.
int64_t closest_reuse(int64_t wish, int64_t n_in, int64_t n_out) {
  for (int64_t distance = 0;; ++distance) {
    for (const int64_t candidate : {wish - distance, wish + distance}) {
      if (candidate >= 1 && candidate <= n_in * n_out && is_valid_reuse(candidate, n_in, n_out)) return candidate;
    }
  }
}

/// The most multiplications by a weight other than zero in any of `reuse` equal shares of the weights, in their order.
int64_t largest_share(const Constant& weight, int64_t reuse) {
  const auto block = static_cast<int64_t>(weight.raw.size()) / reuse;
  int64_t most = 0;
  for (int64_t first = 0; first < static_cast<int64_t>(weight.raw.size()); first += block) {
    const auto begin = weight.raw.begin() + first;
    most = std::max<int64_t>(most, std::count_if(begin, begin + block, [](int64_t raw) { return raw != 0; }));
  }
  return most;
}

bool is_resource(const Node& node) { return node.text("strategy", "latency") == "resource"; }

/// The smallest format of the exact sums: from the least and the greatest each can be, or from the formats alone where
/// those bounds might not fit a Wide.
hls::Format exact_sum(const Graph& graph, const Node& node) {
  const model::TensorType& in = graph.tensor(node.inputs[0]).type;
  const Constant& weight = *node.constant("weight");
  const Constant* bias = node.constant("bias");
  const Sizes n = sizes_of(graph, node);
  hls::Format product = hls::product(hls::Format::covering(in), hls::Format::covering(weight));
  if (bias != nullptr) product = hls::covering(product, hls::Format::covering(*bias));
  const int growth = hls::tree_levels(n.n_in + 1);
  if (product.width + growth + 1 > 126) {
    return {product.is_signed, product.width + growth, product.integer + growth};
  }
  const int fraction = product.fraction();
  const auto scaled = [&](Wide value, int from) { return value == 0 ? 0 : value << (fraction - from); };
  Wide lowest = 0, highest = 0;
  for (int64_t row = 0; row < n.rows; ++row) {
    for (int64_t j = 0; j < n.n_out; ++j) {
      Wide low = 0, high = 0;
      if (bias != nullptr) low = high = scaled(bias->raw[j], bias->type.at(j).fraction());
      for (int64_t i = 0; i < n.n_in; ++i) {
        const int64_t w = weight.raw[i * n.n_out + j];
        const model::FixedType& x = in.at(row * n.n_in + i);
        if (w == 0 || x.width == 0) continue;
        const int from = x.fraction() + weight.type.at(i * n.n_out + j).fraction();
        const Wide least = w > 0 ? x.min_raw() : x.max_raw(), most = w > 0 ? x.max_raw() : x.min_raw();
        low += scaled(w * least, from);
        high += scaled(w * most, from);
      }
      lowest = std::min(lowest, low);
      highest = std::max(highest, high);
    }
  }
  return hls::Format::of_range(lowest, highest, fraction);
}

}  // namespace

hls::Plan plan_hls_dense(const Graph& graph, const Node& node) {
  const Constant& weight = *node.constant("weight");
  const Sizes n = sizes_of(graph, node);
  const std::string strategy = node.text("strategy", "latency");
  const int64_t wish = node.integer("reuse_factor", 1);
  const int64_t possible = std::clamp<int64_t>(wish, 1, n.n_in * n.n_out);
  const bool by_rule = strategy == "resource" || strategy == "resource_unrolled";
  hls::Plan plan;
  plan.reuse_factor = by_rule ? closest_reuse(possible, n.n_in, n.n_out) : possible;
  if (plan.reuse_factor != wish) {
    plan.warning = absl::StrCat("layer '", node.name, "' (dense): reuse factor ", wish, " does not fit ", n.n_in, " x ",
                                n.n_out, " weights; ", plan.reuse_factor, " is used");
  }
  // One cycle multiplies, one takes two levels of the adder tree, one converts the result.
  const int pipeline = 2 + (hls::tree_levels(n.n_in + 1) + 1) / 2;
  plan.looped = is_resource(node);
  if (plan.looped) {
    plan.multipliers = n.n_in * n.n_out / plan.reuse_factor;
    plan.initiation_interval = static_cast<int>(n.rows * plan.reuse_factor);
  } else {
    const int64_t nonzero = std::count_if(weight.raw.begin(), weight.raw.end(), [](int64_t raw) { return raw != 0; });
    const int64_t shared = strategy == "resource_unrolled" ? largest_share(weight, plan.reuse_factor)
                                                           : (nonzero + plan.reuse_factor - 1) / plan.reuse_factor;
    plan.multipliers = n.rows * shared;
    plan.initiation_interval = static_cast<int>(plan.reuse_factor);
  }
  plan.depth = plan.initiation_interval - 1 + pipeline;
  return plan;
}

absl::Status write_hls_dense(const Graph& graph, const Node& node, hls::LayerWriter& writer) {
  const std::string strategy = node.text("strategy", "latency");
  if (node.integer("reuse_factor", 1) < 1) {
    return layer_error(node, absl::StrCat("reuse factor must be at least 1, is ", node.integer("reuse_factor", 1)));
  }
  if (strategy != "latency" && strategy != "resource" && strategy != "resource_unrolled" &&
      strategy != "distributed_arithmetic") {
    return layer_error(
        node, "strategy '" + strategy + "' is not latency, resource, resource_unrolled or distributed_arithmetic");
  }
  const hls::Plan plan = plan_hls_dense(graph, node);
  const Sizes n = sizes_of(graph, node);
  writer.include("layers/dense/dense_hls.h");
  writer.plan(plan);
  writer.setting("n_rows", n.rows);
  writer.setting("n_in", n.n_in);
  writer.setting("n_out", n.n_out);
  writer.setting("reuse_factor", plan.reuse_factor);
  writer.setting("multiplier_limit", plan.multipliers);
  writer.setting("depth", plan.depth);
  const hls::Format exact = exact_sum(graph, node);
  const auto accum = node.type("accum");
  if (accum) {
    writer.setting_type("accum_t", *accum);
  } else {
    writer.setting_type("accum_t", exact);
  }
  const std::string weights = writer.constant("weight", *node.constant("weight"));
  const Constant none = {{{n.n_out}, {model::FixedType::ufixed(1, 1)}}, std::vector<int64_t>(n.n_out, 0)};
  const Constant* bias = node.constant("bias");
  const std::string biases = writer.constant("bias", bias != nullptr ? *bias : none);
  const std::string y = writer.result(accum ? hls::Format::of(*accum) : exact);
  const char* function = strategy == "distributed_arithmetic" ? "dense_adders"
                         : plan.looped                        ? "dense_resource"
                                                              : "dense_latency";
  writer.statement(absl::StrCat("strobe::", function, "<", writer.config(), ">(", writer.input().name, ", ", weights,
                                ", ", biases, ", ", y, ")"));
  return absl::OkStatus();
}

}  // namespace strobe::layers
