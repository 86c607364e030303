#include "kernels/hls/layer_writer.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace strobe::hls {
namespace {

constexpr int kWidestNumber = 1024;
constexpr size_t kColumns = 110;

/// Values as a brace list over lines of readable length.
std::string wrapped_list(const std::vector<std::string>& values) {
  std::string text, line = "   ";
  for (size_t i = 0; i < values.size(); ++i) {
    const std::string item = i + 1 < values.size() ? values[i] + "," : values[i];
    if (line.size() + 1 + item.size() > kColumns) {
      absl::StrAppend(&text, line, "\n");
      line = "   ";
    }
    absl::StrAppend(&line, " ", item);
  }
  return absl::StrCat(text, line, "\n");
}

/// The C++ type of a table of whole numbers.
std::string whole_number_type(const std::vector<int64_t>& values) {
  const bool fits =
      std::all_of(values.begin(), values.end(), [](int64_t v) { return v >= INT32_MIN && v <= INT32_MAX; });
  return fits ? "int" : "long long";
}

}  // namespace

LayerWriter::LayerWriter(const model::Graph& graph, const model::Node& node,
                         const std::map<model::TensorId, TensorCode>& tensors, NameTable& names,
                         std::map<std::string, std::string>& weight_files)
    : graph_(graph), node_(node), tensors_(tensors), names_(names), weight_files_(weight_files) {
  code_.name = identifier(node.name);
  code_.function = names_.unique("compute_" + code_.name);
}

const std::string& LayerWriter::config() {
  if (config_name_.empty()) config_name_ = names_.unique(code_.name + "_config");
  return config_name_;
}

void LayerWriter::include(const std::string& header) { code_.includes.push_back(header); }

void LayerWriter::setting(const std::string& name, int64_t value) {
  const bool fits_int = value >= INT32_MIN && value <= INT32_MAX;
  absl::StrAppend(&config_members_, "  static constexpr ", fits_int ? "int " : "long long ", name, " = ", value, ";\n");
}

void LayerWriter::setting_type(const std::string& name, const Format& type) {
  use(type);
  absl::StrAppend(&config_members_, "  typedef ", type.to_string(), " ", name, ";\n");
}

void LayerWriter::setting_type(const std::string& name, const model::FixedType& type) {
  if (is_dead(type)) flaw_ = absl::StrCat("the type ", type.to_string(), " (", name, ") holds 0 only");
  absl::StrAppend(&config_members_, "  typedef ", type_name(type), " ", name, ";\n");
}

void LayerWriter::setting_number(const std::string& name, int64_t raw, const Format& format) {
  use(format);
  const std::string type = format.to_string();
  absl::StrAppend(&config_members_, "  static ", type, " ", name, "() { return ", literal(raw, format.fraction(), type),
                  "; }\n");
}

void LayerWriter::setting_number(const std::string& name, const model::Constant& constant) {
  setting_number(name, constant.raw[0], Format::of(constant.type.at(0)));
}

std::string LayerWriter::constant(const std::string& role, const model::Constant& constant) {
  const Format format = Format::covering(constant);
  use(format);
  const std::string name = names_.unique(absl::StrCat(code_.name, "_", role));
  const std::string type = names_.unique(absl::StrCat(code_.name, "_", role, "_t"));
  std::vector<std::string> values;
  for (size_t i = 0; i < constant.raw.size(); ++i) {
    values.push_back(literal(constant.raw[i], constant.type.at(static_cast<int64_t>(i)).fraction(), type));
  }
  const std::string file = name + ".h";
  weight_files_[file] = absl::StrCat(
      "/// ", role, " of the layer ", code_.name, ", ", model::to_string(constant.type.shape),
      constant.type.is_uniform() ? "" : ", each value exact in a common type", ".\ntypedef ", format.to_string(), " ",
      type, ";\nstatic const ", type, " ", name, "[", values.size(), "] = {\n", wrapped_list(values), "};\n");
  code_.weight_files.push_back(file);
  return name;
}

