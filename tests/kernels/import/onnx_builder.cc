#include "tests/kernels/import/onnx_builder.h"

#define ONNX_ML 1
#define ONNX_NAMESPACE onnx
#include <onnx/onnx_pb.h>

namespace strobe::import::test {

struct OnnxBuilder::Impl {
  ::onnx::ModelProto model;
  ::onnx::GraphProto& graph() { return *model.mutable_graph(); }
  ::onnx::TensorProto& tensor(const std::string& name, const std::vector<int64_t>& shape, int type) {
    auto& t = *graph().add_initializer();
    t.set_name(name);
    t.set_data_type(type);
    for (int64_t extent : shape) t.add_dims(extent);
    return t;
  }
  ::onnx::AttributeProto& attribute(const std::string& key, ::onnx::AttributeProto::AttributeType type) {
    auto& a = *graph().mutable_node(graph().node_size() - 1)->add_attribute();
    a.set_name(key);
    a.set_type(type);
    return a;
  }
};

OnnxBuilder::OnnxBuilder(int64_t opset) : impl_(std::make_unique<Impl>()) {
  impl_->model.set_ir_version(7);
  auto& import = *impl_->model.add_opset_import();
  import.set_version(opset);
}
OnnxBuilder::~OnnxBuilder() = default;

OnnxBuilder& OnnxBuilder::input(const std::string& name, const std::vector<int64_t>& shape) {
  auto& info = *impl_->graph().add_input();
  info.set_name(name);
  auto& type = *info.mutable_type()->mutable_tensor_type();
  type.set_elem_type(::onnx::TensorProto::FLOAT);
  type.mutable_shape();
  for (int64_t extent : shape) {
    auto& dim = *type.mutable_shape()->add_dim();
    if (extent >= 0)
      dim.set_dim_value(extent);
    else
      dim.set_dim_param("N");
  }
  return *this;
}
OnnxBuilder& OnnxBuilder::output(const std::string& name) {
  impl_->graph().add_output()->set_name(name);
  return *this;
}
OnnxBuilder& OnnxBuilder::constant(const std::string& name, const std::vector<int64_t>& shape,
                                   const std::vector<float>& data) {
  auto& t = impl_->tensor(name, shape, ::onnx::TensorProto::FLOAT);
  for (float v : data) t.add_float_data(v);
  return *this;
}
OnnxBuilder& OnnxBuilder::integers(const std::string& name, const std::vector<int64_t>& shape,
                                   const std::vector<int64_t>& data) {
  auto& t = impl_->tensor(name, shape, ::onnx::TensorProto::INT64);
  for (int64_t v : data) t.add_int64_data(v);
  return *this;
}
OnnxBuilder& OnnxBuilder::raw(const std::string& name, const std::vector<int64_t>& shape, int element_type,
                              const std::string& bytes) {
  impl_->tensor(name, shape, element_type).set_raw_data(bytes);
  return *this;
}
OnnxBuilder& OnnxBuilder::external(const std::string& name, const std::vector<int64_t>& shape,
                                   const std::string& file) {
  auto& t = impl_->tensor(name, shape, ::onnx::TensorProto::FLOAT);
  t.set_data_location(::onnx::TensorProto::EXTERNAL);
  auto& entry = *t.add_external_data();
  entry.set_key("location");
  entry.set_value(file);
  return *this;
}
OnnxBuilder& OnnxBuilder::node(const std::string& op, const std::vector<std::string>& inputs,
                               const std::vector<std::string>& outputs, const std::string& domain) {
  auto& n = *impl_->graph().add_node();
  n.set_op_type(op);
  n.set_domain(domain);
  for (const auto& i : inputs) n.add_input(i);
  for (const auto& o : outputs) n.add_output(o);
  return *this;
}
OnnxBuilder& OnnxBuilder::with(const std::string& key, int64_t value) {
  impl_->attribute(key, ::onnx::AttributeProto::INT).set_i(value);
  return *this;
}
OnnxBuilder& OnnxBuilder::with(const std::string& key, double value) {
  impl_->attribute(key, ::onnx::AttributeProto::FLOAT).set_f(static_cast<float>(value));
  return *this;
}
OnnxBuilder& OnnxBuilder::with(const std::string& key, const std::string& value) {
  impl_->attribute(key, ::onnx::AttributeProto::STRING).set_s(value);
  return *this;
}
OnnxBuilder& OnnxBuilder::with(const std::string& key, const std::vector<int64_t>& value) {
  auto& a = impl_->attribute(key, ::onnx::AttributeProto::INTS);
  for (int64_t v : value) a.add_ints(v);
  return *this;
}
OnnxBuilder& OnnxBuilder::quant(const std::string& in, const std::string& out, float scale, float zero_point,
                                float bits, bool is_signed, bool narrow, const std::string& mode) {
  constant(out + ".scale", {}, {scale}).constant(out + ".zero", {}, {zero_point}).constant(out + ".bits", {}, {bits});
  node("Quant", {in, out + ".scale", out + ".zero", out + ".bits"}, {out}, "qonnx.custom_op.general");
  return with("signed", int64_t{is_signed}).with("narrow", int64_t{narrow}).with("rounding_mode", mode);
}
std::string OnnxBuilder::bytes() const { return impl_->model.SerializeAsString(); }

}  // namespace strobe::import::test
