#include <array>
#include <set>

#include "common/datasets/text_tools.h"
#include "common/evaluation/captions/ptb_lexer.h"

// What PtbLexer knows of words, and its tables.
namespace desa2va::evaluation {

namespace {

// What keeps its full stop.
bool is_abbreviation(const std::string& lower) {
  static const std::set<std::string> kKnown = {
      "jan",  "feb",  "mar",  "apr",  "jun",  "jul",  "aug",    "sep",   "sept",  "oct",  "nov",
      "dec",  "mon",  "tue",  "tues", "wed",  "thu",  "thurs",  "fri",   "mr",    "mrs",  "ms",
      "dr",   "drs",  "prof", "sen",  "rep",  "gov",  "gen",    "col",   "lt",    "sgt",  "capt",
      "cmdr", "adm",  "maj",  "rev",  "hon",  "pres", "st",     "ave",   "blvd",  "rd",   "ln",
      "mt",   "ft",   "bldg", "dept", "est",  "inc",  "co",     "corp",  "ltd",   "bros", "jr",
      "sr",   "etc",  "vs",   "al",   "cf",   "sq",   "ariz",   "calif", "conn",  "fla",  "ill",
      "mass", "mich", "minn", "okla", "tenn", "wash", "messrs", "assn",  "assoc", "univ", "pfc",
      "pvt",  "supt", "esq",  "ph"};
  return kKnown.contains(lower);
}

// A full stop before one of these ends the sentence, even after a single letter.
bool starts_sentence(std::u32string_view text, std::size_t at) {
  static const std::set<std::u32string> kStarters = {
      U"A",    U"An",   U"And", U"As",   U"At",   U"But",  U"He",    U"Her",
      U"His",  U"I",    U"If",  U"In",   U"It",   U"Its",  U"No",    U"On",
      U"One",  U"She",  U"So",  U"That", U"The",  U"Then", U"There", U"These",
      U"They", U"This", U"Two", U"We",   U"What", U"When", U"You"};
  std::size_t begin = at;
  while (begin < text.size() && is_space(text[begin])) ++begin;
  if (begin == at) return false;
  std::size_t end = begin;
  while (end < text.size() && is_letter(text[end])) ++end;
  return kStarters.contains(std::u32string(text.substr(begin, end - begin)));
}

}  // namespace

std::string PtbLexer::lowered(std::size_t begin, std::size_t end) const {
  return datasets::lower(to_utf8(std::u32string_view(text_).substr(begin, end - begin)));
}

bool PtbLexer::word() {
  if (leading_apostrophe()) return true;
  if (!is_word(at(at_))) return false;
  std::size_t end = word_end(at_);
  const std::size_t begin = at_;
  if (acronym(begin, end)) return true;
  if (lowered(begin, end) == "c" && at(end) == U'+' && at(end + 1) == U'+') {
    emit_range(begin, end + 2);  // C++
    return true;
  }
  // "isn't": the n goes with the apostrophe.
  if (end - begin >= 2 && at(end) == U'\'' && (at(end + 1) == U't' || at(end + 1) == U'T') &&
      !is_word(at(end + 2)) && (at(end - 1) == U'n' || at(end - 1) == U'N')) {
    emit_range(begin, end - 1);
    emit_range(end - 1, end + 2);
    return true;
  }
  if (split_word(begin, end)) return true;
  if (at(end) == U'.' && keeps_stop(begin, end)) ++end;
  emit_range(begin, end);
  if (const std::size_t tail = contraction_length(end); tail > 0) {
    emit_range(end, end + tail);
  } else if (at(end) == U'\'' && at(end + 1) != U'\0' && is_letter(at(end + 1)) &&
             std::u32string_view(text_).substr(end, 3) != U"'n'") {
    ++at_;  // y'all: the apostrophe stays with what is before, and is gone as punctuation
    if (!tokens_.empty()) tokens_.back() += "'";
  }
  return true;
}

// 'tis, 'twas, 'em, 'n', '80s: an apostrophe that begins a word.
bool PtbLexer::leading_apostrophe() {
  if (at(at_) != U'\'') return false;
  if (std::u32string_view(text_).substr(at_, 3) == U"'n'") {
    emit_range(at_, at_ + 3);
    return true;
  }
  const std::size_t end = letters_end(at_ + 1);
  const std::string lower = lowered(at_ + 1, end);
  if (lower == "tis" || lower == "twas") {
    emit_range(at_, at_ + 2);
    emit_range(at_, end);
    return true;
  }
  const bool decade =
      end == at_ + 4 && is_digit(at(at_ + 1)) && is_digit(at(at_ + 2)) && at(at_ + 3) == U's';
  const bool after_blank = at_ == 0 || is_space(text_[at_ - 1]);
  if (decade || (after_blank && (lower == "em" || lower == "til" || lower == "cause"))) {
    emit_range(at_, end);
    return true;
  }
  // Standing alone after a word, as in "dog 's" that was split before.
  if (const std::size_t tail = contraction_length(at_); tail > 0) {
    emit_range(at_, at_ + tail);
    return true;
  }
  return false;
}

// Where the word that starts at `begin` ends: letters and digits, joined by single "-", "/", "_",
// "&" between capitals, "." between letters; an apostrophe as in O'Brien and o'clock.
std::size_t PtbLexer::word_end(std::size_t begin) const {
  std::size_t i = begin;
  bool compound = false;  // of "a-b.c" the stop is no part
  for (;;) {
    while (is_word(at(i))) ++i;
    const char32_t joint = at(i);
    if (!is_word(at(i + 1))) return i;
    const bool dash = joint == U'-' || joint == U'/' || joint == U'_';
    const bool joins = dash || (joint == U'.' && is_letter(at(i + 1)) && !compound) ||
                       (joint == U'&' && is_upper(at(i - 1)) && is_upper(at(i + 1))) ||
                       (joint == U'\'' && apostrophe_inside(begin, i));
    if (!joins) return i;
    compound = compound || dash;
    ++i;
  }
}

// O'Brien, o'clock, d'ye, ma'am: no contraction begins here.
bool PtbLexer::apostrophe_inside(std::size_t begin, std::size_t apostrophe) const {
  const std::string before = lowered(begin, apostrophe);
  const std::string after = lowered(apostrophe + 1, letters_end(apostrophe + 1));
  if (after == "s" || contraction_length(apostrophe) > 0) return false;
  return ((before == "o" || before == "d" || before == "l") && is_letter(at(apostrophe + 1))) ||
         (before == "ma" && after == "am") || (before == "e" && after == "er");
}

// 's 'd 'm 'll 've 're at `apostrophe`, as the end of a word: its length, or 0.
std::size_t PtbLexer::contraction_length(std::size_t apostrophe) const {
  if (at(apostrophe) != U'\'') return 0;
  const std::size_t end = letters_end(apostrophe + 1);
  static const std::set<std::string> kTails = {"s", "d", "m", "ll", "ve", "re"};
  return kTails.contains(lowered(apostrophe + 1, end)) ? end - apostrophe : 0;
}

// cannot, gonna: two words.
bool PtbLexer::split_word(std::size_t begin, std::size_t end) {
  struct Split {
    const char* word;
    std::size_t first;
  };
  static constexpr std::array kSplits = {Split{"cannot", 3}, Split{"gonna", 3}, Split{"gotta", 3},
                                         Split{"lemme", 3},  Split{"gimme", 3}, Split{"wanna", 3}};
  const std::string lower = lowered(begin, end);
  for (const Split& split : kSplits) {
    if (lower != split.word) continue;
    emit_range(begin, begin + split.first);
    emit_range(begin + split.first, end);
    return true;
  }
  return false;
}

// U.S., a.m., e.g.: letters with full stops in between keep the last.
bool PtbLexer::acronym(std::size_t begin, std::size_t end) {
  if (at(end) != U'.') return false;
  bool stops = false;
  std::size_t run = 0;
  for (std::size_t i = begin; i < end; ++i) {
    stops = stops || text_[i] == U'.';
    run = text_[i] == U'.' ? 0 : run + 1;
    if (!is_letter(text_[i]) && text_[i] != U'.') return false;
    if (run > 2) return false;
  }
  if (!stops) return false;
  std::size_t last = end + 1;
  if (at(last) == U'-' && is_word(at(last + 1))) last = word_end(last + 1);  // U.S.-based
  emit_range(begin, last);
  return true;
}

bool PtbLexer::keeps_stop(std::size_t begin, std::size_t end) const {
  const std::string lower = lowered(begin, end);
  if (is_word(at(end + 1))) return false;
  if (end - begin == 1 && is_letter(at(begin)))
    return !(starts_sentence(text_, end + 1) && is_upper(at(begin)));
  if (lower == "no" || lower == "nos" || lower == "fig" || lower == "pp" || lower == "art") {
    std::size_t next = end + 1;
    while (is_space(at(next))) ++next;
    return is_digit(at(next));
  }
  return is_abbreviation(lower);
}

}  // namespace desa2va::evaluation
