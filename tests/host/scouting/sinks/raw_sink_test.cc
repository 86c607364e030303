#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include "raw_reader.h"

namespace strobe::scouting {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class RawSink : public SinkTest {
 protected:
  RawSink() { settings_.kind = "raw"; }
  std::string name(uint32_t section, uint32_t index = 0) const {
    char text[64];
    std::snprintf(text, sizeof text, "run000042_ls%04u_index%06u_muons.raw", section, index);
    return text;
  }
  std::string aside(uint32_t section, uint32_t index = 0) const { return "." + name(section, index) + ".part"; }

  MuonOrbits orbits_{1};
};

TEST_F(RawSink, KeepsPayloadsAsTheyAre) {
  const auto sink = open();
  std::vector<std::string> payloads;
  SinkCounts expected;
  for (uint32_t number = 5; number < 25; ++number) {
    const auto made = orbits_.make(number);
    ASSERT_TRUE(sink->write(made->finished()).ok());
    payloads.push_back(text_of(made->part.payload.view()));
    expected.crossings += made->part.crossings.size();
    expected.objects += made->part.collections[0].objects();
    expected.bytes += 24 + payloads.back().size();
  }
  EXPECT_THAT(files(), ElementsAre(aside(1)));
  EXPECT_EQ(at<uint32_t>(read(aside(1)), 12), 0xffffffff);
  EXPECT_EQ(at<uint64_t>(read(aside(1)), 24), 0u);
  ASSERT_TRUE(sink->close().ok());
  EXPECT_THAT(files(), ElementsAre(name(1)));
  const auto found = raw_file(read(name(1)), 42, 1);
  ASSERT_EQ(found.size(), 20u);
  for (size_t i = 0; i < 20; ++i) {
    EXPECT_EQ(found[i].number, 5 + i);
    EXPECT_EQ(found[i].payload, payloads[i]);
  }
  EXPECT_EQ(sink->counts().orbits, 20u);
  EXPECT_EQ(sink->counts().crossings, expected.crossings);
  EXPECT_EQ(sink->counts().objects, expected.objects);
  EXPECT_EQ(sink->counts().bytes, expected.bytes);
  EXPECT_EQ(sink->counts().files, 1u);
}

TEST_F(RawSink, WritesKeptCrossingsOnly) {
  const auto sink = open();
  std::vector<std::string> payloads;
  for (const double share : {0.5, 0.02, 0.0, 0.97, 1.0}) {
    const auto made = orbits_.make(static_cast<uint32_t>(payloads.size()), 300, share);
    ASSERT_TRUE(sink->write(made->finished()).ok());
    payloads.push_back(kept_payload_of(*made));
  }
  ASSERT_TRUE(sink->close().ok());
  const auto found = raw_file(read(name(1)), 42, 1);
  ASSERT_EQ(found.size(), payloads.size());
  for (size_t i = 0; i < found.size(); ++i) EXPECT_EQ(found[i].payload, payloads[i]) << i;
  EXPECT_EQ(found[2].payload.size(), 4u) << "an orbit without a kept crossing is there, empty";
}

TEST_F(RawSink, IsReadBackByTheDecoder) {
  const auto sink = open();
  std::vector<std::unique_ptr<MuonOrbits::Made>> made;
  for (uint32_t number = 0; number < 10; ++number) {
    made.push_back(orbits_.make(number));
    ASSERT_TRUE(sink->write(made.back()->finished()).ok());
  }
  ASSERT_TRUE(sink->close().ok());
  const std::string bytes = read(name(1));
  auto left = std::as_bytes(std::span(bytes));
  auto decoder = make_decoder(*find_format("gmt-zs"), {}).value();
  SourceOrbit orbit;
  size_t orbits = 0;
  while (!left.empty()) {
    const Decoded decoded = decoder->decode(left, true, orbit);
    ASSERT_TRUE(decoded.kind == Decoded::Kind::kOrbit || decoded.kind == Decoded::Kind::kNothing) << decoded.detail;
    left = left.subspan(decoded.consumed);
    if (decoded.kind == Decoded::Kind::kNothing) continue;
    const SourceOrbit& expected = made.at(orbits++)->part;
    EXPECT_EQ(orbit.number, expected.number);
    EXPECT_TRUE(std::ranges::equal(orbit.crossings.view(), expected.crossings.view()));
    for (size_t w = 0; w < 3; ++w) {
      EXPECT_TRUE(std::ranges::equal(orbit.collections[0].narrow[w].view(), expected.collections[0].narrow[w].view()));
    }
  }
  EXPECT_EQ(orbits, 10u);
}

TEST_F(RawSink, BeginsAFileWithEachSection) {
  const auto sink = open();
  for (const uint32_t number :
       {kOrbitsPerSection - 2, kOrbitsPerSection - 1, kOrbitsPerSection, kOrbitsPerSection * 3}) {
    ASSERT_TRUE(sink->write(orbits_.make(number)->finished()).ok());
  }
  ASSERT_TRUE(sink->close().ok());
  EXPECT_THAT(files(), ElementsAre(name(1), name(2), name(4)));
  EXPECT_EQ(raw_file(read(name(1)), 42, 1).size(), 2u);
  EXPECT_EQ(raw_file(read(name(2)), 42, 2).size(), 1u);
  EXPECT_EQ(raw_file(read(name(4)), 42, 4).size(), 1u);
}

TEST_F(RawSink, BeginsAFileAtItsSize) {
  settings_.file_mebibytes = 1;
  const auto sink = open();
  uint64_t bytes = 0;
  for (uint32_t number = 0; bytes < (3 << 20); ++number) {
    const auto made = orbits_.make(number, 3000);
    ASSERT_TRUE(sink->write(made->finished()).ok());
    bytes += 24 + made->part.payload.size();
  }
  ASSERT_TRUE(sink->close().ok());
  uint32_t next = 0;
  for (uint32_t index = 0; index < files().size(); ++index) {
    const std::string file = read(name(1, index));
    EXPECT_LT(file.size(), (1u << 20) + 200'000);
    for (const RawOrbit& orbit : raw_file(file, 42, 1)) EXPECT_EQ(orbit.number, next++);
  }
  EXPECT_GE(files().size(), 3u);
}

TEST_F(RawSink, WritesAFileForEachSource) {
  setup_.sources.push_back(setup_.sources[0]);
  setup_.source_names.push_back("more muons");
  const auto sink = open();
  const auto first = orbits_.make(1), second = orbits_.make(1), third = orbits_.make(2);
  std::vector<uint16_t> all;
  std::ranges::set_union(first->part.crossings.view(), second->part.crossings.view(), std::back_inserter(all));
  std::vector<uint8_t> keep(all.size(), 0);
  for (size_t i = 0; i < all.size(); i += 3) keep[i] = 1;
  const SourceOrbit* both[] = {&first->part, &second->part};
  FinishedOrbit orbit;
  orbit.number = 1;
  orbit.crossings = all;
  orbit.keep = keep;
  orbit.kept = (all.size() + 2) / 3;
  orbit.parts = both;
  ASSERT_TRUE(sink->write(orbit).ok());
  FinishedOrbit lacking = third->finished();
  const SourceOrbit* one[] = {&third->part, nullptr};
  lacking.parts = one;
  ASSERT_TRUE(sink->write(lacking).ok());
  ASSERT_TRUE(sink->close().ok());
  for (const auto& each : {&first, &second}) {
    MuonOrbits::Made& made = **each;
    for (size_t c = 0; c < made.keep.size(); ++c) {
      made.keep[c] = keep[static_cast<size_t>(std::ranges::find(all, made.part.crossings[c]) - all.begin())];
    }
  }
  const auto muons = raw_file(read(name(1)), 42, 1);
  const auto more = raw_file(read("run000042_ls0001_index000000_more-muons.raw"), 42, 1);
  ASSERT_EQ(muons.size(), 2u);
  ASSERT_EQ(more.size(), 1u);
  EXPECT_EQ(muons[0].payload, kept_payload_of(*first));
  EXPECT_EQ(more[0].payload, kept_payload_of(*second));
}

TEST_F(RawSink, FullDiskLeavesWholeOrbitsAndGoesOnWhenThereIsRoom) {
  const auto sink = open();
  uint32_t number = 0;
  std::unique_ptr<MuonOrbits::Made> refused;
  {
    const FullDisk full(100'000);
    absl::Status status;
    for (; status.ok(); ++number) status = sink->write((refused = orbits_.make(number))->finished());
    EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted) << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr(aside(1)));
    size_t rest = 0;
    EXPECT_EQ(raw_orbits(read(aside(1)), 32, &rest).size(), number - 1);
    EXPECT_EQ(rest, 0u);
    EXPECT_EQ(sink->write(refused->finished()).code(), absl::StatusCode::kResourceExhausted);
  }
  ASSERT_TRUE(sink->write(refused->finished()).ok());
  ASSERT_TRUE(sink->close().ok());
  const auto found = raw_file(read(name(1)), 42, 1);
  ASSERT_EQ(found.size(), number);
  EXPECT_EQ(found.back().payload, text_of(refused->part.payload.view()));
  EXPECT_EQ(sink->counts().orbits, number);
}

TEST_F(RawSink, FullDiskTakesAnOrbitBackFromAllItsFiles) {
  setup_.sources.push_back(setup_.sources[0]);
  setup_.source_names.push_back("b");
  const auto sink = open();
  uint32_t number = 0;
  {
    const FullDisk full(50'000);
    absl::Status status;
    for (; status.ok(); ++number) {
      // The second source's orbits are the larger ones.
      const auto small = orbits_.make(number, 100), large = orbits_.make(number, 0);
      const auto whole = orbits_.make(number, 400);
      const SourceOrbit* both[] = {&large->part, &whole->part};
      FinishedOrbit orbit = whole->finished();
      orbit.parts = both;
      status = sink->write(orbit);
    }
    EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted) << status;
  }
  ASSERT_TRUE(sink->close().ok());
  EXPECT_EQ(raw_file(read(name(1)), 42, 1).size(), number - 1);
  EXPECT_EQ(raw_file(read("run000042_ls0001_index000000_b.raw"), 42, 1).size(), number - 1);
}

TEST_F(RawSink, FullFileSystemIsNoDifferent) {
  const std::string small = (folder_ / "small").string();
  std::filesystem::create_directory(small);
  if (::mount("tmpfs", small.c_str(), "tmpfs", 0, "size=200k") != 0) {
    GTEST_SKIP() << "no file system can be mounted here: " << std::strerror(errno);
  }
  settings_.to = small;
  {
    const auto sink = open();
    absl::Status status;
    uint32_t number = 0;
    for (; status.ok(); ++number) status = sink->write(orbits_.make(number)->finished());
    EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted) << status;
    EXPECT_TRUE(sink->close().ok());
    EXPECT_EQ(raw_file(read("small/" + name(1)), 42, 1).size(), number - 1);
  }
  ::umount(small.c_str());
}

