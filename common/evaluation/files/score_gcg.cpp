#include <algorithm>
#include <map>
#include <optional>

#include <fmt/format.h>

#include "common/base/parallel.h"
#include "common/evaluation/captions/meteor.h"
#include "common/evaluation/captions/ngrams.h"
#include "common/evaluation/captions/ptb.h"
#include "common/evaluation/files/json_input.h"
#include "common/evaluation/files/report.h"
#include "common/evaluation/gcg/answer.h"
#include "common/evaluation/gcg/score.h"

namespace desa2va::evaluation {

namespace {

namespace fs = std::filesystem;

struct Picture {
  GcgImage masks;
  std::optional<std::string> candidate;
  std::vector<std::string> references;
  bool answered = false;
};
using Pictures = std::map<std::string, Picture>;

Result<std::string> image_id(const Json& value) {
  const Json* id = member(value, {"image_id", "id"});
  if (id == nullptr) return fail(Errc::Corrupt, "an entry has no \"image_id\"");
  return text_id(*id, "image_id");
}

void add_texts(const Json* value, std::vector<std::string>& into) {
  if (value == nullptr) return;
  if (value->is_string()) into.push_back(value->get<std::string>());
  if (value->is_array())
    for (const Json& one : *value) into.push_back(one.get<std::string>());
}

// One mask of a COCO file, with its phrase where it has one.
Result<void> add_truth_mask(const Json& value, Picture& picture) {
  GcgImage& image = picture.masks;
  DESA2VA_ASSIGN(image.truth.emplace_back(),
                 mask_in(value.at("segmentation"),
                         fmt::format("picture '{}': mask {}", image.id, image.truth.size())));
  const Json* crowd = member(value, {"iscrowd"});
  image.crowd.push_back(crowd != nullptr && *crowd != 0 && *crowd != false);
  add_texts(member(value, {"phrase", "label", "text"}), image.truth_phrases);
  return {};
}

// {"image_id", "masks": [...], "phrases": [...], "caption"}.
Result<void> add_truth_picture(const Json& value, Pictures& pictures) {
  DESA2VA_ASSIGN(const std::string id, image_id(value));
  Picture& picture = pictures[id];
  picture.masks.id = id;
  if (const Json* masks = member(value, {"masks", "gt_masks"})) {
    for (const Json& mask : *masks) {
      DESA2VA_ASSIGN(
          picture.masks.truth.emplace_back(),
          mask_in(mask, fmt::format("picture '{}': mask {}", id, picture.masks.truth.size())));
      picture.masks.crowd.push_back(false);
    }
  }
  add_texts(member(value, {"phrases", "gt_phrases", "labels"}), picture.masks.truth_phrases);
  add_texts(member(value, {"caption"}), picture.references);
  add_texts(member(value, {"captions", "references"}), picture.references);
  return {};
}

// GLaMM's caption file: annotations with caption and labels, no masks.
Result<void> add_truth_annotation(const Json& value, Pictures& pictures) {
  DESA2VA_ASSIGN(const std::string id, image_id(value));
  Picture& picture = pictures[id];
  picture.masks.id = id;
  if (value.contains("segmentation")) return add_truth_mask(value, picture);
  add_texts(member(value, {"labels", "phrases"}), picture.masks.truth_phrases);
  add_texts(member(value, {"caption", "captions"}), picture.references);
  return {};
}

Result<void> add_truth(const Json& document, Pictures& pictures) {
  if (document.is_array()) {
    for (const Json& one : document) DESA2VA_TRY(add_truth_picture(one, pictures));
    return {};
  }
  if (!document.is_object()) return fail(Errc::Corrupt, "wanted are objects with \"image_id\"");
  const Json* images = member(document, {"images"});
  if (images == nullptr && member(document, {"image_id"}) != nullptr)
    return add_truth_picture(document, pictures);
  if (images == nullptr)
    return fail(Errc::Corrupt, "wanted is \"images\" or a list of {{\"image_id\", \"masks\"}}");
  for (const Json& image : *images) DESA2VA_TRY(add_truth_picture(image, pictures));
  if (const Json* annotations = member(document, {"annotations", "ground_truth"}))
    for (const Json& one : *annotations) DESA2VA_TRY(add_truth_annotation(one, pictures));
  if (const Json* phrases = member(document, {"per_image"}))
    for (const Json& one : *phrases) DESA2VA_TRY(add_truth_picture(one, pictures));
  return {};
}

class PredictionReader {
 public:
  PredictionReader(Pictures& pictures, std::vector<std::string>& warnings)
      : pictures_(pictures), warnings_(warnings) {}

