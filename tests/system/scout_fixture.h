#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>

#include "absl/strings/str_replace.h"
#include "tests/system/background.h"
#include "tests/system/peer_fixture.h"

namespace strobe {

/// `strobe scout` as a user runs it.
class Scout : public PeerTest {
 protected:
  /// Writes a configuration; "@" stands for this test's folder.
  std::string node(const std::string& yaml) const {
    put("node.yml", absl::StrReplaceAll(yaml, {{"@", folder_.string()}}));
    return file("node.yml");
  }
  /// Runs a configuration to its end and returns its account.
  nlohmann::json account_of(const std::string& yaml, int expected_status = 0) {
    EXPECT_EQ(strobe("scout --json --config " + node(yaml)), expected_status) << error_;
    return nlohmann::json::parse(output_, nullptr, false);
  }
  void generate(const std::string& arguments) {
    ASSERT_EQ(strobe("scout generate --format gmt --seed 11 " + arguments), 0) << error_;
  }
  /// Waits until a background run has printed a whole line with `words`; what stands behind them in it.
  static std::string wait_for(const std::string& words, const std::string& printed) {
    for (int look = 0; look < 20000; ++look) {
      const std::string text = slurp(printed);
      const size_t at = text.find(words), end = text.find('\n', at);
      if (at != std::string::npos && end != std::string::npos)
        return text.substr(at + words.size(), end - at - words.size());
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    ADD_FAILURE() << "no '" << words << "' in: " << slurp(printed);
    return "";
  }
  /// The address that a background run's source listens on.
  static std::string address_of(const std::string& printed) { return wait_for("tcp-listen://", printed); }
  /// A background run's account, printed at its end.
  static nlohmann::json account_in(const std::string& printed) {
    const std::string text = slurp(printed);
    const size_t begin = text.find("{\n");
    return begin == std::string::npos
               ? nlohmann::json()
               : nlohmann::json::parse(text.substr(begin, text.rfind("}\n") + 1 - begin), nullptr, false);
  }
};

}  // namespace strobe
