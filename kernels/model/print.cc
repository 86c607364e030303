#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "kernels/model/graph.h"

namespace strobe::model {
namespace {

std::string print_attribute(const Attribute& attribute) {
  struct Printer {
    std::string operator()(int64_t v) const { return absl::StrCat(v); }
    std::string operator()(double v) const { return absl::StrCat(v); }
    std::string operator()(const std::string& v) const { return v; }
    std::string operator()(const std::vector<int64_t>& v) const {
      return absl::StrCat("[", absl::StrJoin(v, ","), "]");
    }
    std::string operator()(const std::vector<double>& v) const { return absl::StrCat("[", absl::StrJoin(v, ","), "]"); }
    std::string operator()(const FixedType& v) const { return v.to_string(); }
  };
  return std::visit(Printer{}, attribute);
}

}  // namespace

std::string print(const Graph& graph) {
  std::string text = absl::StrCat("model ", graph.name(), "\n");
  for (const TensorId id : graph.inputs()) {
    const Tensor& tensor = graph.tensor(id);
    const std::string encoding = tensor.encoding.to_string();
    absl::StrAppend(&text, "  input ", tensor.name, " ", tensor.type.to_string(), encoding.empty() ? "" : ", ",
                    encoding, "\n");
  }
  const auto name_of = [&](std::string* out, TensorId id) { out->append(graph.tensor(id).name); };
  for (const Node& node : graph.nodes()) {
    absl::StrAppend(&text, "  ", absl::StrJoin(node.outputs, ", ", name_of), " = ", node.op, "(",
                    absl::StrJoin(node.inputs, ", ", name_of), ")");
    for (const auto& [key, value] : node.attributes) absl::StrAppend(&text, " ", key, "=", print_attribute(value));
    for (const auto& [key, value] : node.constants) absl::StrAppend(&text, " ", key, ":", value.type.to_string());
    for (const TensorId id : node.outputs) absl::StrAppend(&text, " -> ", graph.tensor(id).type.to_string());
    text += "\n";
  }
  absl::StrAppend(&text, "  outputs ", absl::StrJoin(graph.outputs(), ", ", name_of), "\n");
  return text;
}

}  // namespace strobe::model
