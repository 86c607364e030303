#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "kernels/import/float_model.h"
#include "kernels/model/graph.h"

/// What an xclbin carries of its models, as protobuf with a version number (proto/model.proto).
namespace strobe::package {

inline constexpr uint32_t kVersion = 1;

struct KernelModel {
  std::string kernel;  ///< its name in the xclbin
  model::Graph graph;
  std::optional<import::FloatModel> float_model;  ///< absent where it was stripped
};

struct Package {
  std::string made_by;
  std::vector<KernelModel> models;
};

/// Equal packages give equal bytes.
std::string serialize(const Package& package);

/// Reads and verifies; safe for any bytes. Errors: InvalidArgument for what is no package, is damaged, has no model or
/// holds a graph that does not verify; Unimplemented for a version from the future.
absl::StatusOr<Package> parse(std::string_view bytes);

/// A graph alone, in the same form.
std::string serialize_graph(const model::Graph& graph);
absl::StatusOr<model::Graph> parse_graph(std::string_view bytes);

}  // namespace strobe::package
