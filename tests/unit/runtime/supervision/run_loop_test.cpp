#include "common/runtime/supervision/run_loop.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <atomic>

#include "common/runtime/exec/thread.h"
#include "common/runtime/transport/loopback/loopback.h"

namespace desa2va::supervision {
namespace {

constexpr transport::Edge kControl{{Role::Coordinator, 0}, {Role::Sam2, 0}};

// Counts messages until it has had three; fails or is cancelled if told to.
struct Counting {
  explicit Counting(transport::Inbox& i) : inbox(i) {}
  Result<bool> pump() {
    ++pumps;
    if (failure) return Error(*failure);
    DESA2VA_ASSIGN(auto arrival, inbox.next());
    if (!arrival) return false;
    ++messages;
    return true;
  }
  bool finished() const { return messages >= 3; }

  transport::Inbox& inbox;
  std::optional<Error> failure;
  int pumps = 0;
  int messages = 0;
};

// Wants two more messages after a signal.
struct Stopping : Counting {
  using Counting::Counting;
  void on_stop() { stopped = true; }
  bool finished() const { return stopped && messages >= 2; }
  std::atomic<bool> stopped = false;
};

class RunLoop : public ::testing::Test {
 protected:
  void SetUp() override {
    auto [coordinator, ours] = transport::loopback_pair(kControl, {});
    coordinator_ = std::move(coordinator);
    inbox_.add(kControl.from, std::move(ours));
    int ends[2];
    ASSERT_EQ(pipe(ends), 0);
    line_ = ends[0];
    readiness_ = std::make_unique<Readiness>(ends[1]);
  }
  void TearDown() override { close(line_); }

  void send() {
    transport::Message message;
    ASSERT_TRUE(coordinator_->try_send(message));
  }
  template <class S>
  int run(S& service) {
    const int code = run_until_stopped(service, inbox_, tracer_, signals_, *readiness_);
    readiness_.reset();
    return code;
  }
  std::string said() {
    char text[4096];
    const ssize_t size = read(line_, text, sizeof text);
    return {text, static_cast<std::size_t>(size)};
  }

  StopSignals signals_;
  std::unique_ptr<transport::Endpoint> coordinator_;
  transport::Inbox inbox_;
  tracing::Tracer tracer_;
  std::unique_ptr<Readiness> readiness_;
  int line_ = -1;
};

TEST_F(RunLoop, PumpsUntilTheServiceIsFinishedAndSaysGoodbye) {
  Counting service(inbox_);
  for (int i = 0; i < 3; ++i) send();
  EXPECT_EQ(run(service), 0);
  EXPECT_EQ(service.pumps, 3);
  EXPECT_TRUE(coordinator_->closed());
  EXPECT_EQ(said(), "ready\n");
}

TEST_F(RunLoop, WaitsForWhatAnotherThreadSends) {
  Counting service(inbox_);
  const auto sender = exec::start_thread("sender", [&](const std::stop_token&) {
    for (int i = 0; i < 3; ++i) send();
  });
  EXPECT_EQ(run(service), 0);
  EXPECT_EQ(service.messages, 3);
}

TEST_F(RunLoop, AFailureIsReportedWithItsExitCodeAndEndsWithoutAGoodbye) {
  Counting service(inbox_);
  service.failure = fail(Errc::Corrupt, "shard 3");
  EXPECT_EQ(run(service), 3);
  EXPECT_FALSE(coordinator_->closed());
  EXPECT_EQ(said(), "ready\nfailed 6 3 shard 3\n");
}

TEST_F(RunLoop, ASignalEndsAWaitWith130) {
  Counting service(inbox_);
  raise(SIGTERM);
  EXPECT_EQ(run(service), 130);
  EXPECT_TRUE(coordinator_->closed());
}

TEST_F(RunLoop, AServiceMayFinishItsWorkAfterASignal) {
  Stopping service(inbox_);
  for (int i = 0; i < 3; ++i) send();
  raise(SIGINT);
  EXPECT_EQ(run(service), 0);
  EXPECT_TRUE(service.stopped);
}

TEST_F(RunLoop, ASecondSignalEndsAtOnce) {
  Stopping service(inbox_);
  raise(SIGINT);
  const auto second = exec::start_thread("second", [&](const std::stop_token&) {
    // Sent when the loop waits again: the service asks for more messages than ever come.
    while (!service.stopped) std::this_thread::yield();
    kill(getpid(), SIGINT);
  });
  EXPECT_EQ(run(service), 130);
}

TEST_F(RunLoop, BeingCancelledIsNoFailure) {
  Counting service(inbox_);
  service.failure = fail(Errc::Cancelled, "stop");
  EXPECT_EQ(run(service), 130);
  EXPECT_EQ(said(), "ready\n");
}

TEST(Readiness, LinesSurviveTheWayBack) {
  EXPECT_TRUE(is_ready_line("ready"));
  EXPECT_FALSE(is_ready_line("failed 6 3 x"));
  const auto failure = parse_failure_line("failed 2 5 mllm-0 vanished");
  ASSERT_TRUE(failure);
  EXPECT_EQ(failure->code, Errc::Unavailable);
  EXPECT_EQ(failure->exit_code, 5);
  EXPECT_EQ(failure->message, "mllm-0 vanished");
  for (const char* line : {"", "failed", "failed 2", "failed x 5 y", "failed 99 5 y", "failed 2 5"})
    EXPECT_FALSE(parse_failure_line(line)) << line;
}

}  // namespace
}  // namespace desa2va::supervision
