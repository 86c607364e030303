#pragma once

#include <algorithm>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "kernels/quantise/lanes.h"

namespace strobe::quantise {

using Lanes = std::vector<Lane>;

/// A graph that is built layer by layer and knows, for each tensor, what values each element can take, so that every
/// exact result gets the narrowest type.
class HgqGraph {
 public:
  explicit HgqGraph(const std::string& name) : builder_(name) {}

  model::GraphBuilder& builder() { return builder_; }
  const model::Shape& shape_of(model::TensorId id) const { return builder_.tensor(id).type.shape; }
  const Lanes& lanes(model::TensorId id) const { return lanes_.at(id); }
  void set_lanes(model::TensorId id, Lanes lanes) { lanes_[id] = std::move(lanes); }

  /// Adds a node whose output types hold exactly the given lanes.
  model::TensorId add(model::Node node, model::Shape shape, Lanes lanes) {
    std::vector<model::FixedType> types;
    for (const Lane& lane : lanes) types.push_back(holding(lane));
    return add(std::move(node), std::move(shape), std::move(lanes), std::move(types));
  }

  model::TensorId add(model::Node node, model::Shape shape, Lanes lanes, std::vector<model::FixedType> types) {
    if (std::all_of(types.begin(), types.end(), [&](const auto& t) { return t == types[0]; })) types.resize(1);
    const model::TensorId id = builder_.add(std::move(node), {std::move(shape), std::move(types)});
    lanes_[id] = std::move(lanes);
    return id;
  }

 private:
  model::GraphBuilder builder_;
  std::map<model::TensorId, Lanes> lanes_;
};

}  // namespace strobe::quantise
