// `strobe run` on a file, beside what bounds it: the emulator's own rate on events in the cache, and a copy of the same
// bytes by one thread (the events read, as many bytes as the scores written to a file). Rounds of all three take turns,
// so that they meet the same neighbours on the machine; the best of each counts. A file of few events is repeated until
// it holds 2^21.
//
//   run_bench STROBE XCLBIN EVENTS.npy [OPTION of strobe run ...]
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "host/io/files.h"
#include "platform/files/file.h"
#include "platform/files/temporary_folder.h"
#include "strobe/session.h"

namespace strobe {
namespace {

constexpr int kRounds = 9;
constexpr size_t kRows = size_t{1} << 21;

double seconds_of(const std::function<void()>& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

[[noreturn]] void fail(const std::string& text) {
  std::fprintf(stderr, "run_bench: %s\n", text.c_str());
  std::exit(1);
}

void must(const absl::Status& status) {
  if (!status.ok()) fail(std::string(status.message()));
}

template <typename T>
T must(absl::StatusOr<T> value) {
  must(value.status());
  return *std::move(value);
}

/// Seconds for `rows` events, from a call over a few thousand zeros that stay in the cache.
class Kernel {
 public:
  explicit Kernel(const std::string& xclbin) : session_(must(Session::open(xclbin, {"emulator", 1}))) {
    for (const TensorInfo& tensor : session_->models()[0].inputs) in_.emplace_back(kInCache * tensor.row_bytes);
    for (const TensorInfo& tensor : session_->models()[0].outputs) out_.emplace_back(kInCache * tensor.row_bytes);
  }
  double seconds(size_t rows) {
    std::vector<std::span<const std::byte>> in(in_.begin(), in_.end());
    std::vector<std::span<std::byte>> out(out_.begin(), out_.end());
    const double taken = seconds_of([&] {
      for (size_t done = 0; done < rows; done += kInCache) must(session_->run(0, kInCache, in, out));
    });
    return taken;
  }

 private:
  static constexpr size_t kInCache = 4096;
  std::unique_ptr<Session> session_;
  std::vector<std::vector<std::byte>> in_, out_;
};

void copy(const std::string& events, size_t score_bytes, const std::string& to) {
  const auto mapped = must(files::MappedFile::open(events));
  std::vector<std::byte> buffer(size_t{1} << 20);
  for (size_t at = 0; at < mapped->bytes().size(); at += buffer.size())
    std::memcpy(buffer.data(), mapped->bytes().data() + at, std::min(buffer.size(), mapped->bytes().size() - at));
  auto file = must(files::AtomicFile::create(to));
  for (size_t at = 0; at < score_bytes; at += buffer.size())
    must(file.write(std::span<const std::byte>(buffer).first(std::min(buffer.size(), score_bytes - at))));
  must(file.commit());
}

/// A file of at least `kRows` events, those of `events` over and over.
void repeat(const std::string& events, const std::string& to) {
  const io::Array array = must(io::read_npy(events));
  const size_t rows = static_cast<size_t>(array.rows()), times = (kRows + rows - 1) / rows;
  std::vector<int64_t> shape = array.shape();
  shape[0] = static_cast<int64_t>(rows * times);
  io::NpyWriter writer = must(io::NpyWriter::create(to, array.dtype(), shape));
  for (size_t i = 0; i < times; ++i) must(writer.append(array.bytes()));
  must(writer.commit());
}

int bench(const std::string& strobe, const std::string& xclbin, const std::string& few, const std::string& options) {
  const auto folder = must(files::TemporaryFolder::create_in_system("strobe-run-bench-"));
  const std::string events = folder.path() + "/events.npy";
  repeat(few, events);
  const std::string scores = events + ".scores.npy", report = events + ".report.json";
  const std::string command = strobe + " run " + xclbin + " " + events + " -o " + scores + " --json --device emulator" +
                              options + " >" + report;
  const auto rows = static_cast<size_t>(must(io::read_npy(events)).rows());
  Kernel kernel(xclbin);
  double kernel_s = 1e9, copy_s = 1e9, run_s = 1e9, whole_s = 1e9;
  size_t score_bytes = 0;
  for (int round = 0; round < kRounds; ++round) {
    const double whole = seconds_of([&] {
      if (std::system(command.c_str()) != 0) fail(command + " failed");
    });
    std::ifstream file(report);
    run_s = std::min(run_s, nlohmann::json::parse(file)["seconds"]["run"].get<double>());
    whole_s = std::min(whole_s, whole);
    score_bytes = std::filesystem::file_size(scores);
    std::filesystem::remove(scores);
    kernel_s = std::min(kernel_s, kernel.seconds(rows));
    copy_s = std::min(copy_s, seconds_of([&] { copy(events, score_bytes, scores); }));
    std::filesystem::remove(scores);
  }
  std::filesystem::remove(report);
  const auto rate = [&](double seconds) { return static_cast<double>(rows) / seconds / 1e6; };
  const double bound = std::max(kernel_s, copy_s);
  std::printf(
      "%zu events, million a second: emulator %.1f, copy %.1f, strobe run %.1f (%.0f %% of the lower), "
      "whole program %.1f (%.0f %%; it took %.0f ms)\n",
      rows, rate(kernel_s), rate(copy_s), rate(run_s), 100 * bound / run_s, rate(whole_s), 100 * bound / whole_s,
      1000 * whole_s);
  return 0;
}

}  // namespace
}  // namespace strobe

int main(int argc, char** argv) {
  if (argc < 4) strobe::fail("usage: run_bench STROBE XCLBIN EVENTS.npy [OPTION of strobe run ...]");
  std::string options;
  for (int i = 4; i < argc; ++i) options += std::string(" ") + argv[i];
  return strobe::bench(argv[1], argv[2], argv[3], options);
}
