#include <gtest/gtest.h>

#include <thread>
#include <vector>

#include "common/runtime/exec/bounded_queue.h"
#include "common/runtime/exec/event_fd.h"
#include "common/runtime/exec/thread.h"

namespace desa2va::exec {
namespace {

TEST(EventFd, AWakeBeforeTheWaitIsNotLost) {
  EventFd flag;
  flag.wake();
  EXPECT_TRUE(flag.wait(-1));
}

TEST(EventFd, ManyWakesEndOneWait) {
  EventFd flag;
  for (int i = 0; i < 5; ++i) flag.wake();
  EXPECT_TRUE(flag.wait(-1));
  EXPECT_FALSE(flag.wait(0));
}

TEST(EventFd, AWakeFromAnotherThreadEndsTheWait) {
  EventFd flag;
  const std::jthread waker = start_thread("waker", [&](const std::stop_token&) { flag.wake(); });
  EXPECT_TRUE(flag.wait(-1));
}

TEST(EventFd, AnotherDescriptorEndsTheWaitToo) {
  EventFd flag;
  EventFd other;
  other.wake();
  EXPECT_TRUE(flag.wait(-1, other.fd()));
}

TEST(BoundedQueue, GivesValuesInTheOrderPushed) {
  BoundedQueue<int> queue(3);
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(queue.push(int{i}));
  for (int i = 0; i < 3; ++i) EXPECT_EQ(queue.pop(), i);
  EXPECT_EQ(queue.try_pop(), std::nullopt);
}

TEST(BoundedQueue, TryPushIsRefusedWhileFull) {
  BoundedQueue<int> queue(1);
  EXPECT_TRUE(queue.try_push(1));
  EXPECT_FALSE(queue.try_push(2));
  EXPECT_EQ(queue.pop(), 1);
  EXPECT_TRUE(queue.try_push(2));
}

TEST(BoundedQueue, PushWaitsWhileFull) {
  BoundedQueue<int> queue(2);
  constexpr int kCount = 1000;
  std::size_t most = 0;
  std::vector<int> got;
  const std::jthread producer = start_thread("producer", [&](const std::stop_token&) {
    for (int i = 0; i < kCount; ++i) queue.push(int{i});
    queue.close();
  });
  while (auto value = queue.pop()) {
    most = std::max(most, queue.size());
    got.push_back(*value);
  }
  ASSERT_EQ(got.size(), kCount);
  for (int i = 0; i < kCount; ++i) EXPECT_EQ(got[i], i);
  EXPECT_LE(most, 2U);
}

TEST(BoundedQueue, ClosingRefusesProducersAndLetsConsumersFinish) {
  BoundedQueue<int> queue(2);
  queue.push(7);
  queue.close();
  EXPECT_FALSE(queue.push(8));
  EXPECT_EQ(queue.pop(), 7);
  EXPECT_EQ(queue.pop(), std::nullopt);
}

}  // namespace
}  // namespace desa2va::exec
