#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/base/result.h"
#include "common/preprocess/masks/rle.h"

// Grounded conversation generation (model.md 9.4): how well the masks of an answer fit those of the
// ground truth. Functions of values; any thread.
namespace desa2va::evaluation {

struct GcgImage {
  std::string id;
  std::vector<preprocess::Rle> truth;
  std::vector<bool> crowd;                 // per truth mask; empty: none is a crowd region
  std::vector<std::string> truth_phrases;  // per truth mask
  std::vector<preprocess::Rle> predicted;  // in the order of the answer
  std::vector<double> confidence;          // per predicted mask; empty: all 1
  std::vector<std::string> predicted_phrases;
};

// How alike a phrase of the ground truth and a predicted one are, -1..1; a failure ends the
// scoring.
using PhraseSimilarity =
    std::function<Result<double>(std::string_view truth, std::string_view predicted)>;
// Cosine of the counts of stemmed words: for use where no language model is at hand.
double word_similarity(std::string_view truth, std::string_view predicted);

struct GcgThresholds {
  double iou = 0.5;
  double text = 0.5;
};

// What the scores of a set need of one picture: a few numbers a mask.
struct GcgImageScore {
  std::string id;
  double miou = 0;  // mean IoU of greedily matched pairs; 0 without any
  // Pairs (truth, prediction) that count as recalled, in the order they were accepted.
  std::vector<std::pair<std::size_t, std::size_t>> matches;
  std::size_t truth_phrases = 0;

  // For average precision: per threshold and detection (best 100, by falling confidence).
  std::size_t positives = 0;  // truth masks that are no crowds
  std::vector<double> confidence;
  std::vector<std::vector<bool>> hit;      // [threshold][detection]
  std::vector<std::vector<bool>> ignored;  // matched to a crowd
};

// InvalidArgument where a mask's size differs from the others of the picture.
Result<GcgImageScore> score_gcg_image(const GcgImage& image, const PhraseSimilarity& similarity,
                                      const GcgThresholds& thresholds = {});

struct GcgScore {
  // COCO mask AP at IoU 0.5:0.05:0.95, one category, 100 detections, 101 points; -1 where the truth
  // has no mask at all.
  double ap = 0;
  double ap50 = 0;
  double ap75 = 0;
  double ar100 = 0;
  double miou = 0;    // mean over pictures
  double recall = 0;  // matches / phrases of the ground truth
};

// Of all pictures of a set, in any order: they are taken by their id, as text.
GcgScore score_gcg(std::vector<const GcgImageScore*> images);

}  // namespace desa2va::evaluation
