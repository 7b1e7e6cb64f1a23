#include "common/datasets/video_refs.h"

#include <algorithm>

#include <fmt/format.h>

#include "common/datasets/pickle.h"
#include "common/datasets/text_tools.h"

namespace desa2va::datasets {

namespace {

Result<CodedMask> coded_from(const Json& rle) {
  DESA2VA_ASSIGN(const preprocess::Rle mask, read_rle(rle));
  return coded(mask);
}

Result<void> load_frames(MediaLoader& loader, const VideoSplit& split, const Json& video,
                         Sample& sample) {
  auto frames = video.at("frames").get<std::vector<std::string>>();
  // Masks and drawn numbers index the sorted order.
  std::sort(frames.begin(), frames.end());
  for (const std::string& frame : frames) {
    DESA2VA_ASSIGN(const LoadedMedia media,
                   loader.image(fmt::format("{}/{}/{}.jpg", split.image_folder, sample.id, frame)));
    add_media(sample, media);
  }
  if (frames.empty()) sample.mark_broken("no frames");
  return {};
}

Result<void> add_expressions(const VideoSplit& split, const Json& video, const MaskSource& masks,
                             Sample& sample) {
  std::vector<std::pair<std::string, const Json*>> ordered;
  for (const auto& [id, raw] : video.at("expressions").items()) ordered.emplace_back(id, &raw);
  if (split.sort_expressions)
    std::stable_sort(ordered.begin(), ordered.end(),
                     [](const auto& a, const auto& b) { return a.first < b.first; });
  for (const auto& [id, raw] : ordered) {
    Expression expression;
    expression.id = id;
    const auto exp = raw->at("exp").get<std::string>();
    VideoText text = video_text(exp);
    expression.texts = {std::move(text.text)};
    expression.verbatim = text.verbatim;
    nlohmann::json source{{"exp", exp}};
    for (const char* key : {"obj_id", "anno_id", "type_id"})
      if (raw->contains(key)) source[key] = raw->at(key);
    expression.source = source.dump();
    if (masks) DESA2VA_TRY(masks(sample, expression, *raw));
    sample.expressions.push_back(std::move(expression));
  }
  return {};
}

}  // namespace

Result<MaskTrack> read_track(const Json& frames) {
  MaskTrack track;
  for (const Json& frame : frames) {
    TrackFrame& of_frame = track.emplace_back();
    if (frame.is_null()) continue;
    of_frame.listed = frame.is_array();
    if (frame.is_object()) {
      DESA2VA_ASSIGN(CodedMask mask, coded_from(frame));
      of_frame.masks.push_back(std::move(mask));
      continue;
    }
    for (const Json& part : frame) {
      DESA2VA_ASSIGN(CodedMask mask, coded_from(part));
      of_frame.masks.push_back(std::move(mask));
    }
  }
  return track;
}

Result<MaskTracks> read_tracks(const DataTree& tree, const std::string& path) {
  MaskTracks tracks;
  DESA2VA_TRY(stream_json(tree, path, 1, [&](const std::string& key, Json& frames) -> Result<void> {
    DESA2VA_ASSIGN(tracks[key], read_track(frames).in("track " + key));
    return {};
  }));
  return tracks;
}

Result<MaskTracks> read_pickled_tracks(const DataTree& tree, const std::string& path,
                                       nlohmann::json& facts) {
  DESA2VA_ASSIGN(const Buffer bytes, tree.read(path));
  DESA2VA_ASSIGN(const Pickle pickle, read_pickle(bytes.bytes()).in(path));
  facts = {{"bytes", bytes.size()}, {"protocol", pickle.protocol}, {"opcodes", pickle.opcodes}};
  MaskTracks tracks;
  DESA2VA_TRY(with_json_errors(path, [&]() -> Result<void> {
    for (const auto& [key, frames] : pickle.value.items()) {
      DESA2VA_ASSIGN(tracks[key], read_track(Json(frames)).in("track " + key));
    }
    return {};
  }));
  return tracks;
}

Result<void> import_video_split(const DataTree& tree, const VideoSplit& split,
                                const MaskSource& masks, const VideoHook& hook,
                                nlohmann::json facts, ImportSink& sink) {
  MediaLoader loader(tree, sink);
  SplitInfo info{split.dataset, split.split, 0, 0, ""};
  DESA2VA_ASSIGN(const Json file, read_json(tree, split.expression_file));
  DESA2VA_TRY(with_json_errors(split.expression_file, [&]() -> Result<void> {
    std::vector<std::pair<std::string, const Json*>> videos;
    for (const auto& [id, video] : file.at("videos").items()) videos.emplace_back(id, &video);
    if (split.sort_videos)
      std::stable_sort(videos.begin(), videos.end(),
                       [](const auto& a, const auto& b) { return a.first < b.first; });
    for (const auto& [id, video] : videos) {
      Sample sample;
      sample.dataset = split.dataset;
      sample.split = split.split;
      sample.id = id;
      sample.kind = SampleKind::VideoRef;
      DESA2VA_TRY(load_frames(loader, split, *video, sample));
      if (hook) DESA2VA_TRY(hook(sample, *video));
      DESA2VA_TRY(add_expressions(split, *video, masks, sample).in("video " + id));
      ++info.samples;
      info.expressions += sample.expressions.size();
      DESA2VA_TRY(sink.sample(sample));
    }
    return {};
  }));
  facts["image_folder"] = split.image_folder;
  facts["expression_file"] = split.expression_file;
  facts["mask_file"] = split.mask_file.empty() ? nlohmann::json() : nlohmann::json(split.mask_file);
  info.source = facts.dump();
  return sink.split_done(info);
}

Result<CodedMask> unite_on_frame(const Sample& sample, std::size_t frame,
                                 std::span<const CodedMask> masks, bool& moved) {
  int height = sample.media[frame].height;
  int width = sample.media[frame].width;
  if (height == 0 && !masks.empty()) {  // an unreadable frame: the sample is broken already
    height = masks[0].height;
    width = masks[0].width;
  }
  std::vector<preprocess::Rle> parts = {preprocess::empty_rle(height, width)};
  for (const CodedMask& mask : masks) {
    DESA2VA_ASSIGN(const preprocess::Rle rle, decoded(mask));
    parts.push_back(fit_to(rle, height, width, moved));
  }
  DESA2VA_ASSIGN(const preprocess::Rle joined, preprocess::unite(parts));
  return coded(joined);
}

Result<void> set_masks(Sample& sample, Expression& expression,
                       std::span<const MaskTrack* const> tracks) {
  std::vector<std::size_t> moved_frames;
  std::vector<std::size_t> listed_frames;
  bool short_track = false;
  for (std::size_t frame = 0; frame < sample.media.size(); ++frame) {
    std::vector<CodedMask> masks;
    bool listed = false;
    for (const MaskTrack* track : tracks) {
      if (frame >= track->size()) {
        short_track = true;
        continue;
      }
      const TrackFrame& of_frame = (*track)[frame];
      listed = listed || of_frame.listed;
      masks.insert(masks.end(), of_frame.masks.begin(), of_frame.masks.end());
    }
    bool moved = false;
    DESA2VA_ASSIGN(CodedMask mask, unite_on_frame(sample, frame, masks, moved));
    expression.masks.push_back(std::move(mask));
    if (moved) moved_frames.push_back(frame);
    if (listed) listed_frames.push_back(frame);
  }
  auto source = nlohmann::json::parse(expression.source);
  if (!listed_frames.empty()) source["frames_with_rle_list"] = listed_frames;
  if (!moved_frames.empty()) {
    source["size_mismatch"] = {
        {"frames", moved_frames},
        {"values_given", "mask copied to the top left corner, missing columns zero"}};
    sample.warn(fmt::format("expression {}: mask size differs from the picture in {} frames",
                            expression.id, moved_frames.size()));
  }
  if (short_track)
    sample.warn(
        fmt::format("expression {}: fewer masks than frames, the rest is empty", expression.id));
  expression.source = source.dump();
  return {};
}

}  // namespace desa2va::datasets
