#include "platform/files/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "platform/files/temporary_folder.h"

namespace strobe::files {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

size_t entries(const std::string& folder) {
  return static_cast<size_t>(std::distance(fs::directory_iterator(folder), {}));
}

TEST(Files, AreReplacedWholeOrNotAtAll) {
  const auto scratch = TemporaryFolder::create_in_system("strobe-test-");
  ASSERT_TRUE(scratch.ok()) << scratch.status();
  const std::string& folder = scratch->path();
  const std::string path = folder + "/model.xclbin";
  ASSERT_TRUE(write_file(path, "first").ok());
  ASSERT_TRUE(write_file(path, "second").ok());
  EXPECT_EQ(*read_file(path), "second");
  EXPECT_EQ(entries(folder), 1u);
  EXPECT_THAT(std::string(write_file(folder + "/none/model.xclbin", "x").message()), HasSubstr("/none/model.xclbin"));
  EXPECT_EQ(read_file(folder + "/absent").status().code(), absl::StatusCode::kNotFound);
  EXPECT_FALSE(read_file(folder).ok());
  // A target that cannot be replaced: the temporary file must go.
  const std::string occupied = folder + "/folder";
  fs::create_directories(occupied + "/inside");
  EXPECT_FALSE(write_file(occupied, "x").ok());
  EXPECT_EQ(entries(folder), 2u);
}

TEST(Files, HaveTheModeOfAPlainCreation) {
  const auto scratch = TemporaryFolder::create_in_system("strobe-test-");
  ASSERT_TRUE(scratch.ok()) << scratch.status();
  const mode_t before = ::umask(027);
  const absl::Status written = write_file(scratch->path() + "/file", "x");
  ::umask(before);
  ASSERT_TRUE(written.ok()) << written;
  struct stat info {};
  ASSERT_EQ(::stat((scratch->path() + "/file").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0640u);
}

TEST(Files, AreNotSeenBeforeTheyAreWhole) {
  const auto scratch = TemporaryFolder::create_in_system("strobe-test-");
  ASSERT_TRUE(scratch.ok()) << scratch.status();
  const std::string path = scratch->path() + "/file";
  {
    auto file = AtomicFile::create(path);
    ASSERT_TRUE(file.ok()) << file.status();
    ASSERT_TRUE(file->write(std::string("half")).ok());
    EXPECT_FALSE(fs::exists(path));
  }
  EXPECT_EQ(entries(scratch->path()), 0u) << "never committed";
}

TEST(Files, DoNotReplaceADeviceOrFifo) {
  const auto scratch = TemporaryFolder::create_in_system("strobe-test-");
  ASSERT_TRUE(scratch.ok()) << scratch.status();
  const std::string fifo = scratch->path() + "/fifo";
  ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
  const int reader = ::open(fifo.c_str(), O_RDONLY | O_NONBLOCK);
  ASSERT_GE(reader, 0);
  ASSERT_TRUE(write_file(fifo, "answer").ok());
  char read[16] = {};
  EXPECT_EQ(::read(reader, read, sizeof read), 6);
  EXPECT_STREQ(read, "answer");
  ::close(reader);
  EXPECT_TRUE(fs::is_fifo(fifo));
  EXPECT_EQ(entries(scratch->path()), 1u);
  // A link to a device that is always full, so that a wrong answer does no harm.
  const std::string full = scratch->path() + "/full";
  fs::create_symlink("/dev/full", full);
  EXPECT_EQ(write_file(full, "x").code(), absl::StatusCode::kResourceExhausted);
  EXPECT_TRUE(fs::is_symlink(full));
}

}  // namespace
}  // namespace strobe::files
