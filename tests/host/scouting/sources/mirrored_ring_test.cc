#include "host/scouting/sources/mirrored_ring.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <random>

namespace strobe::scouting {
namespace {

TEST(MirroredRing, IsAQueueOfBytesInOnePiece) {
  constexpr uint64_t kSeed = 11;
  std::printf("seed %llu\n", static_cast<unsigned long long>(kSeed));
  std::mt19937_64 random(kSeed);
  auto ring = MirroredRing::create(10'000);
  ASSERT_TRUE(ring.ok()) << ring.status();
  ASSERT_GE(ring->capacity(), 10'000u);
  std::deque<std::byte> model;
  for (int step = 0; step < 5000; ++step) {
    const auto room = ring->free();
    ASSERT_EQ(room.size(), ring->capacity() - model.size());
    const size_t add = random() % (room.size() + 1);
    for (size_t i = 0; i < add; ++i) model.push_back(room[i] = static_cast<std::byte>(random()));
    ring->add(add);
    const auto unread = ring->unread();
    ASSERT_TRUE(std::equal(unread.begin(), unread.end(), model.begin(), model.end())) << "step " << step;
    const size_t take = random() % (model.size() + 1);
    ring->consume(take);
    model.erase(model.begin(), model.begin() + static_cast<std::ptrdiff_t>(take));
  }
}

TEST(MirroredRing, HasASensibleSize) {
  for (const size_t size : {size_t{0}, size_t{1} << 50}) {
    const auto ring = MirroredRing::create(size);
    EXPECT_EQ(ring.status().code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(std::string(ring.status().message()), testing::HasSubstr(std::to_string(size)));
  }
}

}  // namespace
}  // namespace strobe::scouting
