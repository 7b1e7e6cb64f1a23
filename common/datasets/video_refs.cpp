#include "common/datasets/video_refs.h"

#include <algorithm>

#include <fmt/format.h>

#include "common/datasets/pickle.h"
#include "common/datasets/sample_work.h"
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

Result<Sample> video_sample(const VideoSplit& split, const std::string& id, const Json& video,
                            const VideoMasks& masks, MediaLoader& loader) {
  Sample sample;
  sample.dataset = split.dataset;
  sample.split = split.split;
  sample.id = id;
  sample.kind = SampleKind::VideoRef;
  DESA2VA_TRY(load_frames(loader, split, video, sample));
  if (masks.hook) DESA2VA_TRY(masks.hook(sample, video));
  DESA2VA_TRY(add_expressions(split, video, masks.masks, sample));
  return sample;
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
                                const MasksOfVideo& masks_of, nlohmann::json facts,
                                const ImportRequest& request, ImportSink& sink) {
  DESA2VA_ASSIGN(const JsonFile file, JsonFile::open(tree, split.expression_file));
  DESA2VA_ASSIGN(JsonEntries videos, list_entries(file, "videos"));
  if (split.sort_videos)
    std::stable_sort(videos.entries.begin(), videos.entries.end(),
                     [](const auto& a, const auto& b) { return a.key < b.key; });
  if (videos.duplicates > 0) facts["duplicate_keys"] = videos.duplicates;
  SampleWork work(tree, request, sink);
  for (const auto& [id, place] : videos.entries) {
    const std::string where = fmt::format("{}: video {}", split.expression_file, id);
    DESA2VA_ASSIGN(Json video, file.read(place));
    VideoMasks masks;
    DESA2VA_TRY(json_guarded(where, [&]() -> Result<void> {
      if (masks_of) masks = masks_of(video);
      return {};
    }));
    DESA2VA_TRY(work.add(place.bytes, [&split, id = id, where, video = std::move(video),
                                       masks = std::move(masks)](MediaLoader& loader) {
      return json_guarded(where, [&] { return video_sample(split, id, video, masks, loader); });
    }));
  }
  facts["image_folder"] = split.image_folder;
  facts["expression_file"] = split.expression_file;
  facts["mask_file"] = split.mask_file.empty() ? nlohmann::json() : nlohmann::json(split.mask_file);
  return work.split_done({split.dataset, split.split, 0, 0, facts.dump()});
}

MaskSource masks_by_annotation(const JsonIndex& tracks, const std::string& mask_file) {
  // Expressions of one video share their tracks; those of other videos are not kept.
  auto read = std::make_shared<std::map<std::string, MaskTrack>>();
  return [&tracks, mask_file, read](Sample& sample, Expression& expression,
                                    const Json& raw) -> Result<void> {
    std::vector<const MaskTrack*> selected;
    for (const Json& number : raw.at("anno_id")) {
      const std::string key = text_of(number);
      auto known = read->find(key);
      if (known == read->end()) {
        const JsonPlace* place = tracks.find(key);
        if (place == nullptr)
          return fail(Errc::Corrupt, "expression {} names mask track {}, which {} lacks",
                      expression.id, key, mask_file);
        DESA2VA_ASSIGN(const Json frames, tracks.read(*place));
        DESA2VA_ASSIGN(MaskTrack track, json_guarded(fmt::format("{}: track {}", mask_file, key),
                                                     [&] { return read_track(frames); }));
        known = read->emplace(key, std::move(track)).first;
      }
      selected.push_back(&known->second);
    }
    return set_masks(sample, expression, selected);
  };
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
