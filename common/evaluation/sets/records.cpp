#include "common/evaluation/sets/records.h"

#include <fmt/format.h>

#include "common/evaluation/choice.h"
#include "common/evaluation/gcg/answer.h"
#include "common/evaluation/masks/boundary.h"
#include "common/evaluation/masks/overlap.h"
#include "common/evaluation/video/sequence.h"

namespace desa2va::evaluation {

namespace {

using datasets::CodedMask;
using datasets::Expression;
using datasets::Sample;
using preprocess::Rle;

using Objects = std::vector<std::vector<Rle>>;

Result<Rle> truth_mask(const Expression& expression, std::size_t frame, const Query& query) {
  return datasets::decoded(expression.masks[frame])
      .in(fmt::format("{}: truth of frame {}", query.id, frame));
}

Result<Record> referring_branch(const Expression& expression, const Query& query,
                                const Objects& objects) {
  DESA2VA_ASSIGN(const Rle truth, truth_mask(expression, 0, query));
  if (objects.empty() || objects[0].empty())
    return Record{{"answered", false}, {"truth", preprocess::area(truth)}};
  DESA2VA_ASSIGN(const Overlap common, overlap(truth, objects[0][0]).in(query.id));
  return Record{{"answered", true},
                {"intersection", common.intersection},
                {"union", common.united},
                {"truth", common.truth}};
}

// Where the video shows frames without a mask in the truth, those frames are not scored.
Result<Record> video_branch(const EvaluationSet& set, const Sample& sample,
                            const Expression& expression, const Query& query,
                            const Objects& objects) {
  const std::size_t frames =
      std::min<std::size_t>(expression.masks.size(), sample.drawable_frames());
  double j = 0;
  double f = 0;
  RevosCounts counts;
  for (std::size_t frame = 0; frame < frames; ++frame) {
    DESA2VA_ASSIGN(const Rle coded, truth_mask(expression, frame, query));
    const Mask truth = preprocess::decode_rle(coded);
    const bool answered = !objects.empty() && frame < objects[0].size();
    const Mask predicted = answered ? preprocess::decode_rle(objects[0][frame])
                                    : Mask::zeros(truth.width, truth.height);
    DESA2VA_ASSIGN(
        const JF score,
        region_and_boundary(truth, predicted).in(fmt::format("{}: frame {}", query.id, frame)));
    j += score.j;
    f += score.f;
    if (!set.revos) continue;
    Mask all = truth;
    if (frame < sample.foreground.size()) {
      DESA2VA_ASSIGN(const Rle foreground,
                     datasets::decoded(sample.foreground[frame]).in(query.id));
      all = preprocess::decode_rle(foreground);
    }
    if (all.pixels.size() == truth.pixels.size()) counts.add(truth, predicted, all);
  }
  const auto count = static_cast<double>(std::max<std::size_t>(frames, 1));
  Record out = {
      {"answered", !objects.empty()}, {"frames", frames}, {"J", j / count}, {"F", f / count}};
  if (set.revos) {
    out["A"] = counts.accuracy();
    out["R"] = counts.robustness();
  }
  return out;
}

// ReVOS: referring, reasoning, hallucination; Ref-SAV: long, short.
std::string group_of(const EvaluationSet& set, const Expression& expression, const Query& query) {
  if (set.name == "refsav") return query.id.ends_with("/short") ? "short" : "long";
  const auto source = nlohmann::json::parse(expression.source, nullptr, false);
  const int type = source.is_object() ? source.value("type_id", 0) : 0;
  return type == 0 ? "referring" : type == 1 ? "reasoning" : "hallucination";
}

Result<Record> grounded_branch(const Sample& sample, const Query& query, const GcgAnswer& answer,
                               const Objects& objects, const PhraseSimilarity& similarity) {
  GcgImage image;
  image.id = sample.id;
  image.predicted_phrases = answer.phrases;
  for (const Expression& expression : sample.expressions) {
    if (expression.masks.empty()) continue;
    DESA2VA_ASSIGN(image.truth.emplace_back(), truth_mask(expression, 0, query));
    image.truth_phrases.push_back(expression.texts.empty() ? "" : expression.texts[0]);
  }
  for (const auto& object : objects)
    if (!object.empty()) image.predicted.push_back(object[0]);
  DESA2VA_ASSIGN(const GcgImageScore score, score_gcg_image(image, similarity).in(query.id));
  return Record{{"answered", !objects.empty()},
                {"mIoU", score.miou},
                {"matches", score.matches},
                {"truth_phrases", score.truth_phrases},
                {"positives", score.positives},
                {"confidence", score.confidence},
                {"hit", score.hit},
                {"ignored", score.ignored}};
}

Result<Record> choice_record(const EvaluationSet& set, const Sample& sample, const Query& query,
                             const Answer& answer) {
  const auto source = nlohmann::json::parse(sample.source, nullptr, false);
  const std::string letter = sample.turns.empty() ? "" : sample.turns[0].answer;
  if (!source.is_object() || !source.contains("options") || letter.size() != 1)
    return fail(Errc::Corrupt, "{}: the sample has no options and answer", query.id);
  Options options;
  for (const auto& [option, text] : source["options"].items())
    if (!option.empty() && text.is_string()) options[option[0]] = text.get<std::string>();
  const auto choice = set.name == "videomme" ? videomme_choice(answer.text, options)
                                             : seed_choice(answer.text, options);
  return Record{{"choice", choice ? Record(std::string(1, *choice)) : Record()},
                {"answer", letter},
                {"correct", choice && *choice == letter[0]},
                {"groups", source.value("groups", nlohmann::json::object())}};
}

Result<Record> branch_record(const EvaluationSet& set, const Sample& sample, const Query& query,
                             const Answer& answer, const Objects& objects,
                             const PhraseSimilarity& similarity) {
  if (set.kind == SetKind::Grounded)
    return grounded_branch(sample, query, parse_gcg_answer(answer.text), objects, similarity);
  const Expression& expression = sample.expressions[query.expression];
  if (expression.masks.empty()) return Record{{"answered", !objects.empty()}};
  if (set.kind == SetKind::Referring) return referring_branch(expression, query, objects);
  return video_branch(set, sample, expression, query, objects);
}

}  // namespace

Result<Record> record_of(const EvaluationSet& set, const Sample& sample, const Query& query,
                         const Answer& answer, const PhraseSimilarity& similarity) {
  Record out = {{"id", query.id}, {"text", answer.text}};
  if (set.kind == SetKind::Choice) {
    DESA2VA_ASSIGN(const Record choice, choice_record(set, sample, query, answer));
    out.update(choice);
    return out;
  }
  if (set.kind == SetKind::Grounded) {
    out["caption"] = parse_gcg_answer(answer.text).caption;
    out["reference"] = sample.caption;
  } else {
    if (query.expression >= sample.expressions.size())
      return fail(Errc::InvalidArgument, "{}: the sample has {} expressions", query.id,
                  sample.expressions.size());
    const Expression& expression = sample.expressions[query.expression];
    if (set.revos) out["group"] = group_of(set, expression, query);
    out["has_truth"] = !expression.masks.empty();
  }
  out["branches"] = Record::object();
  for (const auto& [branch, objects] : answer.masks) {
    DESA2VA_ASSIGN(out["branches"][branch],
                   branch_record(set, sample, query, answer, objects, similarity));
  }
  return out;
}

std::optional<double> quality(const Record& record, const std::string& branch) {
  if (record.contains("correct")) return record["correct"].get<bool>() ? 1.0 : 0.0;
  if (!record.contains("branches") || !record["branches"].contains(branch)) return std::nullopt;
  const Record& scores = record["branches"][branch];
  if (scores.contains("J")) return (scores["J"].get<double>() + scores["F"].get<double>()) / 2;
  if (scores.contains("mIoU")) return scores["mIoU"].get<double>();
  if (scores.contains("union")) {
    const auto united = scores["union"].get<double>();
    return united == 0 ? 1.0 : scores["intersection"].get<double>() / united;
  }
  if (scores.contains("truth")) return 0.0;
  return std::nullopt;
}

}  // namespace desa2va::evaluation
