strobe_test(float_reference
  SOURCES float_reference_test.cc
  LIBS strobe::float_reference strobe::import strobe::io absl::strings)
