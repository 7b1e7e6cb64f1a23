#include "common/runtime/tracing/explain.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>

#include "common/runtime/tracing/critical_path.h"
#include "common/runtime/tracing/tracer.h"

namespace desa2va::tracing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr std::int64_t kMs = 1'000'000;

// A run of a chain data -> mllm -> decoupler -> sam2 in which each waits for the one before, told
// in milliseconds of work; every step is one microbatch and ends with mllm's optimizer.
struct Story {
  std::vector<Timeline> lines = {{{Role::Data, 0}, 1, {}},
                                 {{Role::Mllm, 0}, 2, {}},
                                 {{Role::Decoupler, 0}, 3, {}},
                                 {{Role::Sam2, 0}, 4, {}}};

  void add(std::size_t line, Span span, std::int64_t begin, std::int64_t end,
           std::uint64_t microbatch = kNoMicrobatch, std::uint32_t thread = 0) {
    lines[line].spans.push_back({info(span).name, info(span).category,
                                 thread == 0 ? 10 + static_cast<std::uint32_t>(line) : thread,
                                 begin * kMs, end * kMs, microbatch});
  }
  void chain(int microbatches, std::array<std::int64_t, 4> work) {
    constexpr std::array kWork = {Span::Pack, Span::MllmForward, Span::DecouplerForward,
                                  Span::Sam2Decode};
    std::int64_t now = 0;
    std::array<std::int64_t, 4> idle{};
    for (int m = 0; m < microbatches; ++m) {
      for (std::size_t i = 0; i < 4; ++i) {
        if (now > idle[i]) add(i, Span::WaitInput, idle[i], now);
        add(i, kWork[i], now, now + work[i], static_cast<std::uint64_t>(m));
        now += work[i];
        idle[i] = now;
      }
      if (now > idle[1]) add(1, Span::WaitInput, idle[1], now);
      add(1, Span::OptimizerStep, now, now + 1);
      idle[1] = ++now;
    }
    for (std::size_t i = 0; i < 4; ++i)
      if (now > idle[i]) add(i, Span::WaitInput, idle[i], now);
  }
};

TEST(Explain, NamesTheRoleThatBoundsTheStep) {
  Story story;
  story.chain(30, {2, 12, 3, 2});
  const Explanation explanation = explain(story.lines);
  ASSERT_TRUE(explanation.enough) << explanation.verdict;
  EXPECT_THAT(explanation.bottleneck, ElementsAre(Role::Mllm));
  EXPECT_THAT(explanation.verdict, HasSubstr("mllm bounds the step"));
  // 13 of 20 ms of each step.
  EXPECT_NEAR(explanation.ranks[1].critical, 0.65, 0.02);
  EXPECT_NEAR(explanation.ranks[1].busy, 0.65, 0.02);
  EXPECT_NEAR(explanation.ranks[2].critical, 0.15, 0.02);
  EXPECT_NEAR(explanation.step_seconds, 0.020, 1e-6);
  EXPECT_EQ(explanation.steps, 30U);
}

TEST(Explain, SplitsTheTimeOfEachRankByCategory) {
  Story story;
  story.chain(30, {2, 12, 3, 2});
  const Explanation explanation = explain(story.lines);
  const RankShare& decoupler = explanation.ranks[2];
  EXPECT_NEAR(decoupler.category[static_cast<std::size_t>(Category::Compute)], 0.15, 0.01);
  EXPECT_NEAR(decoupler.category[static_cast<std::size_t>(Category::WaitInput)], 0.85, 0.01);
  EXPECT_NEAR(decoupler.unaccounted, 0, 1e-9);
  ASSERT_FALSE(decoupler.largest.empty());
  EXPECT_EQ(decoupler.largest[0].first, "decoupler forward");
  const RankShare& mllm = explanation.ranks[1];
  EXPECT_NEAR(mllm.category[static_cast<std::size_t>(Category::Commit)], 0.05, 0.01);
}