  Result<void> document(const Json& value) {
    if (value.is_array()) {
      for (const Json& one : value) DESA2VA_TRY(document(one));
      return {};
    }
    if (!value.is_object()) return fail(Errc::Corrupt, "wanted are objects with \"image_id\"");
    if (const Json* list = member(value, {"predictions"}); list != nullptr && list->is_array()) {
      DESA2VA_TRY(document(*list));
      return phrases_beside(value);
    }
    return one(value);
  }
  std::uint64_t known() const { return known_; }

 private:
  // COCO results say nothing of phrases; those of a picture may stand beside them.
  Result<void> phrases_beside(const Json& document) {
    const Json* pictures = member(document, {"per_image"});
    if (pictures == nullptr) return {};
    for (const Json& value : *pictures) {
      DESA2VA_ASSIGN(const std::string id, image_id(value));
      const auto found = pictures_.find(id);
      if (found == pictures_.end()) continue;
      found->second.masks.predicted_phrases.clear();
      add_texts(member(value, {"pred_phrases"}), found->second.masks.predicted_phrases);
    }
    return {};
  }

  Result<void> one(const Json& value) {
    DESA2VA_ASSIGN(const std::string id, image_id(value));
    const auto found = pictures_.find(id);
    if (found == pictures_.end()) {
      warnings_.push_back(fmt::format("picture {}: not in the truth, ignored", id));
      return {};
    }
    ++known_;
    Picture& picture = found->second;
    GcgImage& image = picture.masks;
    if (const Json* mask = member(value, {"segmentation"})) {  // a list of COCO results
      picture.answered = true;
      DESA2VA_TRY(add_mask(*mask, value.value("score", 1.0), image));
      add_texts(member(value, {"phrase", "label", "text"}), image.predicted_phrases);
      return {};
    }
    if (picture.answered) return fail(Errc::Corrupt, "picture '{}' is there twice", id);
    picture.answered = true;
    if (const Json* text = member(value, {"text", "answer"})) {
      GcgAnswer answer = parse_gcg_answer(text->get<std::string>());
      picture.candidate = std::move(answer.caption);
      image.predicted_phrases = std::move(answer.phrases);
    }
    if (const Json* caption = member(value, {"caption"}))
      picture.candidate = caption->get<std::string>();
    if (const Json* phrases = member(value, {"phrases"})) {
      image.predicted_phrases.clear();
      add_texts(phrases, image.predicted_phrases);
    }
    const Json* masks = member(value, {"pred_masks", "masks"});
    if (masks == nullptr)
      return fail(Errc::Corrupt, "picture '{}' has no \"pred_masks\" (an empty list is none)", id);
    const Json* scores = member(value, {"scores"});
    for (const Json& mask : *masks) {
      const std::size_t number = image.predicted.size();
      DESA2VA_TRY(
          add_mask(mask, scores == nullptr ? 1.0 : scores->at(number).get<double>(), image));
    }
    return {};
  }

  static Result<void> add_mask(const Json& mask, double score, GcgImage& image) {
    DESA2VA_ASSIGN(image.predicted.emplace_back(),
                   mask_in(mask, fmt::format("picture '{}': predicted mask {}", image.id,
                                             image.predicted.size())));
    image.confidence.push_back(score);
    return {};
  }

