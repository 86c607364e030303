strobe_test(import_forest
  SOURCES forest_damage_test.cc forest_lightgbm_test.cc forest_onnx_test.cc forest_own_test.cc forest_xgboost_test.cc
  LIBS strobe::import strobe::forest strobe::float_reference strobe::package strobe::io absl::strings
       nlohmann_json::nlohmann_json)
