strobe_test(import_forest
  SOURCES forest_lightgbm_test.cc forest_onnx_test.cc forest_xgboost_test.cc
  LIBS strobe::import strobe::forest strobe::io absl::strings)
