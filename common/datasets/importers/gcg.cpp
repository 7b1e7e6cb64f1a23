// Grounded conversation generation: glamm_data/annotations/, four files in three layouts, captions
// whose phrases have masks. RefCOCOg finds its phrases in the lower-cased caption, the others give
// their places. One sample is one caption; its answer is the caption with the phrases marked.
#include <algorithm>

#include <fmt/format.h>

#include "common/datasets/coco_masks.h"
#include "common/datasets/gcg_answer.h"
#include "common/datasets/importers/importers.h"
#include "common/datasets/media_loader.h"
#include "common/datasets/text_tools.h"

namespace desa2va::datasets {

namespace {

constexpr const char* kGcgAnnotations = "glamm_data/annotations";
constexpr const char* kGcgImages = "glamm_data/images";
constexpr int kMinSide = 32;          // Flickr: smaller pictures are left out
constexpr std::size_t kMinWords = 3;  // Flickr: shorter captions are left out

struct GcgPart {
  const char* name;
  const char* file;
  const char* folder;
};
constexpr std::array kGcgParts = {
    GcgPart{"refcocog", "RefCOCOg_GCG_train.json", "coco2014/train2014"},
    GcgPart{"grandf", "GranDf_HA_GCG_train.json", "grandf/train"},
    GcgPart{"openpsg", "OpenPsgGCG_train.json", "coco2017"},
    GcgPart{"flickr", "flickr_mergedGT_GCG_train.json", "flickr30k/Flickr30K"},
};

std::string annotation_file(const GcgPart& part) {
  return fmt::format("{}/{}", kGcgAnnotations, part.file);
}
std::string image_folder(const GcgPart& part) {
  return fmt::format("{}/{}", kGcgImages, part.folder);
}

std::vector<std::string> gcg_splits(const std::filesystem::path& root) {
  const DataTree tree(root);
  std::vector<std::string> found;
  for (const GcgPart& part : kGcgParts)
    if (tree.has(annotation_file(part))) found.emplace_back(part.name);
  return found;
}

// A phrase with its place and mask.
struct Phrase {
  TextSpan span;
  preprocess::Rle mask;
  nlohmann::json source;
};

// One part being imported: numbers its samples.
class GcgImport {
 public:
  GcgImport(const DataTree& tree, const GcgPart& part, ImportSink& sink)
      : tree_(tree), part_(part), sink_(sink), loader_(tree, sink) {}

  Result<void> refcocog();
  Result<void> by_groundings();
  Result<void> flickr();
  Result<void> finish();

 private:
  // The sample with its picture; `source` gets index and file.
  Result<Sample> begin(const std::string& file, std::string caption, nlohmann::json& source);
  Result<void> finish_sample(Sample sample, std::vector<Phrase> phrases, nlohmann::json source,
                             bool trim_spans_now);
  Result<void> flickr_sample(const Json& image, const std::vector<const Json*>& annotations);

