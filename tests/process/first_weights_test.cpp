#include <gtest/gtest.h>

#include "common/storage/checkpoint/catalog.h"
#include "common/storage/checkpoint/compare.h"
#include "tests/process/tiny_run.h"

// Weights out of a run, into another: the real program with the tiny configuration.
namespace desa2va::test {
namespace {

checkpoint::Manifest manifest(const fs::path& run) {
  const auto address = checkpoint::parse_address(run.string());
  EXPECT_TRUE(address.has_value()) << run;
  auto loaded = checkpoint::load(*address);
  EXPECT_TRUE(loaded.has_value()) << run;
  return std::move(*loaded);
}

int desa2va(const fs::path& out, std::vector<std::string> words) {
  words.insert(words.begin(), (programs() / "desa2va").string());
  return wait_for(start(words, out));
}

// Tensors of the model in `a` that `b` has otherwise.
std::vector<std::string> other(const checkpoint::Manifest& a, const checkpoint::Manifest& b) {
  std::vector<std::string> names;
  for (const auto& record : a.tensors) {
    const auto* found = b.find(record.name);
    if (found == nullptr || found->hash() != record.hash()) names.push_back(record.name);
  }
  return names;
}

std::string first_line(const fs::path& run) {
  const std::string all = metrics_outside_time(run);
  return all.substr(0, all.find('\n'));
}

class FirstWeights : public ::testing::Test {
 protected:
  // Trained for 12 steps, exported, imported: once for all tests.
  static void SetUpTestSuite() {
    folder_ = std::make_unique<TempDir>();
    ASSERT_TRUE(runs(at("trained")));
    ASSERT_EQ(desa2va(at("export.out"), {"ckpt", "export", at("trained").string(), "--to",
                                         at("published").string(), "--dtype", "f32"}),
              0)
        << read_file(at("export.out"));
    ASSERT_EQ(desa2va(at("import.out"), {"ckpt", "import", "--sa2va", at("published").string(),
                                         "--to", at("imported").string()}),
              0)
        << read_file(at("import.out"));
  }
  static void TearDownTestSuite() { folder_.reset(); }
  static fs::path at(const std::string& name) { return *folder_ / name; }
  static std::string from_import() { return "init.from=" + at("imported").string(); }

  static inline std::unique_ptr<TempDir> folder_;
};

TEST_F(FirstWeights, AreThoseThatWereImportedAndTrainingGoesOnFromThem) {
  ASSERT_TRUE(runs(at("second"), {from_import(), "train.stop_after=1"}));
  const auto imported = manifest(at("imported"));
  EXPECT_TRUE(other(imported, manifest(at("second").string() + "@0")).empty());
  // Phase A of the tiny configuration trains the text branch and the encoder, the rest is frozen.
  const auto changed = other(imported, manifest(at("second").string() + "@1"));
  EXPECT_FALSE(changed.empty());
  for (const auto& name : changed) {
    EXPECT_TRUE(name.starts_with("grounding_encoder.") || name.starts_with("decoupler.")) << name;
  }
  EXPECT_NE(first_line(at("second")), first_line(at("trained")));
  EXPECT_EQ(desa2va(at("verify.out"), {"ckpt", "verify", at("second").string()}), 0);
}

TEST_F(FirstWeights, GiveTheSameRunInOneProcessAndAfterAResume) {
  ASSERT_TRUE(runs(at("straight"), {from_import(), "train.stop_after=4"}));
  ASSERT_TRUE(runs(at("mono"), {from_import(), "train.stop_after=4", "run.mode=monolith"}));
  EXPECT_TRUE(same_run(at("straight"), at("mono")));
  ASSERT_TRUE(runs(at("twice"), {from_import(), "train.stop_after=2"}));
  fs::rename(at("imported"), at("moved"));  // the run does not need it any more
  const bool resumed = static_cast<bool>(runs(at("twice"), {from_import(), "train.stop_after=4"}));
  fs::rename(at("moved"), at("imported"));
  ASSERT_TRUE(resumed) << read_file(at("twice.out"));
  EXPECT_TRUE(same_run(at("straight"), at("twice")));
}

TEST_F(FirstWeights, MayBeATrainedRunWhoseOptimizerStays) {
  ASSERT_TRUE(runs(at("tuned"), {"init.from=" + at("trained").string(), "train.stop_after=1"}));
  const auto start = manifest(at("tuned").string() + "@0");
  EXPECT_TRUE(other(start, manifest(at("trained"))).empty());
  for (const auto& record : start.tensors)
    EXPECT_EQ(record.name.find("optimizer"), std::string::npos) << record.name;
}

TEST_F(FirstWeights, OfOtherSizesEndTheRunBeforeItStarts) {
  EXPECT_TRUE(runs(at("wrong"), {from_import(), "llm.lora.r=16"}, 2));
  const std::string said = read_file(at("wrong.out"));
  EXPECT_NE(said.find("init.from"), std::string::npos) << said;
  EXPECT_NE(said.find("lora_A"), std::string::npos) << said;
  EXPECT_TRUE(runs(at("wrong"), {"init.from=" + at("nowhere").string()}, 2));
}

TEST_F(FirstWeights, MayBeImportedIntoTheRunItself) {
  ASSERT_EQ(desa2va(at("own.out"), {"ckpt", "import", "--sa2va", at("published").string(), "--to",
                                    at("own").string()}),
            0);
  ASSERT_TRUE(runs(at("own"), {"train.stop_after=1"}));
  EXPECT_EQ(first_line(at("own")), [] {
    EXPECT_TRUE(runs(at("beside"), {from_import(), "train.stop_after=1"}));
    return first_line(at("beside"));
  }());
}

}  // namespace
}  // namespace desa2va::test
