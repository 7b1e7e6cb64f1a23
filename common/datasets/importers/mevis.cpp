// MeViS: video_datas/mevis/{train,valid_u,valid}/ with JPEGImages/<video>/<frame>.jpg,
// meta_expressions.json and, but for valid, mask_dict.json: {"17": [RLE | null | list, ...]}. The
// numbers in an expression's "anno_id" select the tracks whose union it means.
#include <fmt/format.h>

#include "common/datasets/importers/importers.h"
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

Result<void> import_mevis_split(const DataTree& tree, const std::string& name, ImportSink& sink) {
  VideoSplit split;
  split.dataset = "mevis";
  split.split = name;
  split.image_folder = mevis_path(name, "JPEGImages");
  split.expression_file = mevis_path(name, "meta_expressions.json");
  const std::string mask_file = mevis_path(name, "mask_dict.json");
  if (!tree.has(mask_file)) return import_video_split(tree, split, {}, {}, {}, sink);

  split.mask_file = mask_file;
  DESA2VA_ASSIGN(const MaskTracks tracks, read_tracks(tree, mask_file));
  const MaskSource masks = [&](Sample& sample, Expression& expression,
                               const Json& raw) -> Result<void> {
    std::vector<const MaskTrack*> selected;
    for (const Json& number : raw.at("anno_id")) {
      const auto track = tracks.find(text_of(number));
      if (track == tracks.end())
        return fail(Errc::Corrupt, "expression {} names mask track {}, which {} lacks",
                    expression.id, text_of(number), mask_file);
      selected.push_back(&track->second);
    }
    return set_masks(sample, expression, selected);
  };
  return import_video_split(tree, split, masks, {}, {{"mask_tracks", tracks.size()}}, sink);
}

Result<void> import_mevis(const ImportRequest& request, ImportSink& sink) {
  const DataTree tree(request.root);
  for (const std::string& split : mevis_splits(request.root))
    if (wants(request, split)) DESA2VA_TRY(import_mevis_split(tree, split, sink));
  return {};
}

}  // namespace

Importer mevis_importer() {
  return {"mevis", "video expressions about motion, several objects each", mevis_splits,
          import_mevis};
}

}  // namespace desa2va::datasets
