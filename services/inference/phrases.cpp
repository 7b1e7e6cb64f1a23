#include "services/inference/phrases.h"

#include <cmath>
#include <numeric>

#include "common/preprocess/text/unicode.h"

namespace desa2va::inference {

namespace {

constexpr std::size_t kMostKnown = 4096;

double dot(const std::vector<float>& a, const std::vector<float>& b) {
  return std::inner_product(a.begin(), a.end(), b.begin(), 0.0);
}

}  // namespace

PhraseSimilarities::PhraseSimilarities(const text::Tokenizer& tokenizer, MeanEmbedding mean)
    : tokenizer_(tokenizer), mean_(std::move(mean)) {}

Result<double> PhraseSimilarities::of(std::string_view a, std::string_view b) {
  if (text::strip(a).empty() || text::strip(b).empty()) return 0.0;
  DESA2VA_ASSIGN(const std::vector<float> left, direction(a));
  DESA2VA_ASSIGN(const std::vector<float> right, direction(b));
  return dot(left, right);
}

Result<std::vector<float>> PhraseSimilarities::direction(std::string_view phrase) {
  const std::string key = text::lower(text::strip(phrase));
  if (const auto found = known_.find(key); found != known_.end()) return found->second;
  const auto ids = tokenizer_.encode(" " + key);
  DESA2VA_ASSIGN(std::vector<float> made, mean_({ids.begin(), ids.end()}));
  const double length = std::sqrt(dot(made, made));
  for (float& value : made)
    value = length == 0 ? 0 : static_cast<float>(static_cast<double>(value) / length);
  if (known_.size() >= kMostKnown) known_.clear();
  known_.emplace(key, made);
  return made;
}

}  // namespace desa2va::inference