TEST(Explain, TwoEqualRolesAreNamedTogether) {
  Story story;
  story.chain(30, {1, 9, 1, 10});
  const Explanation explanation = explain(story.lines);
  EXPECT_THAT(explanation.bottleneck, ::testing::UnorderedElementsAre(Role::Mllm, Role::Sam2));
  EXPECT_THAT(explanation.verdict, HasSubstr("together"));
}

TEST(Explain, WorkThatOverlapsTheBoundingRoleIsNotOnThePath) {
  Story story;
  // mllm works all the time; sam2 encodes ahead for nearly as long but nobody waits for it.
  for (int m = 0; m < 30; ++m) {
    story.add(0, Span::Pack, m * 10, m * 10 + 1, static_cast<std::uint64_t>(m));
    story.add(0, Span::WaitCredit, m * 10 + 1, m * 10 + 10);
    story.add(1, Span::MllmForward, m * 10, m * 10 + 9, static_cast<std::uint64_t>(m));
    story.add(1, Span::OptimizerStep, m * 10 + 9, m * 10 + 10);
    story.add(2, Span::WaitInput, m * 10, m * 10 + 9);
    story.add(2, Span::DecouplerForward, m * 10 + 9, m * 10 + 10, static_cast<std::uint64_t>(m));
    story.add(3, Span::Sam2Encode, m * 10, m * 10 + 8, static_cast<std::uint64_t>(m));
    story.add(3, Span::WaitInput, m * 10 + 8, m * 10 + 10);
  }
  const Explanation explanation = explain(story.lines);
  ASSERT_TRUE(explanation.enough) << explanation.verdict;
  EXPECT_THAT(explanation.bottleneck, ElementsAre(Role::Mllm));
  EXPECT_LT(explanation.ranks[3].critical, 0.2);
  EXPECT_GT(explanation.ranks[3].busy, 0.7);
}

TEST(Explain, TimeBetweenProcessesIsSaidWhenItIsMost) {
  Story story;
  std::int64_t now = 0;
  std::array<std::int64_t, 4> idle{};
  for (int m = 0; m < 30; ++m) {
    for (std::size_t i = 0; i < 4; ++i) {
      now += 9;  // on the way
      story.add(i, Span::WaitInput, idle[i], now);
      story.add(i, i == 1 ? Span::OptimizerStep : Span::Decode, now, now + 1,
                static_cast<std::uint64_t>(m));
      idle[i] = ++now;
    }
  }
  const Explanation explanation = explain(story.lines);
  ASSERT_TRUE(explanation.enough) << explanation.verdict;
  EXPECT_TRUE(explanation.bottleneck.empty());
  EXPECT_GT(explanation.between, 0.8);
  EXPECT_THAT(explanation.verdict, HasSubstr("No role"));
  EXPECT_THAT(explanation.verdict, HasSubstr("% of the time for input"));
}

TEST(Explain, RefusesWithoutEvidenceAndSaysWhatIsMissing) {
  EXPECT_THAT(explain({}).verdict, HasSubstr("not enough evidence: there is no trace of data"));
  Story few;
  few.chain(5, {2, 12, 3, 2});
  EXPECT_FALSE(explain(few.lines).enough);
  EXPECT_THAT(explain(few.lines).verdict, HasSubstr("5 spans"));
  Story apart;
  apart.chain(30, {2, 12, 3, 2});
  for (TimedSpan& span : apart.lines[3].spans) {
    span.begin_ns += 1'000'000 * kMs;
    span.end_ns += 1'000'000 * kMs;
  }
  EXPECT_THAT(explain(apart.lines).verdict, HasSubstr("do not overlap"));
  Story sparse;
  sparse.chain(30, {2, 12, 3, 2});
  std::erase_if(sparse.lines[0].spans, [](const TimedSpan& span) { return span.waits(); });
  EXPECT_THAT(explain(sparse.lines).verdict, HasSubstr("of the time of data-0"));
}

