#pragma once

#include <memory>

#include "absl/status/statusor.h"
#include "kernels/import/float_model.h"
#include "kernels/import/forest.h"
#include "kernels/model/graph.h"
#include "proto/model.pb.h"

namespace strobe::package {

namespace pb = strobe::model::v1;

void to_proto(const model::Graph& graph, pb::Graph& proto);
absl::StatusOr<model::Graph> from_proto(const pb::Graph& proto);

void to_proto(const import::FloatModel& model, pb::FloatModel& proto);
absl::StatusOr<import::FloatModel> from_proto(const pb::FloatModel& proto);

void to_proto(const import::Forest& forest, pb::FloatForest& proto);
/// Errors: InvalidArgument for a forest that does not verify.
absl::StatusOr<std::shared_ptr<const import::Forest>> from_proto(const pb::FloatForest& proto);

void to_proto(const import::Array& array, pb::FloatArray& proto);
import::Array from_proto(const pb::FloatArray& proto);

void to_proto(const model::FixedType& type, pb::FixedType& proto);
absl::StatusOr<model::FixedType> from_proto(const pb::FixedType& proto);

}  // namespace strobe::package
