// Ref-YouTube-VOS: video_datas/rvos/ with {train,valid}/JPEGImages, meta_expressions/{train,valid}/
// meta_expressions.json and mask_dict.pkl, whose keys count the expressions of train (videos in the
// order of the file, expressions by their id as text). Without it, masks are the palette PNGs in
// train/Annotations. valid has no masks.
#include <fmt/format.h>

#include "common/datasets/annotation_pngs.h"
#include "common/datasets/importers/importers.h"
#include "common/datasets/sample_work.h"

namespace desa2va::datasets {

namespace {

constexpr const char* kRvosMasks = "video_datas/rvos/mask_dict.pkl";
constexpr const char* kRvosPngs = "video_datas/rvos/train/Annotations";

std::string rvos_expressions(std::string_view split) {
  return fmt::format("video_datas/rvos/meta_expressions/{}/meta_expressions.json", split);
}

std::vector<std::string> rvos_splits(const std::filesystem::path& root) {
  const DataTree tree(root);
  std::vector<std::string> found;
  for (const char* split : {"train", "valid"})
    if (tree.has(rvos_expressions(split))) found.emplace_back(split);
  return found;
}

Result<void> import_rvos(const ImportRequest& request, ImportSink& sink) {
  const DataTree tree(request.root);
  const auto splits = rvos_splits(request.root);
  for (const std::string& name : splits)
    if (wants(request, name)) sink.expect(weight_of(tree, rvos_expressions(name)));
  for (const std::string& name : splits) {
    if (!wants(request, name)) continue;
    VideoSplit split;
    split.dataset = "rvos";
    split.split = name;
    split.image_folder = fmt::format("video_datas/rvos/{}/JPEGImages", name);
    split.expression_file = rvos_expressions(name);
    split.sort_expressions = true;
    if (name == "valid") {
      DESA2VA_TRY(import_video_split(tree, split, {}, {}, request, sink));
    } else if (tree.has(kRvosMasks)) {
      DESA2VA_TRY(import_counted_split(tree, split, kRvosMasks, request, sink));
    } else {
      DESA2VA_TRY(import_png_split(tree, split, kRvosPngs, request, sink));
    }
  }
  return {};
}

}  // namespace

Importer rvos_importer() {
  return {"rvos", "Ref-YouTube-VOS: video expressions, one object each", rvos_splits, import_rvos};
}

}  // namespace desa2va::datasets
