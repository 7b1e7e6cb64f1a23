#include <fstream>
#include <sstream>

#include "common/preprocess/image/encode.h"
#include "common/preprocess/masks/polygon.h"
#include "common/synth/layouts.h"
#include "common/synth/pickle_writer.h"
#include "common/synth/render.h"

namespace desa2va::synth {

namespace fs = std::filesystem;

Result<void> write_file(const fs::path& path, std::string_view bytes) {
  std::error_code error;
  fs::create_directories(path.parent_path(), error);
  std::ofstream out(path, std::ios::binary);
  out.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  out.close();
  if (!out)
    return fail(Errc::Overloaded, "{}: cannot be written; is the disk full?", path.string());
  return {};
}

RefCocoLayout::RefCocoLayout(const SynthRecipe& recipe, const fs::path& root, std::string split)
    : recipe_(recipe), folder_(root / "ref_seg" / "refcoco"), split_(std::move(split)) {}

Result<fs::path> RefCocoLayout::add(const Scene& scene, int number, Record& record) {
  const std::string stem = fmt::format("COCO_train2014_{:012}", number);
  const fs::path path = folder_ / "coco2014" / "train2014" / (stem + ".jpg");
  const auto frames = render(recipe_, scene);
  DESA2VA_ASSIGN(const Buffer jpeg, preprocess::encode_jpeg(frames[0], recipe_.jpeg_quality));
  DESA2VA_TRY(write_file(path, as_text(jpeg.bytes())));
  images_.push_back({{"id", number},
                     {"file_name", stem + ".jpg"},
                     {"height", recipe_.image_size},
                     {"width", recipe_.image_size}});

  const auto visible = masks(recipe_, scene, 0);
  for (std::size_t i = 0; i < scene.objects.size(); ++i) {
    const int annotation = next_annotation_++;
    const auto rle = preprocess::encode_rle(visible[i]);
    int kind = 1;
    while (known_kinds()[static_cast<std::size_t>(kind - 1)] != scene.objects[i].kind) ++kind;
    annotations_.push_back({{"id", annotation},
                            {"image_id", number},
                            {"category_id", kind},
                            {"segmentation", {outline(visible[i])}},
                            {"bbox", preprocess::bounding_box(rle)},
                            {"area", visible[i].area()},
                            {"iscrowd", 0}});
    nlohmann::json sentences = nlohmann::json::array();
    nlohmann::json ids = nlohmann::json::array();
    for (const Sentence& sentence : scene.sentences[i]) {
      std::istringstream words(sentence.text);
      const std::vector<std::string> tokens{std::istream_iterator<std::string>(words), {}};
      ids.push_back(next_sentence_);
      sentences.push_back({{"sent_id", next_sentence_++},
                           {"raw", sentence.text},
                           {"sent", sentence.text},
                           {"tokens", tokens}});
      record.expressions.push_back(sentence.text);
      record.needs["refcoco"][std::to_string(number)][sentence.text] = name(sentence.need);
    }
    refs_.push_back({{"ref_id", annotation},
                     {"ann_id", annotation},
                     {"image_id", number},
                     {"category_id", kind},
                     {"split", split_},
                     {"file_name", fmt::format("{}_{}.jpg", stem, annotation)},
                     {"sent_ids", ids},
                     {"sentences", sentences}});
  }
  return path;
}

Result<void> RefCocoLayout::finish() {
  nlohmann::json categories = nlohmann::json::array();
  for (const std::string& kind : known_kinds()) {
    categories.push_back({{"id", static_cast<int>(categories.size()) + 1}, {"name", kind}});
  }
  const nlohmann::json instances = {
      {"images", images_}, {"annotations", annotations_}, {"categories", categories}};
  DESA2VA_TRY(write_file(folder_ / "instances.json", instances.dump()));
  return write_file(folder_ / "refs(unc).p", to_pickle(refs_));
}

}  // namespace desa2va::synth
