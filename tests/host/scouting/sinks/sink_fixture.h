#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "host/scouting/core/crc32c.h"
#include "host/scouting/formats/decoder.h"
#include "host/scouting/formats/find_format.h"
#include "host/scouting/sinks/sink.h"

namespace strobe::scouting {

/// Orbits of muons, in the form that a sink gets.
class MuonOrbits {
 public:
  explicit MuonOrbits(uint64_t seed) : random_(seed) {
    std::printf("seed %llu\n", static_cast<unsigned long long>(seed));
    DecoderOptions options;
    options.payload = true;
    decoder_ = make_decoder(*find_format("gmt-zs"), options).value();
  }

  /// A random orbit, of about `crossings` crossings; about `share` of them kept.
  struct Made {
    SourceOrbit part;
    std::vector<uint8_t> keep;
    const SourceOrbit* parts[1] = {&part};

    FinishedOrbit finished() const {
      FinishedOrbit orbit;
      orbit.number = part.number;
      orbit.crossings = part.crossings.view();
      orbit.keep = keep;
      for (const uint8_t each : keep) orbit.kept += each != 0;
      orbit.parts = parts;
      return orbit;
    }
  };

  std::unique_ptr<Made> make(uint32_t number, double crossings = 300, double share = 1) {
    std::vector<uint32_t> words = {1};  // the source id
    std::bernoulli_distribution present(crossings / 3564), kept(share);
    for (uint32_t crossing = 1; crossing <= 3564; ++crossing) {
      if (!present(random_)) continue;
      const uint32_t first = random_() % 4, second = random_() % 3 + (first == 0);
      words.insert(words.end(), {0xff00ff00u | first << 16 | second, crossing, number});
      for (uint32_t i = 0; i < 3 * (first + second); ++i) words.push_back(static_cast<uint32_t>(random_()));
    }
    auto made = decode(words, number);
    for (size_t c = 0; c < made->part.crossings.size(); ++c) made->keep.push_back(kept(random_));
    return made;
  }

 private:
  std::unique_ptr<Made> decode(const std::vector<uint32_t>& words, uint32_t number) {
    const auto payload = std::as_bytes(std::span(words));
    std::vector<uint32_t> stream = {6, 1, 1, number, static_cast<uint32_t>(payload.size()), crc32c(payload)};
    stream.insert(stream.end(), words.begin(), words.end());
    auto made = std::make_unique<Made>();
    const Decoded decoded = decoder_->decode(std::as_bytes(std::span(stream)), true, made->part);
    EXPECT_EQ(decoded.kind, Decoded::Kind::kOrbit) << decoded.detail;
    EXPECT_EQ(made->part.number, number);
    return made;
  }

  std::mt19937_64 random_;
  std::unique_ptr<Decoder> decoder_;
};

class SinkTest : public testing::Test {
 protected:
  SinkTest() {
    std::string pattern = (std::filesystem::temp_directory_path() / "strobe-sink-XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
    setup_.run = 42;
    setup_.sources = {find_format("gmt-zs")};
    setup_.source_names = {"muons"};
    settings_.to = folder_.string();
  }
  ~SinkTest() override { std::filesystem::remove_all(folder_); }

  std::unique_ptr<Sink> open() const {
    auto sink = open_sink(settings_, setup_);
    EXPECT_TRUE(sink.ok()) << sink.status();
    return sink.ok() ? *std::move(sink) : nullptr;
  }

  std::vector<std::string> files() const {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(folder_)) {
      names.push_back(entry.path().filename().string());
    }
    std::sort(names.begin(), names.end());
    return names;
  }

  std::string read(const std::string& name) const {
    std::ifstream file(folder_ / name, std::ios::binary);
    return std::string(std::istreambuf_iterator<char>(file), {});
  }

  std::filesystem::path folder_;
  SinkSetup setup_;
  SinkSettings settings_;
};

/// A file system in memory, mounted over a folder while it lives, where that is possible.
class SmallDisk {
 public:
  SmallDisk(std::filesystem::path folder, size_t kibibytes) : folder_(std::move(folder)) {
    const std::string size = "size=" + std::to_string(kibibytes) + "k";
    mounted_ = ::mount("tmpfs", folder_.c_str(), "tmpfs", 0, size.c_str()) == 0;
  }
  ~SmallDisk() {
    if (mounted_) ::umount2(folder_.c_str(), MNT_DETACH);
  }
  bool mounted() const { return mounted_; }
  /// Makes it larger or smaller; what is on it stays.
  void resize(size_t kibibytes) const {
    const std::string size = "size=" + std::to_string(kibibytes) + "k";
    EXPECT_EQ(::mount("tmpfs", folder_.c_str(), "tmpfs", MS_REMOUNT, size.c_str()), 0);
  }

 private:
  std::filesystem::path folder_;
  bool mounted_ = false;
};

/// Files of this process may not grow beyond `bytes`, as on a full disk, while it lives.
class FullDisk {
 public:
  explicit FullDisk(uint64_t bytes) : handler_(::signal(SIGXFSZ, SIG_IGN)) {
    ::getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit less = {bytes, before_.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &less);
  }
  ~FullDisk() {
    ::setrlimit(RLIMIT_FSIZE, &before_);
    ::signal(SIGXFSZ, handler_);
  }

 private:
  rlimit before_{};
  sighandler_t handler_;
};

}  // namespace strobe::scouting
