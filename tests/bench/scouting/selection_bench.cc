#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <functional>
#include <string>
#include <vector>

#include "host/scouting/formats/find_format.h"
#include "host/scouting/formats/isa.h"
#include "host/scouting/generate/filling_scheme.h"
#include "host/scouting/generate/packet_stream.h"
#include "host/scouting/selection/selection.h"
#include "hwy/targets.h"
#include "yaml-cpp/yaml.h"

/// Packets to a model's tensor against memcpy of the packets: alternating rounds, the best of each, hundreds of
/// different orbits from DRAM.
namespace strobe::scouting {
namespace {

constexpr int kRounds = 15;
constexpr size_t kStreamBytes = size_t{96} << 20;

/// Two leading muons after cuts, and their mass: 8 x int16 a crossing.
constexpr const char* kConfig = R"yaml(
select:
  good: {from: muon, where: "pt > 10 and quality >= 8", sort: pt, first: 2}
values:
  m: mass(good[0], good[1])
models:
  - name: dimuon
    encoding: raw
    inputs: {x: ["good[0:2].(pt, eta, phi)", m, count(good)]}
)yaml";

template <typename T>
T value_or_exit(absl::StatusOr<T> value) {
  if (value.ok()) return *std::move(value);
  std::fprintf(stderr, "%s\n", std::string(value.status().message()).c_str());
  std::exit(1);
}

/// Processor time: a shared machine takes the thread off its core now and then, the longer work the more often.
double seconds_of(const std::function<void()>& work) {
  const auto now = [] {
    timespec time{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
  };
  const double begin = now();
  work();
  return now() - begin;
}

std::vector<std::byte> make_stream(double mean, size_t& orbits) {
  OrbitOptions options;
  options.mean = mean;
  const FillingScheme scheme = value_or_exit(find_filling_scheme("nominal-2340"));
  OrbitMaker maker = value_or_exit(OrbitMaker::create(*find_format("gmt"), scheme, options));
  PacketStream packets = value_or_exit(PacketStream::create(std::move(maker), StreamOptions{}));
  std::vector<std::byte> stream;
  std::vector<Piece> pieces;
  for (orbits = 0; stream.size() < kStreamBytes; ++orbits, pieces.clear()) {
    packets.next(pieces);
    for (const Piece& piece : pieces) stream.insert(stream.end(), piece.bytes.begin(), piece.bytes.end());
  }
  return stream;
}

/// One way of running: an instruction set, and how far.
struct Way {
  std::string name;
  Isa isa;
  int64_t target;
  bool select;
  double best = 1e9;
};

class Bench {
 public:
  explicit Bench(double mean) : mean_(mean), stream_(make_stream(mean, orbits_)), target_(stream_.size()) {
    SelectionSetup setup;
    setup.sources.push_back({"muons", find_format("gmt")});
    model::Tensor tensor;
    tensor.name = "x";
    tensor.type = {{8}, {model::FixedType::fixed(16, 16)}};
    setup.models.push_back({"dimuon", {tensor}, {}});
    selection_ = std::make_unique<Selection>(value_or_exit(Selection::compile(YAML::Load(kConfig), setup)));
    for (const bool select : {false, true}) {
      if (has_isa(Isa::kAvx512)) ways_.push_back({"AVX-512", Isa::kAvx512, 0, select});
      if (has_isa(Isa::kAvx2)) ways_.push_back({"AVX2", Isa::kAvx2, HWY_AVX2, select});
    }
  }

  void run() {
    for (int round = 0; round < kRounds; ++round) {
      memcpy_ = std::min(memcpy_, seconds_of([&] { std::memcpy(target_.data(), stream_.data(), stream_.size()); }));
      for (Way& way : ways_) {
        hwy::SetSupportedTargetsForTest(way.target);
        auto decoder = value_or_exit(make_decoder(*find_format("gmt"), {true, false}, way.isa));
        way.best = std::min(way.best, seconds_of([&] { pass(*decoder, way.select); }));
      }
    }
    hwy::SetSupportedTargetsForTest(0);
    const double crossings = static_cast<double>(crossings_);
    std::printf("%.1f muons a crossing: %zu orbits, %.0f crossings an orbit, memcpy %.1f GB/s\n", mean_, orbits_,
                crossings / static_cast<double>(orbits_), static_cast<double>(stream_.size()) / memcpy_ / 1e9);
    for (const Way& way : ways_) {
      std::printf("  %-8s %-32s %.2f of memcpy, %.1f ns a crossing\n", way.name.c_str(),
                  way.select ? "decode, selection, tensor" : "decode", memcpy_ / way.best, way.best * 1e9 / crossings);
    }
  }

 private:
  void pass(Decoder& decoder, bool select) {
    std::span<const std::byte> rest(stream_);
    crossings_ = 0;
    while (!rest.empty()) {
      const Decoded decoded = decoder.decode(rest, true, orbit_);
      if (decoded.kind != Decoded::Kind::kOrbit) std::exit(1);
      rest = rest.subspan(decoded.consumed);
      crossings_ += orbit_.crossings.size();
      if (!select) continue;
      const SourceOrbit* part = &orbit_;
      selection_->evaluate(nullptr, {orbit_.number, {&part, 1}}, nullptr, selected_, workspace_);
      tensor_.resize(selection_->tensor_rows(0, selected_) * 16);
      selection_->write_tensor(0, 0, selected_, workspace_, tensor_.view());
    }
  }

  double mean_;
  size_t orbits_ = 0;
  std::vector<std::byte> stream_, target_;
  std::unique_ptr<Selection> selection_;
  std::vector<Way> ways_;
  double memcpy_ = 1e9;
  size_t crossings_ = 0;
  SourceOrbit orbit_;
  Selected selected_;
  Workspace workspace_;
  Buffer<std::byte> tensor_;
};

}  // namespace
}  // namespace strobe::scouting

int main() {
  for (const double mean : {0.3, 1.0}) strobe::scouting::Bench(mean).run();
}
