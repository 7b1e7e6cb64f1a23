#include "common/runtime/supervision/supervisor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>

#include "tests/unit/runtime/supervision/helper_process.h"

namespace desa2va::supervision {
namespace {

using ::testing::HasSubstr;

class SupervisorTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (std::filesystem::temp_directory_path() / "d2super-XXXXXX").string();
    folder_ = mkdtemp(pattern.data());
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  ProcessSpec helper(const std::string& name, const std::string& mode) {
    return {name, {own_program(), "--helper=" + mode}, {}, folder_ + "/" + name + ".log"};
  }
  void start(const std::string& name, const std::string& mode) {
    const auto started = supervisor_.start(helper(name, mode));
    ASSERT_TRUE(started) << started.error().message();
  }
  void start_ready(const std::string& name, const std::string& mode) {
    start(name, mode);
    const auto event = supervisor_.wait(-1);
    ASSERT_TRUE(event && std::holds_alternative<Ready>(*event));
    EXPECT_EQ(std::get<Ready>(*event).name, name);
  }
  Exited exited() {
    auto event = supervisor_.wait(-1);
    EXPECT_TRUE(event && std::holds_alternative<Exited>(*event));
    return std::get<Exited>(*event);
  }

  SystemClock clock_;
  Supervisor supervisor_{clock_};
  std::string folder_;
};

TEST_F(SupervisorTest, AMissingProgramIsRefusedByName) {
  const auto started = supervisor_.start({"mllm-0", {"/nonexistent/mllm"}, {}, ""});
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().exit_code(), 2);
  EXPECT_THAT(started.error().message(), HasSubstr("mllm-0"));
  EXPECT_THAT(started.error().message(), HasSubstr("/nonexistent/mllm"));
}

TEST_F(SupervisorTest, AFileThatIsNoProgramIsRefused) {
  const std::string path = folder_ + "/no-program";
  std::filesystem::copy_file("/etc/hostname", path);
  std::filesystem::permissions(path, std::filesystem::perms::owner_all);
  EXPECT_FALSE(supervisor_.start({"mllm-0", {path}, {}, ""}));
  EXPECT_EQ(supervisor_.running(), 0U);
}

TEST_F(SupervisorTest, StopsInGoodOrderWhoHeedsSigterm) {
  start_ready("data-0", "ready");
  EXPECT_GT(supervisor_.pid("data-0"), 0);
  const auto exits = supervisor_.stop_all(20000);
  ASSERT_EQ(exits.size(), 1U);
  EXPECT_TRUE(exits[0].asked);
  EXPECT_EQ(exits[0].exit_code, 0);
  EXPECT_TRUE(exits[0].well());
  EXPECT_EQ(supervisor_.running(), 0U);
  EXPECT_EQ(first_cause(exits), nullptr);
}

TEST_F(SupervisorTest, KillsWhoIgnoresSigterm) {
  start_ready("data-0", "stubborn");
  const auto exits = supervisor_.stop_all(1);
  ASSERT_EQ(exits.size(), 1U);
  EXPECT_EQ(exits[0].signal, SIGKILL);
  EXPECT_TRUE(exits[0].well());
}

TEST_F(SupervisorTest, ADeathIsNamedWithItsSignal) {
  start_ready("sam2-1", "ready");
  kill(static_cast<pid_t>(supervisor_.pid("sam2-1")), SIGKILL);
  const Exited death = exited();
  EXPECT_EQ(death.name, "sam2-1");
  EXPECT_EQ(death.exit_code, 137);
  EXPECT_FALSE(death.well());
  EXPECT_THAT(death.describe(), HasSubstr("sam2-1"));
  EXPECT_THAT(death.describe(), HasSubstr("SIGKILL"));
}

TEST_F(SupervisorTest, AnUnexplainedExitShowsTheEndOfTheLog) {
  start("data-0", "exit");
  const Exited exit = exited();
  EXPECT_EQ(exit.exit_code, 7);
  EXPECT_THAT(exit.log_tail, HasSubstr("something odd happened"));
  EXPECT_THAT(exit.describe(), HasSubstr("code 7"));
}

TEST_F(SupervisorTest, AProcessGivesItsReasonItself) {
  start("data-0", "fail");
  const Exited exit = exited();
  ASSERT_TRUE(exit.report);
  EXPECT_EQ(exit.report->code, Errc::Corrupt);
  EXPECT_EQ(exit.report->exit_code, 3);
  EXPECT_EQ(exit.report->message, "read shard 3: block 17: checksum differs");
}

TEST_F(SupervisorTest, TheCauseIsNotWhoOnlyLostAPeer) {
  start("decoupler-0", "lost");
  start("mllm-0", "fail");
  std::vector<Exited> exits = {exited(), exited()};
  ASSERT_NE(first_cause(exits), nullptr);
  EXPECT_EQ(first_cause(exits)->name, "mllm-0");
  std::erase_if(exits, [](const Exited& exit) { return exit.name == "mllm-0"; });
  EXPECT_EQ(first_cause(exits)->name, "decoupler-0");
}

TEST_F(SupervisorTest, AnotherDescriptorEndsTheWait) {
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  ASSERT_EQ(write(ends[1], "x", 1), 1);
  EXPECT_EQ(supervisor_.wait(-1, ends[0]), std::nullopt);
  close(ends[0]);
  close(ends[1]);
}

// Reads what the helpers write until all of them are gone.
std::string read_to_end(int fd) {
  std::string all;
  char part[16];
  for (ssize_t got = 0; (got = read(fd, part, sizeof part)) > 0;)
    all.append(part, static_cast<std::size_t>(got));
  return all;
}

TEST_F(SupervisorTest, WhatADeadProcessLeftBehindIsKilled) {
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  ProcessSpec spec = helper("data-0", "parent");
  spec.argv.push_back("--hold=" + std::to_string(ends[1]));
  ASSERT_TRUE(supervisor_.start(spec));
  close(ends[1]);
  char up[2];
  ASSERT_EQ(read(ends[0], up, 1), 1);
  ASSERT_EQ(read(ends[0], up, 1), 1);
  kill(static_cast<pid_t>(supervisor_.pid("data-0")), SIGKILL);
  while (supervisor_.running() > 0) supervisor_.wait(-1);
  EXPECT_EQ(read_to_end(ends[0]), "");
  close(ends[0]);
}

TEST(Launcher, NothingOutlivesItWhenKilledWith9) {
  prctl(PR_SET_CHILD_SUBREAPER, 1);  // Orphans come to us.
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  const pid_t launcher = fork();
  if (launcher == 0) {
    close(ends[0]);
    const std::string hold = "--hold=" + std::to_string(ends[1]);
    execl(own_program().c_str(), "launcher", "--helper=launcher", hold.c_str(), nullptr);
    _exit(1);
  }
  close(ends[1]);
  // The launcher, two services and a child of each are up.
  std::string up;
  char letter = 0;
  while (up.size() < 5 && read(ends[0], &letter, 1) == 1) up += letter;
  ASSERT_EQ(up.size(), 5U);
  kill(launcher, SIGKILL);
  EXPECT_EQ(read_to_end(ends[0]), "");  // Returns when the last of them has let go of the pipe.
  close(ends[0]);
  // The launcher, its guard and all others end; this returns when there is none left.
  int ended = 0;
  while (waitpid(-1, nullptr, 0) > 0) ++ended;
  EXPECT_EQ(ended, 6);
}

}  // namespace
}  // namespace desa2va::supervision
