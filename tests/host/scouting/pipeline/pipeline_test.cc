/// The wired pipeline over bytes in memory and a device of the test's: whatever the threads and batches, the same
/// decisions and the same account. Run under the thread sanitizer too.
#include "host/scouting/pipeline/pipeline.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstring>
#include <deque>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "host/scouting/formats/decoder.h"
#include "host/scouting/formats/find_format.h"
#include "host/scouting/generate/orbit_maker.h"
#include "host/scouting/generate/packet_stream.h"
#include "host/scouting/pipeline/patience.h"
#include "platform/files/temporary_folder.h"
#include "tests/host/runtime/scripted_device.h"

namespace strobe::scouting {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

using Bytes = std::vector<std::byte>;

/// Bytes that come `step` at a time.
class MemorySource : public ByteSource {
 public:
  MemorySource(const Bytes& bytes, size_t step) : bytes_(bytes), step_(step) {}
  std::span<const std::byte> unread() const override { return std::span(bytes_).subspan(begin_, end_ - begin_); }
  void consume(size_t count) override { begin_ += count; }
  absl::StatusOr<Fill> fill(int) override {
    if (end_ == bytes_.size() && at_end) std::exchange(at_end, nullptr)();
    if (end_ == bytes_.size() || stopped_) return Fill::kEnd;
    end_ = std::min(bytes_.size(), end_ + step_);
    return Fill::kMore;
  }
  void interrupt() override { stopped_ = true; }
  std::string name() const override { return "memory"; }
  std::function<void()> at_end;  ///< once all has been taken

 private:
  const Bytes& bytes_;
  const size_t step_;
  size_t begin_ = 0, end_ = 0;
  std::atomic<bool> stopped_{false};
};

Bytes stream(uint64_t orbits, uint64_t seed, uint32_t first_orbit = 1) {
  OrbitOptions options;
  options.mean = 0.2;
  options.seed = seed;
  StreamOptions stream_options;
  stream_options.orbits = orbits;
  stream_options.first_orbit = first_orbit;
  auto made = PacketStream::create(*OrbitMaker::create(*find_format("gmt"), *find_filling_scheme("cms-2024"), options),
                                   stream_options);
  Bytes bytes;
  for (std::vector<Piece> pieces; made->next(pieces); pieces.clear()) {
    for (const Piece& piece : pieces) bytes.insert(bytes.end(), piece.bytes.begin(), piece.bytes.end());
  }
  return bytes;
}

/// Adds the two inputs of a row, on a thread of its own; may be told to die.
class AddingDevice : public testing::ScriptedDevice {
 public:
  AddingDevice() : ScriptedDevice(script()), thread_([this] { work(); }) {}
  ~AddingDevice() override {
    closing_ = true;
    thread_.join();
  }
  std::atomic<bool> dying{false};

 private:
  static testing::Script script() {
    testing::Script script;
    script.kernel = {"add", 1, {4}, {2}, 0};
    script.compute = [](device::Slot& slot, std::vector<Bytes>& outputs, size_t rows) {
      const auto* in = reinterpret_cast<const int16_t*>(slot.input(0).data());
      auto* out = reinterpret_cast<int16_t*>(outputs[0].data());
      for (size_t r = 0; r < rows; ++r) out[r] = static_cast<int16_t>(in[2 * r] + in[2 * r + 1]);
    };
    return script;
  }
  void work() {
    while (!closing_ || in_flight() > 0) {
      if (in_flight() == 0) {
        std::this_thread::yield();
        continue;
      }
      if (dying) set_health(absl::UnavailableError("dead"));
      finish(dying ? absl::UnavailableError("dead") : absl::OkStatus());
    }
  }
  std::atomic<bool> closing_{false};
  std::thread thread_;
};

/// Opens devices; every `deaths`-th launch of the first ones kills its device.
struct Cards {
  std::mutex mutex;
  int opened = 0, deadly = 0;

