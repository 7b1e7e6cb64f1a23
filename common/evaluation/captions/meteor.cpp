#include "common/evaluation/captions/meteor.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <memory>

#include <libstemmer.h>

namespace desa2va::evaluation {

namespace {

constexpr std::size_t kBeam = 40;

constexpr std::array kFunctionWords = std::to_array<std::string_view>(
    {"\"",    "$",     "'",    "'s",   "'t",   "(",     ")",     ",",     "-",     "--",
     "-lrb-", "-rrb-", ".",    ":",    "?",    "a",     "about", "after", "all",   "also",
     "an",    "and",   "are",  "as",   "at",   "be",    "been",  "but",   "by",    "can",
     "could", "first", "for",  "from", "had",  "has",   "have",  "he",    "her",   "his",
     "i",     "if",    "in",   "into", "is",   "it",    "its",   "last",  "more",  "new",
     "no",    "not",   "of",   "on",   "one",  "or",    "other", "out",   "over",  "people",
     "s",     "said",  "she",  "so",   "some", "than",  "that",  "the",   "their", "there",
     "they",  "this",  "time", "to",   "two",  "up",    "was",   "we",    "were",  "what",
     "when",  "which", "who",  "will", "with", "would", "year",  "years", "you",   "—",
     "’",     "“",     "”"});

bool is_function_word(std::string_view word) {
  return std::binary_search(kFunctionWords.begin(), kFunctionWords.end(), word);
}

// A candidate word that a reference word may be aligned with.
struct Link {
  int candidate = 0;
  bool stem = false;
};

// How far an alignment has come, and how good it is.
struct Standing {
  int weight = 0;  // exact matches, counted on both sides
  int chunks = 0;
  int last_end = -1;  // after the candidate word matched last; -1: a gap
  int distance = 0;

