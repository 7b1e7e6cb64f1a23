// MeViS: video_datas/mevis/{train,valid_u,valid}/ with JPEGImages/<video>/<frame>.jpg,
// meta_expressions.json and, but for valid, mask_dict.json: {"17": [RLE | null | list, ...]}. The
// numbers in an expression's "anno_id" select the tracks whose union it means.
#include <fmt/format.h>

#include "common/datasets/importers/importers.h"
#include "common/datasets/sample_work.h"
#include "common/datasets/video_refs.h"

namespace desa2va::datasets {

namespace {

constexpr std::array kMevisSplits = {"train", "valid_u", "valid"};

std::string mevis_path(std::string_view split, std::string_view file) {
  return fmt::format("video_datas/mevis/{}/{}", split, file);
}

std::vector<std::string> mevis_splits(const std::filesystem::path& root) {
  const DataTree tree(root);
  std::vector<std::string> found;
  for (const char* split : kMevisSplits)
    if (tree.has(mevis_path(split, "meta_expressions.json"))) found.emplace_back(split);
  return found;
}

Result<void> import_mevis_split(const DataTree& tree, const std::string& name,
                                const ImportRequest& request, ImportSink& sink) {
  VideoSplit split;
  split.dataset = "mevis";
  split.split = name;
  split.image_folder = mevis_path(name, "JPEGImages");
  split.expression_file = mevis_path(name, "meta_expressions.json");
  const std::string mask_file = mevis_path(name, "mask_dict.json");
  if (!tree.has(mask_file)) return import_video_split(tree, split, {}, {}, request, sink);

  split.mask_file = mask_file;
  DESA2VA_ASSIGN(const JsonIndex tracks, JsonIndex::build(tree, mask_file));
  const MasksOfVideo masks_of = [&](const Json&) -> VideoMasks {
    return {masks_by_annotation(tracks, mask_file), {}};
  };
  return import_video_split(tree, split, masks_of, {{"mask_tracks", tracks.size()}}, request, sink);
}

Result<void> import_mevis(const ImportRequest& request, ImportSink& sink) {
  const DataTree tree(request.root);
  const auto splits = mevis_splits(request.root);
  for (const std::string& split : splits)
    if (wants(request, split))
      sink.expect(weight_of(tree, mevis_path(split, "meta_expressions.json")));
  for (const std::string& split : splits)
    if (wants(request, split)) DESA2VA_TRY(import_mevis_split(tree, split, request, sink));
  return {};
}

}  // namespace

Importer mevis_importer() {
  return {"mevis", "video expressions about motion, several objects each", mevis_splits,
          import_mevis};
}

}  // namespace desa2va::datasets