TEST_F(RawSink, KilledWritersFileIsWholeUpToItsLastOrbitAndCompletedByTheNext) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    const auto sink = open();
    for (uint32_t number = 0;; ++number) {
      if (!sink->write(orbits_.make(number)->finished()).ok()) ::_exit(1);
      if (::write(ends[1], "x", 1) != 1) ::_exit(1);
    }
  }
  ::close(ends[1]);
  char one;
  for (int i = 0; i < 50; ++i) ASSERT_EQ(::read(ends[0], &one, 1), 1);
  ::kill(child, SIGKILL);
  ASSERT_EQ(::waitpid(child, nullptr, 0), child);
  size_t announced = 50;
  while (::read(ends[0], &one, 1) == 1) ++announced;
  ::close(ends[0]);

  ASSERT_THAT(files(), ElementsAre(aside(1)));
  size_t rest = 0;
  const auto survived = raw_orbits(read(aside(1)), 32, &rest);
  EXPECT_GE(survived.size(), announced);
  // As if it had been killed within a write.
  std::ofstream(folder_ / aside(1), std::ios::binary | std::ios::app) << std::string("\x06\0\0\0half an orbit", 17);
  const auto sink = open();
  ASSERT_THAT(files(), ElementsAre(name(1)));
  const auto completed = raw_file(read(name(1)), 42, 1);
  ASSERT_EQ(completed.size(), survived.size());
  EXPECT_EQ(completed.back().payload, survived.back().payload);
  ASSERT_TRUE(sink->write(orbits_.make(0)->finished()).ok());
  ASSERT_TRUE(sink->close().ok());
  EXPECT_THAT(files(), ElementsAre(name(1), name(1, 1)));
}

