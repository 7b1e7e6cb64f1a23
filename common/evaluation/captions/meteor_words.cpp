#include <array>
#include <set>

#include "common/datasets/text_tools.h"
#include "common/evaluation/captions/characters.h"
#include "common/evaluation/captions/meteor.h"

// METEOR 1.5 normalises with the rules of the Moses tokenizer (revision 3612) and some of its own.
// Each step below is one pass over the line, in its order; where a step looks at two neighbours it
// uses up both, so that of "a-b-c" only the first hyphen falls in one pass.
namespace desa2va::evaluation {

namespace {

bool in(char32_t c, char32_t first, char32_t last) {
  return c >= first && c <= last;
}

// The letters the tokenizer knows: western European and Cyrillic.
bool is_alpha(char32_t c) {
  return is_ascii_letter(c) || in(c, 0xC0, 0xD6) || in(c, 0xD8, 0xF6) || in(c, 0xF8, 0x17E) ||
         in(c, 0x400, 0x527) || in(c, 0xA640, 0xA66E) || in(c, 0xA67E, 0xA697) ||
         in(c, 0x1D00, 0x1D7F);
}
bool is_alnum(char32_t c) {
  return is_alpha(c) || is_digit(c);
}

bool is_blank(char32_t c) {
  return c == U' ' || in(c, U'\t', U'\r');
}

std::u32string separate_symbols(const std::u32string& line) {
  std::u32string out;
  for (const char32_t c : line) {
    const bool stays = is_alnum(c) || is_blank(c) ||
                       std::u32string_view(U".'`,-\x2018\x2019").find(c) != std::u32string::npos;
    if (stays) {
      out += c;
    } else {
      out += U' ';
      out += c;
      out += U' ';
    }
  }
  return out;
}

// Replaces `middle` between two characters that `fits` by `with`.
template <class Fits>
std::u32string between(const std::u32string& line, char32_t middle, std::u32string_view with,
                       Fits&& fits) {
  std::u32string out;
  std::size_t i = 0;
  while (i < line.size()) {
    if (i + 2 < line.size() && line[i + 1] == middle && fits(line[i], line[i + 2])) {
      out += line[i];
      out += with;
      out += line[i + 2];
      i += 3;
    } else {
      out += line[i++];
    }
  }
  return out;
}

std::u32string replace(std::u32string line, std::u32string_view from, std::u32string_view to) {
  for (std::size_t at = line.find(from); at != std::u32string::npos;
       at = line.find(from, at + to.size()))
    line.replace(at, from.size(), to);
  return line;
}

std::u32string normalize_quotes(const std::u32string& line) {
  std::u32string out;
  for (const char32_t c : line) out += c == U'`' || c == U'\x2018' || c == U'\x2019' ? U'\'' : c;
  out = replace(std::move(out), U"\x201C", U" \" ");
  out = replace(std::move(out), U"\x201D", U" \" ");
  return replace(std::move(out), U"''", U" \" ");
}

std::u32string split_contractions(std::u32string line) {
  const auto word = [](char32_t c) { return is_alpha(c); };
  line = between(line, U'\'', U" ' ", [&](char32_t a, char32_t b) { return !word(a) && !word(b); });
  line = between(line, U'\'', U" ' ",
                 [&](char32_t a, char32_t b) { return !word(a) && !is_digit(a) && word(b); });
  line = between(line, U'\'', U" ' ", [&](char32_t a, char32_t b) { return word(a) && !word(b); });
  line = between(line, U'\'', U" '", [&](char32_t a, char32_t b) { return word(a) && word(b); });
  return between(line, U'\'', U" '",
                 [](char32_t a, char32_t b) { return is_digit(a) && b == U's'; });
}

std::vector<std::u32string> split(const std::u32string& line) {
  std::vector<std::u32string> words;
  std::u32string word;
  for (const char32_t c : line) {
    if (!is_space(c)) {
      word += c;
    } else if (!word.empty()) {
      words.push_back(std::move(word));
      word.clear();
    }
  }
  if (!word.empty()) words.push_back(std::move(word));
  return words;
}

bool never_breaks(const std::string& word) {
  static const std::set<std::string> kPrefixes = {
      "Adj",   "Adm",  "Adv",  "Asst", "Bart", "Bldg", "Brig", "Bros", "Capt", "Cmdr",   "Col",
      "Comdr", "Con",  "Corp", "Cpl",  "DR",   "Dr",   "Drs",  "Ens",  "Gen",  "Gov",    "Hon",
      "Hr",    "Hosp", "Insp", "Lt",   "MM",   "MR",   "MRS",  "MS",   "Maj",  "Messrs", "Mlle",
      "Mme",   "Mr",   "Mrs",  "Ms",   "Msgr", "Op",   "Ord",  "Pfc",  "Ph",   "Prof",   "Pvt",
      "Rep",   "Reps", "Res",  "Rev",  "Rt",   "Sen",  "Sens", "Sfc",  "Sgt",  "Sr",     "St",
      "Supt",  "Surg", "v",    "vs",   "i.e",  "rev",  "e.g",  "Nos",  "Nr"};
  return (word.size() == 1 && word[0] >= 'A' && word[0] <= 'Z') || kPrefixes.contains(word);
}

bool never_breaks_before_number(const std::string& word) {
  return word == "No" || word == "Art" || word == "pp";
}

// A word's full stop stays, goes or stands alone.
void add_word(std::vector<std::string>& out, const std::u32string& word,
              const std::u32string* next) {
  const std::u32string stem = word.substr(0, word.size() - 1);
  const bool ends_in_stop = word.size() > 1 && word.back() == U'.';
  if (!ends_in_stop || stem.back() == U'.') {  // several stops are one word
    out.push_back(to_utf8(word));
    return;
  }
  bool letters = false;
  for (const char32_t c : stem) letters = letters || is_alpha(c);
  if (letters && stem.find(U'.') != std::u32string::npos) {  // U.S. is US
    out.push_back(to_utf8(replace(word, U".", U"")));
    return;
  }
  const std::string text = to_utf8(stem);
  const bool lower_next = next != nullptr && in(next->front(), U'a', U'z');
  const bool digit_next = next != nullptr && is_digit(next->front());
  if (never_breaks(text) || lower_next || (never_breaks_before_number(text) && digit_next)) {
    out.push_back(to_utf8(word));
    return;
  }
  out.push_back(text);
  out.emplace_back(".");
}

}  // namespace

std::vector<std::string> meteor_words(std::string_view text) {
  std::u32string line = separate_symbols(U' ' + to_code_points(text) + U' ');
  // Runs of stops stand alone.
  for (std::size_t at = line.find(U".."); at != std::u32string::npos; at = line.find(U"..", at)) {
    std::size_t end = at;
    while (end < line.size() && line[end] == U'.') ++end;
    const bool blank_follows = end >= line.size() || is_blank(line[end]);
    line.insert(end, blank_follows ? U"" : U" ");
    line.insert(at, U" ");
    at = end + 1;
  }
  const auto digit = [](char32_t c) { return is_digit(c); };
  line =
      between(line, U',', U" , ", [&](char32_t a, char32_t b) { return !digit(a) && !digit(b); });
  line = between(line, U',', U" , ", [&](char32_t a, char32_t b) { return digit(a) && !digit(b); });
  line = between(line, U',', U" , ", [&](char32_t a, char32_t b) { return !digit(a) && digit(b); });
  line = normalize_quotes(line);
  line = replace(replace(std::move(line), U"\x2013", U"-"), U"--", U"-");
  line = between(line, U'-', U" ",
                 [](char32_t a, char32_t b) { return (is_alnum(a) || a == U'.') && is_alnum(b); });
  line = split_contractions(std::move(line));

  const auto words = split(line);
  std::vector<std::string> out;
  for (std::size_t i = 0; i < words.size(); ++i)
    add_word(out, words[i], i + 1 < words.size() ? &words[i + 1] : nullptr);
  for (std::string& word : out) word = datasets::lower(word);
  return out;
}

}  // namespace desa2va::evaluation
