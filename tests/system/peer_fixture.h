#pragma once

#include <yaml-cpp/yaml.h>

#include <fstream>
#include <string>

#include "host/io/files.h"
#include "tests/system/program_fixture.h"

namespace strobe {

/// The program against what other tools answered: `expected` names a pair of files of the reference data, .npz and
/// .yml.
class PeerTest : public ProgramTest {
 protected:
  /// The configuration that a peer's answer was made with.
  std::string configuration(const std::string& expected) const {
    YAML::Node root;
    root["HLSConfig"] = YAML::LoadFile(expected + ".yml")["hls_config"];
    std::ofstream(file("config.yml")) << root;
    return file("config.yml");
  }

  /// The peer's scores as .npy, for --expected.
  std::string scores(const std::string& expected, const char* array) const {
    auto arrays = io::read_npz(expected + ".npz");
    EXPECT_TRUE(arrays.ok()) << arrays.status();
    for (const auto& [name, values] : *arrays) {
      if (name != array) continue;
      EXPECT_TRUE(io::write_npy(file("expected.npy"), io::Array::of(values.shape(), values.numbers())).ok());
    }
    return file("expected.npy");
  }
};

}  // namespace strobe
