#include "absl/strings/str_cat.h"
#include "kernels/hls/layer_writer.h"
#include "kernels/layers/hooks.h"

namespace strobe::layers {
namespace {

struct Operation {
  std::string_view op;
  const char* policy;
  hls::Format (*result)(const hls::Format&, const hls::Format&);
};

constexpr Operation kOperations[] = {
    {"add", "strobe::addition", hls::sum},           {"average", "strobe::addition", hls::sum},
    {"subtract", "strobe::subtraction", hls::difference}, {"multiply", "strobe::multiplication", hls::product},
    {"maximum", "strobe::larger", hls::covering},    {"minimum", "strobe::smaller", hls::covering},
};

const Operation& operation_of(const model::Node& node) {
  for (const Operation& operation : kOperations) {
    if (operation.op == node.op) return operation;
  }
  return kOperations[0];
}

/// A tensor on its way through the chain: its array, format and size.
struct Term {
  std::string name;
  hls::Format format;
  int64_t size;
};

/// Divides the sum by the number of inputs: one more fraction bit for each halving, then towards zero.
void write_average(const Term& sum, int64_t count, hls::LayerWriter& writer) {
  const int more_bits = hls::tree_levels(count);
  const hls::Format quotient = {true, sum.format.width + more_bits + 1, sum.format.integer + 1};
  writer.setting("count", count);
  writer.setting("more_bits", more_bits);
  writer.setting_type("quotient_t", quotient);
  const std::string y = writer.result(quotient);
  writer.statement(absl::StrCat("strobe::divide<", writer.config(), ">(", sum.name, ", ", y, ")"));
}

}  // namespace

hls::Plan plan_hls_merge(const model::Graph& graph, const model::Node& node) {
  const auto terms = static_cast<int64_t>(node.inputs.size());
  const bool multiplies = node.op == "multiply";
  return {.multipliers = multiplies ? (terms - 1) * graph.tensor(node.outputs[0]).type.elements() : 0,
          .depth = static_cast<int>(terms - 1) + (node.op == "average" ? 1 : 0),
          .warning = {}};
}

/// Inputs are combined two at a time, in their order; results in between are exact.
absl::Status write_hls_merge(const model::Graph& graph, const model::Node& node, hls::LayerWriter& writer) {
  const Operation& operation = operation_of(node);
  const bool average = node.op == "average";
  hls::begin_elementwise(writer, "layers/merge/merge_hls.h");
  writer.plan(plan_hls_merge(graph, node));
  Term left = {writer.input().name, writer.input().format, writer.input().size};
  for (size_t i = 1; i < node.inputs.size(); ++i) {
    const hls::TensorCode& right = writer.input(i);
    const bool last = i + 1 == node.inputs.size();
    const hls::Format exact = operation.result(left.format, right.format);
    const std::string y = last && !average ? writer.result(exact)
                                           : writer.local(absl::StrCat("of_", i + 1), exact, writer.output().size);
    writer.statement(absl::StrCat("strobe::merge<", writer.config(), ", ", operation.policy, ", ", left.size, ", ", right.size,
                                  ">(", left.name, ", ", right.name, ", ", y, ")"));
    left = {y, exact, writer.output().size};
  }
  if (average) write_average(left, static_cast<int64_t>(node.inputs.size()), writer);
  return absl::OkStatus();
}

}  // namespace strobe::layers