  runtime::ModelSpec spec() {
    runtime::ModelSpec spec;
    spec.name = "add";
    const auto type = [](int64_t columns) { return model::TensorType{{columns}, {model::FixedType::fixed(16, 16)}}; };
    spec.inputs = {{"x", type(2), {}}};
    spec.outputs = {{"y", type(1), {}}};
    spec.open_device = [this]() -> absl::StatusOr<std::shared_ptr<device::Device>> {
      const std::lock_guard lock(mutex);
      auto device = std::make_shared<AddingDevice>();
      device->dying = opened++ < deadly;
      return device;
    };
    return spec;
  }
};

struct Outcome {
  Account account;
  absl::Status status;
  std::string histogram;
};

/// Opens `yaml` over the streams of its sources, by the names that `from` gives them.
std::unique_ptr<Pipeline> open(const std::string& yaml, const std::map<std::string, Bytes>& streams, Cards& cards,
                               size_t step = 100000, const std::function<void()>& at_end = nullptr) {
  Pipeline::Surroundings surroundings;
  surroundings.open_model = [&](const ModelConfig&) { return cards.spec(); };
  surroundings.log = [](const std::string&) {};
  surroundings.open_source = [&](const std::string& name, const SourceOptions&) {
    auto source = std::make_unique<MemorySource>(streams.at(name), step);
    source->at_end = at_end;
    return absl::StatusOr<std::unique_ptr<ByteSource>>(std::move(source));
  };
  auto config = parse_config(yaml, "node.yml");
  EXPECT_TRUE(config.ok()) << config.status();
  auto pipeline = Pipeline::open(*config, surroundings);
  EXPECT_TRUE(pipeline.ok()) << pipeline.status();
  return *std::move(pipeline);
}

/// Waits for a run's end.
Outcome end_of(Pipeline& pipeline) {
  Outcome outcome;
  outcome.status = pipeline.wait();
  outcome.account = pipeline.account();
  EXPECT_THAT(outcome.account.mistakes(true), IsEmpty());
  for (const Histogram& histogram : outcome.account.histograms) outcome.histogram += histogram_text(histogram);
  return outcome;
}

Outcome run(const std::string& yaml, const std::map<std::string, Bytes>& streams, Cards& cards, size_t step = 100000) {
  const auto pipeline = open(yaml, streams, cards, step);
  pipeline->start();
  // Whatever the moment, every stage adds up.
  for (int look = 0; look < 50; ++look) {
    EXPECT_THAT(pipeline->account().mistakes(false), IsEmpty());
    std::this_thread::yield();
  }
  return end_of(*pipeline);
}

std::string node(const std::string& more) {
  return absl::StrCat(
      "sources: [{format: gmt, from: a}]\n"
      "select: {good: {from: muon, sort: pt, first: 2}}\n"
      "values: {before: \"at(-1, count(good))\", score: add}\n"
      "require: count(good) >= 1\n"
      "models:\n  - {name: add, xclbin: x, encoding: raw, inputs: [\"good[0].pt\", before]}\n"
      "keep: {where: \"add > 20\", prescale: 7}\n"
      "histograms: [{value: score, low: 0, high: 600, bins: 50}]\n",
      more);
}

TEST(Pipeline, DecidesTheSameWhateverItsThreadsAndBatches) {
  const std::map<std::string, Bytes> streams = {{"a", stream(40, 3)}};
  Cards cards;
  const Outcome plain = run(node(""), streams, cards);
  ASSERT_TRUE(plain.status.ok()) << plain.status;
  EXPECT_EQ(plain.account.work.write_orbits.out, 40);
  EXPECT_GT(plain.account.work.keep.out, 1000);
  EXPECT_GT(plain.account.work.keep.rejected, 1000);
  EXPECT_GT(plain.account.work.prescaled, 100);
  for (const char* work : {"receiver", "own"}) {
    for (const char* write : {"own", "work"}) {
      for (const char* batches :
           {"batch_orbits: 1", "batch_orbits: 3\nbatches: 1", "batch_orbits: 64\nqueue_orbits: 2"}) {
        const std::string layout = absl::StrCat("threads: {work: ", work, ", write: ", write, "}\n", batches, "\n");
        SCOPED_TRACE(layout);
        const Outcome other = run(node(layout), streams, cards, 33333);
        EXPECT_TRUE(other.status.ok()) << other.status;
        EXPECT_EQ(other.histogram, plain.histogram);
        EXPECT_EQ(other.account.work.keep.out, plain.account.work.keep.out);
        EXPECT_EQ(other.account.work.models[0].rows.out, plain.account.work.models[0].rows.out);
      }
    }
  }
}

TEST(Pipeline, JoinsSourcesThatLackOrbits) {
  Bytes a = stream(30, 5, 1), rest = stream(10, 6, 41);  // orbits 1 to 30 and 41 to 50
  a.insert(a.end(), rest.begin(), rest.end());
  const std::map<std::string, Bytes> streams = {{"a", a}, {"b", stream(45, 7, 6)}};
  Cards cards;
  const std::string yaml =
      "sources: [{name: first, format: gmt, from: a}, {name: second, format: gmt, from: b}]\n"
      "join: {timeout_ms: 60000}\n"
      "values: {both: \"count(first.muon) > 0 and count(second.muon) > 0\"}\n"
      "histograms: [{value: both, low: 0, high: 2, bins: 2}]\n";
  const Outcome outcome = run(yaml, streams, cards);
  ASSERT_TRUE(outcome.status.ok()) << outcome.status;
  EXPECT_EQ(outcome.account.join.orbits.out, 50);
  EXPECT_EQ(outcome.account.join.incomplete, 5 + 10);
  EXPECT_EQ(outcome.account.join.lacking, (std::vector<uint64_t>{10, 5}));
  EXPECT_EQ(outcome.account.sources[0].missing, 10);
  EXPECT_EQ(outcome.account.work.select.in, outcome.account.histograms[0].total);
  const Outcome again = run(yaml, streams, cards, 7777);
  EXPECT_EQ(again.histogram, outcome.histogram);
}

TEST(Pipeline, GivesASourceRoomForTheLongestPacketOfItsFormat) {
  const Bytes none;
  for (const std::string format : {"gmt", "puppi", "puppi-dth", "pattern"}) {
    size_t room = 0;
    Pipeline::Surroundings surroundings;
    surroundings.log = [](const std::string&) {};
    surroundings.open_source = [&](const std::string&, const SourceOptions& options) {
      room = options.buffer_bytes;
      return absl::StatusOr<std::unique_ptr<ByteSource>>(std::make_unique<MemorySource>(none, 1));
    };
    const std::string yaml = absl::StrCat("sources: [{format: ", format, ", from: a, buffer_mebibytes: 2}]\n");
    ASSERT_TRUE(Pipeline::open(*parse_config(yaml, "node.yml"), surroundings).ok());
    const size_t longest = (*make_decoder(*find_format(format), {}))->longest_bytes();
    EXPECT_EQ(room, std::max(size_t{2} << 20, longest)) << format;
  }
}

TEST(Pipeline, RunsABatchAgainWhereADeviceDied) {
  const std::map<std::string, Bytes> streams = {{"a", stream(20, 3)}};
  Cards healthy, dying;
  dying.deadly = 3;
  const Outcome whole = run(node(""), streams, healthy), outcome = run(node(""), streams, dying);
  ASSERT_TRUE(outcome.status.ok()) << outcome.status;
  EXPECT_GT(dying.opened, 3);
  EXPECT_GT(outcome.account.work.models[0].retries, 0);
  EXPECT_EQ(outcome.histogram, whole.histogram);
  EXPECT_EQ(outcome.account.work.write_orbits.out, 20);
}

TEST(Pipeline, GivesUpADeviceThatStaysDeadAndCountsWhatThatCost) {
  const std::map<std::string, Bytes> streams = {{"a", stream(20, 3)}};
  Cards cards;
  cards.deadly = 1 << 30;
  const Outcome outcome = run(node("retry_seconds: 0\n"), streams, cards);
  EXPECT_THAT(std::string(outcome.status.message()), HasSubstr("dead"));
  const Flow& written = outcome.account.work.write_orbits;
  EXPECT_EQ(written.out, 0);
  EXPECT_EQ(written.in, written.dropped[static_cast<size_t>(Fault::kModelFailed)]);
}

uint64_t dropped(const Flow& flow, Fault fault) { return flow.dropped[static_cast<size_t>(fault)]; }

/// A stop while something fails for which there are ten minutes of patience.
class StoppedPipeline : public ::testing::Test {
 protected:
  /// Stops it once `failing` says so, and waits for its end.
  Outcome stop_when(Pipeline& pipeline, const std::function<bool()>& failing) {
    pipeline.start();
    while (!failing()) std::this_thread::yield();
    const auto stopped = Patience::Clock::now();
    pipeline.stop();
    Outcome outcome = end_of(pipeline);
    EXPECT_LT(Patience::Clock::now() - stopped, std::chrono::seconds(60));
    return outcome;
  }
  const std::map<std::string, Bytes> streams_ = {{"a", stream(20, 3)}};
};

TEST_F(StoppedPipeline, DoesNotWaitForASinkThatFails) {
  auto folder = files::TemporaryFolder::create_in_system("strobe-test-");
  ASSERT_TRUE(folder.ok()) << folder.status();
  Cards cards;
  const auto pipeline = open(
      absl::StrCat("sources: [{format: gmt, from: a}]\nretry_seconds: 600\nwrite: [{kind: raw, to: ", folder->path(),
                   "/out}]\n"),
      streams_, cards);
  std::filesystem::remove_all(folder->path() + "/out");
  const Outcome outcome = stop_when(*pipeline, [&] { return pipeline->account().sinks[0].retries > 0; });
  EXPECT_THAT(std::string(outcome.status.message()), HasSubstr(folder->path()));
  const Flow& written = outcome.account.work.write_orbits;
  EXPECT_GT(written.in, 0);
  EXPECT_EQ(written.in, dropped(written, Fault::kSinkFailed));
}

TEST_F(StoppedPipeline, DoesNotWaitForADeviceThatStaysDead) {
  Cards cards;
  cards.deadly = 1 << 30;
  const auto pipeline = open(node("retry_seconds: 600\n"), streams_, cards);
  const Outcome outcome = stop_when(*pipeline, [&] {
    const std::lock_guard lock(cards.mutex);
    return cards.opened > 2;
  });
  EXPECT_THAT(std::string(outcome.status.message()), HasSubstr("dead"));
  const Flow& written = outcome.account.work.write_orbits;
  EXPECT_EQ(written.in, dropped(written, Fault::kModelFailed));
}

TEST(Pipeline, CountsAsDroppedWhatAFileLosesAtItsEnd) {
  auto folder = files::TemporaryFolder::create_in_system("strobe-test-");
  ASSERT_TRUE(folder.ok()) << folder.status();
  const std::string lost = folder->path() + "/lost", kept = folder->path() + "/kept";
  const std::map<std::string, Bytes> streams = {{"a", stream(40, 3)}};
  for (const char* kind : {"npy", "hdf5", "raw"}) {
    Cards cards;
    const std::string yaml = absl::StrCat(
        "sources: [{format: gmt, from: a}]\nretry_seconds: 0\nbatch_orbits: 4\nthreads: {write: work}\nwrite: [{kind: "
        "raw, to: ",
        kept, "}, {kind: ", kind, ", to: ", lost, "}]\n");
    // Somebody removes the folder when orbits have been taken.
    const auto pipeline = open(yaml, streams, cards, 100000, [&] { std::filesystem::remove_all(lost); });
    pipeline->start();
    const Outcome outcome = end_of(*pipeline);
    EXPECT_THAT(std::string(outcome.status.message()), HasSubstr(lost));
    EXPECT_EQ(outcome.account.work.write_orbits.in, 40);
    EXPECT_EQ(outcome.account.work.write_orbits.out, 0);
    EXPECT_EQ(dropped(outcome.account.work.write_orbits, Fault::kSinkFailed), 40);
    EXPECT_EQ(outcome.account.work.write_crossings.in, outcome.account.work.write_crossings.lost());
    EXPECT_EQ(outcome.account.sinks[0].counts.orbits, 40);
    EXPECT_EQ(outcome.account.sinks[1].counts.orbits, 0);
  }
}

std::string slurp(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(file), {});
}

