#include <algorithm>
#include <fstream>
#include <iterator>
#include <map>
#include <optional>

#include <fmt/format.h>

#include "common/base/parallel.h"
#include "common/datasets/coco_masks.h"
#include "common/evaluation/files/json_input.h"
#include "common/evaluation/files/report.h"
#include "common/evaluation/masks/overlap.h"
#include "common/preprocess/image/decode.h"

namespace desa2va::evaluation {

namespace {

namespace fs = std::filesystem;
using preprocess::Rle;

// Masks by the id of their query; nullopt: the model gave none.
using QueryMasks = std::map<std::string, std::optional<Rle>>;

struct Side {
  const char* what;
  std::initializer_list<const char*> keys;
};
const Side kTruth = {"truth", {"mask", "gt", "gt_mask", "segmentation"}};
const Side kPredictions = {"prediction",
                           {"mask", "pred", "pred_mask", "prediction", "segmentation"}};

class QueryReader {
 public:
  QueryReader(const Side& side, QueryMasks& into) : side_(side), into_(into) {}

  // A list of queries, {"queries": [...]}, {"images": [{"queries": [...]}]} or {id: mask}.
  Result<void> document(const Json& value) {
    if (value.is_array()) return list(value, "");
    if (!value.is_object())
      return fail(Errc::Corrupt, "wanted is a list of queries or {{\"queries\": [...]}}");
    const Json* queries = member(value, {"queries"});
    if (queries != nullptr && !queries->is_number()) return list(*queries, "");
    if (const Json* images = member(value, {"images"})) {
      std::size_t number = 0;
      for (const Json& image : *images) {
        const Json* id = member(image, {"id", "image_id"});
        std::string prefix = std::to_string(number++);
        if (id != nullptr) {
          DESA2VA_ASSIGN(prefix, text_id(*id, "the id of an image"));
        }
        DESA2VA_TRY(list(image.at("queries"), prefix + "/"));
      }
      return {};
    }
    if (member(value, side_.keys) != nullptr) return query(value, "0");
    for (const auto& [id, mask] : value.items()) DESA2VA_TRY(add(id, mask));
    return {};
  }

 private:
  Result<void> list(const Json& queries, const std::string& prefix) {
    if (!queries.is_array()) return fail(Errc::Corrupt, "queries must be a list");
    std::size_t number = 0;
    for (const Json& one : queries) DESA2VA_TRY(query(one, prefix + std::to_string(number++)));
    return {};
  }

  Result<void> query(const Json& value, std::string id) {
    if (const Json* given = member(value, {"id", "query_id"})) {
      DESA2VA_ASSIGN(id, text_id(*given, "the id of a query"));
    }
    const Json* mask = member(value, side_.keys);
    if (mask == nullptr)
      return fail(Errc::Corrupt, "query '{}' has no mask: wanted is \"mask\": RLE or null", id);
    if (const Json* height = member(value, {"height"}); height != nullptr && mask->is_array()) {
      DESA2VA_ASSIGN(auto read, datasets::read_segmentation(*mask, height->get<int>(),
                                                            value.at("width").get<int>())
                                    .in("query '" + id + "'"));
      return put(id, std::move(read.mask));
    }
    return add(id, *mask);
  }

  Result<void> add(const std::string& id, const Json& mask) {
    if (mask.is_null()) return put(id, std::nullopt);
    DESA2VA_ASSIGN(Rle rle, mask_in(mask, "query '" + id + "'"));
    return put(id, std::move(rle));
  }

  Result<void> put(const std::string& id, std::optional<Rle> mask) {
    if (!into_.emplace(id, std::move(mask)).second)
      return fail(Errc::Corrupt, "query '{}' is there twice", id);
    return {};
  }