  Pictures& pictures_;
  std::vector<std::string>& warnings_;
  std::uint64_t known_ = 0;
};

Result<std::map<std::string, double>> read_similarity(const fs::path& path) {
  std::map<std::string, double> out;
  DESA2VA_ASSIGN(const Json document, read_json_file(path));
  DESA2VA_TRY(reading(path, [&]() -> Result<void> {
    for (const auto& [pair, value] : document.items()) out[pair] = value.get<double>();
    return {};
  }));
  return out;
}

void add_captions(const Pictures& pictures, ScoreReport& out) {
  std::vector<CaptionPair> pairs;
  MeteorStats meteor_sum;
  double rouge = 0;
  for (const auto& [id, picture] : pictures) {
    if (picture.references.empty()) continue;
    CaptionPair pair;
    const std::string candidate = picture.candidate.value_or("");
    pair.candidate = ptb_tokens(candidate);
    std::vector<std::string> lines;
    for (const std::string& reference : picture.references) {
      pair.references.push_back(ptb_tokens(reference));
      lines.push_back(ptb_line(reference));
    }
    meteor_sum.add(meteor(ptb_line(candidate), lines));
    rouge += rouge_l(pair);
    pairs.push_back(std::move(pair));
  }
  if (pairs.empty()) return;
  const auto count = static_cast<double>(pairs.size());
  const Bleu corpus = bleu(pairs).corpus;
  const double meteor_es = meteor_sum.score();
  const double consensus = cider(pairs).mean;
  out.document["captions"] = {{"images", pairs.size()},
                              {"METEOR-es", meteor_es},
                              {"CIDEr", consensus},
                              {"ROUGE-L", rouge / count},
                              {"BLEU", corpus}};
  const auto percent = [](double value) { return fmt::format("{:.2f}", 100 * value); };
  out.table.push_back({"METEOR-es", percent(meteor_es)});
  out.table.push_back({"CIDEr", percent(consensus)});
  out.table.push_back({"ROUGE-L", percent(rouge / count)});
  out.table.push_back({"BLEU-4", percent(corpus[3])});
}

PhraseSimilarity from_file(const std::map<std::string, double>& values, const fs::path& file) {
  return [&values, file](std::string_view truth, std::string_view predicted) -> Result<double> {
    const std::string pair = fmt::format("{}|{}", truth, predicted);
    const auto found = values.find(pair);
    if (found != values.end()) return found->second;
    if (truth == predicted) return 1.0;
    if (truth.empty() || predicted.empty()) return 0.0;  // a mask without a phrase
    return fail(Errc::Corrupt, "{}: no value for \"{}\"", file.string(), pair);
  };
}

}  // namespace

Result<ScoreReport> score_gcg(const ScoreRequest& request) {
  Pictures pictures;
  DESA2VA_TRY(each_json_file(request.truth, [&](const fs::path&, const Json& document) {
    return add_truth(document, pictures);
  }));
  if (pictures.empty()) return fail(Errc::Corrupt, "{}: no pictures in it", request.truth.string());
  ScoreReport out;
  std::vector<std::string> warnings;
  PredictionReader predictions(pictures, warnings);
  DESA2VA_TRY(each_json_file(request.predictions, [&](const fs::path&, const Json& document) {
    return predictions.document(document);
  }));
  if (predictions.known() == 0)
    return fail(Errc::NotFound, "no picture of {} is predicted in {} (the truth has '{}')",
                request.truth.string(), request.predictions.string(), pictures.begin()->first);
  std::map<std::string, double> values;
  if (!request.similarity.empty()) {
    DESA2VA_ASSIGN(values, read_similarity(request.similarity));
  }
  const PhraseSimilarity similarity = request.similarity.empty()
                                          ? PhraseSimilarity(word_similarity)
                                          : from_file(values, request.similarity);

  std::vector<const Picture*> all;
  for (const auto& [id, picture] : pictures) {
    if (!picture.answered)
      warnings.push_back(fmt::format("picture {}: no prediction, counted as empty", id));
    all.push_back(&picture);
  }
  std::vector<GcgImageScore> scores(all.size());
  DESA2VA_TRY(for_each_parallel(
      all.size(), request.threads,
      [&](std::uint64_t i) -> Result<void> {
        auto score = score_gcg_image(all[i]->masks, similarity);
        if (!score) return Error(Errc::Corrupt, score.error().message());
        scores[i] = std::move(*score);
        return {};
      },
      request.progress));

  std::vector<const GcgImageScore*> pointers;
  auto per_image = nlohmann::ordered_json::array();
  for (const GcgImageScore& score : scores) {
    pointers.push_back(&score);
    per_image.push_back({{"image_id", score.id}, {"mIoU", score.miou}, {"matches", score.matches}});
  }
  const GcgScore score = score_gcg(pointers);
  out.document = {{"images", pictures.size()},
                  {"answered", std::count_if(all.begin(), all.end(),
                                             [](const Picture* p) { return p->answered; })},
                  {"AP", score.ap},
                  {"AP50", score.ap50},
                  {"AP75", score.ap75},
                  {"AR100", score.ar100},
                  {"mIoU", score.miou},
                  {"recall", score.recall},
                  {"text_similarity", request.similarity.empty() ? "words" : "file"}};
  const auto percent = [](double value) { return fmt::format("{:.2f}", 100 * value); };
  out.table = {
      {"measure", "value"},
      {"pictures", std::to_string(pictures.size())},
      {"AP50", percent(score.ap50)},
      {"AP (0.5:0.95)", percent(score.ap)},
      {"AP75", percent(score.ap75)},
      {"AR100", percent(score.ar100)},
      {"mIoU", percent(score.miou)},
      {request.similarity.empty() ? "recall (phrases by words)" : "recall", percent(score.recall)}};
  add_captions(pictures, out);
  out.document["per_image"] = std::move(per_image);
  finish_warnings(out, warnings);
  return out;
}

}  // namespace desa2va::evaluation
