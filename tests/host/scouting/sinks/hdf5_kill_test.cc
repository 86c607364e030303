#include <sys/wait.h>
#include <unistd.h>

#include "column_reader.h"

namespace strobe::scouting {
namespace {

using testing::ElementsAre;

/// HDF5 sinks in a process of their own, which is killed in the middle.
class KilledHdf5Writer : public SinkTest, public testing::WithParamInterface<const char*> {
 protected:
  static constexpr uint32_t kFlush = 20, kSeed = 6;
  static constexpr const char* kName = "run000042_ls0001_index000000.h5";

  KilledHdf5Writer() {
    settings_.kind = "hdf5";
    settings_.compression = GetParam();
    settings_.flush_orbits = kFlush;
  }

  /// Writes orbits until it is killed, after `orbits` at least.
  void write_and_kill(int orbits) {
    int ends[2];
    ASSERT_EQ(::pipe(ends), 0);
    const pid_t child = ::fork();
    if (child == 0) {
      MuonOrbits made(kSeed);
      const auto sink = open();
      for (uint32_t number = 0;; ++number) {
        if (!sink->write(made.make(number, 1500)->finished()).ok()) ::_exit(1);
        if (::write(ends[1], "x", 1) != 1) ::_exit(1);
      }
    }
    ::close(ends[1]);
    char one;
    for (int i = 0; i < orbits; ++i) ASSERT_EQ(::read(ends[0], &one, 1), 1);
    ::kill(child, SIGKILL);
    ASSERT_EQ(::waitpid(child, nullptr, 0), child);
    announced_ = static_cast<size_t>(orbits);
    while (::read(ends[0], &one, 1) == 1) ++announced_;
    ::close(ends[0]);
  }

  /// What the first orbits must have given.
  static Table first_orbits(size_t orbits) {
    Table expected;
    MuonOrbits made(kSeed);
    for (uint32_t number = 0; number < orbits; ++number) expect_orbit(expected, *made.make(number, 1500));
    return expected;
  }

  size_t announced_ = 0;
};

TEST_P(KilledHdf5Writer, LeavesAllOrbitsUpToItsLastFlush) {
  for (const int orbits : {25, 90, 171}) {
    write_and_kill(orbits);
    ASSERT_THAT(files(), ElementsAre(std::string(".") + kName + ".part"));
    open();
    ASSERT_THAT(files(), ElementsAre(kName));
    const Table found = read_hdf5(folder_ / kName);
    const size_t survived = found.at("orbits/number").size();
    EXPECT_GE(survived, announced_ / kFlush * kFlush);
    EXPECT_LE(survived, announced_ + kFlush);
    expect_equal(found, first_orbits(survived));
    std::filesystem::remove(folder_ / kName);
  }
}

TEST_P(KilledHdf5Writer, BeforeItsFirstFlushLeavesNothing) {
  write_and_kill(1);
  open();
  if (announced_ >= kFlush) GTEST_SKIP() << "the writer was too fast: it flushed before it was killed";
  EXPECT_THAT(files(), ElementsAre());
}

INSTANTIATE_TEST_SUITE_P(Compressions, KilledHdf5Writer, testing::Values("none", "scaleoffset", "deflate"));

}  // namespace
}  // namespace strobe::scouting