TEST(Pipeline, TouchesNoFileWhereItIsOnlyChecked) {
  auto folder = files::TemporaryFolder::create_in_system("strobe-test-");
  ASSERT_TRUE(folder.ok()) << folder.status();
  const std::string left = "/out/.run000001_ls0001_index000000_gmt.raw.part";  // of a killed writer
  std::filesystem::create_directory(folder->path() + "/out");
  for (const std::string file : {"/bad", "/orbits", left.c_str()}) std::ofstream(folder->path() + file) << "kept";
  const std::string yaml = absl::StrReplaceAll(
      "sources: [{format: gmt, from: a}]\nquarantine: @/bad\naccount: {orbits: @/orbits, file: @/account}\n"
      "write: [{kind: raw, to: @/out}, {kind: hdf5, to: @/more}, {kind: npy, to: @/more/folders}]\n",
      {{"@", folder->path()}});
  Pipeline::Surroundings surroundings;
  surroundings.log = [](const std::string&) {};
  surroundings.check_only = true;
  const Bytes none;
  surroundings.open_source = [&](const std::string&, const SourceOptions&) {
    return absl::StatusOr<std::unique_ptr<ByteSource>>(std::make_unique<MemorySource>(none, 1));
  };
  const auto checked = Pipeline::open(*parse_config(yaml, "node.yml"), surroundings);
  EXPECT_TRUE(checked.ok()) << checked.status();
  size_t entries = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder->path())) entries += entry.exists();
  EXPECT_EQ(entries, 4);
  for (const std::string file : {"/bad", "/orbits", left.c_str()}) EXPECT_EQ(slurp(folder->path() + file), "kept");
  for (const char* wrong :
       {"quarantine: @/none/bad\n", "account: {orbits: @/none/orbits}\n", "write: [{kind: npy, to: @/bad/out}]\n"}) {
    const auto refused = Pipeline::open(
        *parse_config(
            absl::StrReplaceAll(absl::StrCat("sources: [{format: gmt, from: a}]\n", wrong), {{"@", folder->path()}}),
            "node.yml"),
        surroundings);
    EXPECT_FALSE(refused.ok()) << wrong;
    EXPECT_THAT(std::string(refused.status().message()), HasSubstr(folder->path())) << wrong;
  }
}

