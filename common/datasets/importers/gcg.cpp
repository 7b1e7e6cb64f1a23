// Grounded conversation generation: glamm_data/annotations/, four files in three layouts, captions
// whose phrases have masks. RefCOCOg finds its phrases in the lower-cased caption, the others give
// their places. One sample is one caption; its answer is the caption with the phrases marked.
#include <algorithm>
#include <optional>
#include <unordered_map>

#include <fmt/format.h>

#include "common/datasets/coco_masks.h"
#include "common/datasets/gcg_answer.h"
#include "common/datasets/importers/importers.h"
#include "common/datasets/json_scan.h"
#include "common/datasets/media_loader.h"
#include "common/datasets/sample_work.h"
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
  for (std::string& split : gcg_eval_splits(root)) found.push_back(std::move(split));
  return found;
}

// A phrase with its place and mask.
struct Phrase {
  TextSpan span;
  preprocess::Rle mask;
  nlohmann::json source;
};

// A sample in the making.
struct GcgDraft {
  Sample sample;
  std::vector<Phrase> phrases;
  nlohmann::json source;
};

// The sample with its picture; `source` gets index and file.
Result<void> begin_sample(const GcgPart& part, MediaLoader& loader, std::uint64_t index,
                          const std::string& file, std::string caption, GcgDraft& draft) {
  Sample& sample = draft.sample;
  sample.dataset = "gcg";
  sample.split = part.name;
  sample.id = std::to_string(index);
  sample.kind = SampleKind::Gcg;
  sample.caption = std::move(caption);
  draft.source["index"] = index;
  draft.source["file"] = file;
  DESA2VA_ASSIGN(const LoadedMedia media, loader.image(image_folder(part) + "/" + file));
  add_media(sample, media);
  return {};
}

Sample finish_sample(GcgDraft&& draft, bool trim_spans_now) {
  auto& [sample, phrases, source] = draft;
  std::stable_sort(phrases.begin(), phrases.end(),
                   [](const Phrase& a, const Phrase& b) { return a.span.first < b.span.first; });
  std::vector<TextSpan> spans;
  spans.reserve(phrases.size());
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
  return std::move(sample);
}

Result<Sample> refcocog_sample(const GcgPart& part, MediaLoader& loader, std::uint64_t index,
                               const std::string& id, const Json& item) {
  GcgDraft draft;
  draft.source = {{"id", id}, {"dropped", nlohmann::json::array()}};
  std::string caption = item.at("caption").get<std::string>();
  caption.erase(0, caption.find_first_not_of('"'));
  caption.erase(caption.find_last_not_of('"') + 1);
  DESA2VA_TRY(begin_sample(part, loader, index, item.at("img_file_name").get<std::string>(),
                           lower(strip(caption)), draft));
  Sample& sample = draft.sample;
  for (const Json& ref : item.at("refs")) {
    const auto sentence = ref.at("sentence").get<std::string>();
    const auto span = find_span(sample.caption, lower(sentence));
    if (!span) {
      draft.source["dropped"].push_back(sentence);
      continue;
    }
    auto mask =
        read_segmentation(ref.at("segmentation"), sample.media[0].height, sample.media[0].width);
    if (mask) {
      draft.phrases.push_back({*span, std::move(mask->mask), {{"sentence", sentence}}});
    } else if (sample.status != SampleStatus::Broken) {
      sample.mark_broken(fmt::format("phrase '{}': {}", sentence, mask.error().message()));
    }
  }
  return finish_sample(std::move(draft), true);
}

