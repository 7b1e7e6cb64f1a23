#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/process/tiny_run.h"

// `desa2va ckpt fork`: another run that begins at a checkpoint of this one.
namespace desa2va::test {
namespace {

using ::testing::HasSubstr;

class Fork : public ::testing::Test {
 protected:
  // One whole run with a checkpoint at the end of each phase: A ends with step 8, B with 9.
  static const fs::path& origin() {
    static const fs::path path = [] {
      const fs::path run = data_folder() / "origin";
      EXPECT_TRUE(runs(
          run, {"checkpoint.every_steps=100", "checkpoint.keep=1", "checkpoint.phase_ends=true"}));
      return run;
    }();
    return path;
  }
  static int fork(const std::string& from, const fs::path& to, std::vector<std::string> keys = {}) {
    std::vector<std::string> words = {
        (programs() / "desa2va").string(), "ckpt", "fork", from, "--to", to.string()};
    words.insert(words.end(), keys.begin(), keys.end());
    return wait_for(start(words, out(to)));
  }
  static int go_on(const fs::path& run) {
    return wait_for(start(
        {(programs() / "desa2va").string(), "run", (run / "config.yaml").string()}, out(run)));
  }
  static fs::path out(const fs::path& run) { return run.string() + ".out"; }
};

TEST_F(Fork, WithoutChangesIsTheRunItself) {
  const fs::path copy = data_folder() / "copy";
  ASSERT_EQ(fork(origin().string() + "@8", copy), 0) << read_file(out(copy));
  ASSERT_EQ(go_on(copy), 0) << read_file(out(copy));
  EXPECT_TRUE(same_run(origin(), copy));
}

TEST_F(Fork, AChangedKeyActsFromTheForkOn) {
  const fs::path changed = data_folder() / "changed";
  ASSERT_EQ(fork(origin().string() + "@8", changed, {"adv.weight=0", "train.stop_after=10"}), 0)
      << read_file(out(changed));
  ASSERT_EQ(go_on(changed), 0) << read_file(out(changed));
  std::istringstream before(metrics_outside_time(origin()));
  std::istringstream after(metrics_outside_time(changed));
  std::string a;
  std::string b;
  for (int step = 1; step <= 8; ++step) {
    std::getline(before, a);
    std::getline(after, b);
    EXPECT_EQ(a, b) << step;
  }
  std::getline(before, a);
  std::getline(after, b);
  EXPECT_NE(a, b);
}

TEST_F(Fork, AnotherModelOrPlaceIsRefusedByName) {
  const fs::path refused = data_folder() / "refused";
  EXPECT_EQ(fork(origin().string() + "@8", refused, {"llm.num_hidden_layers=3"}), 2);
  EXPECT_THAT(read_file(out(refused)), HasSubstr("other tensors"));
  EXPECT_EQ(fork(origin().string() + "@8", refused, {"train.steps=40"}), 2);
  EXPECT_THAT(read_file(out(refused)), HasSubstr("phase"));
  EXPECT_EQ(fork(origin().string() + "@7", refused), 2);
  EXPECT_THAT(read_file(out(refused)), HasSubstr("8, 9, 12"));
  EXPECT_FALSE(fs::exists(refused / "checkpoints" / "catalog" / "CURRENT"));
  EXPECT_EQ(fork(origin().string(), origin()), 2);
  EXPECT_THAT(read_file(out(origin())), HasSubstr("already"));
}

}  // namespace
}  // namespace desa2va::test
