// The scouting pipeline beside what bounds it. Rounds take turns, so that all meet the same neighbours on the machine;
// the best of each counts.
//
//   scouting_pipeline_bench chain XCLBIN [MUONS]     decode, fields, selection, tensor and model, one thread, from
//   DRAM, over
//                                            hundreds of different orbits, against memcpy of the same bytes
//   scouting_pipeline_bench tcp XCLBIN STROBE [SECONDS]   the whole pipeline over loopback TCP against a bare receive:
//                                            unthrottled, then CPU and latency at the LHC's rate for that time
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <utility>
// Boost 1.74 with C++20 needs <utility> first.
#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "host/scouting/config/config.h"
#include "host/scouting/formats/find_format.h"
#include "host/scouting/generate/orbit_maker.h"
#include "host/scouting/generate/packet_stream.h"
#include "host/scouting/pipeline/pipeline.h"
#include "host/session/device_share.h"
#include "host/session/loaded_xclbin.h"

namespace strobe::scouting {
namespace {

using SteadyClock = std::chrono::steady_clock;

double seconds_since(SteadyClock::time_point start) {
  return std::chrono::duration<double>(SteadyClock::now() - start).count();
}

[[noreturn]] void fail(const std::string& text) {
  std::fprintf(stderr, "scouting_pipeline_bench: %s\n", text.c_str());
  std::exit(1);
}

template <typename T>
T must(absl::StatusOr<T> value) {
  if (!value.ok()) fail(std::string(value.status().message()));
  return *std::move(value);
}

/// The leading two muons of a crossing, six fields, their mass and their number: eight integers.
std::string node(const std::string& model, const std::string& from, const std::string& threads) {
  std::string yaml = absl::StrCat("sources: [{format: gmt, from: \"", from, "\"}]\n",
                                  "select: {good: {from: muon, where: \"pt > 2\", sort: pt, first: 2}}\n",
                                  "values: {m: \"mass(good[0], good[1])\"}\n");
  yaml += threads;
  if (model.empty()) return yaml;
  return absl::StrCat(yaml, "models:\n  - {name: pair, xclbin: x, kernel: ", model,
                      ", device: emulator, encoding: raw,\n",
                      "     inputs: [\"good[0:2].(pt, eta, phi)\", \"floor(m)\", \"count(good)\"]}\n",
                      "keep: {where: \"pair[0] > 0.5\"}\n");
}

/// Bytes in memory, all there from the beginning.
class MemorySource : public ByteSource {
 public:
  explicit MemorySource(std::span<const std::byte> bytes) : unread_(bytes) {}
  std::span<const std::byte> unread() const override { return unread_; }
  void consume(size_t bytes) override { unread_ = unread_.subspan(bytes); }
  absl::StatusOr<Fill> fill(int) override { return std::exchange(first_, false) ? Fill::kMore : Fill::kEnd; }
  void interrupt() override {}
  std::string name() const override { return "memory"; }

