#include "common/config/load.h"

#include <gtest/gtest.h>

#include "common/config/keys.h"

namespace desa2va::config {
namespace {

Loaded loaded(std::string_view text, const std::vector<std::string>& overrides = {}) {
  auto result = load_text(text, "f.yaml", overrides, "/here");
  EXPECT_TRUE(result) << result.error().message();
  return result ? std::move(*result) : Loaded{};
}

TEST(Load, EmptyFileGivesTheDefaults) {
  const Config config = loaded("").config;
  EXPECT_EQ(to_yaml(config), to_yaml(Config{}));
  EXPECT_EQ(config.train.lr, 4e-5);
  EXPECT_EQ(config.run.seed, 42);
}

TEST(Load, FileOverridesDefaultsAndCommandLineOverridesFile) {
  const Loaded l = loaded("train:\n  lr: 0.5\n  epochs: 2\n", {"train.lr=0.25"});
  EXPECT_EQ(l.config.train.lr, 0.25);
  EXPECT_EQ(l.config.train.epochs, 2);
  EXPECT_EQ(l.origin.at("train.lr"), "command line");
  EXPECT_EQ(l.origin.at("train.epochs"), "f.yaml:3");
  EXPECT_EQ(l.origin.count("train.eps"), 0U);
}

TEST(Load, PresetLiesUnderTheFile) {
  const Loaded l = loaded("preset: baseline\northo: {weight: 0.5}\n");
  EXPECT_EQ(l.config.model.decoupler.fusion_mode, "visual");
  EXPECT_EQ(l.config.model.decoupler.adv.weight, 0);
  EXPECT_EQ(l.config.model.decoupler.ortho_weight, 0.5);
  EXPECT_EQ(l.origin.at("adv.weight"), "preset baseline");
  EXPECT_EQ(l.origin.at("ortho.weight"), "f.yaml:2");
}

TEST(Load, PresetOnTheCommandLineReplacesThatOfTheFile) {
  const Loaded l = loaded("preset: baseline\n", {"preset=desa2va"});
  EXPECT_EQ(l.config.preset, Preset::Desa2va);
  EXPECT_EQ(l.config.model.decoupler.fusion_mode, "gate");
}

TEST(Load, VisualFusionForcesTheFusedWeightToZero) {
  const Loaded l = loaded("fusion: {mode: visual}\nloss: {w_fused: 2}\n");
  EXPECT_EQ(l.config.model.loss.w_fused, 0);
  EXPECT_EQ(l.origin.at("loss.w_fused"), "fusion.mode=visual");
}

TEST(Load, VariantSetsTheTrunk) {
  const Config config = loaded("sam2: {variant: hiera_b+}\n").config;
  EXPECT_EQ(config.model.sam2.hiera.embed_dim, 112);
  EXPECT_EQ(config.model.sam2.hiera.stages, (std::vector<std::int64_t>{2, 3, 16, 3}));
}

TEST(Load, OptionalValuesTakeNull) {
  const Config config = loaded("club: {clamp_min: null}\n", {"train.stop_after=null"}).config;
  EXPECT_FALSE(config.model.decoupler.club.clamp_min.has_value());
  EXPECT_FALSE(config.train.stop_after.has_value());
}

TEST(Load, ListsOfMappingsAreReplacedAsAWhole) {
  const Config config = loaded("data:\n  mixture:\n    - {name: a, repeats: 4}\n    - {name: b}\n",
                               {"data.mixture[1].repeats=3"})
                            .config;
  ASSERT_EQ(config.data.mixture.size(), 2U);
  EXPECT_EQ(config.data.mixture[0].repeats, 4);
  EXPECT_EQ(config.data.mixture[1].repeats, 3);
  const Config other =
      loaded("data: {mixture: [{name: a, repeats: 4}]}\n", {"data.mixture=[{name: c}]"}).config;
  ASSERT_EQ(other.data.mixture.size(), 1U);
  EXPECT_EQ(other.data.mixture[0].name, "c");
  EXPECT_EQ(other.data.mixture[0].repeats, 1);
}

TEST(Load, RecipeFieldsStayTextWithTheirOrigin) {
  const Loaded l = loaded("data:\n  recipe:\n    kind: shapes\n    train_images: 12\n");
  EXPECT_EQ(l.config.data.recipe.fields.at("train_images"), "12");
  EXPECT_EQ(l.origin.at("data.recipe.train_images"), "f.yaml:4");
}

TEST(Load, RelativePathsAreTakenFromTheCaller) {
  const Config config = loaded("run: {dir: runs/x/}\ndata: {shards: ../d}\n").config;
  EXPECT_EQ(config.run.dir, "/here/runs/x");
  EXPECT_EQ(config.data.shards, "/d");
}

TEST(Load, PathsOfMixturesStartFromTheRootAndAreItWhereNoneIsGiven) {
  const auto loaded = load_text(
      "data: {root: sets, mixture: [{name: a, importer: llava}, {name: b, importer: llava, path: "
      "x}, "
      "{name: c, importer: llava, path: /y}, {name: d}]}",
      "file", {}, "/base");
  ASSERT_TRUE(loaded) << loaded.error().message();
  const auto& mixture = loaded->config.data.mixture;
  EXPECT_EQ(mixture[0].path, "/base/sets");
  EXPECT_EQ(mixture[1].path, "/base/sets/x");
  EXPECT_EQ(mixture[2].path, "/y");
  EXPECT_EQ(mixture[3].path, "");
}

TEST(Load, PathsBelowARecipeStayRelative) {
  const Config config =
      loaded("data: {recipe: {kind: shapes}, mixture: [{name: a, path: train}]}\n").config;
  EXPECT_EQ(config.data.mixture[0].path, "train");
}

TEST(Print, EffectiveConfigurationReadsBackEqual) {
  Config config = loaded(
                      "preset: baseline_pretrain\n"
                      "train: {lr: 0.1, steps: 30, betas: [0.1, 0.3]}\n"
                      "data:\n"
                      "  recipe: {kind: shapes, colours: \"red,blue\"}\n"
                      "  mixture: [{name: a}, {name: \"odd: name\", max_items: 7}]\n"
                      "services: {sam2: {hosts: [n1, \"n 2\"]}}\n"
                      "club: {clamp_min: null}\n")
                      .config;
  config.train.eps = 1.0 / 3.0;
  const std::string text = to_yaml(config);
  const auto again = load_text(text, "again", {}, "");
  ASSERT_TRUE(again) << again.error().message();
  EXPECT_EQ(to_yaml(again->config), text);
  EXPECT_EQ(again->config.train.eps, 1.0 / 3.0);
  EXPECT_EQ(again->config.data.mixture[1].name, "odd: name");
  EXPECT_EQ(again->config.data.recipe.fields.at("colours"), "red,blue");
}

TEST(Print, EveryValueShowsItsOrigin) {
  const std::string text = to_yaml(loaded("train:\n  lr: 0.5\n", {"run.seed=1"}));
  EXPECT_NE(text.find("# f.yaml:2"), std::string::npos);
  EXPECT_NE(text.find("# command line"), std::string::npos);
  EXPECT_NE(text.find("# default"), std::string::npos);
}

TEST(Resume, OnlyPlacesAndLengthMayDiffer) {
  const Config run = loaded("train: {steps: 20}\n").config;
  Config now = run;
  now.services[Role::Sam2].replicas = 2;
  now.transport[Edge::DataToSam2].kind = EdgeKind::Tcp;
  now.trace.enabled = false;
  now.checkpoint.keep = 9;
  now.run.mode = RunMode::Monolith;
  now.run.dir = "/elsewhere";
  now.train.stop_after = 4;
  EXPECT_TRUE(resume_conflicts(run, now).empty());
}

TEST(Resume, AnotherKeyIsNamedWithBothValues) {
  const Config run = loaded("train: {steps: 20}\n").config;
  Config now = run;
  now.train.lr = 0.5;
  now.data.mixture.push_back({.name = "more"});
  const auto conflicts = resume_conflicts(run, now);
  ASSERT_GE(conflicts.size(), 2U);
  EXPECT_EQ(conflicts[0].key, "train.lr");
  EXPECT_EQ(conflicts[0].old_value, "4e-05");
  EXPECT_EQ(conflicts[0].new_value, "0.5");
  EXPECT_EQ(conflicts[1].key, "data.mixture");
}

TEST(Stored, KeysThatAreGoneSinceArePassedOverThereAndNamedElsewhere) {
  const std::string text = "train:\n  steps: 7\neval:\n  every_steps: 3\n";
  const auto stored = load_stored(text, "config.yaml", {});
  ASSERT_TRUE(stored) << stored.error().message();
  EXPECT_EQ(stored->config.train.steps, 7);
  const auto given = load_text(text, "mine.yaml", {}, "");
  ASSERT_FALSE(given);
  EXPECT_NE(given.error().message().find("mine.yaml:4:3: eval.every_steps: this key had no effect"),
            std::string::npos)
      << given.error().message();
  EXPECT_FALSE(load_stored("eval: {every_stepz: 3}", "config.yaml", {}));
}

TEST(Keys, DefaultsLieInTheirRanges) {
  // Reading the printed defaults checks each against its range.
  const auto again = load_text(to_yaml(Config{}), "defaults", {}, "");
  EXPECT_TRUE(again) << again.error().message();
}

TEST(Keys, PathsAreUnique) {
  Config config;
  std::vector<std::string> paths;
  for (const Key& key : all_keys(config)) paths.push_back(key.path);
  std::sort(paths.begin(), paths.end());
  EXPECT_EQ(std::adjacent_find(paths.begin(), paths.end()), paths.end());
}

}  // namespace
}  // namespace desa2va::config
