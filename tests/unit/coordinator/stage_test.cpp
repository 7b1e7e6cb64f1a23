#include "services/coordinator/stage.h"

#include <gtest/gtest.h>

#include "services/coordinator/config.h"
#include "services/coordinator/metrics.h"

namespace desa2va::coordinator {
namespace {

constexpr Rank kData{Role::Data, 0};
constexpr Rank kMllm{Role::Mllm, 0};
constexpr Rank kSam2{Role::Sam2, 0};

config::Config tiny(std::int64_t steps) {
  config::Config config;
  config.train.steps = steps;
  config.train.micro_batches = 4;
  return config;
}

Settings settings() {
  Settings settings;
  settings.ranks = {kData, kMllm, kSam2};
  settings.microbatches = 4;
  settings.max_skipped_in_row = 1;
  return settings;
}

// A coordinator that is told things and keeps what it decided.
class Conversation {
 public:
  explicit Conversation(const Settings& settings, std::int64_t steps = 10)
      : stage_(protocol::RunPlan::of(tiny(steps)).value(), settings) {}

  template <class T>
  std::vector<Command> say(Rank rank, T what, std::uint64_t microbatch = 0) {
    return tell(FromRank{rank, microbatch, std::move(what)});
  }
  std::vector<Command> tell(const Happened& event) {
    auto commands = stage_.decide(event);
    EXPECT_TRUE(commands) << (commands ? "" : commands.error().message());
    return commands ? *commands : std::vector<Command>();
  }
  std::vector<Command> begin() {
    for (const Rank rank : {kData, kMllm, kSam2}) say(rank, messages::Hello{rank, 1, {}});
    say(kData, messages::Ready{0});
    say(kMllm, messages::Ready{0});
    return say(kSam2, messages::Ready{0});
  }
  std::vector<Command> step(double norm = 1, bool finite = true) {
    say(kMllm, messages::Prepared{{{"a", norm}}, finite, finite ? "" : "a"});
    return say(kSam2, messages::Prepared{{{"b", 0.0}}, true, ""});
  }
  std::vector<Command> done() {
    say(kMllm, messages::Done{});
    return say(kSam2, messages::Done{});
  }
  Stage& stage() { return stage_; }

