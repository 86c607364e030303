#include <gmock/gmock.h>

#include <limits>

#include "source_fixture.h"

namespace strobe::scouting {
namespace {

using testing::HasSubstr;

void expect_invalid(const std::string& address, const SourceOptions& options, const std::string& expected) {
  const auto source = open_source(address, options);
  EXPECT_EQ(source.status().code(), absl::StatusCode::kInvalidArgument) << address;
  EXPECT_THAT(std::string(source.status().message()), HasSubstr(expected));
  EXPECT_THAT(std::string(source.status().message()), HasSubstr("'" + address + "'"));
}

TEST(OpenSource, SaysWhatAnAddressLooksLike) {
  for (const std::string address : {"", "udp://127.0.0.1:1", "file:", "dma:", "tcp://", "tcp-listen://"}) {
    expect_invalid(address, {}, "tcp-listen://host:port");
  }
  for (const std::string address : {"tcp://host", "tcp://:1", "tcp://host:", "tcp://host:65536", "tcp://host:-1",
                                    "tcp://host:1x", "tcp://::1:9000", "tcp-listen://1"}) {
    expect_invalid(address, {}, "host and a port");
  }
}

TEST(OpenSource, TellsFilesFromStreams) {
  for (const std::string address : {"run.raw", "/dev/shm/run.dat", "file:-", "tcp.txt.gz"})
    EXPECT_TRUE(is_file_address(address)) << address;
  for (const std::string address : {"-", "dma:/dev/xdma0", "tcp://host:1", "tcp-listen://0.0.0.0:0"})
    EXPECT_FALSE(is_file_address(address)) << address;
}

TEST(OpenSource, TakesARateForReplaysOnly) {
  SourceOptions options;
  options.rate = 1;
  expect_invalid("tcp-listen://127.0.0.1:0", options, "rate");
  expect_invalid("dma:/dev/zero", options, "rate");
  for (const double rate : {-1.0, std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity()}) {
    options.rate = rate;
    expect_invalid("-", options, "rate");
  }
}

}  // namespace
}  // namespace strobe::scouting
