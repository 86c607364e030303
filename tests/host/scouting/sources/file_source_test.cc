#include <gmock/gmock.h>
#include <zlib.h>

#include <chrono>

#include "source_fixture.h"

namespace strobe::scouting {
namespace {

using Fill = ByteSource::Fill;
using testing::HasSubstr;

/// One gzip member.
std::string gzip(const std::string& text) {
  z_stream zlib{};
  EXPECT_EQ(deflateInit2(&zlib, 1, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY), Z_OK);
  std::string packed(deflateBound(&zlib, text.size()), '\0');
  zlib.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  zlib.avail_in = static_cast<uInt>(text.size());
  zlib.next_out = reinterpret_cast<Bytef*>(packed.data());
  zlib.avail_out = static_cast<uInt>(packed.size());
  EXPECT_EQ(deflate(&zlib, Z_FINISH), Z_STREAM_END);
  packed.resize(zlib.total_out);
  deflateEnd(&zlib);
  return packed;
}

class FileSource : public SourceTest {};

TEST_F(FileSource, GivesTheFileOnce) {
  for (const std::string prefix : {"", "file:"}) {
    const auto source = open(prefix + write("a.bin", "twelve bytes"));
    Fill last{};
    EXPECT_EQ(take_all(*source, &last), "twelve bytes");
    EXPECT_EQ(last, Fill::kEnd);
  }
}

TEST_F(FileSource, PassesAreDividedByBreaks) {
  for (const std::string& content : {std::string("abc"), gzip("abc")}) {
    SourceOptions options;
    options.passes = 3;
    const auto source = open(write("a.bin", content), options);
    for (const Fill expected : {Fill::kBreak, Fill::kBreak, Fill::kEnd}) {
      Fill last{};
      EXPECT_EQ(take_all(*source, &last), "abc");
      EXPECT_EQ(last, expected);
    }
    EXPECT_EQ(*source->fill(0), Fill::kEnd);
  }
}

TEST_F(FileSource, WaitsWithTheNextPassUntilTheEndOfTheLastIsConsumed) {
  for (const std::string& content : {std::string("abc"), gzip("abc")}) {
    SourceOptions options;
    options.passes = 0;
    const auto source = open(write("a.bin", content), options);
    ASSERT_EQ(*source->fill(0), Fill::kMore);
    source->consume(1);
    for (int i = 0; i < 3; ++i) ASSERT_EQ(*source->fill(0), Fill::kBreak);
    EXPECT_EQ(take(*source), "bc");
    EXPECT_EQ(*source->fill(0), Fill::kMore);
    EXPECT_EQ(take(*source), "abc");
  }
}

TEST_F(FileSource, OfNoBytesEndsAtOnce) {
  SourceOptions options;
  options.passes = 0;
  EXPECT_EQ(*open(write("empty", ""), options)->fill(kPatience), Fill::kEnd);
}

TEST_F(FileSource, IsHeldBackToItsRateByPace) {
  SourceOptions options;
  options.rate = 0.01;  // 8.9 ms an orbit
  const auto source = open(write("a.bin", "abc"), options);
  const auto start = std::chrono::steady_clock::now();
  for (int orbit = 0; orbit < 4; ++orbit) source->pace();
  EXPECT_GE(std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count(), 0.0266);
}

TEST_F(FileSource, InterruptIsTheEnd) {
  const auto source = open(write("a.bin", "abc"));
  source->interrupt();
  EXPECT_EQ(*source->fill(kPatience), Fill::kEnd);
}

TEST_F(FileSource, SaysWhatCannotBeOpened) {
  const auto missing = open_source(path("missing"), {});
  EXPECT_EQ(missing.status().code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(missing.status().message()), HasSubstr(path("missing")));
  EXPECT_EQ(open_source(folder_.string(), {}).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(open_source("file:/dev/null", {}).status().code(), absl::StatusCode::kInvalidArgument);
}

class GzipFile : public SourceTest {};

TEST_F(GzipFile, IsUnpackedThroughASmallBuffer) {
  const std::string first = random_text(300'000, 1), second = random_text(700'001, 2);
  SourceOptions options;
  options.buffer_bytes = 4096;
  const auto source = open(write("a.gz", gzip(first) + gzip("") + gzip(second) + std::string(512, '\0')), options);
  Fill last{};
  EXPECT_TRUE(take_all(*source, &last) == first + second);
  EXPECT_EQ(last, Fill::kEnd);
}

TEST_F(GzipFile, SaysThatTheBufferIsFull) {
  SourceOptions options;
  options.buffer_bytes = 4096;
  const auto source = open(write("a.gz", gzip(random_text(10'000, 3))), options);
  EXPECT_EQ(*source->fill(0), Fill::kMore);
  EXPECT_EQ(source->unread().size(), 4096u);
  EXPECT_EQ(*source->fill(0), Fill::kFull);
}

TEST_F(GzipFile, ThatIsCutGivesWhatIsThereAndThenAnError) {
  const std::string text = random_text(100'000, 4), packed = gzip(text);
  for (const size_t size : {packed.size() - 1, packed.size() - 8, packed.size() / 2, size_t{5}}) {
    const auto source = open(write("a.gz", packed.substr(0, size)));
    std::string all;
    absl::StatusOr<Fill> fill = source->fill(0);
    for (; fill.ok() && *fill == Fill::kMore; fill = source->fill(0)) all += take(*source);
    EXPECT_EQ(fill.status().code(), absl::StatusCode::kDataLoss) << size;
    EXPECT_THAT(std::string(fill.status().message()), HasSubstr("cut short"));
    EXPECT_TRUE(text.starts_with(all));
    EXPECT_GE(all.size() + 40'000, std::min(text.size(), size)) << size;
  }
}

TEST_F(GzipFile, ThatIsDamagedIsAnErrorWithItsPlace) {
  std::string packed = gzip(random_text(100'000, 5));
  packed[packed.size() - 6] ^= 1;  // of the checksum
  for (const std::string& content : {packed, gzip("a") + "something else", std::string("\x1f\x8b\x09 unknown")}) {
    const auto source = open(write("a.gz", content));
    absl::StatusOr<Fill> fill = source->fill(0);
    while (fill.ok() && *fill == Fill::kMore) fill = source->fill(0);
    EXPECT_EQ(fill.status().code(), absl::StatusCode::kDataLoss);
    EXPECT_THAT(std::string(fill.status().message()), HasSubstr(path("a.gz")));
  }
}

}  // namespace
}  // namespace strobe::scouting
