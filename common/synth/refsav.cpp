#include "common/preprocess/masks/rle.h"
#include "common/preprocess/video/encode.h"
#include "common/synth/layouts.h"
#include "common/synth/render.h"

namespace desa2va::synth {

namespace fs = std::filesystem;

RefSavLayout::RefSavLayout(const SynthRecipe& recipe, const fs::path& root)
    : recipe_(recipe), folder_(root / "video_datas") {}

Result<void> RefSavLayout::add(const Scene& scene, int number, Record& record) {
  const std::string id = fmt::format("sav_{:06}", number);
  const std::string stem = fmt::format("sav_{:03}/{}", number / 1000, id);
  preprocess::Mp4Options options;
  options.crf = recipe_.video_crf;
  DESA2VA_ASSIGN(const Buffer mp4, preprocess::encode_mp4(render(recipe_, scene), options));
  DESA2VA_TRY(write_file(folder_ / "sam_v_full" / (stem + ".mp4"), as_text(mp4.bytes())));

  nlohmann::json masklet = nlohmann::json::array();
  for (int t = 0; t < scene.frames; ++t) {
    nlohmann::json row = nlohmann::json::array();
    for (const preprocess::Mask& mask : masks(recipe_, scene, t)) {
      row.push_back({{"size", {mask.height, mask.width}},
                     {"counts", preprocess::rle_to_string(preprocess::encode_rle(mask))}});
    }
    masklet.push_back(std::move(row));
  }
  const nlohmann::json annotation = {
      {"video_id", id},
      {"video_frame_count", (scene.frames - 1) * kFramesPerAnnotation + 1},
      {"video_height", recipe_.image_size},
      {"video_width", recipe_.image_size},
      {"masklet", masklet}};
  DESA2VA_TRY(write_file(folder_ / "sam_v_full" / (stem + "_manual.json"), annotation.dump()));

  nlohmann::json objects = nlohmann::json::object();
  for (std::size_t i = 0; i < scene.objects.size(); ++i) {
    nlohmann::json captions = nlohmann::json::array();
    for (const Sentence& sentence : scene.sentences[i]) {
      captions.push_back(sentence.text);
      record.expressions.push_back(sentence.text);
      record.needs["refsav"][id][sentence.text] = name(sentence.need);
    }
    objects[std::to_string(i)] = {{"formated", scene.sentences[i].front().text},
                                  {"short_caps", captions}};
  }
  videos_[id] = {
      {"video_path", stem + ".mp4"}, {"anno_path", stem + "_manual.json"}, {"objects", objects}};
  return {};
}

Result<void> RefSavLayout::finish() {
  return write_file(folder_ / "sam_v_final_v3.json", videos_.dump());
}

}  // namespace desa2va::synth
