#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "common/config/run_files.h"
#include "launcher/run/run_dir.h"

// The real `desa2va run` with programs that only behave like services.
namespace desa2va::launcher {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

std::string text_of(const fs::path& path) {
  std::ifstream in(path);
  return {std::istreambuf_iterator<char>(in), {}};
}

// Asks again until it holds; a test that never gets there ends by its ctest timeout.
template <class F>
void until(F&& holds) {
  while (!holds()) ::poll(nullptr, 0, 5);
}

class LauncherProcess : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "d2-launcher-XXXXXX").string();
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    root_ = name;
    fs::create_directories(bin());
    fs::copy_file(DESA2VA_PROGRAM, bin() / "desa2va");
    for (const char* role : {"data", "mllm", "decoupler", "sam2", "coordinator", "monolith"})
      fs::create_symlink(DESA2VA_FAKE_SERVICE, bin() / (std::string("desa2va-") + role));
    fs::create_directories(root_ / "shards" / "some");
    std::ofstream(root_ / "shards" / "some" / "catalog.json") << "{}";
    fs::create_directories(root_ / "shards" / "tokenizer");
    std::ofstream(root_ / "shards" / "tokenizer" / "vocab.json") << "{}";
    std::ofstream(root_ / "c.yaml") << "run: {dir: run}\n"
                                       "train: {steps: 4, micro_batches: 4}\n"
                                       "data: {shards: shards, mixture: [{name: some}]}\n";
  }
  void TearDown() override {
    for (const int pid : processes_with_argument(argument())) ::kill(pid, SIGKILL);
    until([&] { return processes_with_argument(argument()).empty(); });
    // A killed launcher leaves its sockets to the next one.
    if (const auto sockets = config::socket_dir(run().string())) fs::remove_all(*sockets);
    fs::remove_all(root_);
  }

  fs::path bin() const { return root_ / "bin"; }
  fs::path run() const { return root_ / "run"; }
  std::string argument() const { return run_dir_argument(run().string()); }

  pid_t start(const std::string& fake, std::vector<std::string> extra = {}) {
    std::vector<std::string> words = {(bin() / "desa2va").string(), "run", "c.yaml"};
    words.insert(words.end(), extra.begin(), extra.end());
    const pid_t pid = ::fork();
    if (pid == 0) {
      ::setpgid(0, 0);
      ::setenv("FAKE", fake.c_str(), 1);
      if (::chdir(root_.c_str()) != 0) ::_exit(99);
      const int log = ::open((root_ / "stderr").c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0644);
      ::dup2(log, STDERR_FILENO);
      ::dup2(log, STDOUT_FILENO);
      std::vector<char*> argv;
      for (auto& word : words) argv.push_back(word.data());
      argv.push_back(nullptr);
      ::execv(argv[0], argv.data());
      ::_exit(98);
    }
    return pid;
  }
  static int code_of(pid_t pid) {
    int status = 0;
    ::waitpid(pid, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }
  std::string said() const { return text_of(root_ / "stderr"); }
  // And until all are ready: a signal before that has nothing to finish.
  void wait_for_steps() {
    until([&] {
      return text_of(run() / "metrics.jsonl").find("\"step\":2,") != std::string::npos &&
             text_of(run() / "events.jsonl").find("\"ready\"") != std::string::npos;
    });
  }
  // Of the process whose program ends with `name`, once it runs.
  int pid_of(const std::string& name) const {
    int found = 0;
    until([&] {
      for (const int pid : processes_with_argument(argument())) {
        const std::string line = text_of("/proc/" + std::to_string(pid) + "/cmdline");
        if (line.find("desa2va-" + name) != std::string::npos) found = pid;
      }
      return found != 0;
    });
    return found;
  }
  nlohmann::json report() const { return nlohmann::json::parse(text_of(run() / "report.json")); }
  void expect_nothing_left() const {
    EXPECT_TRUE(processes_with_argument(argument()).empty());
    EXPECT_FALSE(fs::exists(run() / "sockets"));
  }

  fs::path root_;
};

TEST_F(LauncherProcess, ARunThatEndsIsReportedAndLeavesNothingBehind) {
  EXPECT_EQ(code_of(start("coordinator-0 steps 4")), 0) << said();
  EXPECT_EQ(report()["exit_code"], 0);
  EXPECT_EQ(report()["complete"], true);
  EXPECT_EQ(report()["steps"], 4);
  expect_nothing_left();
}