TEST(Pipeline, AddsToTheFilesOfEarlierRuns) {
  auto folder = files::TemporaryFolder::create_in_system("strobe-test-");
  ASSERT_TRUE(folder.ok()) << folder.status();
  Bytes garbage(100'000, std::byte{0x5a});
  const std::map<std::string, Bytes> streams = {{"a", stream(5, 3)}, {"b", garbage}};
  const std::string bad = folder->path() + "/bad", orbits = folder->path() + "/orbits";
  Cards cards;
  std::string before;
  for (int run_number = 1; run_number <= 40; ++run_number) {
    const Outcome outcome =
        run(absl::StrCat("run: ", run_number,
                         "\nsources: [{name: a, format: gmt, from: a}, {name: b, format: gmt, from: b}]\n"
                         "quarantine_mebibytes: 1\nquarantine: ",
                         bad, "\naccount: {orbits: ", orbits, "}\n"),
            streams, cards);
    EXPECT_TRUE(outcome.status.ok()) << outcome.status;
    EXPECT_GT(outcome.account.quarantine.records, 0);
    const std::string now = slurp(bad);
    ASSERT_TRUE(now.starts_with(before)) << run_number;
    EXPECT_EQ(now.size() - before.size(), outcome.account.quarantine.bytes);
    if (now.size() > before.size()) {
      EXPECT_TRUE(now.substr(before.size()).starts_with(absl::StrCat("strobe-bad run=", run_number, " source=b ")));
    }
    before = now;
  }
  EXPECT_GT(before.size(), 500'000);
  EXPECT_LE(before.size(), size_t{1} << 20);
  const std::string lines = slurp(orbits);
  EXPECT_TRUE(lines.starts_with("run,orbit,complete,crossings,passed,kept,dropped,latency_us\n1,1,"));
  EXPECT_EQ(std::count(lines.begin(), lines.end(), '\n'), 1 + 40 * 5);
  EXPECT_THAT(lines, HasSubstr("\n40,5,"));
}

TEST(Patience, IsShorterOnceTheRunIsToStopAndNoneWhereItHasFailed) {
  using std::chrono::seconds;
  const Patience::Clock::time_point start{seconds(1000)};
  Patience patience{seconds(10)};
  EXPECT_TRUE(patience.lasts(start, start + seconds(9)));
  EXPECT_FALSE(patience.lasts(start, start + seconds(10)));
  patience.stop(start + seconds(3));
  patience.stop(start + seconds(4));
  EXPECT_TRUE(patience.lasts(start, start + seconds(4)));
  EXPECT_FALSE(patience.lasts(start, start + seconds(3) + Patience::kWhenStopped));
  EXPECT_FALSE(patience.lasts(start + seconds(7), start + seconds(7))) << "what fails later is not tried again";
  Patience failed{seconds(10)};
  failed.end();
  EXPECT_FALSE(failed.lasts(start, start));
}

}  // namespace
}  // namespace strobe::scouting