  const DataTree& tree_;
  const GcgPart& part_;
  ImportSink& sink_;
  MediaLoader loader_;
  SplitInfo info_{"gcg", part_.name, 0, 0, ""};
  nlohmann::json facts_ = {{"annotation_file", annotation_file(part_)},
                           {"image_folder", image_folder(part_)}};
};

Result<Sample> GcgImport::begin(const std::string& file, std::string caption,
                                nlohmann::json& source) {
  Sample sample;
  sample.dataset = "gcg";
  sample.split = part_.name;
  sample.id = std::to_string(info_.samples);
  sample.kind = SampleKind::Gcg;
  sample.caption = std::move(caption);
  source["index"] = info_.samples;
  source["file"] = file;
  DESA2VA_ASSIGN(const LoadedMedia media, loader_.image(image_folder(part_) + "/" + file));
  add_media(sample, media);
  return sample;
}

Result<void> GcgImport::finish_sample(Sample sample, std::vector<Phrase> phrases,
                                      nlohmann::json source, bool trim_spans_now) {
  std::stable_sort(phrases.begin(), phrases.end(),
                   [](const Phrase& a, const Phrase& b) { return a.span.first < b.span.first; });
  std::vector<TextSpan> spans;
  for (const Phrase& phrase : phrases) spans.push_back(phrase.span);
  const std::vector<TextSpan> trimmed = trim_spans(spans);
  if (trim_spans_now) spans = trimmed;
  if (trimmed != spans) source["nested_spans"] = true;
  const MediaRef& picture = sample.media[0];
  for (std::size_t i = 0; i < phrases.size(); ++i) {
    Expression expression;
    expression.id = std::to_string(i);
    expression.texts = {text_at(sample.caption, spans[i])};
    expression.span = spans[i];
    bool moved = false;
    expression.masks = {coded(picture.height == 0
                                  ? phrases[i].mask
                                  : fit_to(phrases[i].mask, picture.height, picture.width, moved))};
    if (moved) sample.warn(fmt::format("phrase {}: mask size differs from the picture", i));
    expression.source = phrases[i].source.dump();
    sample.expressions.push_back(std::move(expression));
  }
  sample.turns = {{"", gcg_answer(sample.caption, trimmed)}};
  if (phrases.empty()) sample.mark_broken("no masks");
  sample.source = source.dump();
  ++info_.samples;
  info_.expressions += sample.expressions.size();
  return sink_.sample(sample);
}

Result<void> GcgImport::refcocog() {
  return stream_json(
      tree_, annotation_file(part_), 1, [&](const std::string&, Json& entry) -> Result<void> {
        for (const auto& [id, item] : entry.items()) {
          nlohmann::json source = {{"id", id}, {"dropped", nlohmann::json::array()}};
          std::string caption = item.at("caption").get<std::string>();
          caption.erase(0, caption.find_first_not_of('"'));
          caption.erase(caption.find_last_not_of('"') + 1);
          DESA2VA_ASSIGN(Sample sample, begin(item.at("img_file_name").get<std::string>(),
                                              lower(strip(caption)), source));
          std::vector<Phrase> phrases;
          for (const Json& ref : item.at("refs")) {
            const auto sentence = ref.at("sentence").get<std::string>();
            const auto span = find_span(sample.caption, lower(sentence));
            if (!span) {
              source["dropped"].push_back(sentence);
              continue;
            }
            auto mask = read_segmentation(ref.at("segmentation"), sample.media[0].height,
                                          sample.media[0].width);
            if (mask) {
              phrases.push_back({*span, std::move(mask->mask), {{"sentence", sentence}}});
            } else if (sample.status != SampleStatus::Broken) {
              sample.mark_broken(fmt::format("phrase '{}': {}", sentence, mask.error().message()));
            }
          }
          DESA2VA_TRY(
              finish_sample(std::move(sample), std::move(phrases), std::move(source), true));
        }
        return {};
      });
}

Result<void> GcgImport::by_groundings() {
  return stream_json(
      tree_, annotation_file(part_), 1, [&](const std::string&, Json& item) -> Result<void> {
        nlohmann::json source = {{"null_groundings", nlohmann::json::array()}};
        DESA2VA_ASSIGN(Sample sample, begin(item.at("file_name").get<std::string>(),
                                            item.at("caption").get<std::string>(), source));
        std::vector<Phrase> phrases;
        for (const auto& [text, grounding] : item.at("groundings").items()) {
          if (grounding.is_null()) {
            source["null_groundings"].push_back(text);
            continue;
          }
          const Json& masks = grounding.at("rle_masks");
          DESA2VA_ASSIGN(Segmentation joined, read_segmentation(masks, item.at("height").get<int>(),
                                                                item.at("width").get<int>()));
          const Json& place = grounding.at("token_positives");
          phrases.push_back({{place.at(0).get<std::uint32_t>(), place.at(1).get<std::uint32_t>()},
                             std::move(joined.mask),
                             {{"phrase", text}, {"masks_joined", masks.size()}}});
        }
        return finish_sample(std::move(sample), std::move(phrases), std::move(source), false);
      });
}

// Why a box annotation does not count; empty: it does.
std::string reason_to_skip(const Json& annotation, double width, double height) {
  if (annotation.value("ignore", false)) return "ignore";
  const auto box = annotation.at("bbox").get<std::vector<double>>();
  const double visible_x = std::min(box.at(0) + box.at(2), width) - std::max(box[0], 0.0);
  const double visible_y = std::min(box[1] + box.at(3), height) - std::max(box[1], 0.0);
  if (visible_x <= 0 || visible_y <= 0) return "box outside the picture";
  if (annotation.at("area").get<double>() <= 0) return "area";
  if (box[2] < 1 || box[3] < 1) return "side below 1";
  return "";
}

Result<void> GcgImport::flickr_sample(const Json& image,
                                      const std::vector<const Json*>& annotations) {
  nlohmann::json source = {{"image_id", image.at("id")},
                           {"skipped_annotations", nlohmann::json::array()}};
  DESA2VA_ASSIGN(Sample sample, begin(image.at("file_name").get<std::string>(),
                                      image.at("caption").get<std::string>(), source));
  std::vector<Phrase> phrases;
  for (const Json* annotation : annotations) {
    const std::string why = reason_to_skip(*annotation, image.at("width").get<double>(),
                                           image.at("height").get<double>());
    if (!why.empty()) {
      source["skipped_annotations"].push_back({{"id", annotation->at("id")}, {"why", why}});
      continue;
    }
    DESA2VA_ASSIGN(preprocess::Rle mask, read_rle(annotation->at("sam_mask")));
    const Json& place = annotation->at("tokens_positive").at(0);
    phrases.push_back({{place.at(0).get<std::uint32_t>(), place.at(1).get<std::uint32_t>()},
                       std::move(mask),
                       {{"annotation", annotation->at("id")}}});
  }
  return finish_sample(std::move(sample), std::move(phrases), std::move(source), false);
}

Result<void> GcgImport::flickr() {
  DESA2VA_ASSIGN(const Json file, read_json(tree_, annotation_file(part_)));
  facts_["dropped_images"] = nlohmann::json::array();
  return with_json_errors(annotation_file(part_), [&]() -> Result<void> {
    std::map<std::int64_t, std::vector<const Json*>> by_image;
    for (const Json& annotation : file.at("annotations"))
      by_image[annotation.at("image_id").get<std::int64_t>()].push_back(&annotation);
    for (const Json& image : file.at("images")) {
      const auto caption = image.at("caption").get<std::string>();
      const auto words =
          static_cast<std::size_t>(std::count(caption.begin(), caption.end(), ' ')) + 1;
      const bool small =
          std::min(image.at("width").get<int>(), image.at("height").get<int>()) < kMinSide;
      if (words < kMinWords || small) {
        facts_["dropped_images"].push_back(
            {{"image_id", image.at("id")},
             {"why",
              words < kMinWords ? "caption has fewer than 3 words" : "a side is below 32 px"}});
        continue;
      }
      DESA2VA_TRY(flickr_sample(image, by_image[image.at("id").get<std::int64_t>()]));
    }
    return {};
  });
}

Result<void> GcgImport::finish() {
  info_.source = facts_.dump();
  return sink_.split_done(info_);
}

Result<void> import_gcg(const ImportRequest& request, ImportSink& sink) {
  const DataTree tree(request.root);
  for (const GcgPart& part : kGcgParts) {
    if (!tree.has(annotation_file(part)) || !wants(request, part.name)) continue;
    GcgImport job(tree, part, sink);
    const std::string_view name = part.name;
    DESA2VA_TRY(name == "refcocog" ? job.refcocog()
                : name == "flickr" ? job.flickr()
                                   : job.by_groundings());
    DESA2VA_TRY(job.finish());
  }
  return {};
}

}  // namespace

Importer gcg_importer() {
  return {"gcg", "captions whose phrases have masks", gcg_splits, import_gcg};
}

}  // namespace desa2va::datasets
