// The file sinks against write() of the same bytes in the same run, alternating, the best of some rounds: muons as at
// 0.3 a crossing, hundreds of different orbits. usage: scouting_sink_bench [FOLDER
// [KIND-COMPRESSION...]], on the file system to be measured: scouting_sink_bench /dev/shm hdf5-none
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <functional>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "host/scouting/core/crc32c.h"
#include "host/scouting/formats/decoder.h"
#include "host/scouting/formats/find_format.h"
#include "host/scouting/sinks/sink.h"

namespace strobe::scouting {
namespace {

constexpr size_t kOrbits = 512;  ///< different ones
constexpr int kPasses = 32, kRounds = 5;

/// Muons of 2340 colliding crossings at a mean of 0.3.
std::vector<std::unique_ptr<SourceOrbit>> make_orbits() {
  std::mt19937_64 random(1);
  std::poisson_distribution<uint32_t> count(0.3 * 2340 / 3564);
  DecoderOptions options;
  options.payload = true;
  const auto decoder = make_decoder(*find_format("gmt-zs"), options).value();
  std::vector<std::unique_ptr<SourceOrbit>> orbits;
  for (uint32_t number = 0; number < kOrbits; ++number) {
    std::vector<uint32_t> words = {6, 1, 1, number, 0, 0, 1};
    for (uint32_t crossing = 1; crossing <= 3564; ++crossing) {
      const uint32_t muons = std::min(count(random), 8u);
      if (muons == 0) continue;
      words.insert(words.end(), {0xff00ff00u | muons << 16, crossing, number});
      for (uint32_t i = 0; i < 3 * muons; ++i) words.push_back(static_cast<uint32_t>(random()));
    }
    const auto payload = std::as_bytes(std::span(words)).subspan(24);
    words[4] = static_cast<uint32_t>(payload.size());
    words[5] = crc32c(payload);
    orbits.push_back(std::make_unique<SourceOrbit>());
    if (decoder->decode(std::as_bytes(std::span(words)), true, *orbits.back()).kind != Decoded::Kind::kOrbit) abort();
  }
  return orbits;
}

struct Measured {
  double seconds = 1e9;
  uint64_t bytes = 0;  ///< of payload or columns, without headers of files
};

/// Of this thread on the processor: on a busy machine the wall clock would count others' work. Writing into the page
/// cache is this thread's work.
double seconds(const std::function<void()>& work) {
  const auto now = [] {
    timespec time;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
  };
  const double start = now();
  work();
  return now() - start;
}

void check(const absl::Status& status) {
  if (status.ok()) return;
  std::fprintf(stderr, "%s\n", std::string(status.message()).c_str());
  std::exit(1);
}

/// Some passes over the orbits into a sink, all crossings kept.
void run_sink(const SinkSettings& settings, const std::vector<std::unique_ptr<SourceOrbit>>& orbits, Measured& best) {
  SinkSetup setup;
  setup.sources = {orbits[0]->format};
  setup.source_names = {"muons"};
  auto sink = open_sink(settings, setup);
  check(sink.status());
  const std::vector<uint8_t> keep(4096, 1);
  const double time = seconds([&] {
    for (int pass = 0; pass < kPasses; ++pass) {
      for (const auto& orbit : orbits) {
        const SourceOrbit* part = orbit.get();
        FinishedOrbit finished;
        finished.number = orbit->number;
        finished.crossings = orbit->crossings.view();
        finished.kept = orbit->crossings.size();
        finished.keep = std::span(keep).first(finished.kept);
        finished.parts = {&part, 1};
        check((*sink)->write(finished));
      }
    }
    check((*sink)->close());
  });
  best = {std::min(best.seconds, time), (*sink)->counts().bytes};
}

/// The same number of bytes, `piece` a call.
void run_write(const std::string& folder, uint64_t bytes, size_t piece, Measured& best) {
  std::vector<char> data(size_t{8} << 20, 'x');
  const double time = seconds([&] {
    const int file = ::open((folder + "/plain").c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    size_t at = 0;
    for (uint64_t done = 0; done < bytes; done += piece, at = (at + piece) % (data.size() - piece)) {
      if (::write(file, data.data() + at, std::min<uint64_t>(piece, bytes - done)) < 0) std::exit(1);
    }
    ::close(file);
  });
  best = {std::min(best.seconds, time), bytes};
}

void clear(const std::string& folder) {
  for (const auto& entry : std::filesystem::directory_iterator(folder)) std::filesystem::remove_all(entry);
}

void measure(const std::string& folder, const std::vector<std::string>& wanted) {
  const auto orbits = make_orbits();
  const struct {
    const char *kind, *compression;
    size_t piece;  ///< of the write() it is compared with
  } kKinds[] = {{"raw", "none", 0},
                {"npy", "none", size_t{128} << 10},
                {"hdf5", "none", size_t{128} << 10},
                {"hdf5", "scaleoffset", size_t{128} << 10},
                {"hdf5", "deflate", size_t{128} << 10}};
  std::printf("sink             MB/s    write()    ratio  x LHC   size   (in %s)\n", folder.c_str());
  for (const auto& kind : kKinds) {
    const std::string name = std::string(kind.kind) + "-" + kind.compression;
    if (!wanted.empty() && std::find(wanted.begin(), wanted.end(), name) == wanted.end()) continue;
    SinkSettings settings;
    settings.kind = kind.kind;
    settings.compression = kind.compression;
    settings.to = folder;
    Measured sink, plain;
    uint64_t stored = 0;
    for (int round = 0; round < kRounds; ++round) {
      run_sink(settings, orbits, sink);
      stored = 0;
      for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
        if (entry.is_regular_file()) stored += entry.file_size();
      }
      clear(folder);
      run_write(folder, sink.bytes, kind.piece == 0 ? sink.bytes / (kOrbits * kPasses) : kind.piece, plain);
      clear(folder);
    }
    const auto bytes = static_cast<double>(sink.bytes);
    const double orbits_a_second = kOrbits * kPasses / sink.seconds;
    std::printf("%-4s %-11s %5.0f %10.0f %8.2f %6.1f %6.2f\n", kind.kind, kind.compression, bytes / sink.seconds / 1e6,
                bytes / plain.seconds / 1e6, plain.seconds / sink.seconds, orbits_a_second * kOrbitSeconds,
                static_cast<double>(stored) / bytes);
  }
}

}  // namespace
}  // namespace strobe::scouting

int main(int argc, char** argv) {
  std::string folder = std::string(argc > 1 ? argv[1] : "/tmp") + "/strobe-bench-XXXXXX";
  if (::mkdtemp(folder.data()) == nullptr) return 1;
  strobe::scouting::measure(folder, {argv + std::min(argc, 2), argv + argc});
  std::filesystem::remove_all(folder);
}
