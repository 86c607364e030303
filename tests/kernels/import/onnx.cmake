strobe_test(import_onnx
  SOURCES onnx_names_test.cc onnx_import_test.cc onnx_errors_test.cc onnx_builder.cc
  LIBS strobe::import_onnx onnx_proto protobuf::libprotobuf absl::strings yaml-cpp)
strobe_test(import_onnx_golden
  SOURCES onnx_golden_test.cc onnx_quantise_errors_test.cc onnx_builder.cc
  LIBS strobe::import_onnx strobe::quantise strobe::layers strobe::io onnx_proto protobuf::libprotobuf yaml-cpp)
