// Osprey-724k: osprey-724k/Osprey-724K/osprey_<part>.json, conversations (or descriptions, one per
// region) about regions of COCO pictures, which lie in one of four folders below osprey-724k/coco.
#include <algorithm>

#include <fmt/format.h>

#include "common/datasets/coco_masks.h"
#include "common/datasets/conversation.h"
#include "common/datasets/importers/importers.h"
#include "common/datasets/media_loader.h"
#include "common/datasets/sample_work.h"

namespace desa2va::datasets {

namespace {

constexpr std::array kOspreyParts = {"conversation", "detail_description", "short_form",
                                     "part_level", "lvis_positive_negative"};
// The first that has the file wins.
constexpr std::array kOspreyFolders = {"train2014", "val2014", "train2017", "val2017"};

std::string osprey_file(std::string_view part) {
  return fmt::format("osprey-724k/Osprey-724K/osprey_{}.json", part);
}
std::string osprey_picture(std::string_view folder, std::string_view name) {
  return fmt::format("osprey-724k/coco/{}/{}", folder, name);
}

std::vector<std::string> osprey_splits(const std::filesystem::path& root) {
  const DataTree tree(root);
  std::vector<std::string> found;
  for (const char* part : kOspreyParts)
    if (tree.has(osprey_file(part))) found.emplace_back(part);
  return found;
}

std::string without_angles(std::string text) {
  std::erase_if(text, [](char c) { return c == '<' || c == '>'; });
  return text;
}

Result<void> load_picture(MediaLoader& loader, const std::string& name, Sample& sample,
                          nlohmann::json& source) {
  std::vector<std::string> folders;
  for (const char* folder : kOspreyFolders)
    if (loader.tree().has(osprey_picture(folder, name))) folders.emplace_back(folder);
  if (folders.empty()) {
    MediaRef missing;
    missing.path = name;
    sample.media.push_back(missing);
    sample.mark_broken(fmt::format("missing from all {} folders", kOspreyFolders.size()));
    return {};
  }
  source["folder"] = folders[0];
  if (folders.size() > 1)
    source["also_in"] = std::vector<std::string>(folders.begin() + 1, folders.end());
  DESA2VA_ASSIGN(const LoadedMedia media, loader.image(osprey_picture(folders[0], name)));
  add_media(sample, media);
  return {};
}

Result<void> add_region(const Json& annotation, int height, int width, Sample& sample) {
  DESA2VA_ASSIGN(Segmentation segmentation,
                 read_segmentation(annotation.at("segmentation"), height, width));
  const MediaRef& picture = sample.media[0];
  bool moved = false;
  if (picture.height > 0)
    segmentation.mask = fit_to(segmentation.mask, picture.height, picture.width, moved);
  Expression region;
  region.id = std::to_string(sample.expressions.size() + 1);
  if (moved) sample.warn(fmt::format("region {}: mask size differs from the picture", region.id));
  region.masks = {coded(segmentation.mask)};
  const std::string encoding = segmentation.polygons > 0
                                   ? fmt::format("{} polygons", segmentation.polygons)
                               : segmentation.compressed ? "compressed RLE"
                                                         : "uncompressed RLE";
  region.source = nlohmann::json{{"encoding", encoding}}.dump();
  sample.expressions.push_back(std::move(region));
  return {};
}

// Descriptions have no questions: one is drawn from a list for each region when it is used.
void add_descriptions(const Json& descriptions, Sample& sample, nlohmann::json& source) {
  std::vector<std::string> texts;
  for (const Json& text : descriptions) {
    texts.push_back(without_angles(text.get<std::string>()));
    sample.turns.push_back({"", texts.back()});
  }
  source["turns"] = texts.size();
  source["descriptions"] = std::move(texts);
}

Result<Sample> osprey_sample(MediaLoader& loader, const std::string& part, std::uint64_t index,
                             const Json& entry) {
  Sample sample;
  sample.dataset = "osprey";
  sample.split = part;
  sample.id = std::to_string(index);
  sample.kind = SampleKind::RegionQa;
  const auto name = entry.at("file_name").get<std::string>();
  const int height = entry.at("height").get<int>();
  const int width = entry.at("width").get<int>();
  nlohmann::json source = {
      {"index", index}, {"file_name", name}, {"height", height}, {"width", width}};
  DESA2VA_TRY(load_picture(loader, name, sample, source));
  for (const Json& annotation : entry.at("annotation")) {
    if (auto added = add_region(annotation, height, width, sample); !added)
      sample.mark_broken(added.error().message());
  }
  if (entry.contains("description")) {
    add_descriptions(entry["description"], sample, source);
  } else {
    for (Turn& turn : read_conversation(entry.at("conversations"), false))
      sample.turns.push_back(
          {without_angles(std::move(turn.question)), without_angles(std::move(turn.answer))});
  }
  if (sample.turns.empty()) sample.mark_broken("no question with an answer");
  sample.source = source.dump();
  return sample;
}

Result<void> import_osprey(const ImportRequest& request, ImportSink& sink) {
  const DataTree tree(request.root);
  const auto parts = osprey_splits(request.root);
  for (const std::string& part : parts)
    if (wants(request, part)) sink.expect(weight_of(tree, osprey_file(part)));
  for (const std::string& part : parts) {
    if (!wants(request, part)) continue;
    const SampleWork::MakeOfElement make = [&](MediaLoader& loader, std::uint64_t index,
                                               const Json& entry) {
      return osprey_sample(loader, part, index, entry);
    };
    SampleWork work(tree, request, sink);
    DESA2VA_TRY(work.add_elements(osprey_file(part), make));
    DESA2VA_TRY(work.split_done({"osprey", part, 0, 0, "{}"}));
  }
  return {};
}

}  // namespace

Importer osprey_importer() {
  return {"osprey", "conversations about regions of pictures", osprey_splits, import_osprey};
}

}  // namespace desa2va::datasets
