/// Disks that get full at every kind of place: what a sink took is in files that can be read, or is told.
#include <map>
#include <set>

#include "column_reader.h"
#include "raw_reader.h"

namespace strobe::scouting {
namespace {

using testing::IsEmpty;

struct Kind {
  const char *kind, *compression;
  size_t most_kibibytes;  ///< of the largest disk
};

class FullDiskSink : public SinkTest, public testing::WithParamInterface<Kind> {
 protected:
  FullDiskSink() {
    settings_.kind = GetParam().kind;
    settings_.compression = GetParam().compression;
    for (uint32_t number = 0; number < kOrbits; ++number) {
      // Empty ones and long ones, so that some still fit where others do not.
      made_.push_back(orbits_.make(number, number % 9 == 4 ? 0 : number % 5 == 2 ? 1500 : 200, 0.7));
    }
  }

  /// Offers all orbits, each once; those that were taken, by number.
  std::set<uint32_t> offer_all(Sink& sink) {
    std::set<uint32_t> taken;
    for (const auto& each : made_) {
      const absl::Status status = sink.write(each->finished());
      if (status.ok())
        taken.insert(each->part.number);
      else
        EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted) << status;
    }
    EXPECT_EQ(sink.counts().orbits, taken.size());
    return taken;
  }

  /// Takes what was lost off `taken`.
  static void take_off(const std::vector<TakenOrbit>& lost, std::set<uint32_t>& taken) {
    for (const TakenOrbit& orbit : lost) EXPECT_EQ(taken.erase(orbit.number), 1u) << orbit.number;
  }

  /// All files have names, and have these orbits in them, whole.
  void expect_in_files(const std::set<uint32_t>& taken) {
    size_t files = 0;
    std::set<uint32_t> found;
    for (const auto& entry : std::filesystem::directory_iterator(settings_.to)) {
      const std::string name = entry.path().filename().string();
      EXPECT_FALSE(name.starts_with(".")) << name;
      if (name.starts_with(".")) continue;
      ++files;
      for (const uint32_t number : settings_.kind == "raw" ? raw_numbers(name) : column_numbers(entry.path()))
        EXPECT_TRUE(found.insert(number).second) << number;
    }
    EXPECT_EQ(found, taken);
  }

  std::vector<uint32_t> raw_numbers(const std::string& name) const {
    std::vector<uint32_t> numbers;
    for (const RawOrbit& orbit : raw_file(read(std::filesystem::path(settings_.to) / name), 42, 1)) {
      numbers.push_back(orbit.number);
      EXPECT_EQ(orbit.payload, kept_payload_of(*made_[orbit.number]));
    }
    return numbers;
  }

  std::vector<uint32_t> column_numbers(const std::filesystem::path& path) const {
    const Table found = settings_.kind == "npy" ? read_npy_folder(path) : read_hdf5(path);
    Table expected;
    for (const auto& [column, values] : found) expected[column];
    std::vector<uint32_t> numbers;
    for (const double number : found.at("orbits/number")) numbers.push_back(static_cast<uint32_t>(number));
    for (const uint32_t number : numbers) expect_orbit(expected, *made_[number]);
    expect_equal(found, expected);
    return numbers;
  }

  static constexpr uint32_t kOrbits = 160;
  MuonOrbits orbits_{8};
  std::vector<std::unique_ptr<MuonOrbits::Made>> made_;
};

TEST_P(FullDiskSink, KeepsWhatItTookWhereverTheDiskGetsFull) {
  size_t refused = 0, partial = 0;
  for (size_t size = 40, round = 0; size < GetParam().most_kibibytes; size += 4 + size / 6, ++round) {
    const SmallDisk disk(folder_, size);
    if (!disk.mounted()) GTEST_SKIP() << "no file system can be mounted here: " << std::strerror(errno);
    settings_.flush_orbits = round % 3 == 0 ? 5 : round % 3 == 1 ? 60 : 4096;
    settings_.file_mebibytes = round % 2;
    SCOPED_TRACE(testing::Message() << size << " KiB, " << settings_.flush_orbits << " orbits a flush, "
                                    << settings_.file_mebibytes << " MiB a file");
    const auto sink = open();
    const std::set<uint32_t> taken = offer_all(*sink);
    const absl::Status closed = sink->close();
    EXPECT_TRUE(closed.ok()) << closed;
    EXPECT_THAT(sink->salvage(), IsEmpty());
    expect_in_files(taken);
    refused += taken.size() < kOrbits;
    partial += taken.size() < kOrbits && !taken.empty();
  }
  EXPECT_GT(refused, 10u);
  EXPECT_GT(partial, 3u);
}

TEST_P(FullDiskSink, TellsWhatIsLostWhereTheRoomThatWasPromisedIsGone) {
  size_t lost_all = 0, lost_some = 0;
  for (const uint32_t flush : {23u, 4096u}) {
    for (uint64_t limit = 1000; limit < 2'000'000; limit *= 2) {
      settings_.to = (folder_ / std::to_string(limit)).string();
      settings_.flush_orbits = flush;
      SCOPED_TRACE(testing::Message() << limit << " bytes a file, " << flush << " orbits a flush");
      const auto sink = open();
      std::set<uint32_t> taken = offer_all(*sink);
      ASSERT_EQ(taken.size(), kOrbits);
      {
        // As where a quota, or somebody else's file, is met only when the disk is written to.
        const FullDisk full(limit);
        absl::Status closed = sink->close();
        if (!closed.ok()) closed = sink->close();
        const std::vector<TakenOrbit> lost = sink->salvage();
        EXPECT_TRUE(!closed.ok() || lost.empty());
        lost_all += lost.size() == taken.size();
        lost_some += !lost.empty() && lost.size() < taken.size();
        take_off(lost, taken);
      }
      EXPECT_EQ(sink->counts().orbits, taken.size());
      if (!taken.empty()) expect_in_files(taken);
      std::filesystem::remove_all(settings_.to);
    }
  }
  if (settings_.kind == "raw") return;  // it writes as it takes
  EXPECT_GT(lost_all, 3u);
  EXPECT_GT(lost_some, 3u);
}

INSTANTIATE_TEST_SUITE_P(Kinds, FullDiskSink,
                         testing::Values(Kind{"raw", "none", 3000}, Kind{"npy", "none", 6000},
                                         Kind{"hdf5", "none", 16000}, Kind{"hdf5", "scaleoffset", 16000},
                                         Kind{"hdf5", "deflate", 16000}),
                         [](const testing::TestParamInfo<Kind>& each) {
                           return std::string(each.param.kind) + "_" + each.param.compression;
                         });

}  // namespace
}  // namespace strobe::scouting
