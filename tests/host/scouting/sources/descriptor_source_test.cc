#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include <thread>

#include "source_fixture.h"

namespace strobe::scouting {
namespace {

using Fill = ByteSource::Fill;

void write_all(int descriptor, const std::string& text) {
  for (size_t done = 0; done < text.size();) {
    const ssize_t written = ::write(descriptor, text.data() + done, text.size() - done);
    ASSERT_GT(written, 0);
    done += static_cast<size_t>(written);
  }
}

class FifoSource : public SourceTest {
 protected:
  FifoSource() { EXPECT_EQ(::mkfifo(path("fifo").c_str(), 0600), 0); }
  std::string fifo() const { return path("fifo"); }
};

TEST_F(FifoSource, TakesOneWriterAfterTheOther) {
  const std::string text = random_text(1'000'000, 21);
  SourceOptions options;
  options.buffer_bytes = 100'000;
  const auto source = open("dma:" + fifo(), options);
  EXPECT_EQ(*source->fill(0), Fill::kTimeout);
  for (int writer = 0; writer < 3; ++writer) {
    std::thread thread([&] {
      const int descriptor = ::open(fifo().c_str(), O_WRONLY);
      write_all(descriptor, text);
      ::close(descriptor);
    });
    Fill last{};
    const std::string all = take_all(*source, &last);
    thread.join();
    EXPECT_TRUE(all == text) << all.size();
    EXPECT_EQ(last, Fill::kBreak);
    EXPECT_EQ(*source->fill(0), Fill::kTimeout);
  }
}

TEST_F(FifoSource, KeepsTheEndOfAWriterFromTheNextOnesBytes) {
  const auto source = open("dma:" + fifo());
  const auto write_once = [&](const std::string& text) {
    const int descriptor = ::open(fifo().c_str(), O_WRONLY);
    write_all(descriptor, text);
    ::close(descriptor);
  };
  write_once("first");
  EXPECT_EQ(*source->fill(kPatience), Fill::kMore);
  EXPECT_EQ(*source->fill(kPatience), Fill::kBreak);
  write_once("second");
  EXPECT_EQ(*source->fill(kPatience), Fill::kBreak);
  EXPECT_EQ(take(*source), "first");
  EXPECT_EQ(*source->fill(kPatience), Fill::kMore);
  EXPECT_EQ(take(*source), "second");
}

TEST_F(FifoSource, InterruptEndsTheWait) {
  const auto source = open("dma:" + fifo());
  std::thread other([&] { source->interrupt(); });
  EXPECT_EQ(*source->fill(kPatience), Fill::kEnd);
  other.join();
  EXPECT_EQ(*source->fill(kPatience), Fill::kEnd);
}

TEST_F(FifoSource, FullBufferIsSaid) {
  SourceOptions options;
  options.buffer_bytes = 4096;
  const auto source = open("dma:/dev/zero", options);
  EXPECT_EQ(*source->fill(kPatience), Fill::kMore);
  EXPECT_EQ(*source->fill(kPatience), Fill::kFull);
  source->consume(1);
  EXPECT_EQ(*source->fill(kPatience), Fill::kMore);
  EXPECT_EQ(source->unread().size(), 4096u);
}

TEST_F(FifoSource, DeviceWithoutBytesEnds) { EXPECT_EQ(*open("dma:/dev/null")->fill(kPatience), Fill::kEnd); }

TEST_F(FifoSource, IsAskedForAsADevice) {
  EXPECT_EQ(open_source("dma:" + write("plain", "x"), {}).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(open_source("dma:" + path("none"), {}).status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(open_source(fifo(), {}).status().code(), absl::StatusCode::kInvalidArgument);
}

class StandardInput : public SourceTest {
 protected:
  StandardInput() : kept_(::dup(STDIN_FILENO)) {}
  ~StandardInput() override {
    ::dup2(kept_, STDIN_FILENO);
    ::close(kept_);
  }
  int kept_;
};

TEST_F(StandardInput, OfAPipeEndsWithItsWriter) {
  const std::string text = random_text(500'000, 22);
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  ::dup2(ends[0], STDIN_FILENO);
  ::close(ends[0]);
  const auto source = open("-");
  EXPECT_EQ(*source->fill(0), Fill::kTimeout);
  std::thread writer([&] {
    write_all(ends[1], text);
    ::close(ends[1]);
  });
  Fill last{};
  EXPECT_TRUE(take_all(*source, &last) == text);
  EXPECT_EQ(last, Fill::kEnd);
  writer.join();
}

TEST_F(StandardInput, OfAFileIsRead) {
  const int file = ::open(write("in", "a file's bytes").c_str(), O_RDONLY);
  ::dup2(file, STDIN_FILENO);
  ::close(file);
  const auto source = open("-");
  Fill last{};
  EXPECT_EQ(take_all(*source, &last), "a file's bytes");
  EXPECT_EQ(last, Fill::kEnd);
}

}  // namespace
}  // namespace strobe::scouting
