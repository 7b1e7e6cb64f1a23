#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <thread>

#include "tests/process/tiny_run.h"

// What a user may do wrong, and what may happen to a run: each has its exit code and a message that
// names the thing and the remedy, and nothing is lost or left behind.
namespace desa2va::test {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

struct Said {
  int code;
  std::string text;
};

Said say(const std::vector<std::string>& words) {
  static int number = 0;
  const fs::path out = data_folder() / ("said-" + std::to_string(number++));
  const int code = wait_for(start(words, out));
  return {code, read_file(out)};
}

Said say_run(const std::string& name, const std::vector<std::string>& more = {}) {
  return say(run_command(data_folder() / name, more));
}

// Until `done`, or for as long as a very slow machine may need.
bool patient(const std::function<bool()>& done) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(200);
  while (!done()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return true;
}

// Processes of the run, the launcher left out, whose program's name ends with `program`.
std::vector<pid_t> processes(const fs::path& run_dir, const std::string& program = "") {
  std::vector<pid_t> found;
  const std::string wanted = std::string(1, '\0') + "--run-dir=" + run_dir.string() + "/" + '\0';
  for (const auto& entry : fs::directory_iterator("/proc")) {
    const std::string text = read_file(entry.path() / "cmdline");
    const std::string name = text.substr(0, text.find('\0'));
    if (text.find(wanted) != std::string::npos && name.ends_with(program) &&
        !name.ends_with("/desa2va"))
      found.push_back(std::stoi(entry.path().filename().string()));
  }
  return found;
}

bool reached_step(const fs::path& run_dir, std::ptrdiff_t step, pid_t launcher) {
  return patient([&] {
    const std::string text = metrics_outside_time(run_dir);
    return std::count(text.begin(), text.end(), '\n') >= step || ::kill(launcher, 0) != 0;
  });
}

class BadInput : public ::testing::Test {
 protected:
  // A run to the end, which also makes the data of the others.
  static const fs::path& whole() {
    static const fs::path path = [] {
      const fs::path run = data_folder() / "whole";
      EXPECT_TRUE(runs(run));
      return run;
    }();
    return path;
  }
  void SetUp() override { whole(); }
};

TEST_F(BadInput, AKeyInAFileIsRefusedWithItsPlace) {
  const auto refused = [](const std::string& line) {
    const fs::path file = data_folder() / "bad.yaml";
    std::ofstream(file) << "run: {dir: " << (data_folder() / "never").string() << "}\ntrain:\n"
                        << line << "\n";
    return say({(programs() / "desa2va").string(), "run", file.string()});
  };
  const Said misspelt = refused("  stepz: 5");
  EXPECT_EQ(misspelt.code, 2);
  EXPECT_THAT(misspelt.text, AllOf(HasSubstr("bad.yaml:3:3"), HasSubstr("train.stepz"),
                                   HasSubstr("did you mean train.steps?")));
  const Said type = refused("  steps: many");
  EXPECT_EQ(type.code, 2);
  EXPECT_THAT(type.text, AllOf(HasSubstr("bad.yaml:3:10"), HasSubstr("\"many\"")));
  const Said range = refused("  steps: 0");
  EXPECT_EQ(range.code, 2);
  EXPECT_THAT(range.text, AllOf(HasSubstr("bad.yaml:3:10"), HasSubstr("must be >= 1")));
  EXPECT_FALSE(fs::exists(data_folder() / "never"));
}

TEST_F(BadInput, DataThatNobodyCanMakeAreNamed) {
  const std::string shards = "data.shards=" + (data_folder() / "nothing").string();
  const Said said = say_run("no_data", {"data.recipe.kind=none", shards});
  EXPECT_EQ(said.code, 2);
  EXPECT_THAT(said.text, AllOf(HasSubstr("shapes_images"), HasSubstr("is not there")));
}

TEST_F(BadInput, ADeviceThatIsNotThereIsNamedWithWhatIs) {
  for (const char* mode : {"processes", "monolith"}) {
    const Said said =
        say_run("no_device", {"services.sam2.device=cuda:77", std::string("run.mode=") + mode});
    EXPECT_EQ(said.code, 2) << mode;
    EXPECT_THAT(said.text, AllOf(HasSubstr("services.sam2.device"), HasSubstr("cuda:77"),
                                 HasSubstr("allowed: cpu")))
        << mode;
  }
  EXPECT_TRUE(processes(data_folder() / "no_device").empty());
}

TEST_F(BadInput, AFlippedByteOfAShardIsNamedWithDatasetKeyAndFile) {
  const fs::path shards = data_folder() / "flipped";
  fs::copy(data_folder() / "shards", shards, fs::copy_options::recursive);
  const fs::path file = shards / "shapes_images" / "media-00000.sst";
  std::string bytes = read_file(file);
  bytes.at(bytes.size() * 2 / 5) = static_cast<char>(bytes.at(bytes.size() * 2 / 5) ^ 0x41);
  std::ofstream(file, std::ios::binary | std::ios::trunc) << bytes;

  const Said run = say_run("corrupt", {"data.shards=" + shards.string()});
  EXPECT_EQ(run.code, 3);
  EXPECT_THAT(run.text, AllOf(HasSubstr("dataset 'refcoco'"), HasSubstr("COCO_train2014_"),
                              HasSubstr(file.string()), HasSubstr("shards verify")));
  EXPECT_TRUE(processes(data_folder() / "corrupt").empty());
  const Said verify = say({(programs() / "desa2va").string(), "shards", "verify", shards.string()});
  EXPECT_EQ(verify.code, 1);
  EXPECT_THAT(verify.text,
              AllOf(HasSubstr("media-00000.sst"), HasSubstr("needed by refcoco/train/")));
}

TEST_F(BadInput, APortInUseIsNamedWithItsKey) {
  const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  ASSERT_EQ(::bind(fd, reinterpret_cast<sockaddr*>(&address), size), 0);
  ASSERT_EQ(::listen(fd, 1), 0);
  ASSERT_EQ(::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size), 0);
  const std::string port = std::to_string(ntohs(address.sin_port));
  const Said said = say_run(
      "port", {"transport.data_to_sam2.kind=tcp", "transport.data_to_sam2.port_base=" + port});
  ::close(fd);
  EXPECT_EQ(said.code, 2);
  EXPECT_THAT(said.text, AllOf(HasSubstr(port), HasSubstr("in use"),
                               HasSubstr("transport.data_to_sam2.port_base")));
  EXPECT_TRUE(processes(data_folder() / "port").empty());
}

