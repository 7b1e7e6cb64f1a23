// Ref-SAV: video_datas/sam_v_final_v3.json names for each entry a video (MP4) and its masklets
// below video_datas/sam_v_full/. The annotation holds {"masklet": [[RLE of object 0, of 1, ...],
// ...]}, one list per annotated frame, which is every fourth frame of the video.
#include <charconv>

#include <fmt/format.h>

#include "common/datasets/coco_masks.h"
#include "common/datasets/importers/importers.h"
#include "common/datasets/json_scan.h"
#include "common/datasets/media_loader.h"
#include "common/datasets/sample_work.h"

namespace desa2va::datasets {

namespace {

constexpr const char* kRefsavIndex = "video_datas/sam_v_final_v3.json";
constexpr const char* kRefsavFolder = "video_datas/sam_v_full";
constexpr std::uint32_t kRefsavStride = 4;

std::vector<std::string> refsav_splits(const std::filesystem::path& root) {
  if (DataTree(root).has(kRefsavIndex)) return {"train"};
  return {};
}

Result<std::vector<CodedMask>> masks_of_object(const Json& masklet, std::size_t object,
                                               const MediaRef& video, bool& moved) {
  std::vector<CodedMask> masks;
  for (const Json& frame : masklet) {
    DESA2VA_ASSIGN(preprocess::Rle mask, read_rle(frame.at(object)));
    if (video.height > 0) mask = fit_to(mask, video.height, video.width, moved);
    masks.push_back(coded(mask));
  }
  return masks;
}

Result<std::size_t> object_number(const std::string& id) {
  std::size_t number = 0;
  const auto [end, error] = std::from_chars(id.data(), id.data() + id.size(), number);
  if (error != std::errc{} || end != id.data() + id.size())
    return fail(Errc::Corrupt, "object '{}': must be a number", id);
  return number;
}

Result<void> add_objects(const Json& entry, const Json& masklet, Sample& sample) {
  for (const auto& [id, object] : entry.at("objects").items()) {
    DESA2VA_ASSIGN(const std::size_t number, object_number(id));
    Expression expression;
    expression.id = id;
    expression.texts = {object.at("formated").get<std::string>()};
    if (object.contains("short_caps"))
      expression.short_texts = object["short_caps"].get<std::vector<std::string>>();
    bool moved = false;
    DESA2VA_ASSIGN(expression.masks, masks_of_object(masklet, number, sample.media[0], moved));
    if (moved) sample.warn(fmt::format("object {}: mask size differs from the video", id));
    sample.expressions.push_back(std::move(expression));
  }
  return {};
}

Result<Sample> refsav_sample(MediaLoader& loader, const std::string& key, const Json& entry) {
  Sample sample;
  sample.dataset = "refsav";
  sample.split = "train";
  sample.id = key;
  sample.kind = SampleKind::VideoRef;
  const auto video = entry.at("video_path").get<std::string>();
  const auto annotation = entry.at("anno_path").get<std::string>();
  DESA2VA_ASSIGN(const LoadedMedia media, loader.video(fmt::format("{}/{}", kRefsavFolder, video)));
  add_media(sample, media);
  const std::size_t video_frames = media.usable() ? media.ref.frames : 0;
  const std::size_t kept = (video_frames + kRefsavStride - 1) / kRefsavStride;
  nlohmann::json source = {{"key", key},
                           {"video", video},
                           {"annotation", annotation},
                           {"video_frames", video_frames},
                           {"kept_frames", kept}};

  auto file = read_json(loader.tree(), fmt::format("{}/{}", kRefsavFolder, annotation));
  if (!file && file.error().code() == Errc::InvalidArgument) return std::move(file.error());
  std::size_t annotated = 0;
  const auto added = with_json_errors(annotation, [&]() -> Result<void> {
    if (!file) return file.error();
    const Json& masklet = file->at("masklet");
    annotated = masklet.size();
    source["annotated_frames"] = annotated;
    source["objects_in_annotation"] = masklet.empty() ? 0 : masklet.at(0).size();
    return add_objects(entry, masklet, sample);
  });
  sample.source = source.dump();
  if (!added) sample.mark_broken(added.error().message());
  // Drawn are the frames that exist and are annotated.
  const std::size_t drawable = std::min(kept, annotated);
  for (std::uint32_t i = 0; i < drawable; ++i) sample.frames.push_back(i * kRefsavStride);
  if (kept != annotated)
    sample.warn(fmt::format("{} annotated frames for {} kept video frames", annotated, kept));
  if (drawable == 0) sample.mark_broken("no annotated frames");
  return sample;
}

Result<void> import_refsav(const ImportRequest& request, ImportSink& sink) {
  const DataTree tree(request.root);
  if (!tree.has(kRefsavIndex) || !wants(request, "train")) return {};
  DESA2VA_ASSIGN(const JsonFile index, JsonFile::open(tree, kRefsavIndex));
  DESA2VA_ASSIGN(const JsonEntries list, list_entries(index, {}));
  for (const JsonEntry& entry : list.entries) sink.expect(entry.place.bytes);
  SampleWork work(tree, request, sink);
  for (const JsonEntry& entry : list.entries) {
    DESA2VA_TRY(work.add(entry.place.bytes, [&](MediaLoader& loader) -> Result<Sample> {
      const std::string where = fmt::format("{}: {}", kRefsavIndex, entry.key);
      return json_guarded(where, [&]() -> Result<Sample> {
        DESA2VA_ASSIGN(const Json value, index.read(entry.place));
        return refsav_sample(loader, entry.key, value);
      });
    }));
  }
  nlohmann::json source = {{"root", kRefsavFolder}, {"expression_file", kRefsavIndex}};
  if (list.duplicates > 0) source["duplicate_keys"] = list.duplicates;
  return work.split_done({"refsav", "train", 0, 0, source.dump()});
}

}  // namespace

Importer refsav_importer() {
  return {"refsav", "SA-V videos with generated descriptions", refsav_splits, import_refsav};
}

}  // namespace desa2va::datasets