 private:
  std::span<const std::byte> unread_;
  bool first_ = true;
};

std::vector<std::byte> make_stream(double mean, uint64_t orbits) {
  OrbitOptions options;
  options.mean = mean;
  options.seed = 5;
  StreamOptions stream_options;
  stream_options.orbits = orbits;
  auto maker = must(OrbitMaker::create(*find_format("gmt"), must(find_filling_scheme("nominal-2340")), options));
  auto stream = must(PacketStream::create(std::move(maker), stream_options));
  std::vector<std::byte> bytes;
  for (std::vector<Piece> pieces; stream.next(pieces); pieces.clear()) {
    for (const Piece& piece : pieces) bytes.insert(bytes.end(), piece.bytes.begin(), piece.bytes.end());
  }
  return bytes;
}

Pipeline::Surroundings surroundings(const std::string& xclbin, std::span<const std::byte> memory = {}) {
  auto loaded = must(session::load_xclbin(xclbin));
  auto share = std::make_shared<session::DeviceShare>("emulator", 1, nullptr);
  Pipeline::Surroundings out;
  out.open_model = [loaded, share](const ModelConfig& config) -> absl::StatusOr<runtime::ModelSpec> {
    auto index = session::find_model(*loaded, config.kernel);
    if (!index.ok()) return index.status();
    return share->spec(loaded, *index);
  };
  out.log = [](const std::string&) {};
  if (!memory.empty()) {
    out.open_source = [memory](const std::string&, const SourceOptions&) {
      return absl::StatusOr<std::unique_ptr<ByteSource>>(std::make_unique<MemorySource>(memory));
    };
  }
  return out;
}

/// CPU seconds of this process, all its threads.
double cpu_seconds() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) * 1e-6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

/// CPU seconds of one pass of a pipeline over bytes in memory: what one core would take, wherever its threads ran.
double chain_seconds(const std::string& yaml, const Pipeline::Surroundings& around) {
  auto pipeline = must(Pipeline::open(must(parse_config(yaml, "bench.yml")), around));
  const double before = cpu_seconds();
  pipeline->start();
  if (absl::Status s = pipeline->wait(); !s.ok()) fail(std::string(s.message()));
  const double seconds = cpu_seconds() - before;
  if (!pipeline->account().mistakes(true).empty()) fail(pipeline->account().mistakes(true)[0]);
  return seconds;
}

void bench_chain(const std::string& xclbin, const std::vector<double>& means) {
  constexpr uint64_t kOrbits = 2000;
  constexpr int kRounds = 7;
  const std::string one = "threads: {write: work}\n";
  std::printf("%6s %-22s %10s %10s %8s\n", "muons", "", "GB/s", "of memcpy", "x LHC");
  for (const double mean : means) {
    const std::vector<std::byte> stream = make_stream(mean, kOrbits);
    std::vector<std::byte> copy(stream.size());
    const auto around = surroundings(xclbin, stream);
    const struct {
      const char* what;
      std::string yaml;
    } ways[] = {{"decode, account", "sources: [{format: gmt, from: memory}]\n" + one},
                {"+ selection", node("", "memory", one)},
                {"+ tensor, network", node("mlp", "memory", one)},
                {"+ tensor, forest", node("trees", "memory", one)}};
    double memcpy_best = 1e9;
    std::vector<double> best(std::size(ways), 1e9);
    for (int round = 0; round < kRounds; ++round) {
      const double before = cpu_seconds();
      std::memcpy(copy.data(), stream.data(), stream.size());
      memcpy_best = std::min(memcpy_best, cpu_seconds() - before);
      for (size_t w = 0; w < best.size(); ++w) best[w] = std::min(best[w], chain_seconds(ways[w].yaml, around));
    }
    const auto gigabytes = static_cast<double>(stream.size()) / 1e9;
    std::printf("%6.1f %-22s %10.2f\n", mean, "memcpy", gigabytes / memcpy_best);
    for (size_t w = 0; w < best.size(); ++w) {
      std::printf("%6.1f %-22s %10.2f %10.2f %8.1f\n", mean, ways[w].what, gigabytes / best[w], memcpy_best / best[w],
                  kOrbits * kOrbitSeconds / best[w]);
    }
  }
}

/// A generator process that sends to a port of this machine until it is stopped.
class Sender {
 public:
  Sender(const std::string& strobe, int port, double mean, double rate) {
    std::vector<std::string> words = {strobe,
                                      "scout",
                                      "generate",
                                      "--format",
                                      "gmt",
                                      "--mean",
                                      absl::StrCat(mean),
                                      "--pool",
                                      "256",
                                      "--rate",
                                      absl::StrCat(rate),
                                      "-o",
                                      absl::StrCat("tcp://127.0.0.1:", port)};
    std::vector<char*> arguments;
    for (std::string& word : words) arguments.push_back(word.data());
    arguments.push_back(nullptr);
    posix_spawn_file_actions_t quiet;
    posix_spawn_file_actions_init(&quiet);
    posix_spawn_file_actions_addopen(&quiet, 1, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_addopen(&quiet, 2, "/dev/null", O_WRONLY, 0);
    if (::posix_spawn(&pid_, strobe.c_str(), &quiet, nullptr, arguments.data(), environ) != 0) fail("no sender");
    posix_spawn_file_actions_destroy(&quiet);
  }
  ~Sender() {
    ::kill(pid_, SIGTERM);
    ::waitpid(pid_, nullptr, 0);
  }

 private:
  pid_t pid_ = -1;
};

struct Received {
  double seconds = 0, cpu = 0, bytes = 0;
};

/// As little as one can do with Boost.Asio: reads of 1 MiB into one buffer.
Received bare_receive(const std::string& strobe, double mean, double rate, double seconds) {
  namespace asio = boost::asio;
  asio::io_context io;
  asio::ip::tcp::acceptor acceptor(io, {asio::ip::address_v4::loopback(), 0});
  const Sender sender(strobe, acceptor.local_endpoint().port(), mean, rate);
  asio::ip::tcp::socket socket = acceptor.accept();
  std::vector<char> buffer(size_t{1} << 20);
  socket.read_some(asio::buffer(buffer));
  Received received;
  const double cpu = cpu_seconds();
  const auto start = SteadyClock::now();
  while (received.seconds < seconds) {
    received.bytes += static_cast<double>(socket.read_some(asio::buffer(buffer)));
    received.seconds = seconds_since(start);
  }
  received.cpu = cpu_seconds() - cpu;
  return received;
}

/// A free port for a pipeline to listen on.
int free_port() {
  namespace asio = boost::asio;
  asio::io_context io;
  asio::ip::tcp::acceptor acceptor(io, {asio::ip::address_v4::loopback(), 0});
  return acceptor.local_endpoint().port();
}

Received pipeline_receive(const std::string& xclbin, const std::string& strobe, double mean, double rate,
                          double seconds, Account* account = nullptr) {
  const int port = free_port();
  const std::string yaml = absl::StrCat(
      "batch_orbits: 4\n", node("mlp", absl::StrCat("tcp-listen://127.0.0.1:", port), "threads: {write: work}\n"));
  auto pipeline = must(Pipeline::open(must(parse_config(yaml, "bench.yml")), surroundings(xclbin)));
  pipeline->start();
  Received received;
  {
    const Sender sender(strobe, port, mean, rate);
    while (pipeline->account().sources[0].orbits.in == 0) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    const double first = static_cast<double>(pipeline->account().sources[0].bytes.in), cpu = cpu_seconds();
    const auto start = SteadyClock::now();
    std::this_thread::sleep_for(std::chrono::duration<double>(seconds));
    received.bytes = static_cast<double>(pipeline->account().sources[0].bytes.in) - first;
    received.seconds = seconds_since(start);
    received.cpu = cpu_seconds() - cpu;
  }
  pipeline->stop();
  if (absl::Status s = pipeline->wait(); !s.ok()) fail(std::string(s.message()));
  const Account end = pipeline->account();
  if (!end.mistakes(true).empty()) fail(end.mistakes(true)[0]);
  if (end.sources[0].missing + end.sources[0].orbits.lost() > 0)
    std::printf("  lost orbits!\n%s", account_text(end).c_str());
  if (account != nullptr) *account = end;
  return received;
}

/// Gaps that a loop that only reads the clock sees: what the machine takes away from everybody.
void spin_gaps(double seconds) {
  std::vector<double> gaps;
  const auto start = SteadyClock::now();
  auto last = start;
  double lost = 0;
  while (seconds_since(start) < seconds) {
    const auto now = SteadyClock::now();
    const double gap = std::chrono::duration<double>(now - last).count();
    if (gap > 20e-6) {
      gaps.push_back(gap);
      lost += gap;
    }
    last = now;
  }
  const double longest = gaps.empty() ? 0 : *std::max_element(gaps.begin(), gaps.end());
  std::printf("  a bare spin loop of %.0f s lost %.2f %% of its time in %zu gaps above 20 us, the longest %.0f us\n",
              seconds, 100 * lost / seconds, gaps.size(), longest * 1e6);
}

void bench_tcp(const std::string& xclbin, const std::string& strobe, double seconds) {
  constexpr int kRounds = 5;
  for (const double mean : {0.3, 1.0}) {
    double bare = 0, whole = 0;
    for (int round = 0; round < kRounds; ++round) {
      const Received b = bare_receive(strobe, mean, 0, 1), w = pipeline_receive(xclbin, strobe, mean, 0, 1);
      bare = std::max(bare, b.bytes / b.seconds);
      whole = std::max(whole, w.bytes / w.seconds);
    }
    std::printf("%.1f muons, unthrottled: bare receive %.2f GB/s, pipeline %.2f GB/s = %.2f of it\n", mean, bare / 1e9,
                whole / 1e9, whole / bare);
    const Received b = bare_receive(strobe, mean, 1, std::min(seconds, 20.0));
    Account account;
    const Received w = pipeline_receive(xclbin, strobe, mean, 1, seconds, &account);
    std::printf(
        "%.1f muons, the LHC's rate for %.0f s (%.2f GB/s): bare receive %.0f %% of a core, pipeline %.0f %% = %.1fx\n",
        mean, seconds, w.bytes / w.seconds / 1e9, 100 * b.cpu / b.seconds, 100 * w.cpu / w.seconds,
        (w.cpu / w.seconds) / (b.cpu / b.seconds));
    const Latency& latency = account.work.latency;
    std::printf(
        "  last byte to scores: median %.0f us, 99 %% %.0f us, 99.9 %% %.0f us, longest %.0f us (%llu orbits)\n",
        latency.quantile_us(0.5), latency.quantile_us(0.99), latency.quantile_us(0.999), latency.largest_us,
        static_cast<unsigned long long>(latency.total));
    spin_gaps(std::min(seconds, 5.0));
  }
}

}  // namespace
}  // namespace strobe::scouting

int main(int argc, char** argv) {
  const std::string what = argc > 1 ? argv[1] : "";
  if (what == "chain" && argc >= 3) {
    strobe::scouting::bench_chain(
        argv[2], argc > 3 ? std::vector<double>{std::atof(argv[3])} : std::vector<double>{0.1, 0.3, 1.0});
  } else if (what == "tcp" && argc >= 4) {
    strobe::scouting::bench_tcp(argv[2], argv[3], argc > 4 ? std::atof(argv[4]) : 20);
  } else {
    std::fprintf(stderr, "usage: scouting_pipeline_bench chain XCLBIN [MUONS] | tcp XCLBIN STROBE [SECONDS]\n");
    return 2;
  }
  return 0;
}
