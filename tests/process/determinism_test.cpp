#include <gtest/gtest.h>

#include <signal.h>

#include <chrono>
#include <thread>

#include "common/base/random.h"
#include "tests/process/tiny_run.h"

// The promise of docs/architecture.md: on a CPU, with equal thread counts, these runs have the same
// bits: metrics outside "time", and every tensor of the last checkpoint.
namespace desa2va::test {
namespace {

class Determinism : public ::testing::Test {
 protected:
  // One straight run of five kinds of processes, which the others are compared with.
  static const fs::path& straight() {
    static const fs::path path = [] {
      const fs::path run = data_folder() / "straight";
      EXPECT_TRUE(runs(run));
      return run;
    }();
    return path;
  }
  static fs::path fresh(const std::string& name) { return data_folder() / name; }
};

TEST_F(Determinism, TwoRunsAreTheSame) {
  const fs::path again = fresh("again");
  ASSERT_TRUE(runs(again));
  EXPECT_TRUE(same_run(straight(), again));
}

TEST_F(Determinism, TwelveStepsPassThroughAllThreePhases) {
  const std::string metrics = metrics_outside_time(straight());
  for (const char* phase : {"\"phase\":\"A\"", "\"phase\":\"B\"", "\"phase\":\"C\""})
    EXPECT_NE(metrics.find(phase), std::string::npos) << phase;
}

TEST_F(Determinism, TheMonolithIsTheProcesses) {
  const fs::path monolith = fresh("monolith");
  ASSERT_TRUE(runs(monolith, {"run.mode=monolith"}));
  EXPECT_TRUE(same_run(straight(), monolith));
}

// With another number of threads that decode, too.
TEST_F(Determinism, StoppedAndResumedIsStraight) {
  const fs::path resumed = fresh("resumed");
  ASSERT_TRUE(runs(resumed, {"train.stop_after=5"}));
  ASSERT_TRUE(runs(resumed, {"services.data.workers=3"}));
  EXPECT_TRUE(same_run(straight(), resumed));
}

TEST_F(Determinism, KilledAtARandomMomentAndRunAgainIsStraight) {
  const Random random(
      static_cast<std::uint64_t>(std::chrono::system_clock::now().time_since_epoch().count()),
      "test", "kill");
  const fs::path killed = fresh("killed");
  const fs::path out = fresh("killed.out");
  const pid_t pid = start(run_command(killed), out);
  // A random step: wait for its line, then kill everyone.
  const auto wanted = 1 + random.below(0, 9);
  RecordProperty("killed_after_step", static_cast<int>(wanted));
  const auto lines = [&] {
    const std::string text = metrics_outside_time(killed);
    return static_cast<std::uint32_t>(std::count(text.begin(), text.end(), '\n'));
  };
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(200);
  while (lines() < wanted && ::kill(pid, 0) == 0 && std::chrono::steady_clock::now() < deadline)
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  const std::string everyone = "pkill -9 -f -- '[-]-run-dir=" + killed.string() + "/'";
  EXPECT_EQ(std::system(everyone.c_str()), 0) << read_file(out);
  ::kill(pid, SIGKILL);
  wait_for(pid);
  ASSERT_TRUE(runs(killed));
  EXPECT_TRUE(same_run(straight(), killed)) << "killed after step " << wanted;
}

TEST_F(Determinism, ReplicaCountsDoNotMatterWhereSumsAreReproducible) {
  const std::string reproducible = "train.reduction=reproducible";
  const fs::path one = fresh("one");
  ASSERT_TRUE(runs(one, {reproducible}));
  int number = 0;
  for (const auto& [data, sam2] : {std::pair{1, 2}, {2, 1}, {2, 2}}) {
    const fs::path many = fresh("many" + std::to_string(number++));
    ASSERT_TRUE(runs(many, {reproducible, "services.data.replicas=" + std::to_string(data),
                            "services.sam2.replicas=" + std::to_string(sam2)}));
    EXPECT_TRUE(same_run(one, many)) << data << " data, " << sam2 << " sam2";
  }
}

// The same promises in the precision and the memory of a large run.
TEST_F(Determinism, Bfloat16WithMastersHoldsThemToo) {
  const std::vector<std::string> large = {"train.precision=bf16_master_fp32",
                                          "train.activation_checkpointing=true"};
  const auto with = [&](std::initializer_list<std::string> more) {
    std::vector<std::string> words = large;
    words.insert(words.end(), more);
    return words;
  };
  const fs::path processes = fresh("bf16"), monolith = fresh("bf16_monolith"),
                 resumed = fresh("bf16_resumed");
  ASSERT_TRUE(runs(processes, large));
  ASSERT_TRUE(runs(monolith, with({"run.mode=monolith"})));
  EXPECT_TRUE(same_run(processes, monolith));
  ASSERT_TRUE(runs(resumed, with({"train.stop_after=5"})));
  ASSERT_TRUE(runs(resumed, large));
  EXPECT_TRUE(same_run(processes, resumed));
  EXPECT_FALSE(same_run(straight(), processes));
}

TEST_F(Determinism, RecomputedLayersChangeNoBit) {
  const fs::path recomputed = fresh("recomputed");
  ASSERT_TRUE(runs(recomputed, {"train.activation_checkpointing=true"}));
  EXPECT_EQ(metrics_outside_time(straight()), metrics_outside_time(recomputed));
}

TEST_F(Determinism, EstimatorsThatLearnBeforeTheStepHoldThemToo) {
  const std::vector<std::string> before = {"adv.order=before", "services.mllm.in_flight=64",
                                           "club.update_every=2"};
  const auto with = [&](std::string word) {
    std::vector<std::string> words = before;
    words.push_back(std::move(word));
    return words;
  };
  const fs::path processes = fresh("before");
  const fs::path monolith = fresh("before_monolith");
  ASSERT_TRUE(runs(processes, with("train.stop_after=9")));
  ASSERT_TRUE(runs(processes, before));
  ASSERT_TRUE(runs(monolith, with("run.mode=monolith")));
  EXPECT_TRUE(same_run(processes, monolith));
  EXPECT_NE(metrics_outside_time(processes), metrics_outside_time(straight()));
}

TEST_F(Determinism, ALengthInEpochsIsStoredInSteps) {
  const fs::path epochs = fresh("epochs");
  const std::vector<std::string> words = {"train.steps=null", "train.epochs=0.5",
                                          "train.stop_after=1"};
  ASSERT_TRUE(runs(epochs, words));
  EXPECT_EQ(read_file(epochs / "config.yaml").find("steps: null"), std::string::npos);
  EXPECT_NE(read_file(epochs.string() + ".out").find("an epoch has"), std::string::npos);
  EXPECT_TRUE(runs(epochs, words)) << "counted again, it is the same run";
}

TEST_F(Determinism, NoProcessOutlivesItsRun) {
  straight();
  const std::string any = "pgrep -f -- '[-]-run-dir=" + data_folder().string() + "'";
  EXPECT_NE(std::system(any.c_str()), 0);
}

TEST_F(Determinism, ACompleteRunPrintsItsReportAgain) {
  straight();
  EXPECT_TRUE(runs(straight()));
}

TEST_F(Determinism, ADifferentConfigurationIsRefusedOnResume) {
  straight();
  EXPECT_TRUE(runs(straight(), {"train.lr=0.5"}, 2));
  EXPECT_NE(read_file(straight().string() + ".out").find("train.lr"), std::string::npos);
}

}  // namespace
}  // namespace desa2va::test
