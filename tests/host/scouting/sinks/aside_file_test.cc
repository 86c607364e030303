#include "host/scouting/sinks/aside_file.h"

#include <sys/wait.h>
#include <unistd.h>

#include "sink_fixture.h"

namespace strobe::scouting {
namespace {

using testing::ElementsAre;

class AsideFileTest : public SinkTest {};

TEST_F(AsideFileTest, BearsItsNameOnlyWhenFinished) {
  auto file = AsideFile::create(folder_.string(), "run000001_ls0001", "_a.raw");
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_THAT(files(), ElementsAre(".run000001_ls0001_index000000_a.raw.part"));
  ASSERT_TRUE(file->finish().ok());
  EXPECT_THAT(files(), ElementsAre("run000001_ls0001_index000000_a.raw"));
}

TEST_F(AsideFileTest, NeverOverwrites) {
  for (int i = 0; i < 2; ++i) {
    auto first = AsideFile::create(folder_.string(), "run000001_ls0001", "_a.raw");
    auto second = AsideFile::create(folder_.string(), "run000001_ls0001", "_a.raw");
    ASSERT_TRUE(first.ok() && second.ok());
    // Somebody takes the first one's name meanwhile.
    if (i == 0) std::ofstream(folder_ / "run000001_ls0001_index000000_a.raw") << "his";
    ASSERT_TRUE(second->finish().ok());
    ASSERT_TRUE(first->finish().ok());
  }
  EXPECT_EQ(files().size(), 5u);
  EXPECT_EQ(read("run000001_ls0001_index000000_a.raw"), "his");
}

TEST_F(AsideFileTest, IsAdoptedOnlyFromTheDead) {
  const auto mine = AsideFile::create(folder_.string(), "run000001_ls0001", "_mine.raw");
  ASSERT_TRUE(mine.ok());
  const pid_t child = ::fork();
  if (child == 0) {
    auto his = AsideFile::create(folder_.string(), "run000001_ls0001", "_his.raw");
    ::raise(SIGKILL);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  std::ofstream(folder_ / ".something_index.part") << "x";
  std::ofstream(folder_ / ".run_index00000x_a.raw.part") << "x";
  std::ofstream(folder_ / ".run_index000000_a.h5.part") << "x";
  const auto adopted = AsideFile::adopt(folder_.string(), ".raw");
  ASSERT_TRUE(adopted.ok()) << adopted.status();
  ASSERT_EQ(adopted->size(), 1u);
  EXPECT_EQ(adopted->front().path(), (folder_ / ".run000001_ls0001_index000000_his.raw.part").string());
}

TEST(FileNames, AreLikeCms) {
  EXPECT_EQ(file_stem(368636, 12), "run368636_ls0012");
  EXPECT_EQ(section_of(0), 1u);
  EXPECT_EQ(section_of((1u << 18) - 1), 1u);
  EXPECT_EQ(section_of(1u << 18), 2u);
  EXPECT_EQ(file_safe("GMT/muons 1_a-b"), "GMT-muons-1_a-b");
}

}  // namespace
}  // namespace strobe::scouting