TEST_F(RawSink, RecoveryCutsBehindTheLastRightChecksum) {
  {
    const auto sink = open();
    for (uint32_t number = 0; number < 5; ++number) ASSERT_TRUE(sink->write(orbits_.make(number)->finished()).ok());
  }
  std::string bytes = read(aside(1));
  size_t rest = 0;
  const auto before = raw_orbits(bytes, 32, &rest);
  bytes[bytes.size() - 7] ^= 4;  // of the fifth orbit
  std::ofstream(folder_ / aside(1), std::ios::binary) << bytes;
  std::ofstream(folder_ / ".run000042_ls0009_index000000_muons.raw.part", std::ios::binary) << bytes.substr(0, 40);
  open();
  EXPECT_THAT(files(), ElementsAre(name(1))) << "a file without a whole orbit is removed";
  EXPECT_EQ(raw_file(read(name(1)), 42, 1).size(), 4u);
}

TEST_F(RawSink, SaysWhatItCannotDo) {
  setup_.objects = false;
  EXPECT_EQ(open_sink(settings_, setup_).status().code(), absl::StatusCode::kInvalidArgument);
  setup_.objects = true;
  settings_.to = "";
  EXPECT_EQ(open_sink(settings_, setup_).status().code(), absl::StatusCode::kInvalidArgument);
  settings_.to = "/dev/null/folder";
  EXPECT_FALSE(open_sink(settings_, setup_).ok());
  settings_ = {.kind = "tape", .to = "x"};
  EXPECT_THAT(std::string(open_sink(settings_, setup_).status().message()), HasSubstr("raw, hdf5, npy, tcp or none"));
  for (const SourceFormat* format : formats()) {
    if (format->framing != Framing::kEvents) continue;
    setup_.sources = {format};
    settings_ = {.kind = "raw", .to = folder_.string()};
    EXPECT_THAT(std::string(open_sink(settings_, setup_).status().message()), HasSubstr(std::string(format->name)));
  }
}

