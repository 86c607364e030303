#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <functional>
#include <random>
#include <string>
#include <vector>

#include "host/scouting/formats/extract.h"
#include "host/scouting/formats/isa.h"
#include "tests/host/scouting/formats/support.h"

/// Decoders against memcpy of the same input bytes: alternating rounds, the best of each, hundreds of different orbits.
namespace strobe::scouting {
namespace {

constexpr int kRounds = 9;
constexpr double kColliding = 2340;

double seconds_of(const std::function<void()>& work) {
  const auto begin = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

/// Seconds of each piece of work: the best of rounds in which they take turns.
std::vector<double> best_of(const std::vector<std::function<void()>>& works) {
  std::vector<double> best(works.size(), 1e9);
  for (int round = 0; round < kRounds; ++round) {
    for (size_t i = 0; i < works.size(); ++i) best[i] = std::min(best[i], seconds_of(works[i]));
  }
  return best;
}

/// Packets of orbits with Poisson muons in `kColliding` crossings: hundreds of them, none like another.
std::vector<Bytes> gmt_packets(double mean, size_t total_bytes) {
  std::mt19937_64 random(1);
  std::poisson_distribution<int> muons(mean);
  std::vector<Bytes> packets;
  for (size_t bytes = 0; bytes < total_bytes; bytes += packets.back().size()) {
    GmtOrbit orbit{static_cast<uint32_t>(packets.size() + 1), {}};
    for (uint32_t number = 71; number < 71 + static_cast<uint32_t>(kColliding); ++number) {
      const int count = std::min(muons(random), 16);
      if (count == 0) continue;
      Crossing crossing{number, {}, {}};
      for (int i = 0; i < count;) {
        Muon& muon = crossing.muons[random() % 8][random() % 2];
        if (muon.f != 0) continue;
        muon = {static_cast<uint32_t>(random()) | 1u << 12, static_cast<uint32_t>(random())};
        ++i;
      }
      orbit.crossings.push_back(crossing);
    }
    packets.push_back(gmt_packet({orbit}));
  }
  return packets;
}

void decode_stream(Decoder& decoder, const Bytes& stream, SourceOrbit& orbit) {
  std::span<const std::byte> rest(stream);
  while (!rest.empty()) {
    const Decoded decoded = decoder.decode(rest, true, orbit);
    if (decoded.kind != Decoded::Kind::kOrbit) {
      std::fprintf(stderr, "not an orbit: %s\n", decoded.detail.c_str());
      std::exit(1);
    }
    rest = rest.subspan(decoded.consumed);
  }
}

void bench_gmt() {
  std::printf("GMT packets to columns, payload, both; ratio to memcpy of the packets (memcpy in GB/s)\n");
  const DecoderOptions options[] = {{true, false}, {false, true}, {true, true}};
  for (const bool from_dram : {true, false}) {
    for (const double mean : {0.1, 0.3, 1.0}) {
      Bytes stream;
      for (const Bytes& packet : gmt_packets(mean, size_t{96} << 20)) append(stream, packet);
      // In L2: one orbit at a time is brought there and then decoded again and again, each of hundreds.
      Bytes target(from_dram ? stream.size() : size_t{1} << 20);
      std::vector<std::pair<size_t, size_t>> orbits;
      {
        const auto decoder = decoder_of("gmt");
        SourceOrbit orbit;
        for (size_t at = 0; at < stream.size();) {
          const Decoded decoded = decoder->decode(std::span(stream).subspan(at), true, orbit);
          orbits.emplace_back(at, decoded.consumed);
          at += decoded.consumed;
        }
      }
      std::vector<std::function<void()>> works;
      std::vector<std::string> names;
      std::vector<std::unique_ptr<Decoder>> decoders;
      std::vector<SourceOrbit> results(16);
      constexpr int kRepeats = 8;
      size_t l2_orbits = std::min<size_t>(orbits.size(), 300);
      size_t l2_bytes = 0;
      for (size_t i = 0; i < l2_orbits; ++i) l2_bytes += orbits[i].second * kRepeats;
      works.push_back([&] {
        if (from_dram) {
          for (const auto& [at, size] : orbits) std::memcpy(target.data() + at, stream.data() + at, size);
        } else {
          for (size_t i = 0; i < l2_orbits; ++i) {
            for (int r = 0; r < kRepeats; ++r) {
              std::memcpy(target.data(), stream.data() + orbits[i].first, orbits[i].second);
              asm volatile("" ::: "memory");
            }
          }
        }
      });
      for (const Isa isa : {Isa::kScalar, Isa::kAvx2, Isa::kAvx512}) {
        if (!has_isa(isa)) continue;
        for (const DecoderOptions& option : options) {
          decoders.push_back(decoder_of("gmt", option, isa));
          names.push_back(std::string(name_of(isa)) +
                          (option.columns ? option.payload ? " both" : " columns" : " payload"));
          Decoder* const decoder = decoders.back().get();
          SourceOrbit* const result = &results[decoders.size()];
          works.push_back([&, decoder, result] {
            if (from_dram) return decode_stream(*decoder, stream, *result);
            for (size_t i = 0; i < l2_orbits; ++i) {
              const auto bytes = std::span(stream).subspan(orbits[i].first, orbits[i].second);
              for (int r = 0; r < kRepeats; ++r) decoder->decode(bytes, true, *result);
            }
          });
        }
      }
      const std::vector<double> best = best_of(works);
      const double bytes = static_cast<double>(from_dram ? stream.size() : l2_bytes);
      std::printf("  %s, %.1f muons a crossing, %zu orbits, memcpy %.1f GB/s:", from_dram ? "DRAM" : "L2", mean,
                  orbits.size(), bytes / best[0] / 1e9);
      for (size_t i = 1; i < works.size(); ++i) {
        std::printf("%s%s %.2f", (i - 1) % 3 == 0 ? "\n    " : "; ", names[i - 1].c_str(), best[0] / best[i]);
      }
      std::printf("\n");
    }
  }
}

/// Native64 orbits of 594 events with Poisson candidates of random fields.
Bytes puppi_orbit(std::mt19937_64& random, uint64_t number, double mean) {
  std::poisson_distribution<uint64_t> candidates(mean);
  Bytes bytes;
  for (uint64_t crossing = 0; crossing < 3564; crossing += 6) {
    const uint64_t count = std::min<uint64_t>(candidates(random), 208);
    put64(bytes, uint64_t{1} << 63 | number << 24 | crossing << 12 | count);
    for (uint64_t i = 0; i < count; ++i) put64(bytes, random() >> 3);
  }
  return bytes;
}

/// Room for the columns of `candidates` at most.
struct PuppiStore {
  std::vector<std::vector<std::byte>> memory;
  std::vector<void*> columns;
  explicit PuppiStore(size_t candidates) {
    for (const Field& field : find_format("puppi")->collections[0]->fields) {
      memory.emplace_back(candidates * size_of(field.type()));
      columns.push_back(memory.back().data());
    }
  }
};

void bench_puppi() {
  std::printf("Puppi events to columns of all fields (14 B a candidate); ratio to memcpy of the events\n");
  for (const bool from_dram : {true, false}) {
    for (const double mean : {15.0, 40.0}) {
      std::mt19937_64 random(2);
      Bytes stream;
      std::vector<std::pair<size_t, size_t>> orbits;
      for (uint64_t number = 1; stream.size() < size_t{96} << 20; ++number) {
        const Bytes orbit = puppi_orbit(random, number, mean);
        orbits.emplace_back(stream.size(), orbit.size());
        append(stream, orbit);
      }
      if (!from_dram) orbits.resize(std::min<size_t>(orbits.size(), 300));
      const int repeats = from_dram ? 1 : 8;
      Bytes target(from_dram ? stream.size() : size_t{1} << 20);
      double bytes = 0;
      for (const auto& orbit : orbits) bytes += static_cast<double>(orbit.second) * repeats;
      std::vector<std::function<void()>> works = {[&] {
        for (const auto& [at, size] : orbits) {
          for (int r = 0; r < repeats; ++r) {
            std::memcpy(target.data() + (from_dram ? at : 0), stream.data() + at, size);
            asm volatile("" ::: "memory");
          }
        }
      }};
      std::vector<std::string> names;
      std::vector<std::unique_ptr<Decoder>> decoders;
      std::vector<SourceOrbit> results(4);
      const PuppiStore store(600 * 208);
      for (const Isa isa : {Isa::kScalar, Isa::kAvx2, Isa::kAvx512}) {
        if (!has_isa(isa)) continue;
        decoders.push_back(decoder_of("puppi", {true, false}, isa));
        names.push_back(name_of(isa));
        Decoder* const decoder = decoders.back().get();
        SourceOrbit* const result = &results[decoders.size()];
        works.push_back([&, decoder, result, isa] {
          for (const auto& [at, size] : orbits) {
            for (int r = 0; r < repeats; ++r) {
              decoder->decode(std::span(stream).subspan(at, size), true, *result);
              extract_all(result->collections[0], store.columns, isa);
            }
          }
        });
      }
      const std::vector<double> best = best_of(works);
      std::printf("  %s, %.0f candidates an event, %zu orbits, memcpy %.1f GB/s:", from_dram ? "DRAM" : "L2", mean,
                  orbits.size(), bytes / best[0] / 1e9);
      for (size_t i = 1; i < works.size(); ++i) std::printf(" %s %.2f;", names[i - 1].c_str(), best[0] / best[i]);
      std::printf("\n");
    }
  }
}

}  // namespace
}  // namespace strobe::scouting

int main() {
  std::setvbuf(stdout, nullptr, _IOLBF, 0);
  strobe::scouting::bench_puppi();
  strobe::scouting::bench_gmt();
}
