// The validation and test splits of grounded conversation generation: glamm_data/annotations/
// gcg_val_test/{val,test}_gcg_coco_{mask,caption}_gt.json, two COCO files with the masks and with
// caption and labels of each picture, and glamm_data/images/grandf/val_test/<image id>.jpg. One
// sample is one picture; phrases have no place in the caption.
#include <array>
#include <map>

#include <fmt/format.h>

#include "common/datasets/coco_masks.h"
#include "common/datasets/importers/importers.h"
#include "common/datasets/sample_work.h"

namespace desa2va::datasets {

namespace {

constexpr std::array kGcgEvalSplits = {"val", "test"};
constexpr const char* kGcgEvalImages = "glamm_data/images/grandf/val_test";

std::string gcg_eval_file(std::string_view split, std::string_view what) {
  return fmt::format("glamm_data/annotations/gcg_val_test/{}_gcg_coco_{}_gt.json", split, what);
}

struct GcgEvalPicture {
  std::string caption;
  std::vector<std::string> labels;
  std::vector<Json> masks;
};

std::string picture_file(const Json& image) {
  if (const auto name = image.find("file_name"); name != image.end())
    return name->get<std::string>();
  const std::string id = text_of(image.at("id"));
  return id.ends_with(".jpg") ? id : id + ".jpg";
}

Result<void> add_masks(const GcgEvalPicture& picture, Sample& sample) {
  const MediaRef& media = sample.media[0];
  for (std::size_t i = 0; i < picture.masks.size(); ++i) {
    Expression expression;
    expression.id = std::to_string(i);
    expression.texts = {i < picture.labels.size() ? picture.labels[i] : ""};
    if (media.height > 0) {
      auto mask = read_segmentation(picture.masks[i], media.height, media.width);
      if (!mask) {
        sample.mark_broken(fmt::format("mask {}: {}", i, mask.error().message()));
        continue;
      }
      expression.masks = {coded(mask->mask)};
    }
    sample.expressions.push_back(std::move(expression));
  }
  if (picture.labels.size() != picture.masks.size())
    sample.warn(
        fmt::format("{} masks for {} phrases", picture.masks.size(), picture.labels.size()));
  return {};
}

Result<void> import_gcg_eval_split(const DataTree& tree, const ImportRequest& request,
                                   const std::string& split, ImportSink& sink) {
  const std::string mask_file = gcg_eval_file(split, "mask");
  const std::string caption_file = gcg_eval_file(split, "caption");
  DESA2VA_ASSIGN(const Json masks, read_json(tree, mask_file));
  DESA2VA_ASSIGN(const Json captions, read_json(tree, caption_file));
  std::map<std::string, GcgEvalPicture> pictures;
  DESA2VA_TRY(with_json_errors(caption_file, [&]() -> Result<void> {
    for (const Json& annotation : captions.at("annotations")) {
      GcgEvalPicture& picture = pictures[text_of(annotation.at("image_id"))];
      picture.caption = annotation.at("caption").get<std::string>();
      if (annotation.contains("labels"))
        picture.labels = annotation.at("labels").get<std::vector<std::string>>();
    }
    return {};
  }));
  std::vector<std::pair<std::string, std::string>> images;  // id, file
  DESA2VA_TRY(with_json_errors(mask_file, [&]() -> Result<void> {
    for (const Json& annotation : masks.at("annotations"))
      pictures[text_of(annotation.at("image_id"))].masks.push_back(annotation.at("segmentation"));
    for (const Json& image : masks.at("images"))
      images.emplace_back(text_of(image.at("id")), picture_file(image));
    return {};
  }));
  SampleWork work(tree, request, sink);
  for (const auto& image : images) {
    const std::string& id = image.first;
    const std::string& file = image.second;
    const GcgEvalPicture& picture = pictures[id];
    DESA2VA_TRY(work.add(picture.caption.size(), [&](MediaLoader& loader) -> Result<Sample> {
      Sample sample;
      sample.dataset = "gcg";
      sample.split = split;
      sample.id = id;
      sample.kind = SampleKind::Gcg;
      sample.caption = picture.caption;
      DESA2VA_ASSIGN(const LoadedMedia media,
                     loader.image(fmt::format("{}/{}", kGcgEvalImages, file)));
      add_media(sample, media);
      sample.source = nlohmann::json{{"image_id", id}, {"file", file}}.dump();
      DESA2VA_TRY(add_masks(picture, sample).in(mask_file));
      return sample;
    }));
  }
  SplitInfo info{"gcg", split, 0, 0, ""};
  info.source = nlohmann::json{{"mask_file", mask_file}, {"caption_file", caption_file}}.dump();
  return work.split_done(info);
}

}  // namespace

std::vector<std::string> gcg_eval_splits(const std::filesystem::path& root) {
  const DataTree tree(root);
  std::vector<std::string> found;
  for (const char* split : kGcgEvalSplits)
    if (tree.has(gcg_eval_file(split, "mask")) && tree.has(gcg_eval_file(split, "caption")))
      found.emplace_back(split);
  return found;
}

Result<void> import_gcg_eval(const ImportRequest& request, ImportSink& sink) {
  const DataTree tree(request.root);
  for (const std::string& split : gcg_eval_splits(request.root))
    if (wants(request, split)) DESA2VA_TRY(import_gcg_eval_split(tree, request, split, sink));
  return {};
}

}  // namespace desa2va::datasets
