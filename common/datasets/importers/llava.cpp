// LLaVA-1.5 665k: llava_data/LLaVA-Instruct-150K/llava_v1_5_mix665k.json, a list of conversations,
// most about a picture below llava_data/llava_images/. "<image>" marks the place of the picture;
// a conversation without one is text alone.
#include <fmt/format.h>

#include "common/datasets/conversation.h"
#include "common/datasets/importers/importers.h"
#include "common/datasets/media_loader.h"
#include "common/datasets/sample_work.h"
#include "common/datasets/text_tools.h"

namespace desa2va::datasets {

namespace {

constexpr const char* kLlavaFile = "llava_data/LLaVA-Instruct-150K/llava_v1_5_mix665k.json";
constexpr const char* kLlavaImages = "llava_data/llava_images";

std::vector<std::string> llava_splits(const std::filesystem::path& root) {
  if (DataTree(root).has(kLlavaFile)) return {"train"};
  return {};
}

Result<Sample> llava_sample(MediaLoader& loader, std::uint64_t index, const Json& entry) {
  Sample sample;
  sample.dataset = "llava";
  sample.split = "train";
  sample.id = std::to_string(index);
  sample.kind = SampleKind::ImageQa;
  nlohmann::json source = {{"index", index},
                           {"id", entry.contains("id") ? text_of(entry["id"]) : ""},
                           {"image", nullptr}};
  const bool pictured = entry.contains("image") && !entry["image"].is_null();
  if (pictured) {
    const auto image = entry["image"].get<std::string>();
    source["image"] = image;
    DESA2VA_ASSIGN(const LoadedMedia media,
                   loader.image(fmt::format("{}/{}", kLlavaImages, image)));
    add_media(sample, media);
    if (!media.stored_as.empty()) source["stored_as"] = media.stored_as;
  }
  sample.turns = read_conversation(entry.at("conversations"), true);
  if (!pictured)
    for (Turn& turn : sample.turns)
      turn.question = strip(replace_all(std::move(turn.question), "<image>", ""));
  if (sample.turns.empty()) sample.mark_broken("no question with an answer");
  sample.source = source.dump();
  return sample;
}

Result<void> import_llava(const ImportRequest& request, ImportSink& sink) {
  const DataTree tree(request.root);
  if (!tree.has(kLlavaFile) || !wants(request, "train")) return {};
  sink.expect(weight_of(tree, kLlavaFile));
  const SampleWork::MakeOfElement make = &llava_sample;
  SampleWork work(tree, request, sink);
  DESA2VA_TRY(work.add_elements(kLlavaFile, make));
  return work.split_done({"llava", "train", 0, 0, "{}"});
}

}  // namespace

Importer llava_importer() {
  return {"llava", "conversations about pictures, and some without", llava_splits, import_llava};
}

}  // namespace desa2va::datasets
