#pragma once

#include <array>
#include <span>
#include <string>
#include <string_view>
#include <vector>

// METEOR 1.5 for English (Denkowski and Lavie 2014) with the modules exact and stem, normalised,
// with the parameters of the ranking task. The synonym and paraphrase modules need tables that are
// not part of this program: the metric is reported as "METEOR-es". Functions of values; any thread.
namespace desa2va::evaluation {

// Snowball's English stem of a lower-case word.
std::string stem_english(const std::string& word);
// The words whose matches count less, as METEOR 1.5 lists them; sorted.
std::span<const std::string_view> meteor_function_words();

// Punctuation split off and made uniform, contractions split, hyphens inside words dropped, lower
// case: METEOR's own view of an already tokenised line.
std::vector<std::string> meteor_words(std::string_view line);

// Counts of a candidate against one reference, or summed over a corpus.
struct MeteorStats {
  struct Module {
    double candidate_content = 0;
    double reference_content = 0;
    double candidate_function = 0;
    double reference_function = 0;
  };
  double candidate_length = 0;
  double reference_length = 0;
  double candidate_function_words = 0;
  double reference_function_words = 0;
  Module exact;
  Module stem;
  double chunks = 0;
  double candidate_matched = 0;
  double reference_matched = 0;

  // Sums; a pair that is one whole adds no chunk.
  void add(const MeteorStats& other);
  // One chunk covers both sentences: nothing is fragmented.
  bool whole() const;
  double score() const;
  // The 23 numbers of METEOR's own statistics line; synonym and paraphrase are 0.
  std::array<double, 23> line() const;
};

// Against the reference with the highest score, the first of equals. Lines are words joined by
// blanks, as ptb_line gives them.
MeteorStats meteor(std::string_view candidate, std::span<const std::string> references);

}  // namespace desa2va::evaluation
