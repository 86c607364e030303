#include "absl/strings/str_cat.h"
#include "kernels/hls/layer_writer.h"
#include "kernels/layers/forest/forest.h"
#include "kernels/layers/hooks.h"
#include "kernels/layers/support.h"

namespace strobe::layers {

hls::Plan plan_hls_forest(const model::Graph&, const model::Node& node) {
  const int trees = static_cast<int>(node.constant("tree_root")->raw.size());
  return {.depth = 2 + hls::tree_levels(trees), .warning = {}};
}

absl::Status write_hls_forest(const model::Graph&, const model::Node& node, hls::LayerWriter&) {
  return absl::UnimplementedError(absl::StrCat("layer '", node.name, "': forests are not written as HLS yet"));
}

}  // namespace strobe::layers
