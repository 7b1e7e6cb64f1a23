#include "common/evaluation/gcg/score.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <map>
#include <numeric>
#include <optional>

#include "common/evaluation/captions/meteor.h"
#include "common/evaluation/captions/ptb.h"

namespace desa2va::evaluation {

namespace {

constexpr std::size_t kThresholds = 10;
constexpr std::size_t kRecallPoints = 101;
constexpr std::size_t kMaxDetections = 100;

// As numpy's linspace spaces them.
double spaced(double from, double to, std::size_t count, std::size_t i) {
  if (i + 1 == count) return to;
  return static_cast<double>(i) * ((to - from) / static_cast<double>(count - 1)) + from;
}
double iou_threshold(std::size_t i) {
  return spaced(0.5, 0.95, kThresholds, i);
}

// [prediction][truth].
using IouMatrix = std::vector<std::vector<double>>;

Result<IouMatrix> all_ious(const GcgImage& image, bool use_crowds) {
  IouMatrix out(image.predicted.size(), std::vector<double>(image.truth.size()));
  for (std::size_t p = 0; p < image.predicted.size(); ++p) {
    for (std::size_t t = 0; t < image.truth.size(); ++t) {
      const bool crowd = use_crowds && !image.crowd.empty() && image.crowd[t];
      DESA2VA_ASSIGN(out[p][t], preprocess::mask_iou(image.predicted[p], image.truth[t], crowd)
                                    .in(fmt::format("picture '{}': predicted mask {}, truth {}",
                                                    image.id, p, t)));
    }
  }
  return out;
}

// Takes the largest of the pairs left, the first of equals as `at(i, j)` is walked row by row, then
// leaves out its row and column; until `accept` says no.
void greedy(std::size_t rows, std::size_t columns,
            const std::function<double(std::size_t, std::size_t)>& at,
            const std::function<bool(std::size_t, std::size_t, double)>& accept) {
  std::vector<bool> row_used(rows);
  std::vector<bool> column_used(columns);
  for (;;) {
    std::optional<std::pair<std::size_t, std::size_t>> best;
    double best_value = -1;
    for (std::size_t i = 0; i < rows; ++i) {
      for (std::size_t j = 0; j < columns && !row_used[i]; ++j) {
        if (column_used[j] || at(i, j) <= best_value) continue;
        best = {i, j};
        best_value = at(i, j);
      }
    }
    if (!best || !accept(best->first, best->second, best_value)) return;
    row_used[best->first] = true;
    column_used[best->second] = true;
  }
}

double matched_miou(const IouMatrix& ious, std::size_t predictions, std::size_t truths) {
  double sum = 0;
  std::size_t pairs = 0;
  greedy(
      predictions, truths, [&](std::size_t p, std::size_t t) { return ious[p][t]; },
      [&](std::size_t, std::size_t, double iou) {
        if (iou <= 0) return false;
        sum += iou;
        ++pairs;
        return true;
      });
  return pairs == 0 ? 0 : sum / static_cast<double>(pairs);
}

std::string phrase_at(const std::vector<std::string>& phrases, std::size_t i) {
  return i < phrases.size() ? phrases[i] : std::string();
}

// COCO's matching: each detection takes the best truth left that reaches the threshold, the last of
// equals; a crowd may be taken any number of times, and only where nothing else fits.
void match_detections(const GcgImage& image, const IouMatrix& ious, GcgImageScore& out) {
  const auto is_crowd = [&](std::size_t t) { return !image.crowd.empty() && image.crowd[t]; };
  std::vector<std::size_t> order(image.predicted.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  const auto confidence = [&](std::size_t p) {
    return image.confidence.empty() ? 1.0 : image.confidence[p];
  };
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return confidence(a) > confidence(b); });
  order.resize(std::min(order.size(), kMaxDetections));
  for (const std::size_t p : order) out.confidence.push_back(confidence(p));
  std::vector<std::size_t> truths(image.truth.size());
  std::iota(truths.begin(), truths.end(), std::size_t{0});
  std::stable_partition(truths.begin(), truths.end(), [&](std::size_t t) { return !is_crowd(t); });
  for (const std::size_t t : truths) out.positives += is_crowd(t) ? 0 : 1;