TEST_F(LauncherProcess, EveryProcessCarriesTheRunDirectory) {
  const pid_t launcher = start("");
  wait_for_steps();
  for (const char* role : {"data", "mllm", "decoupler", "sam2", "coordinator"})
    EXPECT_NE(pid_of(role), 0) << role;
  const auto pids = processes_with_argument(argument());
  EXPECT_NE(std::find(pids.begin(), pids.end(), launcher), pids.end());
  ::kill(launcher, SIGINT);
  code_of(launcher);
}

TEST_F(LauncherProcess, AKilledServiceEndsTheRunWithFiveAndItsName) {
  const pid_t launcher = start("");
  wait_for_steps();
  ::kill(pid_of("sam2"), SIGKILL);
  EXPECT_EQ(code_of(launcher), 5);
  EXPECT_THAT(said(), HasSubstr("sam2-0"));
  EXPECT_THAT(said(), HasSubstr("SIGKILL"));
  EXPECT_EQ(report()["exit_code"], 5);
  EXPECT_EQ(report()["complete"], false);
  EXPECT_EQ(report()["failure"]["process"], "sam2-0");
  expect_nothing_left();
}

TEST_F(LauncherProcess, AReportedFailureGivesItsExitCodeAndReason) {
  EXPECT_EQ(code_of(start("data-0 fail 3")), 3);
  EXPECT_THAT(said(), HasSubstr("shard 3: checksum differs"));
  EXPECT_THAT(said(), HasSubstr("desa2va shards verify"));
  expect_nothing_left();
}

TEST_F(LauncherProcess, TheFirstInterruptFinishesTheStep) {
  const pid_t launcher = start("");
  wait_for_steps();
  ::kill(launcher, SIGINT);
  EXPECT_EQ(code_of(launcher), 130);
  EXPECT_TRUE(fs::exists(run() / "done"));  // the coordinator ended the run, not the launcher
  EXPECT_EQ(report()["exit_code"], 130);
  expect_nothing_left();
}

TEST_F(LauncherProcess, TerminationByASchedulerIsPreemption) {
  const pid_t launcher = start("");
  wait_for_steps();
  ::kill(launcher, SIGTERM);
  EXPECT_EQ(code_of(launcher), 75);
  expect_nothing_left();
}

TEST_F(LauncherProcess, TheSecondInterruptStopsAtOnce) {
  const pid_t launcher = start("data-0 deaf");
  wait_for_steps();
  ::kill(launcher, SIGINT);
  // data-0 heeds nothing, so the run does not end by itself.
  until([&] { return fs::exists(run() / "done"); });
  ::kill(launcher, SIGINT);
  EXPECT_EQ(code_of(launcher), 130);
  expect_nothing_left();
}

TEST_F(LauncherProcess, NoOrphanSurvivesTheLauncher) {
  const pid_t launcher = start("data-0 deaf");
  wait_for_steps();
  ::kill(launcher, SIGKILL);
  EXPECT_EQ(code_of(launcher), 128 + SIGKILL);
  until([&] { return processes_with_argument(argument()).empty(); });
}

TEST_F(LauncherProcess, ADirectoryOfALiveRunIsRefusedByPid) {
  const pid_t launcher = start("");
  wait_for_steps();
  const pid_t second = start("");
  EXPECT_EQ(code_of(second), 2);
  EXPECT_THAT(said(), HasSubstr("live run, process " + std::to_string(launcher)));
  EXPECT_EQ(::kill(launcher, 0), 0);  // undisturbed
  ::kill(launcher, SIGINT);
  EXPECT_EQ(code_of(launcher), 130);
}

TEST_F(LauncherProcess, AMissingProgramIsNamedBeforeAnythingStarts) {
  fs::remove(bin() / "desa2va-mllm");
  EXPECT_EQ(code_of(start("")), 2);
  EXPECT_THAT(said(), HasSubstr("desa2va-mllm is missing"));
  EXPECT_FALSE(fs::exists(run() / "metrics.jsonl"));
}

TEST_F(LauncherProcess, ARunOfANewerVersionIsRefused) {
  fs::create_directories(run());
  std::ofstream(run() / "format") << "99\n";
  EXPECT_EQ(code_of(start("")), 2);
  EXPECT_THAT(said(), HasSubstr("newer version"));
}

TEST_F(LauncherProcess, AMissingDataSetIsNamed) {
  EXPECT_EQ(code_of(start("", {"data.mixture=[{name: other}]"})), 2);
  EXPECT_THAT(said(), HasSubstr("has no data set other"));
}

TEST_F(LauncherProcess, MonolithIsOneProcess) {
  EXPECT_EQ(code_of(start("monolith- steps 4", {"run.mode=monolith"})), 0) << said();
  EXPECT_EQ(report()["steps"], 4);
  EXPECT_TRUE(fs::exists(run() / "logs" / "monolith.log"));
}

}  // namespace
}  // namespace desa2va::launcher