std::string LayerWriter::indices(const std::string& role, const std::vector<int64_t>& values) {
  const std::string name = names_.unique(absl::StrCat(code_.name, "_", role));
  std::vector<std::string> words;
  for (const int64_t value : values) words.push_back(absl::StrCat(value));
  const std::string type = whole_number_type(values);
  const std::string file = name + ".h";
  weight_files_[file] = absl::StrCat("/// ", role, " of the layer ", code_.name, ".\nstatic const ", type, " ", name,
                                     "[", values.size(), "] = {\n", wrapped_list(words), "};\n");
  code_.weight_files.push_back(file);
  return name;
}

void LayerWriter::setting_table(const std::string& name, const std::vector<int64_t>& values) {
  const std::string array = indices(name, values);
  absl::StrAppend(&config_members_, "  static ", whole_number_type(values), " ", name, "(int i) { return ", array,
                  "[i]; }\n");
}

void LayerWriter::statement(const std::string& text) { absl::StrAppend(&code_.body, "  ", text, ";\n"); }

std::string LayerWriter::local(const std::string& role, const Format& format, int64_t size) {
  use(format);
  const std::string name = names_.unique(absl::StrCat(code_.name, "_", role));
  const std::string type = local_type_ = names_.unique(name + "_t");
  absl::StrAppend(&typedefs_, "typedef ", format.to_string(), " ", type, ";\n");
  absl::StrAppend(&code_.body, "  ", type, " ", name, "[", size,
                  "];\n  STROBE_PRAGMA(HLS array_partition variable=", name, " complete)\n");
  return name;
}

std::string LayerWriter::result(const Format& exact) {
  const TensorCode& out = output();
  if (out.is_uniform) return out.name;
  exact_name_ = local("exact", exact, out.size);
  rounding_call_ = absl::StrCat(rounding_function(), "(", exact_name_, ", ", out.name, ")");
  return exact_name_;
}

std::string LayerWriter::rounding_function() {
  const TensorCode& out = output();
  const model::TensorType& type = graph_.tensor(node_.outputs[0]).type;
  const std::string name = names_.unique("round_" + out.name);
  absl::StrAppend(&code_.helpers, "/// Gives each element of ", out.name, " its own type.\nvoid ", name, "(const ",
                  local_type_, " exact[", out.size, "], ", out.type, " ", out.name, "[", out.size,
                  "]) {\n  STROBE_PRAGMA(HLS inline)\n");
  for (int64_t e = 0; e < out.size; ++e) {
    const model::FixedType& element = type.at(e);
    const std::string value = is_dead(element) ? "0" : absl::StrCat(type_name(element), "(exact[", e, "])");
    absl::StrAppend(&code_.helpers, "  ", out.name, "[", e, "] = ", value, ";\n");
  }
  absl::StrAppend(&code_.helpers, "}\n\n");
  return name;
}

void LayerWriter::whole_kernel(const std::string& function, const std::string& parameters) {
  code_.whole_kernel = function;
  code_.parameters_argument = parameters;
}

void LayerWriter::use(const Format& format) { widest_ = std::max(widest_, format.width); }

absl::StatusOr<LayerCode> LayerWriter::finish() && {
  if (widest_ > kWidestNumber) {
    return absl::UnimplementedError(absl::StrCat("layer '", node_.name, "' (", node_.op, "): needs numbers of ",
                                                 widest_, " bits; HLS has at most ", kWidestNumber));
  }
  if (!flaw_.empty())
    return absl::UnimplementedError(absl::StrCat("layer '", node_.name, "' (", node_.op, "): ", flaw_));
  if (!rounding_call_.empty()) statement(rounding_call_);
  code_.parameters = typedefs_;
  if (!config_name_.empty()) {
    absl::StrAppend(&code_.parameters, "struct ", config_name_, " {\n", config_members_, "};\n");
  }
  return std::move(code_);
}

void begin_elementwise(LayerWriter& writer, const std::string& header) {
  writer.include(header);
  writer.setting("size", writer.output().size);
}

}  // namespace strobe::hls
