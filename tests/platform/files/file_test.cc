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

TEST(Files, WrittenInPiecesDoNotReplaceADeviceOrFifo) {
  const auto scratch = TemporaryFolder::create_in_system("strobe-test-");
  ASSERT_TRUE(scratch.ok()) << scratch.status();
  const std::string fifo = scratch->path() + "/fifo", null = scratch->path() + "/null";
  ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
  const int reader = ::open(fifo.c_str(), O_RDONLY | O_NONBLOCK);
  ASSERT_GE(reader, 0);
  fs::create_symlink("/dev/null", null);
  for (const std::string& path : {fifo, null}) {
    auto file = AtomicFile::create(path);
    ASSERT_TRUE(file.ok()) << file.status();
    ASSERT_TRUE(file->write(std::string("ans")).ok());
    ASSERT_TRUE(file->write(std::string("wer")).ok());
    EXPECT_TRUE(file->commit().ok());
  }
  char read[16] = {};
  EXPECT_EQ(::read(reader, read, sizeof read), 6);
  EXPECT_STREQ(read, "answer");
  ::close(reader);
  EXPECT_TRUE(fs::is_fifo(fifo));
  EXPECT_TRUE(fs::is_symlink(null));
  EXPECT_TRUE(fs::is_character_file("/dev/null"));
  EXPECT_EQ(entries(scratch->path()), 2u);
}

TEST(Files, BehindLinksAreReplacedAndTheLinksStay) {
  const auto scratch = TemporaryFolder::create_in_system("strobe-test-");
  ASSERT_TRUE(scratch.ok()) << scratch.status();
  const std::string folder = scratch->path();
  fs::create_directory(folder + "/data");
  fs::create_symlink("data/file", folder + "/link");
  fs::create_symlink(folder + "/link", folder + "/second");
  for (const std::string content : {"made", "replaced"}) {
    ASSERT_TRUE(write_file(folder + "/second", content).ok());
    EXPECT_EQ(*read_file(folder + "/data/file"), content);
  }
  EXPECT_TRUE(fs::is_symlink(folder + "/link"));
  EXPECT_TRUE(fs::is_symlink(folder + "/second"));
  EXPECT_EQ(entries(folder + "/data"), 1u);
  EXPECT_EQ(entries(folder), 3u);
  fs::create_symlink("round", folder + "/round");
  EXPECT_FALSE(write_file(folder + "/round", "x").ok());
}

TEST(Files, OpenDescriptorsAreAddedTo) {
  const auto scratch = TemporaryFolder::create_in_system("strobe-test-");
  ASSERT_TRUE(scratch.ok()) << scratch.status();
  const std::string path = scratch->path() + "/printed";
  const int descriptor = ::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  ASSERT_EQ(::write(descriptor, "before ", 7), 7);
  const std::string link = scratch->path() + "/stdout";  // as /dev/stdout is
  fs::create_symlink("/proc/self/fd/" + std::to_string(descriptor), link);
  EXPECT_TRUE(write_file(link, "after").ok());
  EXPECT_EQ(*read_file(path), "before after");
  EXPECT_TRUE(fs::is_symlink(link));
  ::close(descriptor);
}

TEST(Files, AreCheckedWithoutBeingTouched) {
  const auto scratch = TemporaryFolder::create_in_system("strobe-test-");
  ASSERT_TRUE(scratch.ok()) << scratch.status();
  const std::string file = scratch->path() + "/file";
  EXPECT_TRUE(check_writable(file).ok());
  EXPECT_THAT(std::string(check_writable(scratch->path() + "/none/file").message()), HasSubstr("/none/file"));
  EXPECT_TRUE(check_folder(scratch->path() + "/a/b/c").ok());
  EXPECT_EQ(entries(scratch->path()), 0u);
  ASSERT_TRUE(write_file(file, "x").ok());
  EXPECT_TRUE(check_writable(file).ok());
  EXPECT_THAT(std::string(check_folder(file + "/a").message()), HasSubstr("/file/a"));
}

}  // namespace
}  // namespace strobe::files