Result<Sample> groundings_sample(const GcgPart& part, MediaLoader& loader, std::uint64_t index,
                                 const Json& item) {
  GcgDraft draft;
  draft.source = {{"null_groundings", nlohmann::json::array()}};
  DESA2VA_TRY(begin_sample(part, loader, index, item.at("file_name").get<std::string>(),
                           item.at("caption").get<std::string>(), draft));
  for (const auto& [text, grounding] : item.at("groundings").items()) {
    if (grounding.is_null()) {
      draft.source["null_groundings"].push_back(text);
      continue;
    }
    const Json& masks = grounding.at("rle_masks");
    DESA2VA_ASSIGN(Segmentation joined, read_segmentation(masks, item.at("height").get<int>(),
                                                          item.at("width").get<int>()));
    const Json& place = grounding.at("token_positives");
    draft.phrases.push_back({{place.at(0).get<std::uint32_t>(), place.at(1).get<std::uint32_t>()},
                             std::move(joined.mask),
                             {{"phrase", text}, {"masks_joined", masks.size()}}});
  }
  return finish_sample(std::move(draft), false);
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

Result<Sample> flickr_sample(const GcgPart& part, MediaLoader& loader, std::uint64_t index,
                             const Json& image, const JsonFile& file,
                             const std::vector<JsonPlace>& annotations) {
  GcgDraft draft;
  draft.source = {{"image_id", image.at("id")}, {"skipped_annotations", nlohmann::json::array()}};
  DESA2VA_TRY(begin_sample(part, loader, index, image.at("file_name").get<std::string>(),
                           image.at("caption").get<std::string>(), draft));
  for (const JsonPlace& where : annotations) {
    DESA2VA_ASSIGN(const Json annotation, file.read(where));
    const std::string why = reason_to_skip(annotation, image.at("width").get<double>(),
                                           image.at("height").get<double>());
    if (!why.empty()) {
      draft.source["skipped_annotations"].push_back({{"id", annotation.at("id")}, {"why", why}});
      continue;
    }
    DESA2VA_ASSIGN(preprocess::Rle mask, read_rle(annotation.at("sam_mask")));
    const Json& place = annotation.at("tokens_positive").at(0);
    draft.phrases.push_back({{place.at(0).get<std::uint32_t>(), place.at(1).get<std::uint32_t>()},
                             std::move(mask),
                             {{"annotation", annotation.at("id")}}});
  }
  return finish_sample(std::move(draft), false);
}

// Why a Flickr picture is left out, as in the reference; empty: it is not.
std::string reason_to_drop(const Json& image) {
  const auto caption = image.at("caption").get<std::string>();
  const auto words = static_cast<std::size_t>(std::count(caption.begin(), caption.end(), ' ')) + 1;
  if (words < kMinWords) return "caption has fewer than 3 words";
  const int side = std::min(image.at("width").get<int>(), image.at("height").get<int>());
  return side < kMinSide ? "a side is below 32 px" : "";
}

// One part being imported: numbers its samples.
class GcgImport {
 public:
  GcgImport(const DataTree& tree, const GcgPart& part, const ImportRequest& request,
            ImportSink& sink)
      : tree_(tree), part_(part), work_(tree, request, sink) {}

  Result<void> refcocog();
  Result<void> by_groundings() {
    return work_.add_elements(annotation_file(part_), of_groundings_);
  }
  Result<void> flickr();
  Result<void> finish();

 private:
  const DataTree& tree_;
  const GcgPart& part_;
  nlohmann::json facts_ = {{"annotation_file", annotation_file(part_)},
                           {"image_folder", image_folder(part_)}};
  std::uint64_t samples_ = 0;
  std::optional<JsonFile> file_;
  SampleWork::MakeOfElement of_groundings_ = [this](MediaLoader& loader, std::uint64_t index,
                                                    const Json& item) {
    return groundings_sample(part_, loader, index, item);
  };
  SampleWork work_;  // last: ends before what its samples refer to
};

Result<void> GcgImport::refcocog() {
  return scan_json(
      tree_, annotation_file(part_), 1, [&](const JsonElement& element) -> Result<void> {
        DESA2VA_ASSIGN(
            Json entry,
            parse_element(element.text).in(fmt::format("entry at byte {}", element.place.offset)));
        for (auto& [id, item] : entry.items()) {
          const std::string where = fmt::format("{}: entry {}", annotation_file(part_), id);
          DESA2VA_TRY(work_.add(
              element.place.bytes / entry.size(), [this, where, index = samples_++, id = id,
                                                   item = std::move(item)](MediaLoader& loader) {
                return json_guarded(
                    where, [&] { return refcocog_sample(part_, loader, index, id, item); });
              }));
        }
        return {};
      });
}

Result<void> GcgImport::flickr() {
  const std::string path = annotation_file(part_);
  DESA2VA_ASSIGN(file_, JsonFile::open(tree_, path));
  std::vector<JsonPlace> images;
  std::unordered_map<std::int64_t, std::vector<JsonPlace>> by_image;
  DESA2VA_TRY(file_->scan(2, [&](const JsonElement& element) -> Result<void> {
    if (element.group == "images") images.push_back(element.place);
    if (element.group != "annotations") return {};
    return json_guarded(fmt::format("annotation at byte {}", element.place.offset),
                        [&]() -> Result<void> {
                          DESA2VA_ASSIGN(const Json one, parse_element(element.text));
                          by_image[one.at("image_id").get<std::int64_t>()].push_back(element.place);
                          return {};
                        });
  }));
  facts_["dropped_images"] = nlohmann::json::array();
  for (const JsonPlace& place : images) {
    const std::string where = fmt::format("{}: image at byte {}", path, place.offset);
    DESA2VA_ASSIGN(Json image, file_->read(place));
    DESA2VA_TRY(json_guarded(where, [&]() -> Result<void> {
      if (const std::string why = reason_to_drop(image); !why.empty()) {
        facts_["dropped_images"].push_back({{"image_id", image.at("id")}, {"why", why}});
        return {};
      }
      auto& annotations = by_image[image.at("id").get<std::int64_t>()];
      return work_.add(place.bytes, [this, where, index = samples_++, image = std::move(image),
                                     annotations](MediaLoader& loader) {
        return json_guarded(
            where, [&] { return flickr_sample(part_, loader, index, image, *file_, annotations); });
      });
    }));
  }
  return {};
}

Result<void> GcgImport::finish() {
  return work_.split_done({"gcg", part_.name, 0, 0, facts_.dump()});
}

Result<void> import_gcg(const ImportRequest& request, ImportSink& sink) {
  const DataTree tree(request.root);
  for (const GcgPart& part : kGcgParts)
    if (wants(request, part.name)) sink.expect(weight_of(tree, annotation_file(part)));
  for (const GcgPart& part : kGcgParts) {
    if (!tree.has(annotation_file(part)) || !wants(request, part.name)) continue;
    GcgImport job(tree, part, request, sink);
    const std::string_view name = part.name;
    DESA2VA_TRY(name == "refcocog" ? job.refcocog()
                : name == "flickr" ? job.flickr()
                                   : job.by_groundings());
    DESA2VA_TRY(job.finish());
  }
  return import_gcg_eval(request, sink);
}

}  // namespace

Importer gcg_importer() {
  return {"gcg", "captions whose phrases have masks", gcg_splits, import_gcg};
}

}  // namespace desa2va::datasets
