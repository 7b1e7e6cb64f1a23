// ReVOS: video_datas/revos/ with <source>/<video>/<frame>.jpg, meta_expressions_{train,valid}_.json
// (video keys hold the source folder, expressions a type: 0 referring, 1 reasoning, 2 about nothing
// that is there), mask_dict.json as in MeViS and mask_dict_foreground.json: {video: {"masks_rle":
// [RLE or list per frame]}}.
#include <algorithm>
#include <optional>

#include <fmt/format.h>

#include "common/datasets/importers/importers.h"
#include "common/datasets/sample_work.h"
#include "common/datasets/video_refs.h"

namespace desa2va::datasets {

namespace {

constexpr const char* kRevosFolder = "video_datas/revos";
constexpr const char* kRevosMasks = "video_datas/revos/mask_dict.json";
constexpr const char* kRevosForeground = "video_datas/revos/mask_dict_foreground.json";

std::string revos_expressions(std::string_view split) {
  return fmt::format("{}/meta_expressions_{}_.json", kRevosFolder, split);
}

std::vector<std::string> revos_splits(const std::filesystem::path& root) {
  const DataTree tree(root);
  std::vector<std::string> found;
  for (const char* split : {"train", "valid"})
    if (tree.has(revos_expressions(split))) found.emplace_back(split);
  return found;
}

Result<void> add_foreground(const MaskTrack& track, Sample& sample, nlohmann::json& source) {
  nlohmann::json listed = nlohmann::json::array();
  for (std::size_t frame = 0; frame < sample.media.size() && frame < track.size(); ++frame) {
    bool moved = false;
    DESA2VA_ASSIGN(CodedMask mask, unite_on_frame(sample, frame, track[frame].masks, moved));
    sample.foreground.push_back(std::move(mask));
    if (track[frame].listed) listed.push_back(frame);
    if (moved)
      sample.warn(fmt::format("foreground: mask size differs from the picture in frame {}", frame));
  }
  source["foreground"] = nlohmann::json::object();
  if (!listed.empty()) source["foreground"]["frames_with_rle_list"] = listed;
  return {};
}

// Notes what the order of frames was and adds the foreground, where the set has one.
Result<void> finish_revos_video(const JsonIndex* foreground, const Json& video, Sample& sample) {
  auto source = nlohmann::json::parse(sample.source);
  const auto frames = video.at("frames").get<std::vector<std::string>>();
  if (!std::is_sorted(frames.begin(), frames.end())) source["listed_unsorted"] = true;
  const JsonPlace* place = foreground == nullptr ? nullptr : foreground->find(sample.id);
  if (place != nullptr) {
    DESA2VA_ASSIGN(const Json value, foreground->read(*place));
    DESA2VA_ASSIGN(const MaskTrack track, json_guarded(kRevosForeground, [&] {
                     return read_track(value.at("masks_rle"));
                   }));
    DESA2VA_TRY(add_foreground(track, sample, source));
  }
  sample.source = source.dump();
  return {};
}

Result<void> import_revos(const ImportRequest& request, ImportSink& sink) {
  const DataTree tree(request.root);
  const auto splits = revos_splits(request.root);
  if (splits.empty()) return {};
  for (const std::string& name : splits)
    if (wants(request, name)) sink.expect(weight_of(tree, revos_expressions(name)));
  DESA2VA_ASSIGN(const JsonIndex tracks, JsonIndex::build(tree, kRevosMasks));
  std::optional<JsonIndex> foreground;
  if (tree.has(kRevosForeground)) {
    DESA2VA_ASSIGN(foreground, JsonIndex::build(tree, kRevosForeground));
  }
  const MasksOfVideo masks_of = [&](const Json&) -> VideoMasks {
    return {masks_by_annotation(tracks, kRevosMasks), [&](Sample& sample, const Json& video) {
              return finish_revos_video(foreground ? &*foreground : nullptr, video, sample);
            }};
  };
  for (const std::string& name : splits) {
    if (!wants(request, name)) continue;
    VideoSplit split;
    split.dataset = "revos";
    split.split = name;
    split.image_folder = kRevosFolder;
    split.expression_file = revos_expressions(name);
    split.mask_file = kRevosMasks;
    DESA2VA_TRY(
        import_video_split(tree, split, masks_of, {{"mask_tracks", tracks.size()}}, request, sink));
  }
  return {};
}

}  // namespace

Importer revos_importer() {
  return {"revos", "video questions that need reasoning", revos_splits, import_revos};
}

}  // namespace desa2va::datasets
