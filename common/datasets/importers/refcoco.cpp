// RefCOCO, RefCOCO+ and RefCOCOg: ref_seg/<set>/ with instances.json (COCO), refs(unc).p or
// refs(umd).p (a pickled list of refs) and coco2014/train2014/*.jpg. One sample is one picture
// with the refs of one split; of several refs of an annotation the last counts, at the place of
// the first, but the sentences of all are kept for evaluation ("sent" of the source).
#include <algorithm>
#include <map>
#include <optional>
#include <unordered_map>
#include <unordered_set>

#include <fmt/format.h>

#include "common/datasets/coco_masks.h"
#include "common/datasets/importers/importers.h"
#include "common/datasets/json_scan.h"
#include "common/datasets/media_loader.h"
#include "common/datasets/pickle.h"
#include "common/datasets/sample_work.h"
#include "common/datasets/text_tools.h"

namespace desa2va::datasets {

namespace {

struct CocoPicture {
  std::string file;
  int width = 0;
  int height = 0;
};

struct RefcocoFiles {
  std::string dataset;
  std::string folder;
  std::string refs_file;
  nlohmann::json refs;
  // Of what the refs name; the last of equal ids counts.
  std::unordered_map<std::int64_t, CocoPicture> pictures;
  std::unordered_map<std::int64_t, JsonPlace> annotations;
  std::optional<JsonFile> instances;
  nlohmann::json facts;
};

std::string refcoco_folder(std::string_view dataset) {
  return fmt::format("ref_seg/{}", dataset);
}
std::string refs_name(std::string_view dataset) {
  return dataset == "refcocog" ? "refs(umd).p" : "refs(unc).p";
}

Result<void> read_instances(const DataTree& tree, RefcocoFiles& files) {
  std::unordered_set<std::int64_t> annotations;
  std::unordered_set<std::int64_t> pictures;
  for (const auto& ref : files.refs) {
    annotations.insert(ref.at("ann_id").get<std::int64_t>());
    pictures.insert(ref.at("image_id").get<std::int64_t>());
  }
  std::uint64_t image_count = 0;
  std::uint64_t annotation_count = 0;
  std::uint64_t duplicates = 0;
  const std::string path = files.folder + "/instances.json";
  DESA2VA_ASSIGN(files.instances, JsonFile::open(tree, path));
  DESA2VA_TRY(files.instances->scan(2, [&](const JsonElement& element) -> Result<void> {
    const bool image = element.group == "images";
    if (!image && element.group != "annotations") return {};
    return json_guarded(
        fmt::format("{} at byte {}", element.group, element.place.offset), [&]() -> Result<void> {
          DESA2VA_ASSIGN(const Json item, parse_element(element.text));
          const auto id = item.at("id").get<std::int64_t>();
          ++(image ? image_count : annotation_count);
          if (image && pictures.contains(id)) {
            const bool first = files.pictures
                                   .insert_or_assign(id, CocoPicture{item.at("file_name"),
                                                                     item.at("width").get<int>(),
                                                                     item.at("height").get<int>()})
                                   .second;
            duplicates += first ? 0 : 1;
          } else if (!image && annotations.contains(id)) {
            duplicates += files.annotations.insert_or_assign(id, element.place).second ? 0 : 1;
          }
          return {};
        });
  }));
  files.facts["images"] = image_count;
  files.facts["annotations"] = annotation_count;
  if (duplicates > 0) files.facts["duplicate_ids"] = duplicates;
  return {};
}

Result<RefcocoFiles> read_refcoco(const DataTree& tree, std::string_view dataset) {
  RefcocoFiles files;
  files.dataset = dataset;
  files.folder = refcoco_folder(dataset);
  files.refs_file = refs_name(dataset);
  const std::string path = files.folder + "/" + files.refs_file;
  DESA2VA_ASSIGN(const Buffer bytes, tree.read(path));
  DESA2VA_ASSIGN(Pickle pickle, read_pickle(bytes.bytes()).in(path));
  files.refs = std::move(pickle.value);
  files.facts = {
      {"root", files.folder},
      {"refs_file", files.refs_file},
      {"refs", files.refs.size()},
      {"pickle",
       {{"bytes", bytes.size()}, {"protocol", pickle.protocol}, {"opcodes", pickle.opcodes}}}};
  DESA2VA_TRY(with_json_errors(path, [&] { return read_instances(tree, files); }));
  return files;
}

Result<Segmentation> mask_of(const RefcocoFiles& files, std::int64_t id, std::int64_t image) {
  const auto place = files.annotations.find(id);
  if (place == files.annotations.end()) return fail(Errc::NotFound, "is not in instances.json");
  DESA2VA_ASSIGN(const Json item, files.instances->read(place->second));
  // The size is that of the picture which the annotation itself names.
  auto picture = files.pictures.find(item.at("image_id").get<std::int64_t>());
  if (picture == files.pictures.end()) picture = files.pictures.find(image);
  return read_segmentation(item.at("segmentation"), picture->second.height, picture->second.width);
}

using Refs = std::vector<const nlohmann::json*>;

// The sentences of all refs of an object, as the evaluation asks them.
std::vector<std::string> asked_sentences(const Refs& refs) {
  std::vector<std::string> sent;
  for (const nlohmann::json* ref : refs)
    for (const auto& sentence : ref->at("sentences"))
      sent.push_back(sentence.contains("sent") ? sentence.at("sent").get<std::string>()
                                               : refer_text(sentence.at("raw").get<std::string>()));
  return sent;
}

// What the refs of one annotation say of it. Training knows the last ref alone, evaluation all.
Result<void> add_object(const RefcocoFiles& files, const Refs& refs, Sample& sample) {
  const nlohmann::json& ref = *refs.back();
  const auto annotation = ref.at("ann_id").get<std::int64_t>();
  Expression expression;
  expression.id = std::to_string(annotation);
  std::vector<std::string> raw;
  for (const auto& sentence : ref.at("sentences")) {
    raw.push_back(sentence.at("raw").get<std::string>());
    expression.texts.push_back(refer_text(raw.back()));
  }
  nlohmann::json source = {{"ann_id", annotation},
                           {"ref_id", ref.at("ref_id")},
                           {"category_id", ref.at("category_id")},
                           {"raw", raw},
                           {"sent", asked_sentences(refs)}};
  auto segmentation = mask_of(files, annotation, ref.at("image_id").get<std::int64_t>());
  if (segmentation) {
    if (segmentation->polygons > 0) {
      source["polygons"] = segmentation->polygons;
    } else {
      source["encoding"] =
          segmentation->compressed ? "compressed RLE (iscrowd)" : "uncompressed RLE (iscrowd)";
    }
    bool moved = false;
    const MediaRef& picture = sample.media[0];
    const auto& mask = segmentation->mask;
    expression.masks = {
        coded(picture.width == 0 ? mask : fit_to(mask, picture.height, picture.width, moved))};
    if (moved)
      sample.warn(fmt::format("annotation {}: mask size differs from the picture", annotation));
  } else {
    sample.mark_broken(
        fmt::format("annotation {}: {}", annotation, segmentation.error().message()));
  }
  expression.source = source.dump();
  sample.expressions.push_back(std::move(expression));
  return {};
}

Result<Sample> picture_sample(const RefcocoFiles& files, const std::string& split, std::int64_t id,
                              const std::vector<const Refs*>& objects, MediaLoader& loader) {
  const auto picture = files.pictures.find(id);
  if (picture == files.pictures.end()) return fail(Errc::Corrupt, "is not in instances.json");
  Sample sample;
  sample.dataset = files.dataset;
  sample.split = split;
  sample.id = std::to_string(id);
  sample.kind = SampleKind::ImageRef;
  sample.source = nlohmann::json{{"image_id", id}, {"file", picture->second.file}}.dump();
  DESA2VA_ASSIGN(const LoadedMedia media,
                 loader.image(files.folder + "/coco2014/train2014/" + picture->second.file));
  add_media(sample, media);
  for (const Refs* refs : objects) DESA2VA_TRY(add_object(files, *refs, sample));
  return sample;
}

Result<void> import_refcoco_split(const DataTree& tree, const RefcocoFiles& files,
                                  const std::string& split, const ImportRequest& request,
                                  ImportSink& sink) {
  // Annotations in the order they are first met, each with its refs; pictures likewise, each an
  // object's last ref's.
  std::vector<std::int64_t> order;
  std::map<std::int64_t, Refs> refs_of;
  std::uint64_t refs = 0;
  for (const auto& ref : files.refs) {
    if (ref.at("split") != split) continue;
    ++refs;
    const auto annotation = ref.at("ann_id").get<std::int64_t>();
    if (!refs_of.contains(annotation)) order.push_back(annotation);
    refs_of[annotation].push_back(&ref);
  }
  std::vector<std::int64_t> pictures;
  std::map<std::int64_t, std::vector<const Refs*>> objects;
  for (const std::int64_t annotation : order) {
    const auto picture = refs_of[annotation].back()->at("image_id").get<std::int64_t>();
    if (!objects.contains(picture)) pictures.push_back(picture);
    objects[picture].push_back(&refs_of[annotation]);
  }

  SampleWork work(tree, request, sink);
  for (const std::int64_t id : pictures) {
    DESA2VA_TRY(work.add(1, [&, id](MediaLoader& loader) -> Result<Sample> {
      return json_guarded(fmt::format("{}: image {}", files.folder, id),
                          [&] { return picture_sample(files, split, id, objects.at(id), loader); });
    }));
  }
  return work.split_done(
      {files.dataset, split, 0, 0,
       nlohmann::json{{"set", files.facts}, {"refs", refs}, {"objects", order.size()}}.dump()});
}

std::uint64_t pictures_of(const RefcocoFiles& files, const std::string& split) {
  std::unordered_set<std::int64_t> pictures;
  for (const auto& ref : files.refs)
    if (ref.at("split") == split) pictures.insert(ref.at("image_id").get<std::int64_t>());
  return pictures.size();
}

Result<void> import_refcoco(std::string_view dataset, const ImportRequest& request,
                            ImportSink& sink) {
  const DataTree tree(request.root);
  DESA2VA_ASSIGN(const RefcocoFiles files, read_refcoco(tree, dataset));
  return with_json_errors(files.refs_file, [&]() -> Result<void> {
    std::vector<std::string> splits;
    for (const auto& ref : files.refs) {
      const auto split = ref.at("split").get<std::string>();
      if (std::find(splits.begin(), splits.end(), split) == splits.end()) splits.push_back(split);
    }
    for (const std::string& split : splits)
      if (wants(request, split)) sink.expect(pictures_of(files, split));
    for (const std::string& split : splits)
      if (wants(request, split))
        DESA2VA_TRY(import_refcoco_split(tree, files, split, request, sink));
    return {};
  });
}

std::vector<std::string> refcoco_splits(std::string_view dataset,
                                        const std::filesystem::path& root) {
  const DataTree tree(root);
  if (!tree.has(refcoco_folder(dataset) + "/" + refs_name(dataset))) return {};
  if (dataset == "refcocog") return {"train", "val", "test"};
  return {"train", "val", "testA", "testB"};
}

}  // namespace

Importer refcoco_importer() {
  return {"refcoco", "picture expressions; testA people, testB other objects",
          [](const std::filesystem::path& root) { return refcoco_splits("refcoco", root); },
          [](const ImportRequest& request, ImportSink& sink) {
            return import_refcoco("refcoco", request, sink);
          }};
}

Importer refcoco_plus_importer() {
  return {"refcoco+", "picture expressions without words of place",
          [](const std::filesystem::path& root) { return refcoco_splits("refcoco+", root); },
          [](const ImportRequest& request, ImportSink& sink) {
            return import_refcoco("refcoco+", request, sink);
          }};
}

Importer refcocog_importer() {
  return {"refcocog", "picture expressions of whole sentences",
          [](const std::filesystem::path& root) { return refcoco_splits("refcocog", root); },
          [](const ImportRequest& request, ImportSink& sink) {
            return import_refcoco("refcocog", request, sink);
          }};
}

}  // namespace desa2va::datasets