TEST_F(BadInput, AMissingProgramIsNamed) {
  const fs::path alone = data_folder() / "alone";
  fs::create_directory(alone);
  fs::copy_file(programs() / "desa2va", alone / "desa2va");
  auto words = run_command(data_folder() / "no_program");
  words.front() = (alone / "desa2va").string();
  const Said said = say(words);
  EXPECT_EQ(said.code, 2);
  EXPECT_THAT(said.text, AllOf(HasSubstr((alone / "desa2va-").string()), HasSubstr("./dev build")));
}

TEST_F(BadInput, ADirectoryOfALiveRunIsRefusedByPidAndNothingOutlivesItsLauncher) {
  const fs::path run = data_folder() / "live";
  const pid_t launcher = start(run_command(run, {"train.steps=400"}), run.string() + ".out");
  ASSERT_TRUE(reached_step(run, 1, launcher));
  const Said second = say_run("live", {"train.steps=400"});
  EXPECT_EQ(second.code, 2);
  EXPECT_THAT(second.text, HasSubstr("live run, process " + std::to_string(launcher)));
  EXPECT_EQ(processes(run).size(), 5u) << read_file(run.string() + ".out");
  ::kill(launcher, SIGKILL);
  wait_for(launcher);
  EXPECT_TRUE(patient([&] { return processes(run).empty(); }));
}

