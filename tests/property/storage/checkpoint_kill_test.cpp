#include <sys/wait.h>
#include <unistd.h>
#include <atomic>
#include <csignal>
#include <cstdio>

#include "common/storage/checkpoint/compare.h"
#include "tests/property/storage/checkpoint_kill.h"
#include "tests/support/temp_dir.h"

namespace desa2va::checkpoint {
namespace {

using desa2va::test::TempDir;
using test::must;

// What the child had said when it was killed.
struct Killed {
  std::uint64_t committing = 0;
  std::uint64_t committed = 0;
};

// Runs the child on `store` and kills it as soon as it has said `lines` lines, plus the time that
// `spin` turns of a loop take, so that kills fall between the lines too.
Killed run_and_kill(const std::filesystem::path& store, std::uint32_t lines, std::uint32_t spin) {
  int pipe_ends[2];
  EXPECT_EQ(::pipe(pipe_ends), 0);
  const auto program =
      std::filesystem::read_symlink("/proc/self/exe").parent_path() / "checkpoint_kill_child";
  const pid_t child = ::fork();
  if (child == 0) {
    ::dup2(pipe_ends[1], STDOUT_FILENO);
    ::close(pipe_ends[0]);
    ::close(pipe_ends[1]);
    ::execl(program.c_str(), program.c_str(), store.c_str(), nullptr);
    ::_exit(127);
  }
  ::close(pipe_ends[1]);
  std::FILE* output = ::fdopen(pipe_ends[0], "r");
  Killed killed;
  char what[32];
  unsigned long long step = 0;
  bool kill_sent = false;
  for (std::uint32_t line = 1; std::fscanf(output, "%31s %llu", what, &step) == 2; ++line) {
    if (std::string_view(what) == "committing") killed.committing = step;
    if (std::string_view(what) == "committed") killed.committed = step;
    if (line < lines || kill_sent) continue;
    for (std::uint32_t i = 0; i < spin; ++i) std::atomic_signal_fence(std::memory_order_seq_cst);
    ::kill(child, SIGKILL);  // lines in the pipe are still read: the child had said them
    kill_sent = true;
  }
  std::fclose(output);
  int status = 0;
  ::waitpid(child, &status, 0);
  EXPECT_TRUE(WIFSIGNALED(status)) << "the child ended by itself: " << status;
  return killed;
}

void expect_whole(const std::filesystem::path& store, const Killed& killed) {
  // The store is opened as the next process would: nothing else may be needed.
  const auto catalog = must(Catalog::open(store));
  const auto steps = must(catalog.steps());
  const auto last = steps.empty() ? 0 : steps.back();
  ASSERT_GE(last, killed.committed);
  ASSERT_LE(last, std::max(killed.committing, killed.committed));
  for (const auto step : steps) {
    const auto reader = must(CheckpointReader::open(store, must(catalog.load(step))));
    for (const auto& [name, tensor] : test::state_at(step)) {
      for (const auto* rank : {"mllm-0/", "sam2-0/"}) {
        ASSERT_TRUE(test::same(must(reader.read(rank + name)), tensor)) << step << " " << name;
      }
    }
  }
}

TEST(CheckpointKill, WhateverTheMomentTheStoreHoldsAllThatWasCommittedAndNothingTorn) {
  const TempDir dir;
  const Random random(11, "test", "kill");
  std::uint64_t last = 0;
  for (std::uint32_t round = 0; round < 40; ++round) {
    SCOPED_TRACE(::testing::Message() << "round " << round);
    auto killed = run_and_kill(dir / "store", 1 + random.below(3 * round, 13),
                               random.below(3 * round + 1, 4'000'000));
    killed.committed = std::max(killed.committed, last);
    expect_whole(dir / "store", killed);
    if (HasFatalFailure()) return;
    auto catalog = must(Catalog::open(dir / "store"));
    last = must(catalog.last_step()).value_or(0);
    if (last == 0) continue;
    // What crashed saves left goes, what manifests name stays.
    must(catalog.gc(test::kKeep));
    EXPECT_LE(std::distance(std::filesystem::directory_iterator(dir / "store/parts"), {}), 24);
  }
  EXPECT_GT(last, 20U);  // it got on, kills and all
  EXPECT_TRUE(must(verify(dir / "store")).defects.empty());
}

}  // namespace
}  // namespace desa2va::checkpoint
