#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <thread>

#include "common/runtime/tracing/ring.h"
#include "common/runtime/tracing/tracer.h"

namespace desa2va::tracing {
namespace {

class Tracing : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (std::filesystem::temp_directory_path() / "d2trace-XXXXXX").string();
    folder_ = mkdtemp(pattern.data());
    path_ = ring_path(folder_, {Role::Sam2, 1});
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  Tracer tracer(std::size_t ring_bytes = std::size_t{1} << 20U) {
    auto opened = Tracer::open(path_, {Role::Sam2, 1}, clock_, ring_bytes);
    EXPECT_TRUE(opened) << opened.error().message();
    return std::move(*opened);
  }
  RingReader reader() {
    auto opened = RingReader::open(path_);
    EXPECT_TRUE(opened) << opened.error().message();
    return std::move(*opened);
  }

  FakeClock clock_;
  std::string folder_;
  std::string path_;
};

TEST_F(Tracing, WhatWasWrittenIsReadBack) {
  clock_.advance(std::chrono::nanoseconds(100));
  Tracer writer = tracer();
  {
    auto span = writer.span(Span::Sam2Encode, 12, 99);
    clock_.advance(std::chrono::nanoseconds(40));
  }
  writer.counter(Counter::QueueDepth, 2.5, 12);
  writer.set_step(3, Phase::C);
  writer.progress();

  const RingReader ring = reader();
  EXPECT_EQ(ring.rank(), (Rank{Role::Sam2, 1}));
  EXPECT_EQ(ring.pid(), getpid());
  EXPECT_EQ(ring.opened_ns(), 100);
  const auto spans = ring.spans();
  ASSERT_EQ(spans.size(), 1U);
  EXPECT_EQ(ring.span_name(spans[0].name_id), "sam2 encode");
  EXPECT_EQ(spans[0].category, Category::Compute);
  EXPECT_EQ(spans[0].begin_ns, 100);
  EXPECT_EQ(spans[0].end_ns, 140);
  EXPECT_EQ(spans[0].microbatch, 12U);
  EXPECT_EQ(spans[0].trace_id, 99U);
  const auto counters = ring.counters();
  ASSERT_EQ(counters.size(), 1U);
  EXPECT_EQ(ring.counter_name(counters[0].name_id), "queue depth");
  EXPECT_EQ(counters[0].value, 2.5);
  const Gauges gauges = ring.gauges();
  EXPECT_EQ(gauges.step, 3U);
  EXPECT_EQ(gauges.phase, Phase::C);
  EXPECT_EQ(gauges.progress, 1U);
  EXPECT_EQ(gauges.last_ns, 140);
}

TEST_F(Tracing, TimeInsideANestedSpanCountsForThatOneAlone) {
  Tracer writer = tracer();
  {
    auto outer = writer.span(Span::MllmForward);
    clock_.advance(std::chrono::nanoseconds(10));
    {
      auto inner = writer.span(Span::Encode);
      clock_.advance(std::chrono::nanoseconds(5));
    }
    clock_.advance(std::chrono::nanoseconds(1));
  }
  const Gauges gauges = reader().gauges();
  EXPECT_EQ(gauges.busy_ns[static_cast<std::size_t>(Category::Compute)], 11U);
  EXPECT_EQ(gauges.busy_ns[static_cast<std::size_t>(Category::Transport)], 5U);
}

TEST_F(Tracing, AFullRingKeepsTheNewest) {
  Tracer writer = tracer(32768);
  const std::size_t capacity = reader().capacity();
  for (std::size_t i = 0; i < 3 * capacity + 5; ++i) writer.record(Span::Pack, 0, 1, i);
  const RingReader ring = reader();
  EXPECT_EQ(ring.written(), 3 * capacity + 5);
  const auto spans = ring.spans();
  ASSERT_EQ(spans.size(), capacity);
  EXPECT_EQ(spans.front().microbatch, 2 * capacity + 5);
  EXPECT_EQ(spans.back().microbatch, 3 * capacity + 4);
  EXPECT_EQ(ring.spans(2).size(), 2U);
}

TEST_F(Tracing, ManyThreadsWriteWithoutLosingRecords) {
  Tracer writer = tracer();
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([&writer] {
        for (int i = 0; i < 500; ++i) writer.record(Span::Send, 1, 2);
      });
    }
    // Reads while they write: records are whole or left out.
    const RingReader ring = reader();
    for (int i = 0; i < 20; ++i)
      for (const SpanRecord& span : ring.spans()) EXPECT_EQ(span.end_ns, 2);
  }
  EXPECT_EQ(reader().spans().size(), 2000U);
}

TEST_F(Tracing, WhatAKilledProcessWroteIsThere) {
  const pid_t child = fork();
  if (child == 0) {
    auto writer = Tracer::open(path_, {Role::Sam2, 1}, clock_);
    writer->record(Span::Club, 1, 2, 7);
    kill(getpid(), SIGKILL);
  }
  int status = 0;
  waitpid(child, &status, 0);
  ASSERT_TRUE(WIFSIGNALED(status));
  const auto spans = reader().spans();
  ASSERT_EQ(spans.size(), 1U);
  EXPECT_EQ(spans[0].microbatch, 7U);
}

TEST_F(Tracing, ATracerThatIsOffWritesNothing) {
  Tracer off;
  { auto span = off.span(Span::Club); }
  off.counter(Counter::Loss, 1);
  off.set_step(1, Phase::A);
  off.progress();
  EXPECT_FALSE(off.enabled());
  EXPECT_FALSE(std::filesystem::exists(path_));
}

TEST_F(Tracing, ARingTooSmallIsRefusedByItsKey) {
  const auto opened = Tracer::open(path_, {Role::Sam2, 1}, clock_, 100);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code(), Errc::InvalidArgument);
  EXPECT_NE(opened.error().message().find("trace.ring_bytes"), std::string::npos);
}

TEST_F(Tracing, AFileThatIsNoRingIsCorrupt) {
  std::filesystem::create_directories(folder_ + "/trace");
  std::ofstream(path_) << std::string(20000, 'x');
  EXPECT_EQ(RingReader::open(path_).error().code(), Errc::Corrupt);
  std::filesystem::resize_file(path_, 10);
  EXPECT_EQ(RingReader::open(path_).error().code(), Errc::Corrupt);
  EXPECT_EQ(RingReader::open(path_ + "x").error().code(), Errc::NotFound);
}

TEST_F(Tracing, RingsOfARunComeInTheOrderOfFlow) {
  for (const Rank rank : {Rank{Role::Coordinator, 0}, Rank{Role::Sam2, 0}, Rank{Role::Data, 1},
                          Rank{Role::Data, 0}}) {
    ASSERT_TRUE(Tracer::open(ring_path(folder_, rank), rank, clock_));
  }
  const auto rings = open_rings(folder_);
  ASSERT_TRUE(rings) << rings.error().message();
  std::vector<std::string> names;
  for (const RingReader& ring : *rings) names.push_back(to_string(ring.rank()));
  EXPECT_EQ(names, (std::vector<std::string>{"data-0", "data-1", "sam2-0", "coordinator-0"}));
  EXPECT_EQ(open_rings(folder_ + "/nothing").error().code(), Errc::NotFound);
}

}  // namespace
}  // namespace desa2va::tracing