 private:
  Stage stage_;
};

template <class T>
std::vector<T> sent(const std::vector<Command>& commands) {
  std::vector<T> found;
  for (const Command& command : commands) {
    const auto* send = std::get_if<Send>(&command);
    if (send == nullptr) continue;
    if (const auto* what = std::get_if<T>(&send->what)) found.push_back(*what);
  }
  return found;
}

template <class T>
const T* find(const std::vector<Command>& commands) {
  for (const Command& command : commands)
    if (const auto* found = std::get_if<T>(&command)) return found;
  return nullptr;
}

using Why = messages::Replaced::Why;
messages::Replaced replaced(const char* key, Why why = Why::Draw) {
  return {{"set", key}, "other", "torn", why};
}

TEST(CoordinatorStage, PhaseEndsAreSavedWhereAskedFor) {
  Settings phase_ends = settings();
  phase_ends.save_phase_ends = true;
  Conversation run(phase_ends);  // ten steps: A 1-2, B 3, C 4-10
  run.begin();
  std::vector<std::uint64_t> saves;
  for (int step = 1; step <= 4; ++step) {
    run.step();
    for (const auto& save : sent<messages::Save>(run.done())) saves.push_back(save.step);
    if (saves.empty() || saves.back() != run.stage().committed_step()) continue;
    run.say(kMllm, messages::Saved{Buffer::copy_of(as_bytes(std::string_view("r")))});
    run.say(kSam2, messages::Saved{Buffer::copy_of(as_bytes(std::string_view("r")))});
    run.tell(CheckpointCommitted{saves.back(), {}});
  }
  EXPECT_EQ(saves, (std::vector<std::uint64_t>{2, 2, 3, 3}));
}

TEST(CoordinatorStage, TheGenerationFollowsTheLastHello) {
  Conversation run(settings());
  EXPECT_TRUE(run.say(kData, messages::Hello{kData, 1, {}}).empty());
  EXPECT_TRUE(run.say(kSam2, messages::Hello{kSam2, 2, {}}).empty());
  EXPECT_EQ(sent<messages::Generation>(run.say(kMllm, messages::Hello{kMllm, 3, {}})).size(), 3U);
}

TEST(CoordinatorStage, TheFirstStepOpensForRanksThatTrainWhenAllAreReady) {
  Conversation run(settings());
  EXPECT_EQ(sent<messages::Step>(run.begin()).size(), 2U);
}

TEST(CoordinatorStage, TheClipFactorComesFromTheNormOverAllRoles) {
  Conversation run(settings());
  run.begin();
  run.say(kMllm, messages::Prepared{{{"a", 9.0}}, true, ""});
  const auto commits =
      sent<messages::Commit>(run.say(kSam2, messages::Prepared{{{"b", 16.0}}, true, ""}));
  ASSERT_EQ(commits.size(), 2U);
  EXPECT_DOUBLE_EQ(commits[0].scale, 1.0 / (5.0 + 1e-6));
}

TEST(CoordinatorStage, ASmallNormIsNotScaledUp) {
  Conversation run(settings());
  run.begin();
  EXPECT_DOUBLE_EQ(sent<messages::Commit>(run.step(0.25)).at(0).scale, 1.0);
}

TEST(CoordinatorStage, AGradientThatIsNotFiniteSkipsTheStepEverywhereAndNamesTheTensor) {
  Conversation run(settings());
  run.begin();
  const auto commands = run.step(1, false);
  EXPECT_EQ(sent<messages::Skip>(commands).size(), 2U);
  EXPECT_TRUE(sent<messages::Commit>(commands).empty());
  ASSERT_NE(find<WriteEvent>(commands), nullptr);
  EXPECT_NE(find<WriteEvent>(commands)->json.find("a of mllm-0"), std::string::npos);
}

TEST(CoordinatorStage, ASkippedStepHasAMetricsLineAndTheNextStepOpens) {
  Conversation run(settings());
  run.begin();
  run.step(1, false);
  const auto commands = run.done();
  ASSERT_NE(find<WriteMetrics>(commands), nullptr);
  EXPECT_TRUE(find<WriteMetrics>(commands)->metrics.skipped);
  EXPECT_EQ(sent<messages::Step>(commands).size(), 2U);
}

TEST(CoordinatorStage, TooManySkipsInARowEndTheRunWithFour) {
  Conversation run(settings());
  run.begin();
  run.step(1, false);
  run.done();
  run.step(1, false);
  const auto commands = run.done();
  ASSERT_NE(find<Finish>(commands), nullptr);
  EXPECT_EQ(find<Finish>(commands)->exit_code, 4);
}

TEST(CoordinatorStage, CommittedFollowsTheLastDone) {
  Conversation run(settings());
  run.begin();
  run.step();
  EXPECT_TRUE(sent<messages::Committed>(run.say(kMllm, messages::Done{})).empty());
  EXPECT_EQ(sent<messages::Committed>(run.say(kSam2, messages::Done{})).size(), 2U);
  EXPECT_EQ(run.stage().committed_step(), 1U);
}

TEST(CoordinatorStage, TheLastStepSavesBeforeTheRunFinishes) {
  Conversation run(settings(), 3);
  run.begin();
  for (int step = 1; step < 3; ++step) {
    run.step();
    run.done();
  }
  run.step();
  const auto last = run.done();
  EXPECT_EQ(sent<messages::Save>(last).size(), 2U);
  EXPECT_EQ(find<Finish>(last), nullptr);
  run.say(kMllm, messages::Saved{Buffer::copy_of(as_bytes("x"))});
  const auto saved = run.say(kSam2, messages::Saved{Buffer::copy_of(as_bytes("y"))});
  ASSERT_NE(find<CommitCheckpoint>(saved), nullptr);
  EXPECT_EQ(find<CommitCheckpoint>(saved)->receipts.size(), 2U);
  const auto end = run.tell(CheckpointCommitted{3, {}});
  ASSERT_NE(find<Finish>(end), nullptr);
  EXPECT_EQ(find<Finish>(end)->exit_code, 0);
  EXPECT_EQ(sent<messages::Stop>(end).size(), 3U);
}

TEST(CoordinatorStage, AFullDiskAtTheFinalSaveEndsWithSix) {
  Conversation run(settings(), 3);
  run.begin();
  for (int step = 1; step <= 3; ++step) {
    run.step();
    run.done();
  }
  run.say(kMllm, messages::Saved{});  // could not be written
  const auto end = run.say(kSam2, messages::Saved{Buffer::copy_of(as_bytes("y"))});
  ASSERT_NE(find<Finish>(end), nullptr);
  EXPECT_EQ(find<Finish>(end)->exit_code, 6);
}

TEST(CoordinatorStage, AFullDiskInTheMiddleGoesOnTraining) {
  Settings every_step = settings();
  every_step.save_every = 1;
  Conversation run(every_step);
  run.begin();
  run.step();
  EXPECT_EQ(sent<messages::Step>(run.done()).size(), 2U);
  run.say(kMllm, messages::Saved{});
  const auto after = run.say(kSam2, messages::Saved{});
  EXPECT_EQ(find<Finish>(after), nullptr);
  run.step();
  EXPECT_EQ(sent<messages::Save>(run.done()).size(), 2U);
}

TEST(CoordinatorStage, OneSaveAtATime) {
  Settings every_step = settings();
  every_step.save_every = 1;
  Conversation run(every_step);
  run.begin();
  run.step();
  run.done();
  run.step();
  const auto second = run.done();
  EXPECT_TRUE(sent<messages::Save>(second).empty());
  EXPECT_TRUE(sent<messages::Step>(second).empty());
  run.say(kMllm, messages::Saved{Buffer::copy_of(as_bytes("x"))});
  run.say(kSam2, messages::Saved{Buffer::copy_of(as_bytes("y"))});
  const auto after = run.tell(CheckpointCommitted{1, {}});
  EXPECT_EQ(sent<messages::Save>(after).size(), 2U);
  EXPECT_EQ(sent<messages::Step>(after).size(), 2U);
}

TEST(CoordinatorStage, AStopFinishesTheStepSavesAndLeavesWith130) {
  Conversation run(settings());
  run.begin();
  run.tell(StopRequested{});
  run.step();
  EXPECT_EQ(sent<messages::Save>(run.done()).size(), 2U);
  run.say(kMllm, messages::Saved{Buffer::copy_of(as_bytes("x"))});
  run.say(kSam2, messages::Saved{Buffer::copy_of(as_bytes("y"))});
  const auto end = run.tell(CheckpointCommitted{1, {}});
  ASSERT_NE(find<Finish>(end), nullptr);
  EXPECT_EQ(find<Finish>(end)->exit_code, 130);
}

TEST(CoordinatorStage, WhatComesOutOfTurnIsAnError) {
  Conversation run(settings());
  EXPECT_EQ(run.stage().decide(FromRank{kMllm, 0, messages::Done{}}).error().code(),
            Errc::Internal);
}

TEST(CoordinatorStage, TooManySubstitutesEndTheRunWithThree) {
  Settings strict = settings();
  strict.failure_budget = 0;
  Conversation run(strict);
  run.begin();
  const auto commands = run.say(kData, replaced("a"));
  ASSERT_NE(find<Finish>(commands), nullptr);
  EXPECT_EQ(find<Finish>(commands)->exit_code, 3);
}

// Data runs ahead: what was replaced in later steps is met again after a resume, so a checkpoint
// counts only its own steps.
TEST(CoordinatorStage, ACheckpointCountsWhatWasReplacedInItsSteps) {
  Settings saves = settings();
  saves.save_every = 1;
  Conversation run(saves);
  run.begin();
  run.say(kData, replaced("a", Why::Reading), 3);   // of step 1: microbatches 0 .. 3
  run.say(kData, replaced("b", Why::Reading), 4);   // of step 2
  run.say(kData, replaced("c", Why::Reading), 17);  // of step 5
  run.step();
  run.done();
  run.say(kMllm, messages::Saved{Buffer::copy_of(as_bytes("a"))});
  const auto commands = run.say(kSam2, messages::Saved{Buffer::copy_of(as_bytes("b"))});
  const auto* commit = find<CommitCheckpoint>(commands);
  ASSERT_NE(commit, nullptr);
  EXPECT_EQ(commit->step, 1U);
  EXPECT_EQ(commit->record.substituted, 1);
  EXPECT_EQ(commit->record.skipped_in_row, 0);
  EXPECT_EQ(commit->record.unusable, (std::set<messages::SampleName>{{"set", "a"}}));
}

// What a rank could not read is told to every data rank with the step's commit, and to those of a
// resumed run before they begin; what followed from the draw is not.
TEST(CoordinatorStage, DataRanksLearnOfUnreadableSamplesOnceTheirStepIsCommitted) {
  Settings two = settings();
  const Rank second{Role::Data, 1};
  two.ranks.push_back(second);
  Conversation run(two);
  run.say(second, messages::Hello{second, 4, {}});
  run.begin();
  run.say(second, messages::Ready{0});
  run.say(kData, replaced("a", Why::Reading), 2);
  run.say(kData, replaced("b", Why::Draw), 3);
  run.say(kData, replaced("c", Why::Reading), 5);  // of step 2
  run.step();
  const auto told = sent<messages::Unusable>(run.done());
  ASSERT_EQ(told.size(), 2U);
  EXPECT_EQ(told[0].samples, (std::vector<messages::SampleName>{{"set", "a"}}));
  const auto late = run.say(kData, replaced("d", Why::Reading), 1);  // overtaken by the commit
  EXPECT_EQ(sent<messages::Unusable>(late).size(), 2U);
}

TEST(CoordinatorStage, AResumedRunTellsDataOfItsRecordBeforeItsGeneration) {
  Settings resumed = settings();
  resumed.restore_step = 2;
  resumed.restored.unusable = {{"set", "a"}};
  Conversation run(resumed);
  run.say(kData, messages::Hello{kData, 1, {}});
  run.say(kSam2, messages::Hello{kSam2, 2, {}});
  const auto commands = run.say(kMllm, messages::Hello{kMllm, 3, {}});
  ASSERT_EQ(sent<messages::Unusable>(commands).size(), 1U);
  const auto* first = std::get_if<Send>(&commands.front());
  ASSERT_NE(first, nullptr);
  EXPECT_EQ(first->to, kData);
  EXPECT_TRUE(std::holds_alternative<messages::Unusable>(first->what));
}

TEST(CoordinatorStage, SamplesOnRecordCostNothingOfTheBudget) {
  Settings strict = settings();
  strict.failure_budget = 0;
  Conversation run(strict);
  run.begin();
  const auto commands = run.say(kData, replaced("a", Why::OnRecord));
  EXPECT_EQ(find<Finish>(commands), nullptr);
  ASSERT_NE(find<WriteEvent>(commands), nullptr);
  EXPECT_NE(find<WriteEvent>(commands)->json.find("\"on_record\":true"), std::string::npos);
}

TEST(CoordinatorStage, TheRecordComesBackFromTheFactsOfACheckpoint) {
  const Record record{7, 2, {{"set", "a/b/\"1\""}, {"other", "c"}}};
  std::map<std::string, std::string> facts;
  put_record(record, facts);
  const auto back = record_of(facts);
  ASSERT_TRUE(back) << back.error().message();
  EXPECT_EQ(back->substituted, 7);
  EXPECT_EQ(back->skipped_in_row, 2);
  EXPECT_EQ(back->unusable, record.unusable);
  EXPECT_TRUE(record_of({})->unusable.empty());
  for (const char* bad : {"", "{}", "[1]", "[[\"a\"]]", "[[\"a\",1]]"}) {
    facts["data.unusable"] = bad;
    EXPECT_EQ(record_of(facts).error().code(), Errc::Corrupt) << bad;
  }
}

TEST(CoordinatorStage, TheBudgetGoesOnWhereTheCheckpointWas) {
  Settings resumed = settings();
  resumed.failure_budget = 3;
  resumed.restored.substituted = 3;
  Conversation run(resumed);
  run.begin();
  const auto commands = run.say(kData, replaced("a"));
  ASSERT_NE(find<Finish>(commands), nullptr);
  EXPECT_EQ(find<Finish>(commands)->exit_code, 3);
  EXPECT_NE(find<Finish>(commands)->reason.find("4 samples"), std::string::npos);
}

TEST(CoordinatorStage, SkippedStepsInARowGoOnWhereTheCheckpointWas) {
  for (const int before : {0, 1}) {
    Settings resumed = settings();  // one in a row is allowed
    resumed.restored.skipped_in_row = before;
    Conversation run(resumed);
    run.begin();
    run.step(1, false);
    const auto commands = run.done();
    EXPECT_EQ(find<Finish>(commands) != nullptr, before == 1);
  }
}

TEST(DataFigures, AddsUpOverRanksAndKeepsTheLatestOfWhatIsALevel) {
  DataFigures figures;
  EXPECT_EQ(figures.take(), "");
  figures.add(kData, messages::Figures{{{"samples", 2}, {"ready", 1}}});
  figures.add(kData, messages::Figures{{{"samples", 3}, {"ready", 4}}});
  figures.add({Role::Data, 1}, messages::Figures{{{"samples", 5}, {"ready", 2}}});
  EXPECT_EQ(figures.take(), "\"data\":{\"samples\":10,\"ready\":6}");
  EXPECT_EQ(figures.take(), "");
}

TEST(StepSum, DoesNotDependOnTheOrderOfArrival) {
  StepSum first;
  StepSum second;
  const messages::Losses a{{{"llm", 0.1}}, 2};
  const messages::Losses b{{{"llm", 0.7}}, 2};
  const messages::Losses c{{{"llm", 1e-17}}, 1};
  first.add(0, kMllm, a);
  first.add(1, kMllm, b);
  first.add(2, kMllm, c);
  second.add(2, kMllm, c);
  second.add(0, kMllm, a);
  second.add(1, kMllm, b);
  StepMetrics x;
  StepMetrics y;
  first.finish(4, x);
  second.finish(4, y);
  EXPECT_EQ(to_json(x, "{}"), to_json(y, "{}"));
  EXPECT_EQ(x.samples, 5U);
}

TEST(Metrics, WhatIsNotFiniteIsNull) {
  StepMetrics metrics;
  metrics.grad_norm = std::numeric_limits<double>::quiet_NaN();
  EXPECT_NE(to_json(metrics, "{}").find("\"grad_norm\":null"), std::string::npos);
}

}  // namespace
}  // namespace desa2va::coordinator
