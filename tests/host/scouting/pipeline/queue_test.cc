#include "host/scouting/pipeline/queue.h"

#include <gtest/gtest.h>

namespace strobe::scouting {
namespace {

TEST(BoundedQueue, GivesTheNewestWhereThatIsAskedFor) {
  BoundedQueue<int> queue(4);
  for (int item : {1, 2, 3, 4}) EXPECT_TRUE(queue.push(std::move(item)));
  EXPECT_FALSE(queue.try_push(5));
  EXPECT_EQ(queue.pop_newest(), 4);
  EXPECT_TRUE(queue.try_push(6)) << "there is room again";
  EXPECT_EQ(queue.pop_newest(), 6);
  EXPECT_EQ(queue.pop(), 1) << "the others keep their order";
  EXPECT_EQ(queue.pop_newest(), 3);
  queue.close();
  EXPECT_EQ(queue.pop_newest(), 2) << "closed, and not drained";
  EXPECT_EQ(queue.pop_newest(), std::nullopt);
}

}  // namespace
}  // namespace strobe::scouting