  const Side& side_;
  QueryMasks& into_;
};

// <id>.png below the folder: what is not 0 is the object.
Result<void> read_pictures(const fs::path& root, QueryMasks& into) {
  DESA2VA_ASSIGN(const auto files, files_below(root, {".png"}));
  for (const fs::path& path : files) {
    std::ifstream file(path, std::ios::binary);
    const std::string bytes((std::istreambuf_iterator<char>(file)), {});
    DESA2VA_ASSIGN(auto image, preprocess::decode_indices(as_bytes(bytes)).in(path.string()));
    const preprocess::Mask mask{image.width, image.height, std::move(image.indices)};
    into[path.lexically_relative(root).replace_extension().generic_string()] =
        preprocess::encode_rle(mask);
  }
  return {};
}

Result<QueryMasks> read_queries(const fs::path& path, const Side& side) {
  std::error_code error;
  if (!fs::exists(path, error))
    return fail(Errc::NotFound, "{}: there is no such file or folder", path.string());
  QueryMasks out;
  if (fs::is_directory(path, error)) {
    DESA2VA_TRY(read_pictures(path, out));
    if (!out.empty()) return out;
  }
  DESA2VA_TRY(each_json_file(path, [&](const fs::path&, const Json& document) {
    return QueryReader(side, out).document(document);
  }));
  if (out.empty()) return fail(Errc::Corrupt, "{}: no {} in it", path.string(), side.what);
  return out;
}

}  // namespace

Result<ScoreReport> score_ciou(const ScoreRequest& request) {
  DESA2VA_ASSIGN(const QueryMasks truth, read_queries(request.truth, kTruth));
  DESA2VA_ASSIGN(const QueryMasks predictions, read_queries(request.predictions, kPredictions));
  struct Item {
    const std::string* id;
    const Rle* truth;
    const Rle* prediction;
    Overlap overlap;
  };
  std::vector<Item> items;
  std::vector<std::string> warnings;
  std::size_t common = 0;
  for (const auto& [id, mask] : truth) {
    if (!mask)
      return fail(Errc::Corrupt, "{}: query '{}' has no truth (null)", request.truth.string(), id);
    const auto found = predictions.find(id);
    const bool there = found != predictions.end();
    if (!there)
      warnings.push_back(fmt::format("query {}: no prediction, counted as unanswered", id));
    common += there ? 1 : 0;
    items.push_back({&id, &*mask, there && found->second ? &*found->second : nullptr, {}});
  }
  if (common == 0)
    return fail(Errc::NotFound, "no query of {} is in {}: the truth has '{}', the predictions '{}'",
                request.truth.string(), request.predictions.string(), truth.begin()->first,
                predictions.begin()->first);
  for (const auto& [id, _] : predictions)
    if (!truth.contains(id))
      warnings.push_back(fmt::format("query {}: not in the truth, ignored", id));

  DESA2VA_TRY(for_each_parallel(
      items.size(), request.threads,
      [&](std::uint64_t i) -> Result<void> {
        Item& item = items[i];
        if (item.prediction == nullptr) return {};
        auto result = overlap(*item.truth, *item.prediction);
        if (!result)
          return fail(Errc::Corrupt, "query '{}': the prediction has {}x{} pixels, the truth {}x{}",
                      *item.id, item.prediction->width, item.prediction->height, item.truth->width,
                      item.truth->height);
        item.overlap = *result;
        return {};
      },
      request.progress));

  ReferringScore score;
  auto per_query = nlohmann::ordered_json::array();
  for (const Item& item : items) {
    if (item.prediction == nullptr) {
      score.add_unanswered(preprocess::area(*item.truth));
      per_query.push_back({{"id", *item.id}, {"iou", nullptr}});
    } else {
      score.add(item.overlap);
      per_query.push_back({{"id", *item.id}, {"iou", item.overlap.iou(1)}});
    }
  }
  ScoreReport out;
  out.document = {
      {"queries", score.queries()},
      {"answered", score.answered()},
      {"intersection", score.intersection()},
      {"union", score.united()},
      {"cIoU",
       {{"count_missing_false", score.ciou(false)}, {"count_missing_true", score.ciou(true)}}},
      {"gIoU",
       {{"answered_only", score.giou_answered()},
        {"missing_as_zero", score.giou_missing_as_zero()},
        {"reference", score.giou_reference()}}},
      {"per_query", std::move(per_query)}};
  const auto percent = [](double value) { return fmt::format("{:.2f}", 100 * value); };
  out.table = {{"measure", "value"},
               {"queries", std::to_string(score.queries())},
               {"answered", std::to_string(score.answered())},
               {"cIoU, unanswered left out (reference)", percent(score.ciou(false))},
               {"cIoU, unanswered counted", percent(score.ciou(true))},
               {"gIoU, answered only", percent(score.giou_answered())},
               {"gIoU, unanswered as 0", percent(score.giou_missing_as_zero())},
               {"gIoU, reference", percent(score.giou_reference())}};
  finish_warnings(out, warnings);
  return out;
}

}  // namespace desa2va::evaluation
