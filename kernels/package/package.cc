#include "kernels/package/package.h"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>

#include <limits>

#include "absl/strings/str_cat.h"
#include "kernels/layers/catalog.h"
#include "kernels/package/graph_proto.h"

namespace strobe::package {
namespace {

/// Map entries in a fixed order, so that equal messages give equal bytes.
std::string deterministic_bytes(const google::protobuf::Message& message) {
  std::string bytes;
  {
    google::protobuf::io::StringOutputStream stream(&bytes);
    google::protobuf::io::CodedOutputStream coded(&stream);
    coded.SetSerializationDeterministic(true);
    message.SerializeToCodedStream(&coded);
  }
  return bytes;
}

template <typename Message>
bool parse_message(std::string_view bytes, Message& message) {
  if (bytes.size() > static_cast<size_t>(std::numeric_limits<int>::max())) return false;
  return message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()));
}

absl::StatusOr<model::Graph> verified(const pb::Graph& proto) {
  auto graph = from_proto(proto);
  if (!graph.ok()) return graph.status();
  if (absl::Status s = layers::verify(*graph); !s.ok()) return s;
  return graph;
}

}  // namespace

std::string serialize(const Package& package) {
  pb::Package proto;
  proto.set_version(kVersion);
  proto.set_made_by(package.made_by);
  for (const KernelModel& model : package.models) {
    pb::KernelModel& m = *proto.add_models();
    m.set_kernel(model.kernel);
    to_proto(model.graph, *m.mutable_graph());
    if (model.float_model) to_proto(*model.float_model, *m.mutable_float_model());
  }
  return deterministic_bytes(proto);
}

absl::StatusOr<Package> parse(std::string_view bytes) {
  pb::Package proto;
  if (bytes.empty() || !parse_message(bytes, proto) || proto.version() == 0) {
    return absl::InvalidArgumentError("holds no strobe model (made by another tool, or damaged)");
  }
  if (proto.version() > kVersion) {
    return absl::UnimplementedError(
        absl::StrCat("its model has format version ", proto.version(), ", this strobe knows up to ", kVersion));
  }
  if (proto.models().empty()) return absl::InvalidArgumentError("holds no model");
  Package package;
  package.made_by = proto.made_by();
  for (const pb::KernelModel& m : proto.models()) {
    auto graph = verified(m.graph());
    if (!graph.ok())
      return absl::Status(graph.status().code(),
                          absl::StrCat("model of kernel '", m.kernel(), "': ", std::string(graph.status().message())));
    KernelModel model{m.kernel(), *std::move(graph), std::nullopt};
    if (m.has_float_model()) {
      auto float_model = from_proto(m.float_model());
      if (!float_model.ok()) return float_model.status();
      model.float_model = *std::move(float_model);
    }
    package.models.push_back(std::move(model));
  }
  return package;
}

std::string serialize_graph(const model::Graph& graph) {
  pb::Graph proto;
  to_proto(graph, proto);
  return deterministic_bytes(proto);
}

absl::StatusOr<model::Graph> parse_graph(std::string_view bytes) {
  pb::Graph proto;
  if (!parse_message(bytes, proto)) return absl::InvalidArgumentError("is no saved graph");
  return verified(proto);
}

}  // namespace strobe::package
