#include "common/evaluation/sets/predictions.h"

#include <filesystem>
#include <map>

#include <fmt/format.h>

#include "common/evaluation/gcg/answer.h"

namespace desa2va::evaluation {

namespace {

using datasets::Sample;
using preprocess::Rle;

using Objects = std::vector<std::vector<Rle>>;  // [object][frame]

Record rle_json(const Rle& mask) {
  return {{"size", {mask.height, mask.width}}, {"counts", preprocess::rle_to_string(mask)}};
}

const Objects& objects_of(const Answer& answer, const std::string& branch) {
  static const Objects kNone;
  const auto found = answer.masks.find(branch);
  return found == answer.masks.end() ? kNone : found->second;
}

// What tells a prediction from the others of its set.
const char* key_of(SetKind kind) {
  switch (kind) {
    case SetKind::Referring:
      return "id";
    case SetKind::Video:
      return "video";
    case SetKind::Grounded:
      return "image_id";
    case SetKind::Choice:
      return "question_id";
  }
  return "id";
}

}  // namespace

std::string expression_name(const Sample& sample, const Query& query) {
  return query.id.substr(std::min(query.id.size(), describe(sample).size() + 1));
}

std::vector<Rle> video_masks(const Sample& sample, const Answer& answer,
                             const std::string& branch) {
  const Objects& objects = objects_of(answer, branch);
  std::vector<Rle> out;
  for (std::uint32_t frame = 0; frame < sample.drawable_frames(); ++frame) {
    const auto& media = sample.media[sample.media.size() == 1 ? 0 : frame];
    const bool there = !objects.empty() && frame < objects[0].size();
    out.push_back(there ? objects[0][frame] : preprocess::empty_rle(media.height, media.width));
  }
  return out;
}

std::vector<std::string> frame_names(const Sample& sample) {
  std::vector<std::string> out;
  const bool file = sample.media.size() == 1 && sample.media[0].kind == datasets::MediaKind::Video;
  for (std::uint32_t frame = 0; frame < sample.drawable_frames(); ++frame)
    out.push_back(file ? fmt::format("{:05}", frame)
                       : std::filesystem::path(sample.media.at(frame).path).stem().string());
  return out;
}

Record prediction_of(const EvaluationSet& set, const Sample& sample, const Query& query,
                     const Answer& answer, const std::string& branch) {
  const Objects& objects = objects_of(answer, branch);
  switch (set.kind) {
    case SetKind::Referring: {
      const bool there = !objects.empty() && !objects[0].empty();
      return {{"id", query.id}, {"mask", there ? rle_json(objects[0][0]) : Record()}};
    }
    case SetKind::Video: {
      Record masks = Record::array();
      for (const Rle& mask : video_masks(sample, answer, branch)) masks.push_back(rle_json(mask));
      return {{"video", sample.id},
              {"expression", expression_name(sample, query)},
              {"prediction_masks", std::move(masks)}};
    }
    case SetKind::Grounded: {
      const GcgAnswer said = parse_gcg_answer(answer.text);
      Record masks = Record::array();
      for (const auto& object : objects)
        if (!object.empty()) masks.push_back(rle_json(object[0]));
      return {{"image_id", sample.id},
              {"caption", said.caption},
              {"phrases", said.phrases},
              {"pred_masks", std::move(masks)}};
    }
    case SetKind::Choice:
      return {{"question_id", sample.id}, {"prediction", answer.text}};
  }
  return {};
}

nlohmann::json results_document(const EvaluationSet& set, std::vector<Record> predictions) {
  const char* key = key_of(set.kind);
  std::map<std::string, nlohmann::json> by_key;
  nlohmann::json videos = nlohmann::json::object();
  for (Record& one : predictions) {
    if (!one.is_object() || !one.contains(key) || !one[key].is_string()) continue;
    const std::string id = one[key];
    if (set.kind != SetKind::Video) {
      by_key[id] = one;
    } else if (one.contains("expression") && one.contains("prediction_masks")) {
      videos[id][one["expression"].get<std::string>()] = {
          {"prediction_masks", std::move(one["prediction_masks"])}};
    }
  }
  if (set.kind == SetKind::Video) return videos;
  nlohmann::json list = nlohmann::json::array();
  for (auto& [_, one] : by_key) list.push_back(std::move(one));
  return list;
}

}  // namespace desa2va::evaluation
