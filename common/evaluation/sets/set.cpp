#include "common/evaluation/sets/set.h"

#include <array>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "common/preprocess/text/templates.h"

namespace desa2va::evaluation {

namespace {

using datasets::Expression;
using datasets::Sample;

constexpr std::array kSets = {
    EvaluationSet{"refcoco", "refcoco", SetKind::Referring, "val"},
    EvaluationSet{"refcoco+", "refcoco+", SetKind::Referring, "val"},
    EvaluationSet{"refcocog", "refcocog", SetKind::Referring, "val"},
    EvaluationSet{"mevis", "mevis", SetKind::Video, "valid_u"},
    EvaluationSet{"refdavis", "davis17", SetKind::Video, "valid"},
    EvaluationSet{"reytvos", "rvos", SetKind::Video, "valid"},
    EvaluationSet{"revos", "revos", SetKind::Video, "valid", true},
    EvaluationSet{"refsav", "refsav", SetKind::Video, "val", true},
    EvaluationSet{"gcg", "gcg", SetKind::Grounded, "val"},
    EvaluationSet{"seed", "seed", SetKind::Choice, "image"},
    EvaluationSet{"videomme", "videomme", SetKind::Choice, "test"},
};

constexpr std::size_t kVideoMmeFrames = 5;
constexpr std::size_t kGroundedMasks = 100;  // as many detections as COCO counts

// The shortest pattern of training: "Please segment {X}."
std::string please_segment(std::string_view expression) {
  return text::fill(text::segmentation_questions()[0], expression);
}

// RefCOCO asks the cleaned sentences of every ref of the object, as its annotation files have them;
// samples from elsewhere, those of training.
std::vector<std::string> asked_sentences(const Expression& expression) {
  const auto source = nlohmann::json::parse(expression.source, nullptr, false);
  if (source.is_object() && source.contains("sent") && source["sent"].is_array()) {
    std::vector<std::string> sentences;
    for (const auto& sentence : source["sent"])
      if (sentence.is_string()) sentences.push_back(sentence.get<std::string>());
    if (!sentences.empty()) return sentences;
  }
  return expression.texts;
}

std::vector<Query> referring_queries(const Sample& sample) {
  std::vector<Query> out;
  for (std::size_t i = 0; i < sample.expressions.size(); ++i) {
    const Expression& expression = sample.expressions[i];
    std::size_t number = 0;
    for (const std::string& sentence : asked_sentences(expression))
      out.push_back({fmt::format("{}/{}/{}", describe(sample), expression.id, number++),
                     please_segment(sentence), i, 1});
  }
  return out;
}

// Ref-SAV is asked twice, with the long description and with a short one.
std::vector<Query> refsav_queries(const Sample& sample) {
  std::vector<Query> out;
  for (std::size_t i = 0; i < sample.expressions.size(); ++i) {
    const Expression& expression = sample.expressions[i];
    const std::string id = fmt::format("{}/{}", describe(sample), expression.id);
    if (!expression.texts.empty())
      out.push_back(
          {id + "/long", text::fill(text::description_question(), expression.texts[0]), i, 1});
    if (!expression.short_texts.empty())
      out.push_back({id + "/short", please_segment(expression.short_texts[0]), i, 1});
  }
  return out;
}

std::vector<Query> video_queries(const Sample& sample) {
  std::vector<Query> out;
  for (std::size_t i = 0; i < sample.expressions.size(); ++i) {
    const Expression& expression = sample.expressions[i];
    if (expression.texts.empty()) continue;
    const std::string& text = expression.texts[0];
    out.push_back({fmt::format("{}/{}", describe(sample), expression.id),
                   expression.verbatim ? text : please_segment(text), i, 1});
  }
  return out;
}

std::vector<Query> choice_queries(const EvaluationSet& set, const Sample& sample) {
  if (sample.turns.empty()) return {};
  std::string question = sample.turns[0].question;
  constexpr std::string_view kPlace = "<image>\n";
  if (question.starts_with(kPlace)) question.erase(0, kPlace.size());
  return {
      {describe(sample), std::move(question), 0, 0, set.name == "videomme" ? kVideoMmeFrames : 0}};
}

}  // namespace

std::span<const EvaluationSet> evaluation_sets() {
  return kSets;
}

Result<const EvaluationSet*> find_set(std::string_view name) {
  std::string known;
  for (const EvaluationSet& set : kSets) {
    if (set.name == name) return &set;
    known += (known.empty() ? "" : ", ") + std::string(set.name);
  }
  return fail(Errc::InvalidArgument, "no evaluation set '{}': there are {}", name, known);
}

Result<std::vector<Query>> queries_of(const EvaluationSet& set, const Sample& sample) {
  if (sample.dataset != set.dataset)
    return fail(Errc::InvalidArgument, "sample {} is not of the set {}, whose samples are of '{}'",
                describe(sample), set.name, set.dataset);
  if (sample.status == datasets::SampleStatus::Broken) return std::vector<Query>{};
  switch (set.kind) {
    case SetKind::Referring:
      return referring_queries(sample);
    case SetKind::Video:
      return set.name == "refsav" ? refsav_queries(sample) : video_queries(sample);
    case SetKind::Grounded:
      return std::vector<Query>{{describe(sample),
                                 std::string(text::grounded_caption_questions()[0]), 0,
                                 kGroundedMasks}};
    case SetKind::Choice:
      return choice_queries(set, sample);
  }
  return std::vector<Query>{};
}

}  // namespace desa2va::evaluation
