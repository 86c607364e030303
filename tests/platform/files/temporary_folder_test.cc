#include "platform/files/temporary_folder.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "platform/files/file.h"
#include "platform/process/child.h"
#include "platform/process/unfinished.h"

namespace strobe::files {
namespace {

namespace fs = std::filesystem;

constexpr char kPrefix[] = "test-";

/// Runs `work` in a child process that then waits; returns its number once the work is done.
template <class Work>
pid_t in_child(const Work& work) {
  int pipe[2];
  EXPECT_EQ(::pipe(pipe), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    work();
    (void)!::write(pipe[1], "x", 1);
    for (;;) ::pause();
  }
  char done;
  EXPECT_EQ(::read(pipe[0], &done, 1), 1);
  ::close(pipe[0]);
  ::close(pipe[1]);
  return child;
}

std::vector<std::string> names_in(const std::string& folder) {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(folder)) names.push_back(entry.path().filename());
  return names;
}

class TemporaryFolders : public testing::Test {
 protected:
  void SetUp() override {
    parent_ = testing::TempDir() + "strobe-test-XXXXXX";
    ASSERT_NE(::mkdtemp(parent_.data()), nullptr);
  }
  void TearDown() override { fs::remove_all(parent_); }
  const std::string& parent() const { return parent_; }

 private:
  std::string parent_;  ///< not a TemporaryFolder: a forked child that undoes everything would take it along
};

TEST_F(TemporaryFolders, GoWithTheirOwner) {
  {
    const auto folder = TemporaryFolder::create(parent(), kPrefix);
    ASSERT_TRUE(folder.ok()) << folder.status();
    ASSERT_TRUE(write_file(folder->path() + "/file", "x").ok());
  }
  EXPECT_THAT(names_in(parent()), testing::IsEmpty());
}

TEST_F(TemporaryFolders, OfKilledOwnersAreSweptThoseOfLivingOnesAreNot) {
  const auto own = TemporaryFolder::create(parent(), kPrefix);
  ASSERT_TRUE(own.ok()) << own.status();
  const auto make = [this] {
    auto* folder = new absl::StatusOr<TemporaryFolder>(TemporaryFolder::create(parent(), kPrefix));
    (void)write_file((*folder)->path() + "/file", "x");
  };
  const pid_t living = in_child(make), killed = in_child(make);
  fs::create_directory(parent() + "/test-of-another-kind");
  ::kill(killed, SIGKILL);
  ::waitpid(killed, nullptr, 0);
  ASSERT_EQ(names_in(parent()).size(), 4u);
  TemporaryFolder::sweep(parent(), kPrefix);
  EXPECT_EQ(names_in(parent()).size(), 3u);
  EXPECT_TRUE(fs::exists(own->path()));
  ::kill(living, SIGKILL);
  ::waitpid(living, nullptr, 0);
  TemporaryFolder::sweep(parent(), kPrefix);
  EXPECT_THAT(names_in(parent()),
              testing::UnorderedElementsAre(fs::path(own->path()).filename().string(), "test-of-another-kind"));
}

TEST_F(TemporaryFolders, AreUndoneWithChildrenAndTheirChildren) {
  const std::string fifo = parent() + "/fifo";
  ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
  ASSERT_EQ(::mkfifo((parent() + "/go").c_str(), 0600), 0);
  const pid_t undoing = ::fork();
  if (undoing == 0) {
    const auto folder = TemporaryFolder::create(parent(), kPrefix);
    auto half = AtomicFile::create(parent() + "/half");
    const bool written = half.ok() && half->write(std::string("half")).ok();
    // The child's child says who it is; the test says when it watches it.
    const std::string script = "sh -c 'echo $$ > " + fifo + "; exec sleep 1000' & wait";
    const auto shell = process::Child::start({{"sh", "-c", script}, folder->path() + "/log", "", ""});
    char byte;
    const int go = ::open((parent() + "/go").c_str(), O_RDONLY);
    const bool told = written && shell.ok() && ::read(go, &byte, 1) == 1;
    process::undo_unfinished();
    ::_exit(told && !fs::exists(folder->path()) ? 0 : 1);
  }
  std::ifstream numbers(fifo);
  int grandchild = 0;
  ASSERT_TRUE(numbers >> grandchild);
  const int process = static_cast<int>(::syscall(SYS_pidfd_open, grandchild, 0));
  ASSERT_GE(process, 0);
  std::ofstream(parent() + "/go") << "x";
  int status = -1;
  ASSERT_EQ(::waitpid(undoing, &status, 0), undoing);
  EXPECT_EQ(status, 0);
  pollfd ended{process, POLLIN, 0};
  EXPECT_EQ(::poll(&ended, 1, 10'000), 1) << "the child's child lives on";
  ::close(process);
  EXPECT_THAT(names_in(parent()), testing::UnorderedElementsAre("fifo", "go"));
}

}  // namespace
}  // namespace strobe::files
