#include "launcher/run/run_dir.h"

#include <unistd.h>

#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "common/config/run_files.h"

namespace desa2va::launcher {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

class RunDirTest : public ::testing::Test {
 protected:
  void SetUp() override {
    dir_ = (fs::temp_directory_path() / ("d2-rundir-" + std::to_string(::getpid()))).string();
    fs::remove_all(dir_);
  }
  void TearDown() override { fs::remove_all(dir_); }
  std::string dir_;
};

TEST_F(RunDirTest, ClaimMakesTheLayout) {
  const auto claimed = RunDir::claim(dir_);
  ASSERT_TRUE(claimed) << claimed.error().message();
  for (const char* name : {"logs", "trace", "checkpoints", "lock", "format"})
    EXPECT_TRUE(fs::exists(fs::path(dir_) / name)) << name;
}

TEST_F(RunDirTest, ASecondClaimNamesTheOwner) {
  const auto first = RunDir::claim(dir_);
  ASSERT_TRUE(first);
  const auto second = RunDir::claim(dir_);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().exit_code(), static_cast<int>(ExitCode::Usage));
  EXPECT_THAT(second.error().message(), HasSubstr("process " + std::to_string(::getpid())));
}

TEST_F(RunDirTest, TheClaimEndsWithItsOwner) {
  { ASSERT_TRUE(RunDir::claim(dir_)); }
  EXPECT_TRUE(RunDir::claim(dir_));
}

TEST_F(RunDirTest, ANewerFormatIsRefused) {
  fs::create_directories(dir_);
  std::ofstream(dir_ + "/format") << "2\n";
  const auto claimed = RunDir::claim(dir_);
  ASSERT_FALSE(claimed);
  EXPECT_THAT(claimed.error().message(), HasSubstr("newer version (format \"2\""));
}

TEST_F(RunDirTest, NoDirectoryIsAnError) {
  EXPECT_FALSE(RunDir::claim(""));
  EXPECT_FALSE(RunDir::claim("/proc/nothing/here"));
}

TEST_F(RunDirTest, WithoutACheckpointThereIsNothingToResume) {
  const auto claimed = RunDir::claim(dir_);
  ASSERT_TRUE(claimed);
  const auto step = claimed->last_checkpoint();
  ASSERT_TRUE(step) << step.error().message();
  EXPECT_FALSE(step->has_value());
}

TEST_F(RunDirTest, ResumingRefusesOtherValuesByName) {
  auto claimed = RunDir::claim(dir_);
  ASSERT_TRUE(claimed);
  config::Config config;
  ASSERT_TRUE(claimed->adopt(config, false));
  config.train.lr = 0.5;
  const auto refused = claimed->adopt(config, true);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().exit_code(), static_cast<int>(ExitCode::Usage));
  EXPECT_THAT(refused.error().message(), HasSubstr("train.lr: the run has 4e-05, now 0.5"));
  EXPECT_EQ(config::load_run(dir_)->train.lr, 4e-5);  // as it was
  EXPECT_TRUE(claimed->adopt(config, false));         // nothing to go on from: anything goes
}

TEST_F(RunDirTest, SocketsAreShortNamedAndRemoved) {
  std::string sockets;
  {
    auto claimed = RunDir::claim(dir_);
    ASSERT_TRUE(claimed);
    sockets = claimed->make_socket_dir().value();
    EXPECT_LT(sockets.size(), 80U);
    EXPECT_TRUE(fs::is_directory(sockets));
    EXPECT_EQ(config::socket_dir(dir_).value(), sockets);
  }
  EXPECT_FALSE(fs::exists(sockets));
  EXPECT_FALSE(config::socket_dir(dir_));
}

TEST_F(RunDirTest, EventsAreLinesOfJson) {
  auto claimed = RunDir::claim(dir_);
  ASSERT_TRUE(claimed);
  claimed->event("one");
  claimed->event("died", {{"process", "sam2-0"}});
  std::ifstream in(config::events_file(dir_));
  std::string line;
  std::getline(in, line);
  EXPECT_EQ(nlohmann::json::parse(line)["event"], "one");
  std::getline(in, line);
  EXPECT_EQ(nlohmann::json::parse(line)["process"], "sam2-0");
}

}  // namespace
}  // namespace desa2va::launcher
