strobe_fuzzer(keras SOURCES keras_fuzz.cc LIBS strobe::import nlohmann_json::nlohmann_json)
strobe_fuzzer(hdf5 SOURCES hdf5_fuzz.cc LIBS strobe::import nlohmann_json::nlohmann_json)
strobe_fuzzer(formula SOURCES formula_fuzz.cc LIBS strobe::import strobe::quantise)
strobe_fuzzer(event_files SOURCES event_files_fuzz.cc LIBS strobe::io)
strobe_fuzzer(forest_import SOURCES forest_import_fuzz.cc
  LIBS strobe::import strobe::import_onnx strobe::forest nlohmann_json::nlohmann_json)
