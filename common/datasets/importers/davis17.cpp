// Ref-DAVIS17: video_datas/davis17/ with valid/JPEGImages, meta_expressions/valid/
// meta_expressions.json and valid/mask_dict.pkl, whose keys count the expressions of the *sorted*
// videos; the palette PNGs in valid/Annotations say the same and stand in where it is missing. The
// split "valid_annotations" reads them in any case, for comparison.
#include <fmt/format.h>

#include "common/datasets/annotation_pngs.h"
#include "common/datasets/importers/importers.h"
#include "common/datasets/sample_work.h"

namespace desa2va::datasets {

namespace {

constexpr const char* kDavisExpressions =
    "video_datas/davis17/meta_expressions/valid/meta_expressions.json";
constexpr const char* kDavisMasks = "video_datas/davis17/valid/mask_dict.pkl";
constexpr const char* kDavisPngs = "video_datas/davis17/valid/Annotations";

std::vector<std::string> davis_splits(const std::filesystem::path& root) {
  if (DataTree(root).has(kDavisExpressions)) return {"valid"};
  return {};
}

Result<void> import_davis(const ImportRequest& request, ImportSink& sink) {
  const DataTree tree(request.root);
  if (!tree.has(kDavisExpressions)) return {};
  VideoSplit split;
  split.dataset = "davis17";
  split.image_folder = "video_datas/davis17/valid/JPEGImages";
  split.expression_file = kDavisExpressions;
  split.sort_videos = true;
  split.sort_expressions = true;
  sink.expect(weight_of(tree, kDavisExpressions));
  if (wants(request, "valid")) {
    split.split = "valid";
    DESA2VA_TRY(tree.has(kDavisMasks)
                    ? import_counted_split(tree, split, kDavisMasks, request, sink)
                    : import_png_split(tree, split, kDavisPngs, request, sink));
  }
  if (!request.splits.empty() && wants(request, "valid_annotations")) {
    split.split = "valid_annotations";
    DESA2VA_TRY(import_png_split(tree, split, kDavisPngs, request, sink));
  }
  return {};
}

}  // namespace

Importer davis17_importer() {
  return {"davis17", "Ref-DAVIS17: video expressions for evaluation", davis_splits, import_davis};
}

}  // namespace desa2va::datasets
