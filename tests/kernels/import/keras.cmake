strobe_test(import_keras
  SOURCES einsum_test.cc hdf5_file_test.cc hgq_layers_test.cc keras_damage_test.cc keras_import_test.cc
          qkeras_quantizer_test.cc
  LIBS strobe::import strobe::io strobe::files absl::strings nlohmann_json::nlohmann_json)