class NoneSink : public SinkTest {};

TEST_F(NoneSink, Counts) {
  settings_ = {};
  const auto sink = open();
  MuonOrbits orbits(2);
  uint64_t crossings = 0, objects = 0;
  for (uint32_t number = 0; number < 5; ++number) {
    const auto made = orbits.make(number, 300, 0.3);
    ASSERT_TRUE(sink->write(made->finished()).ok());
    for (size_t c = 0; c < made->keep.size(); ++c) {
      const auto& first = made->part.collections[0].first;
      crossings += made->keep[c];
      objects += made->keep[c] ? first[c + 1] - first[c] : 0;
    }
  }
  EXPECT_EQ(sink->counts().orbits, 5u);
  EXPECT_EQ(sink->counts().crossings, crossings);
  EXPECT_EQ(sink->counts().objects, objects);
  EXPECT_FALSE(sink->wants_payload());
}

/// Where another source has crossings of its own between them.
TEST_F(NoneSink, CountsObjectsAmongOthersCrossings) {
  settings_ = {};
  const auto sink = open();
  const auto made = MuonOrbits(6).make(1, 300, 0.4);
  FinishedOrbit orbit = made->finished();
  std::vector<uint16_t> crossings = {0};
  std::vector<uint8_t> keep = {1};
  uint64_t objects = 0;
  for (size_t c = 0; c < made->keep.size(); ++c) {
    crossings.push_back(made->part.crossings[c]);
    keep.push_back(made->keep[c]);
    const auto& first = made->part.collections[0].first;
    objects += made->keep[c] ? first[c + 1] - first[c] : 0;
  }
  orbit.crossings = crossings;
  orbit.keep = keep;
  ++orbit.kept;
  ASSERT_TRUE(sink->write(orbit).ok());
  EXPECT_EQ(sink->counts().crossings, orbit.kept);
  EXPECT_EQ(sink->counts().objects, objects);
}

}  // namespace
}  // namespace strobe::scouting
