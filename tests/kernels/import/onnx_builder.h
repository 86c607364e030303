#pragma once

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>
#include <vector>

namespace strobe::import::test {

/// Writes small ONNX files for tests, without showing protobuf to them.
class OnnxBuilder {
 public:
  explicit OnnxBuilder(int64_t opset = 13);
  ~OnnxBuilder();

  OnnxBuilder& input(const std::string& name, const std::vector<int64_t>& shape);
  OnnxBuilder& output(const std::string& name);
  OnnxBuilder& constant(const std::string& name, const std::vector<int64_t>& shape, const std::vector<float>& data);
  OnnxBuilder& integers(const std::string& name, const std::vector<int64_t>& shape, const std::vector<int64_t>& data);
  /// A constant of any element type, its numbers as raw bytes.
  OnnxBuilder& raw(const std::string& name, const std::vector<int64_t>& shape, int element_type,
                   const std::string& bytes);
  /// A constant that says its numbers are in another file.
  OnnxBuilder& external(const std::string& name, const std::vector<int64_t>& shape, const std::string& file);
  OnnxBuilder& node(const std::string& op, const std::vector<std::string>& inputs,
                    const std::vector<std::string>& outputs, const std::string& domain = "");
  /// Attributes of the node added last.
  OnnxBuilder& with(const std::string& key, int64_t value);
  OnnxBuilder& with(const std::string& key, double value);
  OnnxBuilder& with(const std::string& key, const std::string& value);
  OnnxBuilder& with(const std::string& key, const std::vector<int64_t>& value);
  /// A Quant node with scalar parameters; makes its constants.
  OnnxBuilder& quant(const std::string& in, const std::string& out, float scale, float zero_point, float bits,
                     bool is_signed = true, bool narrow = false, const std::string& mode = "ROUND");

  std::string bytes() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace strobe::import::test
