#include "common/base/file_lock.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "tests/support/temp_dir.h"

namespace desa2va {
namespace {

bool give_up(int) {
  return false;
}
bool go_on(int) {
  return true;
}

class FileLockTest : public ::testing::Test {
 protected:
  test::TempDir folder_;
  std::filesystem::path file_ = folder_ / "made" / ".lock";
};

TEST_F(FileLockTest, TheSecondLearnsWhoHoldsItAndMayGiveUp) {
  const auto first = FileLock::acquire(file_, give_up);
  ASSERT_TRUE(first) << first.error().message();
  int owner = 0;
  const auto second = FileLock::acquire(file_, [&](int pid) {
    owner = pid;
    return false;
  });
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code(), Errc::Cancelled);
  EXPECT_EQ(owner, ::getpid());
}

TEST_F(FileLockTest, DroppedItLeavesNoFile) {
  { ASSERT_TRUE(FileLock::acquire(file_, give_up)); }
  EXPECT_FALSE(std::filesystem::exists(file_));
  EXPECT_TRUE(FileLock::acquire(file_, give_up));
}

TEST_F(FileLockTest, AKilledOwnersLockIsFree) {
  const pid_t child = ::fork();
  if (child == 0) {
    const auto held = FileLock::acquire(file_, give_up);
    ::raise(SIGKILL);  // without any destructor
    ::_exit(held ? 0 : 1);
  }
  ASSERT_EQ(::waitpid(child, nullptr, 0), child);
  ASSERT_TRUE(std::filesystem::exists(file_));
  EXPECT_TRUE(FileLock::acquire(file_, give_up));
}

TEST_F(FileLockTest, OneAtATimeAlsoWhileOwnersRemoveTheFile) {
  std::atomic<int> inside = 0, overlaps = 0;
  std::vector<std::jthread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int round = 0; round < 5; ++round) {
        const auto lock = FileLock::acquire(file_, go_on);
        if (!lock || ++inside > 1) ++overlaps;
        --inside;
      }
    });
  }
  threads.clear();
  EXPECT_EQ(overlaps, 0);
}

}  // namespace
}  // namespace desa2va
