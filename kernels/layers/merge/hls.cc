#include <algorithm>
#include <bit>

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
    {"add", "strobe::addition", hls::sum},
    {"average", "strobe::addition", hls::sum},
    {"subtract", "strobe::subtraction", hls::difference},
    {"multiply", "strobe::multiplication", hls::product},
    {"maximum", "strobe::larger", hls::covering},
    {"minimum", "strobe::smaller", hls::covering},
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

/// The finest grid among the inputs' types, element by element: the average is truncated on it, one bit finer a
/// halving.
std::vector<int64_t> finest_fractions(const model::Graph& graph, const model::Node& node) {
  std::vector<int64_t> finest(graph.tensor(node.outputs[0]).type.elements());
  for (size_t e = 0; e < finest.size(); ++e) {
    for (size_t i = 0; i < node.inputs.size(); ++i) {
      const model::TensorType& in = graph.tensor(node.inputs[i]).type;
      const int64_t fraction = in.at(in.elements() == 1 ? 0 : static_cast<int64_t>(e)).fraction();
      finest[e] = i == 0 ? fraction : std::max(finest[e], fraction);
    }
  }
  return finest;
}

void write_average(const model::Graph& graph, const model::Node& node, const Term& sum, hls::LayerWriter& writer) {
  const auto count = static_cast<int64_t>(node.inputs.size());
  const int more_bits = hls::tree_levels(count);
  std::vector<int64_t> grids = finest_fractions(graph, node);
  const int64_t finest = std::max<int64_t>(*std::max_element(grids.begin(), grids.end()), sum.format.fraction());
  for (int64_t& grid : grids) grid = finest - grid;
  const int up = static_cast<int>(finest) - sum.format.fraction();
  // One bit for the sign, one so that the sum's own width always fits.
  const hls::Format quotient = {true, sum.format.width + up + more_bits + 2, sum.format.integer + 2};
  writer.setting("count", count);
  writer.setting("more_bits", more_bits);
  writer.setting("up", up);
  writer.setting_type("quotient_t", quotient);
  const bool one_grid = std::has_single_bit(static_cast<uint64_t>(count)) ||
                        std::all_of(grids.begin(), grids.end(), [](int64_t coarser) { return coarser == 0; });
  const std::string coarser = one_grid ? "" : absl::StrCat(", ", writer.indices("coarser", grids));
  const std::string y = writer.result(quotient);
  writer.statement(absl::StrCat("strobe::divide<", writer.config(), ">(", sum.name, coarser, ", ", y, ")"));
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
    const std::string y =
        last && !average ? writer.result(exact) : writer.local(absl::StrCat("of_", i + 1), exact, writer.output().size);
    writer.statement(absl::StrCat("strobe::merge<", writer.config(), ", ", operation.policy, ", ", left.size, ", ",
                                  right.size, ">(", left.name, ", ", right.name, ", ", y, ")"));
    left = {y, exact, writer.output().size};
  }
  if (average) write_average(graph, node, left, writer);
  return absl::OkStatus();
}

}  // namespace strobe::layers
