#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/config/load.h"

namespace desa2va::config {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

std::string message(std::string_view text, const std::vector<std::string>& overrides = {}) {
  const auto result = load_text(text, "f.yaml", overrides, "");
  if (result) return "no error";
  EXPECT_EQ(result.error().code(), Errc::InvalidArgument);
  EXPECT_EQ(result.error().exit_code(), static_cast<int>(ExitCode::Usage));
  return result.error().message();
}

TEST(ConfigError, UnknownKeyBringsPositionAndTheNearest) {
  EXPECT_EQ(message("train:\n  stpes: 5\n"),
            "f.yaml:2:3: train.stpes: unknown key; did you mean train.steps?");
}

TEST(ConfigError, RightNameBelowTheWrongSectionIsFound) {
  EXPECT_EQ(message("", {"train.seed=1"}),
            "command line: train.seed: unknown key; did you mean run.seed?");
}

TEST(ConfigError, UnknownSectionIsAnError) {
  EXPECT_THAT(message("quux: {a: 1}\n"), StartsWith("f.yaml:1:1: quux: unknown key"));
}

TEST(ConfigError, WrongTypeNamesWhatIsExpected) {
  EXPECT_THAT(message("train:\n  lr: fast\n"),
              StartsWith("f.yaml:2:7: train.lr: expected a number, got \"fast\""));
  EXPECT_THAT(message("run: {seed: 1.5}\n"), HasSubstr("expected an integer, got \"1.5\""));
  EXPECT_THAT(message("trace: {enabled: yes}\n"), HasSubstr("expected true or false"));
  EXPECT_THAT(message("train: {betas: [0.9]}\n"), HasSubstr("expected a list of 2 numbers"));
  EXPECT_THAT(message("train: 3\n"), HasSubstr("expected a mapping"));
  EXPECT_THAT(message("data: {mixture: 3}\n"), HasSubstr("expected a list of mappings"));
  EXPECT_THAT(message("run: {seed: null}\n"), HasSubstr("expected an integer, got null"));
}

TEST(ConfigError, OutOfRangeNamesTheRange) {
  EXPECT_THAT(message("", {"train.lr=-1"}),
              StartsWith("command line: train.lr: -1 is not allowed: must be > 0"));
  EXPECT_THAT(message("", {"phase_a.frac=2"}), HasSubstr("must be in [0, 0.999]"));
  EXPECT_THAT(message("", {"train.lr=nan"}), HasSubstr("not allowed"));
  EXPECT_THAT(message("", {"train.lr=inf"}), HasSubstr("not allowed"));
}

TEST(ConfigError, AWordThatIsNoChoiceBringsAllAndTheNearest) {
  EXPECT_THAT(message("", {"run.mode=proceses"}),
              HasSubstr("must be processes | monolith; did you mean processes?"));
}

TEST(ConfigError, AKeyGivenTwiceIsAnError) {
  EXPECT_EQ(message("train:\n  lr: 1\n  lr: 2\n"), "f.yaml:3:3: train.lr: given twice");
}

TEST(ConfigError, BrokenYamlBringsItsPosition) {
  EXPECT_THAT(message("train:\n  lr: [1\n"), StartsWith("f.yaml:3:1: "));
}

TEST(ConfigError, AnOverrideWithoutEqualsIsAnError) {
  EXPECT_THAT(message("", {"nothing"}), HasSubstr("expected KEY=VALUE"));
}

TEST(ConfigError, AnElementThatIsNotThereIsAnError) {
  EXPECT_THAT(message("", {"data.mixture[0].name=a"}), HasSubstr("unknown key"));
}

TEST(ConfigError, AMissingFileIsNamed) {
  const auto result = load("/no/such.yaml", {}, "");
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().exit_code(), static_cast<int>(ExitCode::Usage));
  EXPECT_THAT(result.error().message(), StartsWith("/no/such.yaml: "));
}

}  // namespace
}  // namespace desa2va::config
