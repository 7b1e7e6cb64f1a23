// RefCOCO, RefCOCO+ and RefCOCOg: ref_seg/<set>/ with instances.json (COCO), refs(unc).p or
// refs(umd).p (a pickled list of refs) and coco2014/train2014/*.jpg. One sample is one picture
// with the refs of one split; of several refs of an annotation the last counts, at the place of
// the first.
#include <map>
#include <set>

#include <fmt/format.h>

#include "common/datasets/coco_masks.h"
#include "common/datasets/importers/importers.h"
#include "common/datasets/media_loader.h"
#include "common/datasets/pickle.h"
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
  std::map<std::int64_t, CocoPicture> pictures;
  std::map<std::int64_t, Segmentation> masks;    // by annotation, of those that refs name
  std::map<std::int64_t, std::string> problems;  // of annotations whose mask cannot be read
  nlohmann::json facts;
};

std::string refcoco_folder(std::string_view dataset) {
  return fmt::format("ref_seg/{}", dataset);
}
std::string refs_name(std::string_view dataset) {
  return dataset == "refcocog" ? "refs(umd).p" : "refs(unc).p";
}

Result<void> read_pictures(const DataTree& tree, RefcocoFiles& files) {
  const std::string path = files.folder + "/instances.json";
  std::uint64_t annotations = 0;
  // Annotations may stand before the pictures whose size they need: two passes.
  DESA2VA_TRY(stream_json(tree, path, 2, [&](const std::string& key, Json& item) -> Result<void> {
    if (key != "images") return {};
    files.pictures[item.at("id").get<std::int64_t>()] = {item.at("file_name").get<std::string>(),
                                                         item.at("width").get<int>(),
                                                         item.at("height").get<int>()};
    return {};
  }));
  std::set<std::int64_t> named;
  for (const auto& ref : files.refs) named.insert(ref.at("ann_id").get<std::int64_t>());
  DESA2VA_TRY(stream_json(tree, path, 2, [&](const std::string& key, Json& item) -> Result<void> {
    if (key != "annotations") return {};
    ++annotations;
    const auto id = item.at("id").get<std::int64_t>();
    const auto picture = files.pictures.find(item.at("image_id").get<std::int64_t>());
    if (!named.contains(id) || picture == files.pictures.end()) return {};
    auto mask =
        read_segmentation(item.at("segmentation"), picture->second.height, picture->second.width);
    if (mask) {
      files.masks[id] = std::move(*mask);
    } else {
      files.problems[id] = mask.error().message();
    }
    return {};
  }));
  files.facts["images"] = files.pictures.size();
  files.facts["annotations"] = annotations;
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
  DESA2VA_TRY(with_json_errors(path, [&] { return read_pictures(tree, files); }));
  return files;
}

// What one ref says of its object.
Result<void> add_object(const RefcocoFiles& files, const nlohmann::json& ref, Sample& sample) {
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
                           {"raw", raw}};
  if (const auto found = files.masks.find(annotation); found != files.masks.end()) {
    const Segmentation& segmentation = found->second;
    if (segmentation.polygons > 0) {
      source["polygons"] = segmentation.polygons;
    } else {
      source["encoding"] =
          segmentation.compressed ? "compressed RLE (iscrowd)" : "uncompressed RLE (iscrowd)";
    }
    bool moved = false;
    const MediaRef& picture = sample.media[0];
    const auto& mask = segmentation.mask;
    expression.masks = {
        coded(picture.width == 0 ? mask : fit_to(mask, picture.height, picture.width, moved))};
    if (moved)
      sample.warn(fmt::format("annotation {}: mask size differs from the picture", annotation));
  } else {
    const auto problem = files.problems.find(annotation);
    sample.mark_broken(fmt::format(
        "annotation {}: {}", annotation,
        problem == files.problems.end() ? "is not in instances.json" : problem->second));
  }
  expression.source = source.dump();
  sample.expressions.push_back(std::move(expression));
  return {};
}

Result<void> import_refcoco_split(const RefcocoFiles& files, const std::string& split,
                                  MediaLoader& loader, ImportSink& sink) {
  // Annotations in the order they are first met, each with its last ref; pictures likewise.
  std::vector<std::int64_t> order;
  std::map<std::int64_t, const nlohmann::json*> last_ref;
  std::uint64_t refs = 0;
  for (const auto& ref : files.refs) {
    if (ref.at("split") != split) continue;
    ++refs;
    const auto annotation = ref.at("ann_id").get<std::int64_t>();
    if (!last_ref.contains(annotation)) order.push_back(annotation);
    last_ref[annotation] = &ref;
  }
  std::vector<std::int64_t> pictures;
  std::map<std::int64_t, std::vector<const nlohmann::json*>> objects;
  for (const std::int64_t annotation : order) {
    const auto picture = last_ref[annotation]->at("image_id").get<std::int64_t>();
    if (!objects.contains(picture)) pictures.push_back(picture);
    objects[picture].push_back(last_ref[annotation]);
  }

  SplitInfo info{files.dataset, split, 0, 0, ""};
  for (const std::int64_t id : pictures) {
    const auto picture = files.pictures.find(id);
    if (picture == files.pictures.end())
      return fail(Errc::Corrupt, "{}: image {} is not in instances.json", files.folder, id);
    Sample sample;
    sample.dataset = files.dataset;
    sample.split = split;
    sample.id = std::to_string(id);
    sample.kind = SampleKind::ImageRef;
    sample.source = nlohmann::json{{"image_id", id}, {"file", picture->second.file}}.dump();
    DESA2VA_ASSIGN(const LoadedMedia media,
                   loader.image(files.folder + "/coco2014/train2014/" + picture->second.file));
    add_media(sample, media);
    for (const nlohmann::json* ref : objects[id]) DESA2VA_TRY(add_object(files, *ref, sample));
    ++info.samples;
    info.expressions += sample.expressions.size();
    DESA2VA_TRY(sink.sample(sample));
  }
  info.source =
      nlohmann::json{{"set", files.facts}, {"refs", refs}, {"objects", order.size()}}.dump();
  return sink.split_done(info);
}

Result<void> import_refcoco(std::string_view dataset, const ImportRequest& request,
                            ImportSink& sink) {
  const DataTree tree(request.root);
  DESA2VA_ASSIGN(const RefcocoFiles files, read_refcoco(tree, dataset));
  MediaLoader loader(tree, sink);
  return with_json_errors(files.refs_file, [&]() -> Result<void> {
    std::vector<std::string> splits;
    for (const auto& ref : files.refs) {
      const auto split = ref.at("split").get<std::string>();
      if (std::find(splits.begin(), splits.end(), split) == splits.end()) splits.push_back(split);
    }
    for (const std::string& split : splits)
      if (wants(request, split)) DESA2VA_TRY(import_refcoco_split(files, split, loader, sink));
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
