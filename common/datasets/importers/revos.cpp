// ReVOS: video_datas/revos/ with <source>/<video>/<frame>.jpg, meta_expressions_{train,valid}_.json
// (video keys hold the source folder, expressions a type: 0 referring, 1 reasoning, 2 about nothing
// that is there), mask_dict.json as in MeViS and mask_dict_foreground.json: {video: {"masks_rle":
// [RLE or list per frame]}}.
#include <algorithm>

#include <fmt/format.h>

#include "common/datasets/importers/importers.h"
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

Result<MaskTracks> read_foreground(const DataTree& tree) {
  MaskTracks tracks;
  if (!tree.has(kRevosForeground)) return tracks;
  DESA2VA_TRY(stream_json(
      tree, kRevosForeground, 1, [&](const std::string& video, Json& value) -> Result<void> {
        DESA2VA_ASSIGN(tracks[video], read_track(value.at("masks_rle")).in(video));
        return {};
      }));
  return tracks;
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

Result<void> import_revos(const ImportRequest& request, ImportSink& sink) {
  const DataTree tree(request.root);
  const auto splits = revos_splits(request.root);
  if (splits.empty()) return {};
  DESA2VA_ASSIGN(const MaskTracks tracks, read_tracks(tree, kRevosMasks));
  DESA2VA_ASSIGN(const MaskTracks foreground, read_foreground(tree));
  const MaskSource masks = [&](Sample& sample, Expression& expression,
                               const Json& raw) -> Result<void> {
    std::vector<const MaskTrack*> selected;
    for (const Json& number : raw.at("anno_id")) {
      const auto track = tracks.find(text_of(number));
      if (track == tracks.end())
        return fail(Errc::Corrupt, "expression {} names mask track {}, which {} lacks",
                    expression.id, text_of(number), kRevosMasks);
      selected.push_back(&track->second);
    }
    return set_masks(sample, expression, selected);
  };
  const VideoHook hook = [&](Sample& sample, const Json& video) -> Result<void> {
    auto source = nlohmann::json::parse(sample.source);
    const auto frames = video.at("frames").get<std::vector<std::string>>();
    if (!std::is_sorted(frames.begin(), frames.end())) source["listed_unsorted"] = true;
    if (const auto track = foreground.find(sample.id); track != foreground.end())
      DESA2VA_TRY(add_foreground(track->second, sample, source));
    sample.source = source.dump();
    return {};
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
        import_video_split(tree, split, masks, hook, {{"mask_tracks", tracks.size()}}, sink));
  }
  return {};
}

}  // namespace

Importer revos_importer() {
  return {"revos", "video questions that need reasoning", revos_splits, import_revos};
}

}  // namespace desa2va::datasets
