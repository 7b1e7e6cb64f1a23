#pragma once

#include <array>
#include <string>
#include <vector>

// Scores of captions that count common word sequences, as pycocoevalcap computes them. Words come
// from ptb.h. Functions of values; any thread.
namespace desa2va::evaluation {

using Words = std::vector<std::string>;

struct CaptionPair {
  Words candidate;
  std::vector<Words> references;  // at least one
};

// Consensus (Vedantam et al. 2015, the variant "CIDEr-D" with length penalty and clipping): tf-idf
// vectors of 1..4-grams, idf over the pictures of this very set, times 10. Of one picture it is 0.
struct CiderScore {
  double mean = 0;
  std::vector<double> per_image;
};
CiderScore cider(const std::vector<CaptionPair>& set);

// BLEU-1..4 with the closest reference length.
using Bleu = std::array<double, 4>;
struct BleuScore {
  Bleu corpus{};
  std::vector<Bleu> per_image;
};
BleuScore bleu(const std::vector<CaptionPair>& set);

// Longest common subsequence, F with beta = 1.2; the best precision and the best recall may come
// from different references.
double rouge_l(const CaptionPair& pair);

}  // namespace desa2va::evaluation
