#include "kernels/layers/catalog.h"

#include "absl/strings/str_cat.h"
#include "kernels/layers/batch_norm/batch_norm.h"
#include "kernels/layers/clip/clip.h"
#include "kernels/layers/concatenate/concatenate.h"
#include "kernels/layers/dense/dense.h"
#include "kernels/layers/forest/forest.h"
#include "kernels/layers/forest_engine/forest_engine.h"
#include "kernels/layers/formula/formula.h"
#include "kernels/layers/leaky_relu/leaky_relu.h"
#include "kernels/layers/merge/merge.h"
#include "kernels/layers/projection/projection.h"
#include "kernels/layers/quantize/quantize.h"
#include "kernels/layers/relu/relu.h"
#include "kernels/layers/reshape/reshape.h"
#include "kernels/layers/sign/sign.h"
#include "kernels/layers/softmax/softmax.h"
#include "kernels/layers/table/table.h"
#include "kernels/layers/threshold_relu/threshold_relu.h"
#include "kernels/layers/transpose/transpose.h"

namespace strobe::layers {
namespace {

constexpr const Layer* kCatalog[] = {
    &kDenseLayer,         &kBatchNormLayer,  &kQuantizeLayer,  &kReluLayer,        &kLeakyReluLayer,
    &kThresholdReluLayer, &kClipLayer,       &kSignLayer,      &kTableLayer,       &kSoftmaxLayer,
    &kAddLayer,           &kSubtractLayer,   &kMultiplyLayer,  &kMaximumLayer,     &kMinimumLayer,
    &kAverageLayer,       &kReshapeLayer,    &kTransposeLayer, &kConcatenateLayer, &kForestLayer,
    &kForestEngineLayer,  &kProjectionLayer, &kFormulaLayer,
};

}  // namespace

std::span<const Layer* const> catalog() { return kCatalog; }

const Layer* find_layer(std::string_view op) {
  for (const Layer* layer : kCatalog) {
    if (layer->op == op) return layer;
  }
  return nullptr;
}

absl::Status verify(const model::Graph& graph) {
  for (const model::Node& node : graph.nodes()) {
    const Layer* layer = find_layer(node.op);
    if (layer == nullptr) {
      return absl::UnimplementedError(absl::StrCat("layer '", node.name, "': op '", node.op, "' is not known"));
    }
    if (absl::Status s = layer->verify(graph, node); !s.ok()) return s;
  }
  return absl::OkStatus();
}

}  // namespace strobe::layers
