#include <algorithm>

#include "absl/strings/str_cat.h"
#include "kernels/formula/formula.h"
#include "kernels/package/graph_proto.h"

namespace strobe::package {
namespace {

using import::Array;
using import::ElementQuantizer;
using import::FloatLayer;
using import::Setting;
using import::UniformQuantizer;

struct QuantizerWriter {
  pb::Quantizer& proto;
  void operator()(const UniformQuantizer& q) const {
    proto.set_kind(static_cast<uint32_t>(q.kind));
    package::to_proto(q.type, *proto.mutable_type());
    proto.set_name(q.name);
    for (const auto& [key, value] : q.numbers) (*proto.mutable_numbers())[key] = value;
    for (const auto& [key, value] : q.texts) (*proto.mutable_texts())[key] = value;
    package::to_proto(q.scale, *proto.mutable_scale());
    package::to_proto(q.zero_point, *proto.mutable_zero_point());
    package::to_proto(q.bits, *proto.mutable_bits());
  }
  void operator()(const ElementQuantizer& q) const {
    proto.set_per_element(true);
    package::to_proto(q.k, *proto.mutable_k());
    package::to_proto(q.i, *proto.mutable_i());
    package::to_proto(q.f, *proto.mutable_f());
    proto.set_rounding(q.rounding);
    proto.set_overflow(q.overflow);
    proto.set_trainable_wrap(q.trainable_wrap);
  }
};

absl::StatusOr<import::Quantizer> from_proto(const pb::Quantizer& proto) {
  if (proto.per_element()) {
    return ElementQuantizer{package::from_proto(proto.k()),
                            package::from_proto(proto.i()),
                            package::from_proto(proto.f()),
                            proto.rounding(),
                            proto.overflow(),
                            proto.trainable_wrap()};
  }
  UniformQuantizer q;
  if (proto.kind() > static_cast<uint32_t>(UniformQuantizer::Kind::kQonnx))
    return absl::InvalidArgumentError("unknown kind of quantiser");
  q.kind = static_cast<UniformQuantizer::Kind>(proto.kind());
  auto type = package::from_proto(proto.type());
  if (!type.ok()) return type.status();
  q.type = *type;
  q.name = proto.name();
  q.numbers.insert(proto.numbers().begin(), proto.numbers().end());
  q.texts.insert(proto.texts().begin(), proto.texts().end());
  q.scale = package::from_proto(proto.scale());
  q.zero_point = package::from_proto(proto.zero_point());
  q.bits = package::from_proto(proto.bits());
  return q;
}

struct SettingWriter {
  pb::Setting& proto;
  void operator()(bool v) const { proto.set_flag(v); }
  void operator()(int64_t v) const { proto.set_integer(v); }
  void operator()(double v) const { proto.set_real(v); }
  void operator()(const std::string& v) const { proto.set_text(v); }
  void operator()(const std::vector<int64_t>& v) const {
    proto.mutable_integers()->mutable_values()->Assign(v.begin(), v.end());
  }
  void operator()(const std::vector<double>& v) const {
    proto.mutable_reals()->mutable_values()->Assign(v.begin(), v.end());
  }
};

Setting from_proto(const pb::Setting& proto) {
  switch (proto.value_case()) {
    case pb::Setting::kFlag:
      return proto.flag();
    case pb::Setting::kInteger:
      return proto.integer();
    case pb::Setting::kReal:
      return proto.real();
    case pb::Setting::kIntegers:
      return std::vector<int64_t>(proto.integers().values().begin(), proto.integers().values().end());
    case pb::Setting::kReals:
      return std::vector<double>(proto.reals().values().begin(), proto.reals().values().end());
    default:
      return proto.text();
  }
}

}  // namespace

void to_proto(const Array& array, pb::FloatArray& proto) {
  for (const int64_t extent : array.shape) proto.add_shape(extent);
  const bool single = std::all_of(array.data.begin(), array.data.end(),
                                  [](double v) { return static_cast<double>(static_cast<float>(v)) == v; });
  if (single) {
    for (const double v : array.data) proto.add_singles(static_cast<float>(v));
  } else {
    proto.mutable_doubles()->Assign(array.data.begin(), array.data.end());
  }
}

Array from_proto(const pb::FloatArray& proto) {
  Array array{{proto.shape().begin(), proto.shape().end()}, {proto.singles().begin(), proto.singles().end()}};
  if (proto.singles().empty()) array.data.assign(proto.doubles().begin(), proto.doubles().end());
  return array;
}

void to_proto(const import::FloatModel& model, pb::FloatModel& proto) {
  proto.set_name(model.name);
  proto.set_framework(model.framework);
  for (const auto& [tensors, target] :
       {std::pair(&model.inputs, proto.mutable_inputs()), std::pair(&model.outputs, proto.mutable_outputs())}) {
    for (const import::FloatTensor& tensor : *tensors) {
      pb::FloatTensor& t = *target->Add();
      t.set_name(tensor.name);
      t.mutable_shape()->Assign(tensor.shape.begin(), tensor.shape.end());
    }
  }
  for (const FloatLayer& layer : model.layers) {
    pb::FloatLayer& l = *proto.add_layers();
    l.set_name(layer.name);
    l.set_kind(layer.kind);
    l.set_class_name(layer.class_name);
    for (const auto& input : layer.inputs) l.add_inputs(input);
    for (const auto& output : layer.outputs) l.add_outputs(output);
    if (layer.formula != nullptr) l.set_formula(layer.formula->text);
    for (const auto& [key, value] : layer.settings) std::visit(SettingWriter{(*l.mutable_settings())[key]}, value);
    for (const auto& [key, value] : layer.arrays) to_proto(value, (*l.mutable_arrays())[key]);
    for (const auto& [key, value] : layer.quantizers)
      std::visit(QuantizerWriter{(*l.mutable_quantizers())[key]}, value);
    if (layer.forest) to_proto(*layer.forest, *l.mutable_forest());
  }
  for (const auto& [key, value] : model.provenance) (*proto.mutable_provenance())[key] = value;
}

absl::StatusOr<import::FloatModel> from_proto(const pb::FloatModel& proto) {
  import::FloatModel model;
  model.name = proto.name();
  model.framework = proto.framework();
  for (const auto& t : proto.inputs()) model.inputs.push_back({t.name(), {t.shape().begin(), t.shape().end()}});
  for (const auto& t : proto.outputs()) model.outputs.push_back({t.name(), {t.shape().begin(), t.shape().end()}});
  for (const pb::FloatLayer& l : proto.layers()) {
    FloatLayer layer;
    layer.name = l.name();
    layer.kind = l.kind();
    layer.class_name = l.class_name();
    layer.inputs.assign(l.inputs().begin(), l.inputs().end());
    layer.outputs.assign(l.outputs().begin(), l.outputs().end());
    if (!l.formula().empty()) {
      auto formula = formula::parse(l.formula());
      if (!formula.ok()) return formula.status();
      layer.formula = std::make_shared<const formula::Formula>(*std::move(formula));
    }
    for (const auto& [key, value] : l.settings()) layer.settings[key] = from_proto(value);
    for (const auto& [key, value] : l.arrays()) layer.arrays[key] = from_proto(value);
    for (const auto& [key, value] : l.quantizers()) {
      auto quantizer = from_proto(value);
      if (!quantizer.ok()) return quantizer.status();
      layer.quantizers[key] = *std::move(quantizer);
    }
    if (l.has_forest()) {
      auto forest = from_proto(l.forest());
      if (!forest.ok()) return forest.status();
      layer.forest = *std::move(forest);
    }
    if (layer.kind == "Forest" && layer.forest == nullptr)
      return absl::InvalidArgumentError(absl::StrCat("layer '", layer.name, "': its forest is missing"));
    model.layers.push_back(std::move(layer));
  }
  model.provenance.insert(proto.provenance().begin(), proto.provenance().end());
  return model;
}

}  // namespace strobe::package