TEST_F(BadInput, ADirectoryOfANewerVersionIsLeftAlone) {
  const fs::path run = data_folder() / "newer";
  fs::create_directory(run);
  std::ofstream(run / "format") << "99\n";
  const Said said = say_run("newer");
  EXPECT_EQ(said.code, 2);
  EXPECT_THAT(said.text, HasSubstr("newer version"));
  EXPECT_EQ(read_file(run / "format"), "99\n");
}

TEST_F(BadInput, AKeyThatACheckpointFixesMayNotChange) {
  const Said said = say_run("whole", {"train.lr=0.5"});
  EXPECT_EQ(said.code, 2);
  EXPECT_THAT(said.text, HasSubstr("train.lr: the run has 0.001, now 0.5"));
}

TEST_F(BadInput, ACompleteRunPrintsItsReportAgain) {
  const Said said = say_run("whole");
  EXPECT_EQ(said.code, 0);
  EXPECT_THAT(said.text, AllOf(HasSubstr("this run is complete"), HasSubstr("12/12")));
}

TEST_F(BadInput, TheFirstInterruptLeavesACheckpointOfTheStep) {
  const fs::path run = data_folder() / "interrupted";
  const pid_t launcher =
      start(run_command(run, {"checkpoint.every_steps=100"}), run.string() + ".out");
  ASSERT_TRUE(reached_step(run, 2, launcher));
  ::kill(launcher, SIGINT);
  EXPECT_EQ(wait_for(launcher), 130) << read_file(run.string() + ".out");
  EXPECT_TRUE(processes(run).empty());
  const Said kept = say({(programs() / "desa2va").string(), "ckpt", "verify", run.string()});
  EXPECT_EQ(kept.code, 0) << kept.text;
  EXPECT_THAT(kept.text, HasSubstr("1 checkpoint"));
  ASSERT_TRUE(runs(run));
  EXPECT_TRUE(same_run(whole(), run));
}

TEST_F(BadInput, AKilledServiceIsNamedAndTheRunGoesOn) {
  const fs::path run = data_folder() / "killed";
  const pid_t launcher = start(run_command(run), run.string() + ".out");
  ASSERT_TRUE(reached_step(run, 4, launcher));
  const auto victims = processes(run, "desa2va-sam2");
  ASSERT_EQ(victims.size(), 1u) << read_file(run.string() + ".out");
  ::kill(victims.front(), SIGKILL);
  EXPECT_EQ(wait_for(launcher), 5);
  EXPECT_THAT(
      read_file(run.string() + ".out"),
      AllOf(HasSubstr("sam2-0 (pid " + std::to_string(victims.front()) + ") was killed by SIGKILL"),
            HasSubstr("run the same command again")));
  EXPECT_TRUE(processes(run).empty());
  ASSERT_TRUE(runs(run));
  EXPECT_TRUE(same_run(whole(), run));
}

TEST_F(BadInput, ACorruptCheckpointIsNamedWithItsPart) {
  const fs::path run = data_folder() / "corrupt_checkpoint";
  ASSERT_TRUE(runs(run, {"train.stop_after=6"}));
  const fs::path part = run / "checkpoints" / "parts" / "00000006-sam2-0.sst";
  std::string bytes = read_file(part);
  bytes.at(bytes.size() / 2) = static_cast<char>(bytes.at(bytes.size() / 2) ^ 1);
  std::ofstream(part, std::ios::binary | std::ios::trunc) << bytes;
  const Said said = say_run("corrupt_checkpoint");
  EXPECT_EQ(said.code, 6);
  EXPECT_THAT(said.text, AllOf(HasSubstr("restore step 6"), HasSubstr(part.string()),
                               HasSubstr("ckpt verify")));
}

}  // namespace
}  // namespace desa2va::test
