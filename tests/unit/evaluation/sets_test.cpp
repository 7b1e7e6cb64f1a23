#include <gmock/gmock.h>

#include "common/evaluation/sets/records.h"

namespace desa2va::evaluation {
namespace {

using datasets::Expression;
using datasets::Sample;
using datasets::SampleKind;
using preprocess::Rle;
using ::testing::ElementsAre;

// The pixels [from, to) of a row of four.
Rle span(std::uint32_t from, std::uint32_t to) {
  return Rle{4, 1, {from, to - from, 4 - to}};
}

Expression expression(const std::string& id, const std::string& text, std::vector<Rle> masks) {
  Expression out;
  out.id = id;
  out.texts = {text};
  for (const Rle& mask : masks) out.masks.push_back(datasets::coded(mask));
  return out;
}

Sample sample_of(const std::string& dataset, SampleKind kind, std::size_t frames) {
  Sample sample;
  sample.dataset = dataset;
  sample.split = "valid";
  sample.id = "v";
  sample.kind = kind;
  sample.media.resize(frames);
  return sample;
}

const EvaluationSet& set_of(const std::string& name) {
  return **find_set(name);
}

Record score(const EvaluationSet& set, const Sample& sample, const Query& query,
             const Answer& answer) {
  auto record = record_of(set, sample, query, answer);
  EXPECT_TRUE(record.has_value()) << (record ? "" : record.error().message());
  return record ? *record : Record();
}

TEST(EvaluationSets, AreFoundByNameAndUnknownOnesNameThem) {
  EXPECT_EQ(set_of("refdavis").dataset, "davis17");
  const auto unknown = find_set("coco");
  ASSERT_FALSE(unknown.has_value());
  EXPECT_THAT(unknown.error().message(), testing::HasSubstr("videomme"));
}

TEST(EvaluationSets, AskEverySentenceAsTheAnnotationHasIt) {
  Sample sample = sample_of("refcoco", SampleKind::ImageRef, 1);
  sample.expressions = {expression("9", "the dog", {span(0, 1)})};
  sample.expressions[0].texts.emplace_back("dog");
  sample.expressions[0].source = R"({"sent": ["dog on left", "dog"]})";
  const auto queries = queries_of(set_of("refcoco"), sample);
  ASSERT_TRUE(queries.has_value());
  ASSERT_EQ(queries->size(), 2U);
  EXPECT_EQ(queries->at(0).question, "Please segment dog on left.");
  EXPECT_EQ(queries->at(1).id, "refcoco/valid/v/9/1");
  EXPECT_EQ(queries->at(0).masks, 1U);
}

TEST(EvaluationSets, AskQuestionsOfVideosVerbatim) {
  Sample sample = sample_of("mevis", SampleKind::VideoRef, 1);
  sample.expressions = {expression("0", "Who runs?", {}), expression("1", "the dog", {})};
  sample.expressions[0].verbatim = true;
  const auto queries = queries_of(set_of("mevis"), sample);
  EXPECT_EQ(queries->at(0).question, "Who runs?");
  EXPECT_EQ(queries->at(1).question, "Please segment the dog.");
}

TEST(EvaluationSets, AskNothingOfBrokenSamplesAndRefuseThoseOfOtherSets) {
  Sample sample = sample_of("mevis", SampleKind::VideoRef, 1);
  sample.expressions = {expression("0", "x", {})};
  EXPECT_FALSE(queries_of(set_of("revos"), sample).has_value());
  sample.mark_broken("no picture");
  EXPECT_TRUE(queries_of(set_of("mevis"), sample)->empty());
}

TEST(EvaluationSets, AskRefSavTwice) {
  Sample sample = sample_of("refsav", SampleKind::VideoRef, 1);
  sample.expressions = {expression("0", "A long description.", {})};
  sample.expressions[0].short_texts = {"red kite"};
  const auto queries = queries_of(set_of("refsav"), sample);
  ASSERT_EQ(queries->size(), 2U);
  EXPECT_EQ(queries->at(1).question, "Please segment red kite.");
}

TEST(SetScores, OfReferringExpressionsAreCiouPerBranch) {
  Sample sample = sample_of("refcoco", SampleKind::ImageRef, 1);
  sample.expressions = {expression("0", "x", {span(0, 2)}), expression("1", "y", {span(2, 4)})};
  const auto& set = set_of("refcoco");
  const auto queries = *queries_of(set, sample);
  const std::vector records = {
      score(set, sample, queries[0],
            {"[SEG].", {{"visual", {{span(0, 1)}}}, {"fused", {{span(0, 2)}}}}}),
      score(set, sample, queries[1], {"I do not see it.", {{"visual", {}}, {"fused", {}}}})};
  const auto report = report_of(set, records);
  ASSERT_TRUE(report.has_value()) << report.error().message();
  EXPECT_EQ(report->document["branch"], "fused");
  EXPECT_NEAR(report->document["cIoU"]["count_missing_false"].get<double>(), 1, 1e-9);
  EXPECT_NEAR(report->document["cIoU"]["count_missing_true"].get<double>(), 0.5, 1e-9);
  EXPECT_NEAR(report->document["branches"]["visual"]["cIoU"]["count_missing_false"].get<double>(),
              0.5, 1e-9);
  EXPECT_EQ(quality(records[0], "visual"), 0.5);
  EXPECT_EQ(quality(records[1], "visual"), 0.0);
}

TEST(SetScores, OfVideosAreMeansOverFramesThenExpressions) {
  Sample sample = sample_of("mevis", SampleKind::VideoRef, 2);
  sample.expressions = {expression("0", "x", {span(0, 2), span(0, 2)}),
                        expression("1", "y", {span(0, 0), span(0, 0)})};
  const auto& set = set_of("mevis");
  const auto queries = *queries_of(set, sample);
  const std::vector records = {
      score(set, sample, queries[0], {"", {{"visual", {{span(0, 2), span(0, 1)}}}}}),
      score(set, sample, queries[1], {"", {{"visual", {}}}})};
  EXPECT_EQ(records[0]["branches"]["visual"]["J"], 0.75);
  EXPECT_EQ(records[1]["branches"]["visual"]["J"], 1.0);  // nothing there, nothing predicted
  const auto report = report_of(set, records);
  EXPECT_DOUBLE_EQ(report->document["J_mean"].get<double>(), 0.875);
}

TEST(SetScores, OfASplitWithoutTruthSayThatTheServerScores) {
  Sample sample = sample_of("rvos", SampleKind::VideoRef, 1);
  sample.expressions = {expression("0", "x", {})};
  const auto& set = set_of("reytvos");
  const auto queries = *queries_of(set, sample);
  const auto report =
      report_of(set, {score(set, sample, queries[0], {"", {{"fused", {{span(0, 1)}}}}})});
  ASSERT_TRUE(report.has_value());
  EXPECT_THAT(report->warnings, ElementsAre(testing::HasSubstr("server")));
  EXPECT_FALSE(report->document.contains("branches"));
}

TEST(SetScores, OfRevosAreTheMeanOfTwoGroups) {
  Sample sample = sample_of("revos", SampleKind::VideoRef, 1);
  for (int i = 0; i < 4; ++i)
    sample.expressions.push_back(expression(std::to_string(i), "x", {span(0, 2)}));
  sample.expressions[2].source = R"({"type_id": 1})";
  sample.expressions[3].source = R"({"type_id": 2})";
  sample.foreground = {datasets::coded(span(0, 4))};
  const auto& set = set_of("revos");
  const auto queries = *queries_of(set, sample);
  std::vector<Record> records;
  for (std::size_t i = 0; i < 4; ++i) {
    const Rle predicted = i < 2 ? span(0, 2) : span(0, 4);
    records.push_back(score(set, sample, queries[i], {"", {{"visual", {{predicted}}}}}));
  }
  const auto report = report_of(set, records);
  EXPECT_DOUBLE_EQ(report->document["groups"]["referring"]["J_mean"].get<double>(), 1);
  EXPECT_DOUBLE_EQ(report->document["groups"]["reasoning"]["J_mean"].get<double>(), 0.5);
  EXPECT_DOUBLE_EQ(report->document["overall"]["J_mean"].get<double>(), 0.75);
  EXPECT_DOUBLE_EQ(report->document["groups"]["reasoning"]["R"].get<double>(), 0.5);
  EXPECT_DOUBLE_EQ(report->document["groups"]["reasoning"]["A"].get<double>(), 0.5);
}

TEST(SetScores, OfGroundedCaptionsSurviveBeingWrittenAndRead) {
  Sample sample = sample_of("gcg", SampleKind::Gcg, 1);
  sample.caption = "A man walks.";
  sample.expressions = {expression("0", "A man", {span(0, 2)})};
  const auto& set = set_of("gcg");
  const auto queries = *queries_of(set, sample);
  const auto record =
      score(set, sample, queries[0], {"<p> A man </p> [SEG] walks.", {{"visual", {{span(0, 2)}}}}});
  const auto report = report_of(set, {Record::parse(record.dump())});
  ASSERT_TRUE(report.has_value()) << report.error().message();
  EXPECT_NEAR(report->document["AP50"].get<double>(), 1, 1e-9);
  EXPECT_EQ(report->document["recall"], 1.0);
  EXPECT_NEAR(report->document["captions"]["METEOR-es"].get<double>(), 1, 1e-9);
}

TEST(SetScores, OfQuestionsAreAccuracyByGroup) {
  Sample sample = sample_of("seed", SampleKind::ImageQa, 1);
  sample.turns = {{"<image>\nWhich?\nA. x\nB. y", "B"}};
  sample.source = R"({"options": {"A": "x", "B": "y"}, "groups": {"question_type": "Counting"}})";
  const auto& set = set_of("seed");
  const auto queries = *queries_of(set, sample);
  ASSERT_EQ(queries.size(), 1U);
  EXPECT_EQ(queries[0].question, "Which?\nA. x\nB. y");
  const auto report = report_of(
      set, {score(set, sample, queries[0], {"B.", {}}), score(set, sample, queries[0], {"A", {}})});
  EXPECT_EQ(report->document["accuracy"], 0.5);
  EXPECT_EQ(report->document["by"]["question_type"]["Counting"]["questions"], 2);
}

TEST(SetScores, OfALineThatIsNoRecordAreRefused) {
  EXPECT_FALSE(report_of(set_of("seed"), {Record{{"id", "x"}}}).has_value());
  EXPECT_FALSE(report_of(set_of("mevis"), {Record{{"branches", {{"visual", 3}}}}}).has_value());
}

TEST(SetScores, RefuseMasksOfAnotherSize) {
  Sample sample = sample_of("refcoco", SampleKind::ImageRef, 1);
  sample.expressions = {expression("0", "x", {span(0, 2)})};
  const auto& set = set_of("refcoco");
  const auto queries = *queries_of(set, sample);
  EXPECT_FALSE(
      record_of(set, sample, queries[0], {"", {{"visual", {{Rle{2, 2, {4}}}}}}}).has_value());
}

}  // namespace
}  // namespace desa2va::evaluation