TEST(Explain, OneProcessIsSplitByTheTimeOfItsRoles) {
  Story story;
  story.chain(30, {2, 12, 3, 2});
  for (Timeline& line : story.lines) {
    line.pid = 7;
    std::erase_if(line.spans, [](const TimedSpan& span) { return span.waits(); });
  }
  const Explanation explanation = explain(story.lines);
  ASSERT_TRUE(explanation.enough) << explanation.verdict;
  EXPECT_THAT(explanation.bottleneck, ElementsAre(Role::Mllm));
  EXPECT_THAT(explanation.verdict, HasSubstr("one process"));
}

TEST(Explain, TheBusiestThreadCountsAsBusy) {
  Story story;
  story.chain(30, {2, 12, 3, 2});
  for (int m = 0; m < 30; ++m)
    story.add(0, Span::DecodeMedia, m * 20, m * 20 + 18, kNoMicrobatch, 99);
  std::stable_sort(story.lines[0].spans.begin(), story.lines[0].spans.end(),
                   [](const TimedSpan& a, const TimedSpan& b) { return a.end_ns < b.end_ns; });
  EXPECT_NEAR(explain(story.lines).ranks[0].busy, 0.9, 0.02);
}

TEST(Explain, FurtherThreadsHaveTheirOwnBreakdown) {
  Story story;
  story.chain(30, {2, 12, 3, 2});  // 600 ms
  for (int m = 0; m < 30; ++m) {
    story.add(0, Span::DecodeMedia, m * 20, m * 20 + 10, kNoMicrobatch, 77);
    story.add(0, Span::ReadSample, m * 20, m * 20 + 4, kNoMicrobatch, 78);
  }
  const Explanation explanation = explain(story.lines);
  const RankShare& data = explanation.ranks[0];
  EXPECT_EQ(data.workers, 2U);
  ASSERT_EQ(data.worker_largest.size(), 2U);
  EXPECT_EQ(data.worker_largest[0].first, "decode media");
  EXPECT_NEAR(data.worker_largest[0].second, 0.25, 0.01);  // half of one of the two threads
  EXPECT_NEAR(data.worker_largest[1].second, 0.10, 0.01);
  EXPECT_EQ(data.largest[0].first, "pack");
  EXPECT_NEAR(data.busy, 0.5, 0.01);  // of the busiest thread
  EXPECT_EQ(explanation.ranks[1].workers, 0U);
  EXPECT_TRUE(explanation.ranks[1].worker_largest.empty());
}

TEST(Explain, OnlyTheLastSecondsIfAsked) {
  Story story;
  story.chain(30, {2, 12, 3, 2});
  EXPECT_NEAR(explain(story.lines, 0.1).window_seconds, 0.1, 1e-9);
}

TEST(SplitTime, ANestedSpanKeepsItsOwnTime) {
  Story story;
  story.add(1, Span::Encode, 2, 4);
  story.add(1, Span::MllmForward, 0, 10, 1);
  const auto threads = split_time(story.lines[1], {0, 10 * kMs});
  ASSERT_EQ(threads.size(), 1U);
  EXPECT_NEAR(threads[0].seconds[static_cast<std::size_t>(Category::Compute)], 0.008, 1e-9);
  EXPECT_NEAR(threads[0].seconds[static_cast<std::size_t>(Category::Transport)], 0.002, 1e-9);
  const auto part = split_time(story.lines[1], {3 * kMs, 5 * kMs});
  EXPECT_NEAR(part[0].working, 0.002, 1e-9);
}

TEST(CriticalPath, SharesAddUpToTheWindow) {
  Story story;
  story.chain(30, {2, 12, 3, 2});
  const Window window = common_window(story.lines);
  const CriticalPath path = find_critical_path(story.lines, window);
  EXPECT_NEAR(path.total(), window.seconds(), 1e-6);
}

}  // namespace
}  // namespace desa2va::tracing
