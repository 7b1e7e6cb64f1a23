#include "common/evaluation/captions/ngrams.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <span>

namespace desa2va::evaluation {

namespace {

constexpr std::size_t kMaxN = 4;

// Words joined by a character that no word contains.
using Counts = std::array<std::map<std::string, double>, kMaxN>;

Counts count_ngrams(const Words& words) {
  Counts counts;
  for (std::size_t i = 0; i < words.size(); ++i) {
    std::string ngram;
    for (std::size_t n = 0; n < kMaxN && i + n < words.size(); ++n) {
      ngram += words[i + n];
      ngram += '\n';
      counts[n][ngram] += 1;
    }
  }
  return counts;
}

double value_of(const std::map<std::string, double>& map, const std::string& key) {
  const auto found = map.find(key);
  return found == map.end() ? 0 : found->second;
}

struct TfIdf {
  Counts weights;
  std::array<double, kMaxN> norm{};
  double bigrams = 0;
};

TfIdf weigh(Counts counts, const std::map<std::string, double>& documents, double log_images) {
  TfIdf out;
  for (std::size_t n = 0; n < kMaxN; ++n) {
    for (auto& [ngram, count] : counts[n]) {
      if (n == 1) out.bigrams += count;
      count *= log_images - std::log(std::max(1.0, value_of(documents, ngram)));
      out.norm[n] += count * count;
    }
    out.norm[n] = std::sqrt(out.norm[n]);
  }
  out.weights = std::move(counts);
  return out;
}

double similarity(const TfIdf& candidate, const TfIdf& reference) {
  constexpr double kSigma = 6;
  const double delta = candidate.bigrams - reference.bigrams;
  const double penalty = std::exp(-(delta * delta) / (2 * kSigma * kSigma));
  double sum = 0;
  for (std::size_t n = 0; n < kMaxN; ++n) {
    double dot = 0;
    for (const auto& [ngram, weight] : candidate.weights[n]) {
      const double other = value_of(reference.weights[n], ngram);
      dot += std::min(weight, other) * other;
    }
    if (candidate.norm[n] != 0 && reference.norm[n] != 0)
      dot /= candidate.norm[n] * reference.norm[n];
    sum += dot * penalty;
  }
  return sum / kMaxN;
}

struct BleuCounts {
  double length = 0;
  double reference_length = 0;
  std::array<double, kMaxN> guesses{};
  std::array<double, kMaxN> correct{};
};

BleuCounts bleu_counts(const CaptionPair& pair) {
  BleuCounts out;
  const std::size_t length = pair.candidate.size();
  out.length = static_cast<double>(length);
  Counts best;
  double nearest = -1;
  for (const Words& reference : pair.references) {
    const auto size = static_cast<double>(reference.size());
    const double gap = std::abs(size - out.length);
    if (nearest < 0 || gap < nearest || (gap == nearest && size < out.reference_length)) {
      nearest = gap;
      out.reference_length = size;
    }
    const Counts counts = count_ngrams(reference);
    for (std::size_t n = 0; n < kMaxN; ++n)
      for (const auto& [ngram, count] : counts[n]) best[n][ngram] = std::max(best[n][ngram], count);
  }
  const Counts counts = count_ngrams(pair.candidate);
  for (std::size_t n = 0; n < kMaxN; ++n) {
    out.guesses[n] = length > n ? static_cast<double>(length - n) : 0;
    for (const auto& [ngram, count] : counts[n])
      out.correct[n] += std::min(count, value_of(best[n], ngram));
  }
  return out;
}

Bleu bleu_of(const BleuCounts& counts) {
  constexpr double kSmall = 1e-9;
  constexpr double kTiny = 1e-15;  // so that no guess gives 0, not nothing
  const double ratio = (counts.length + kTiny) / (counts.reference_length + kSmall);
  const double brevity = ratio < 1 ? std::exp(1 - 1 / ratio) : 1;
  Bleu out{};
  double product = 1;
  for (std::size_t n = 0; n < kMaxN; ++n) {
    product *= (counts.correct[n] + kTiny) / (counts.guesses[n] + kSmall);
    out[n] = std::pow(product, 1.0 / static_cast<double>(n + 1)) * brevity;
  }
  return out;
}

std::size_t common_subsequence(const Words& a, const Words& b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (const std::string& word : a) {
    std::size_t diagonal = 0;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t above = row[j];
      row[j] = word == b[j - 1] ? diagonal + 1 : std::max(above, row[j - 1]);
      diagonal = above;
    }
  }
  return row.back();
}

}  // namespace

CiderScore cider(const std::vector<CaptionPair>& set) {
  std::map<std::string, double> documents;
  for (const CaptionPair& pair : set) {
    std::set<std::string> seen;
    for (const Words& reference : pair.references)
      for (const auto& counts : count_ngrams(reference))
        for (const auto& [ngram, _] : counts) seen.insert(ngram);
    for (const std::string& ngram : seen) documents[ngram] += 1;
  }
  CiderScore out;
  const double log_images = std::log(static_cast<double>(set.size()));
  for (const CaptionPair& pair : set) {
    const TfIdf candidate = weigh(count_ngrams(pair.candidate), documents, log_images);
    double sum = 0;
    for (const Words& reference : pair.references)
      sum += similarity(candidate, weigh(count_ngrams(reference), documents, log_images));
    out.per_image.push_back(
        pair.references.empty() ? 0 : 10 * sum / static_cast<double>(pair.references.size()));
    out.mean += out.per_image.back();
  }
  if (!set.empty()) out.mean /= static_cast<double>(set.size());
  return out;
}

BleuScore bleu(const std::vector<CaptionPair>& set) {
  BleuScore out;
  BleuCounts total;
  for (const CaptionPair& pair : set) {
    const BleuCounts counts = bleu_counts(pair);
    out.per_image.push_back(bleu_of(counts));
    total.length += counts.length;
    total.reference_length += counts.reference_length;
    for (std::size_t n = 0; n < kMaxN; ++n) {
      total.guesses[n] += counts.guesses[n];
      total.correct[n] += counts.correct[n];
    }
  }
  if (!set.empty()) out.corpus = bleu_of(total);
  return out;
}

double rouge_l(const CaptionPair& pair) {
  constexpr double kBeta2 = 1.2 * 1.2;
  double precision = 0;
  double recall = 0;
  for (const Words& reference : pair.references) {
    const auto common = static_cast<double>(common_subsequence(pair.candidate, reference));
    precision = std::max(
        precision, common / static_cast<double>(std::max<std::size_t>(pair.candidate.size(), 1)));
    recall =
        std::max(recall, common / static_cast<double>(std::max<std::size_t>(reference.size(), 1)));
  }
  if (precision == 0 || recall == 0) return 0;
  return (1 + kBeta2) * precision * recall / (recall + kBeta2 * precision);
}

}  // namespace desa2va::evaluation
