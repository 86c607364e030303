# The ONNX and QONNX reader; linked into strobe::import. Debian's ONNX package brings the protobuf classes.
find_package(ONNX CONFIG REQUIRED)
strobe_library(import_onnx
  SOURCES onnx.cc onnx_cleanup.cc onnx_fold.cc onnx_forest.cc onnx_interior_nodes.cc onnx_join_trees.cc
    onnx_joined_forest.cc onnx_nodes_with_leaves.cc onnx_proto.cc onnx_row_functions.cc onnx_shapes.cc onnx_tree_nodes.cc onnx_tree_scores.cc
    onnx_trees.cc
  LIBS strobe::model absl::status absl::statusor
  PRIVATE_LIBS strobe::forest absl::strings onnx_proto protobuf::libprotobuf)