  out.hit.assign(kThresholds, std::vector<bool>(order.size()));
  out.ignored = out.hit;
  for (std::size_t k = 0; k < kThresholds; ++k) {
    std::vector<bool> taken(image.truth.size());
    for (std::size_t d = 0; d < order.size(); ++d) {
      double best_iou = std::min(iou_threshold(k), 1 - 1e-10);
      std::optional<std::size_t> best;
      for (const std::size_t t : truths) {
        if (taken[t] && !is_crowd(t)) continue;
        if (best && !is_crowd(*best) && is_crowd(t)) break;
        if (ious[order[d]][t] < best_iou) continue;
        best_iou = ious[order[d]][t];
        best = t;
      }
      if (!best) continue;
      taken[*best] = true;
      out.hit[k][d] = true;
      out.ignored[k][d] = is_crowd(*best);
    }
  }
}

struct Detection {
  double confidence = 0;
  bool hit = false;
};

struct Curve {
  double precision = 0;  // mean over the recall points
  double recall = 0;     // of all detections
};

Curve precision_recall(const std::vector<const GcgImageScore*>& images, std::size_t threshold,
                       std::size_t positives) {
  std::vector<Detection> detections;
  for (const GcgImageScore* image : images)
    for (std::size_t d = 0; d < image->confidence.size(); ++d)
      if (!image->ignored[threshold][d])
        detections.push_back({image->confidence[d], image->hit[threshold][d]});
  std::stable_sort(
      detections.begin(), detections.end(),
      [](const Detection& a, const Detection& b) { return a.confidence > b.confidence; });
  std::vector<double> precision;
  std::vector<double> recall;
  double hits = 0;
  for (std::size_t i = 0; i < detections.size(); ++i) {
    hits += detections[i].hit ? 1 : 0;
    recall.push_back(hits / static_cast<double>(positives));
    precision.push_back(hits /
                        (static_cast<double>(i + 1) + std::numeric_limits<double>::epsilon()));
  }
  for (std::size_t i = precision.size(); i-- > 1;)
    precision[i - 1] = std::max(precision[i - 1], precision[i]);
  Curve out;
  if (!recall.empty()) out.recall = recall.back();
  for (std::size_t i = 0; i < kRecallPoints; ++i) {
    const auto reached =
        std::lower_bound(recall.begin(), recall.end(), spaced(0, 1, kRecallPoints, i));
    if (reached != recall.end())
      out.precision += precision[static_cast<std::size_t>(reached - recall.begin())];
  }
  out.precision /= static_cast<double>(kRecallPoints);
  return out;
}

}  // namespace

double word_similarity(std::string_view truth, std::string_view predicted) {
  const auto counts = [](std::string_view text) {
    std::map<std::string, double> words;
    for (const std::string& word : ptb_tokens(text)) words[stem_english(word)] += 1;
    return words;
  };
  const auto a = counts(truth);
  const auto b = counts(predicted);
  double dot = 0;
  double aa = 0;
  double bb = 0;
  for (const auto& [word, count] : a) {
    aa += count * count;
    if (const auto found = b.find(word); found != b.end()) dot += count * found->second;
  }
  for (const auto& [word, count] : b) bb += count * count;
  return aa == 0 || bb == 0 ? 0 : dot / std::sqrt(aa * bb);
}

Result<GcgImageScore> score_gcg_image(const GcgImage& image, const PhraseSimilarity& similarity,
                                      const GcgThresholds& thresholds) {
  GcgImageScore out;
  out.id = image.id;
  out.truth_phrases = image.truth_phrases.size();
  DESA2VA_ASSIGN(const IouMatrix ious, all_ious(image, false));
  const std::size_t predictions = image.predicted.size();
  const std::size_t truths = image.truth.size();
  out.miou = matched_miou(ious, predictions, truths);
  std::optional<Error> failure;
  greedy(
      truths, predictions, [&](std::size_t t, std::size_t p) { return ious[p][t]; },
      [&](std::size_t t, std::size_t p, double iou) {
        if (iou < thresholds.iou) return false;
        auto alike =
            similarity(phrase_at(image.truth_phrases, t), phrase_at(image.predicted_phrases, p));
        if (!alike) failure = std::move(alike.error());
        if (!alike || *alike < thresholds.text) return false;
        out.matches.emplace_back(t, p);
        return true;
      });
  if (failure) return std::move(*failure);
  DESA2VA_ASSIGN(const IouMatrix detection_ious, all_ious(image, true));
  match_detections(image, detection_ious, out);
  return out;
}

GcgScore score_gcg(std::vector<const GcgImageScore*> images) {
  std::stable_sort(images.begin(), images.end(),
                   [](const GcgImageScore* a, const GcgImageScore* b) { return a->id < b->id; });
  GcgScore out;
  std::size_t positives = 0;
  std::size_t phrases = 0;
  std::size_t matches = 0;
  for (const GcgImageScore* image : images) {
    positives += image->positives;
    phrases += image->truth_phrases;
    matches += image->matches.size();
    out.miou += image->miou;
  }
  if (!images.empty()) out.miou /= static_cast<double>(images.size());
  if (phrases > 0) out.recall = static_cast<double>(matches) / static_cast<double>(phrases);
  if (positives == 0) {
    out.ap = out.ap50 = out.ap75 = out.ar100 = -1;
    return out;
  }
  for (std::size_t k = 0; k < kThresholds; ++k) {
    const Curve curve = precision_recall(images, k, positives);
    out.ap += curve.precision / kThresholds;
    out.ar100 += curve.recall / kThresholds;
    if (k == 0) out.ap50 = curve.precision;
    if (k == 5) out.ap75 = curve.precision;
  }
  return out;
}

}  // namespace desa2va::evaluation