  bool better(const Standing& other) const {
    if (weight != other.weight) return weight > other.weight;
    if (chunks != other.chunks) return chunks < other.chunks;
    return distance < other.distance;
  }
  void take(const Link& match) {
    if (!match.stem) weight += 2;  // half a stem match on each side rounds down to nothing
    if (last_end != -1 && match.candidate != last_end) ++chunks;
    last_end = match.candidate + 1;
  }
  void skip() {
    if (last_end != -1) ++chunks;
    last_end = -1;
  }
};

struct Path {
  Standing standing;
  std::vector<int> link;  // per reference word: index into its links, -1: none
  std::vector<bool> candidate_used;
};

// A path one word longer, before it is known whether it is worth making.
struct Step {
  Standing standing;
  std::size_t parent = 0;
  int link = -1;
};

using Links = std::vector<std::vector<Link>>;

Links find_links(const std::vector<std::string>& candidate,
                 const std::vector<std::string>& reference) {
  Links links(reference.size());
  const auto stems = [](const std::vector<std::string>& words) {
    std::vector<std::string> out;
    out.reserve(words.size());
    for (const std::string& word : words) out.push_back(stem_english(word));
    return out;
  };
  for (std::size_t r = 0; r < reference.size(); ++r)
    for (std::size_t c = 0; c < candidate.size(); ++c)
      if (candidate[c] == reference[r]) links[r].push_back({static_cast<int>(c), false});
  // Equal sentences need exact matches alone.
  if (candidate == reference) return links;
  const auto candidate_stems = stems(candidate);
  const auto reference_stems = stems(reference);
  for (std::size_t r = 0; r < reference.size(); ++r)
    for (std::size_t c = 0; c < candidate.size(); ++c)
      if (candidate[c] != reference[r] && candidate_stems[c] == reference_stems[r])
        links[r].push_back({static_cast<int>(c), true});
  return links;
}

// Words that can only go together are set from the start.
Path fixed_links(const Links& links, std::size_t candidate_words) {
  Path path;
  path.link.assign(links.size(), -1);
  path.candidate_used.assign(candidate_words, false);
  std::vector<int> reached(candidate_words);
  for (const auto& of_word : links)
    for (const Link& link : of_word) ++reached[static_cast<std::size_t>(link.candidate)];
  for (std::size_t r = 0; r < links.size(); ++r) {
    if (links[r].size() != 1) continue;
    const auto c = static_cast<std::size_t>(links[r][0].candidate);
    if (reached[c] != 1) continue;
    path.link[r] = 0;
    path.candidate_used[c] = true;
  }
  return path;
}

// Note [the distance of a path]: the aligner of METEOR 1.5 adds the distance of a chosen link to
// the path it came from, not to the one that chose it. Scores depend on that, so it is kept.
std::vector<Step> steps_from(const std::vector<Path>& paths, const std::vector<Link>& links,
                             int here, bool fixed) {
  std::vector<Step> steps;
  for (std::size_t parent = 0; parent < paths.size(); ++parent) {
    Step left = {paths[parent].standing, parent, -1};
    if (fixed) {
      left.link = 0;
      left.standing.take(links[0]);
      left.standing.distance += std::abs(here - links[0].candidate);
      steps.push_back(left);
      continue;
    }
    for (std::size_t i = 0; i < links.size(); ++i) {
      if (paths[parent].candidate_used[static_cast<std::size_t>(links[i].candidate)]) continue;
      Step chosen = left;
      chosen.link = static_cast<int>(i);
      chosen.standing.take(links[i]);
      left.standing.distance += std::abs(here - links[i].candidate);
      steps.push_back(chosen);
    }
    left.standing.skip();
    steps.push_back(left);
  }
  return steps;
}

template <class T>
void best_first(std::vector<T>& all) {
  std::stable_sort(all.begin(), all.end(),
                   [](const T& a, const T& b) { return a.standing.better(b.standing); });
  if (all.size() > kBeam) all.resize(kBeam);
}

Path best_alignment(const Links& links, std::size_t candidate_words) {
  std::vector<Path> paths = {fixed_links(links, candidate_words)};
  const std::vector<int> fixed = paths[0].link;
  for (std::size_t r = 0; r < links.size(); ++r) {
    auto steps = steps_from(paths, links[r], static_cast<int>(r), fixed[r] >= 0);
    best_first(steps);
    std::vector<Path> next;
    for (const Step& step : steps) {
      Path& path = next.emplace_back(paths[step.parent]);
      path.standing = step.standing;
      path.link[r] = step.link;
      if (step.link >= 0)
        path.candidate_used[static_cast<std::size_t>(
            links[r][static_cast<std::size_t>(step.link)].candidate)] = true;
    }
    paths = std::move(next);
  }
  for (Path& path : paths) path.standing.skip();
  best_first(paths);
  return std::move(paths.front());
}

double count_function_words(const std::vector<std::string>& words) {
  return static_cast<double>(std::count_if(
      words.begin(), words.end(), [](const std::string& word) { return is_function_word(word); }));
}

MeteorStats stats_of(const std::vector<std::string>& candidate,
                     const std::vector<std::string>& reference) {
  MeteorStats out;
  out.candidate_length = static_cast<double>(candidate.size());
  out.reference_length = static_cast<double>(reference.size());
  out.candidate_function_words = count_function_words(candidate);
  out.reference_function_words = count_function_words(reference);
  const Links links = find_links(candidate, reference);
  const Path best = best_alignment(links, candidate.size());
  int last_end = -1;
  for (std::size_t r = 0; r < links.size(); ++r) {
    if (best.link[r] < 0) {
      if (last_end != -1) out.chunks += 1;
      last_end = -1;
      continue;
    }
    const Link& link = links[r][static_cast<std::size_t>(best.link[r])];
    auto& module = link.stem ? out.stem : out.exact;
    const bool candidate_function =
        is_function_word(candidate[static_cast<std::size_t>(link.candidate)]);
    (candidate_function ? module.candidate_function : module.candidate_content) += 1;
    (is_function_word(reference[r]) ? module.reference_function : module.reference_content) += 1;
    out.candidate_matched += 1;
    out.reference_matched += 1;
    if (last_end != -1 && link.candidate != last_end) out.chunks += 1;
    last_end = link.candidate + 1;
  }
  if (last_end != -1) out.chunks += 1;
  return out;
}

}  // namespace

std::string stem_english(const std::string& word) {
  struct Free {
    void operator()(sb_stemmer* stemmer) const { sb_stemmer_delete(stemmer); }
  };
  thread_local const std::unique_ptr<sb_stemmer, Free> stemmer(sb_stemmer_new("english", "UTF_8"));
  if (stemmer == nullptr) return word;
  const auto* stem = sb_stemmer_stem(stemmer.get(), reinterpret_cast<const sb_symbol*>(word.data()),
                                     static_cast<int>(word.size()));
  if (stem == nullptr) return word;
  return {reinterpret_cast<const char*>(stem),
          static_cast<std::size_t>(sb_stemmer_length(stemmer.get()))};
}

std::span<const std::string_view> meteor_function_words() {
  return kFunctionWords;
}

void MeteorStats::add(const MeteorStats& other) {
  const auto add_module = [](Module& into, const Module& from) {
    into.candidate_content += from.candidate_content;
    into.reference_content += from.reference_content;
    into.candidate_function += from.candidate_function;
    into.reference_function += from.reference_function;
  };
  candidate_length += other.candidate_length;
  reference_length += other.reference_length;
  candidate_function_words += other.candidate_function_words;
  reference_function_words += other.reference_function_words;
  add_module(exact, other.exact);
  add_module(stem, other.stem);
  if (!other.whole()) chunks += other.chunks;
  candidate_matched += other.candidate_matched;
  reference_matched += other.reference_matched;
}

bool MeteorStats::whole() const {
  return chunks <= 1 && candidate_matched == candidate_length &&
         reference_matched == reference_length;
}

double MeteorStats::score() const {
  constexpr double kAlpha = 0.85;
  constexpr double kBeta = 0.2;
  constexpr double kGamma = 0.6;
  constexpr double kDelta = 0.75;  // content words count this much, function words the rest
  constexpr double kStem = 0.6;
  const auto weighted = [](double content, double function) {
    return kDelta * content + (1 - kDelta) * function;
  };
  if (candidate_matched == 0 || reference_matched == 0) return 0;
  const double precision =
      (weighted(exact.candidate_content, exact.candidate_function) +
       kStem * weighted(stem.candidate_content, stem.candidate_function)) /
      weighted(candidate_length - candidate_function_words, candidate_function_words);
  const double recall =
      (weighted(exact.reference_content, exact.reference_function) +
       kStem * weighted(stem.reference_content, stem.reference_function)) /
      weighted(reference_length - reference_function_words, reference_function_words);
  const double mean = 1 / ((1 - kAlpha) / precision + kAlpha / recall);
  const bool whole =
      chunks == 1 && candidate_matched == candidate_length && reference_matched == reference_length;
  const double fragments = whole ? 0 : chunks / ((candidate_matched + reference_matched) / 2);
  return std::max(0.0, mean * (1 - kGamma * std::pow(fragments, kBeta)));
}

std::array<double, 23> MeteorStats::line() const {
  return {candidate_length,
          reference_length,
          candidate_function_words,
          reference_function_words,
          exact.candidate_content,
          exact.reference_content,
          exact.candidate_function,
          exact.reference_function,
          stem.candidate_content,
          stem.reference_content,
          stem.candidate_function,
          stem.reference_function,
          0,
          0,
          0,
          0,
          0,
          0,
          0,
          0,
          chunks,
          candidate_matched,
          reference_matched};
}

MeteorStats meteor(std::string_view candidate, std::span<const std::string> references) {
  const auto words = meteor_words(candidate);
  MeteorStats best;
  double best_score = -1;
  for (const std::string& reference : references) {
    const MeteorStats stats = stats_of(words, meteor_words(reference));
    if (stats.score() <= best_score) continue;
    best_score = stats.score();
    best = stats;
  }
  return best;
}

}  // namespace desa2va::evaluation
