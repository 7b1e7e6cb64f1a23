#include "launcher/run/watch.h"

#include <csignal>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace desa2va::launcher {
namespace {

using ::testing::HasSubstr;

supervision::Exited exited(const std::string& name, int code, bool asked = false) {
  supervision::Exited e;
  e.name = name;
  e.exit_code = code;
  e.asked = asked;
  return e;
}
supervision::Exited killed(const std::string& name, int signal, bool asked = false) {
  supervision::Exited e = exited(name, 128 + signal, asked);
  e.signal = signal;
  return e;
}
supervision::Exited lost_peer(const std::string& name) {
  supervision::Exited e = exited(name, 5);
  e.report = supervision::Failure{Errc::Unavailable, 5, "sam2-0 vanished"};
  return e;
}

TEST(Watch, AllGoodEndsMeanDone) {
  Watch watch(2, "coordinator-0");
  EXPECT_EQ(watch.on_exit(exited("a", 0)), Next::Wait);
  EXPECT_EQ(watch.on_exit(exited("b", 0)), Next::End);
  EXPECT_EQ(watch.exit_code(), 0);
  EXPECT_FALSE(watch.failure());
}

TEST(Watch, TheFirstFailureStopsTheOthersOnce) {
  Watch watch(3, "coordinator-0");
  EXPECT_EQ(watch.on_exit(killed("sam2-0", SIGKILL)), Next::Stop);
  EXPECT_EQ(watch.on_exit(exited("data-0", 130, true)), Next::Wait);
  EXPECT_EQ(watch.on_exit(killed("mllm-0", SIGKILL, true)), Next::End);
  EXPECT_EQ(watch.exit_code(), 5);
  EXPECT_EQ(watch.failure()->process, "sam2-0");
  EXPECT_THAT(watch.failure()->reason, HasSubstr("SIGKILL"));
}

TEST(Watch, ACauseSeenLaterReplacesItsConsequence) {
  Watch watch(2, "coordinator-0");
  EXPECT_EQ(watch.on_exit(lost_peer("mllm-0")), Next::Stop);
  EXPECT_EQ(watch.on_exit(killed("sam2-0", SIGKILL)), Next::End);
  EXPECT_EQ(watch.failure()->process, "sam2-0");
}

TEST(Watch, AReportedExitCodeIsTheRuns) {
  Watch watch(1, "coordinator-0");
  supervision::Exited e = exited("data-0", 3);
  e.report = supervision::Failure{Errc::Corrupt, 3, "shard 3: checksum differs"};
  EXPECT_EQ(watch.on_exit(e), Next::End);
  EXPECT_EQ(watch.exit_code(), 3);
  EXPECT_THAT(watch.failure()->remedy, HasSubstr("shards verify"));
}

TEST(Watch, AnUnknownCodeIsAServiceFailure) {
  Watch watch(1, "coordinator-0");
  watch.on_exit(exited("data-0", 127));
  EXPECT_EQ(watch.exit_code(), 5);
}

TEST(Watch, AnInterruptBeforeAllAreReadyEndsAtOnceAndIsNoFailure) {
  for (const auto& [signal, code] : {std::pair(SIGINT, 130), std::pair(SIGTERM, 75)}) {
    Watch watch(1, "coordinator-0");
    EXPECT_EQ(watch.on_signals(1, signal), Next::Kill);
    watch.on_exit(killed("coordinator-0", SIGKILL, true));
    EXPECT_FALSE(watch.failure());
    EXPECT_EQ(watch.exit_code(), code);
  }
}

TEST(Watch, InterruptsFirstAskThenKill) {
  Watch watch(1, "coordinator-0");
  watch.on_all_ready();
  EXPECT_EQ(watch.on_signals(0, 0), Next::Wait);
  EXPECT_EQ(watch.on_signals(1, SIGINT), Next::AskToFinish);
  EXPECT_EQ(watch.on_signals(1, SIGINT), Next::Wait);
  EXPECT_EQ(watch.on_signals(2, SIGINT), Next::Kill);
  watch.on_exit(killed("coordinator-0", SIGKILL, true));
  EXPECT_EQ(watch.exit_code(), 130);
}

TEST(Watch, TheConductorsReportOfAnInterruptIsNoFailure) {
  Watch watch(1, "coordinator-0");
  watch.on_all_ready();
  watch.on_signals(1, SIGINT);
  supervision::Exited e = exited("coordinator-0", 130, true);
  e.report = supervision::Failure{Errc::Cancelled, 130, "interrupted after step 3"};
  watch.on_exit(e);
  EXPECT_FALSE(watch.failure());
  EXPECT_EQ(watch.exit_code(), 130);
}

TEST(Watch, AConductorToldByOthersInterruptsTheRun) {
  Watch watch(1, "coordinator-0");
  watch.on_exit(exited("coordinator-0", 130));
  EXPECT_FALSE(watch.failure());
  EXPECT_EQ(watch.exit_code(), 130);
}

TEST(Watch, AnotherProcessThatWasToldByOthersIsAFailure) {
  Watch watch(1, "coordinator-0");
  watch.on_exit(exited("data-0", 130));
  EXPECT_EQ(watch.exit_code(), 5);
}

TEST(Watch, TwoInterruptsAtOnceKill) {
  Watch watch(1, "coordinator-0");
  EXPECT_EQ(watch.on_signals(2, SIGINT), Next::Kill);
}

TEST(Watch, TerminationIsPreemptionUnlessItComesTwice) {
  Watch once(1, "coordinator-0");
  once.on_signals(1, SIGTERM);
  once.on_exit(exited("coordinator-0", 0, true));
  EXPECT_EQ(once.exit_code(), 75);
  Watch twice(1, "coordinator-0");
  twice.on_signals(2, SIGTERM);
  twice.on_exit(killed("coordinator-0", SIGKILL, true));
  EXPECT_EQ(twice.exit_code(), 130);
}

TEST(Watch, AFailureWhileFinishingIsTheRunsEnd) {
  Watch watch(2, "coordinator-0");
  watch.on_all_ready();
  watch.on_signals(1, SIGINT);
  EXPECT_EQ(watch.on_exit(exited("coordinator-0", 6)), Next::Stop);
  watch.on_exit(exited("data-0", 0));
  EXPECT_EQ(watch.exit_code(), 6);
}

}  // namespace
}  // namespace desa2va::launcher
