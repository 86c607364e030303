#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <utility>

#include "tests/shared_data.h"

namespace strobe {

inline const std::string kSampleData = STROBE_SOURCE_DIR "/tests/data/jets/";

inline std::string slurp(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

struct Outcome {
  int status = -1;  ///< the exit status; -1: ended by a signal
  std::string out, err;
};

/// Runs the program in a folder of its own, which goes with the test.
class ProgramTest : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::path(::testing::TempDir()) / ("strobe-program-" + std::to_string(::getpid()));
    std::filesystem::create_directories(folder_);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::string file(const std::string& name) const { return (folder_ / name).string(); }
  void put(const std::string& name, const std::string& text) const {
    std::ofstream(file(name), std::ios::binary) << text;
  }

  Outcome run(const std::string& arguments) const {
    const std::string command =
        STROBE_PROGRAM " " + arguments + " >" + file("out") + " 2>" + file("err") + " </dev/null";
    const int status = std::system(command.c_str());
    return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, slurp(file("out")), slurp(file("err"))};
  }

  /// The exit status; what the program printed is in `output_` and `error_`.
  int strobe(const std::string& arguments) {
    Outcome outcome = run(arguments);
    output_ = std::move(outcome.out);
    error_ = std::move(outcome.err);
    return outcome.status;
  }

  /// The sample network for the in-process emulator.
  std::string sample() {
    EXPECT_EQ(strobe("compile " + kSampleData + "jets_hgq.keras --input-type 'ap_fixed<16,6>' --target emulator -o " +
                     file("ok.xclbin")),
              0)
        << error_;
    return file("ok.xclbin");
  }

  std::filesystem::path folder_;
  std::string output_, error_;
};

}  // namespace strobe
