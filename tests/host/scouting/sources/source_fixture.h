#pragma once

#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "host/scouting/sources/source.h"

namespace strobe::scouting {

/// Longer than anything here takes: who waits for it has failed.
constexpr int kPatience = 60'000;

class SourceTest : public testing::Test {
 protected:
  SourceTest() {
    std::string pattern = (std::filesystem::temp_directory_path() / "strobe-source-XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
  }
  ~SourceTest() override { std::filesystem::remove_all(folder_); }

  std::string path(const std::string& name) const { return (folder_ / name).string(); }

  std::string write(const std::string& name, const std::string& content) const {
    std::ofstream(path(name), std::ios::binary) << content;
    return path(name);
  }

  static std::unique_ptr<ByteSource> open(const std::string& address, const SourceOptions& options = {}) {
    auto source = open_source(address, options);
    EXPECT_TRUE(source.ok()) << source.status();
    return source.ok() ? *std::move(source) : nullptr;
  }

  static std::string random_text(size_t size, uint64_t seed) {
    std::printf("seed %llu\n", static_cast<unsigned long long>(seed));
    std::mt19937_64 random(seed);
    std::string text(size, '\0');
    for (char& each : text) each = static_cast<char>(random());
    return text;
  }

  static std::string take(ByteSource& source) {
    const auto bytes = source.unread();
    std::string text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    source.consume(bytes.size());
    return text;
  }

  /// All that comes until something other than more or a full buffer; what that was is in `last`.
  static std::string take_all(ByteSource& source, ByteSource::Fill* last) {
    std::string all;
    while (true) {
      const auto fill = source.fill(kPatience);
      EXPECT_TRUE(fill.ok()) << fill.status();
      all += take(source);
      if (!fill.ok()) return all;
      *last = *fill;
      if (*fill != ByteSource::Fill::kMore && *fill != ByteSource::Fill::kFull) return all;
    }
  }

  std::filesystem::path folder_;
};

}  // namespace strobe::scouting
