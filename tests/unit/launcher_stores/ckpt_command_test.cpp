#include "tests/support/temp_dir.h"
#include "tests/unit/launcher_stores/command_line.h"
#include "tests/unit/storage/checkpoint/store.h"

namespace desa2va::launcher {
namespace {

using checkpoint::test::must;
using checkpoint::test::random_tensor;
using desa2va::test::TempDir;

// A run directory with steps 3 and 6; "w" differs between them.
class CkptCommand : public ::testing::Test {
 protected:
  CkptCommand() {
    auto catalog = must(checkpoint::Catalog::open(dir_ / "run/checkpoints"));
    const auto frozen = random_tensor({300, 100}, 1);
    must(checkpoint::test::save(catalog, 3, {{"f", frozen}, {"w", random_tensor({2, 3}, 2)}}));
    must(checkpoint::test::save(catalog, 6, {{"f", frozen}, {"w", random_tensor({2, 3}, 3)}}));
  }
  static test::Outcome run(std::vector<std::string> words) {
    words.insert(words.begin(), "ckpt");
    return test::run(&add_ckpt, std::move(words));
  }

  TempDir dir_;
  const std::string run_ = (dir_ / "run").string();
};

TEST_F(CkptCommand, LsListsStepsInOrder) {
  const auto outcome = run({"ls", run_, "--json"});
  EXPECT_EQ(outcome.exit_code(), 0);
  const auto list = outcome.json().at("checkpoints");
  ASSERT_EQ(list.size(), 2U);
  EXPECT_EQ(list[0].at("step"), 3);
  EXPECT_EQ(list[1].at("step"), 6);
  EXPECT_EQ(list[1].at("phase"), "B");
  EXPECT_EQ(list[1].at("position"), 24);
}

TEST_F(CkptCommand, ShowHasTheFieldsThatScriptsReadForTheLastStepOrTheNamedOne) {
  const auto last = run({"show", run_, "--json"}).json();
  EXPECT_EQ(last.at("step"), 6);
  EXPECT_EQ(last.at("phase"), "B");
  EXPECT_EQ(last.at("position"), 24);
  ASSERT_EQ(last.at("tensors").size(), 2U);
  const auto& tensor = last.at("tensors")[1];
  EXPECT_EQ(tensor.at("name"), "w");
  EXPECT_EQ(tensor.at("dtype"), "f32");
  EXPECT_EQ(tensor.at("shape"), (std::vector<int>{2, 3}));
  EXPECT_EQ(tensor.at("owner"), "mllm-0");
  const auto third = run({"show", run_ + "@3", "--json"}).json();
  EXPECT_EQ(third.at("step"), 3);
  EXPECT_EQ(third.at("tensors")[0].at("hash"), last.at("tensors")[0].at("hash"));
  EXPECT_NE(third.at("tensors")[1].at("hash"), tensor.at("hash"));
}

TEST_F(CkptCommand, DiffIsZeroForEqualAndOneForDifferentStates) {
  EXPECT_EQ(run({"diff", run_, run_ + "/checkpoints@6"}).exit_code(), 0);
  const auto outcome = run({"diff", run_ + "@3", run_, "--json"});
  EXPECT_EQ(outcome.exit_code(), 1);
  const auto json = outcome.json();
  EXPECT_EQ(json.at("identical"), false);
  EXPECT_EQ(json.at("compared"), 2);
  ASSERT_EQ(json.at("differences").size(), 1U);
  EXPECT_EQ(json.at("differences")[0].at("name"), "w");
}

TEST_F(CkptCommand, WhatIsNotThereIsNotFound) {
  EXPECT_EQ(run({"show", run_ + "@4"}).result.error().code(), Errc::NotFound);
  EXPECT_EQ(run({"ls", (dir_ / "nowhere").string()}).result.error().code(), Errc::NotFound);
}

TEST_F(CkptCommand, VerifyNamesTensorAndChunkOfAFlippedBit) {
  EXPECT_EQ(run({"verify", run_}).exit_code(), 0);
  checkpoint::test::flip_bit(dir_ / "run/checkpoints/parts/00000003-mllm-0.sst", 5000);
  const auto outcome = run({"verify", run_, "--json"});
  EXPECT_EQ(outcome.exit_code(), 1);
  const auto defects = outcome.json().at("defects");
  ASSERT_EQ(defects.size(), 2U);  // both steps need it
  EXPECT_EQ(defects[0].at("tensor"), "f");
  EXPECT_EQ(defects[0].at("chunk"), 0);
  EXPECT_EQ(defects[0].at("part"), "00000003-mllm-0.sst");
}

TEST_F(CkptCommand, DamagedCatalogAsksForTheExitCodeOfTheStorage) {
  for (const auto& entry : std::filesystem::directory_iterator(dir_ / "run/checkpoints/catalog")) {
    if (entry.path().extension() == ".sst") checkpoint::test::flip_bit(entry.path(), 20);
  }
  const auto outcome = run({"show", run_});
  ASSERT_FALSE(outcome.result);
  EXPECT_EQ(outcome.result.error().exit_code(), static_cast<int>(ExitCode::Storage))
      << outcome.result.error().message();
}

}  // namespace
}  // namespace desa2va::launcher
