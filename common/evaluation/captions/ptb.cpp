#include "common/evaluation/captions/ptb.h"

#include <algorithm>
#include <array>
#include <set>

#include "common/datasets/text_tools.h"
#include "common/evaluation/captions/characters.h"

// Rules were found by running the tokenizer that pycocoevalcap uses over captions and over made-up
// corner cases; they cover what captions contain, not the whole of its grammar (web addresses with
// odd characters, smileys, markup of other languages).
namespace desa2va::evaluation {

namespace {

bool is_word(char32_t c) {
  return is_letter(c) || is_digit(c);
}

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

bool is_removed(const std::string& token) {
  static const std::set<std::string> kPunctuation = {"''", "'", "``", "`",  ".",   "?", "!",
                                                     ",",  ":", "-",  "--", "...", ";"};
  return kPunctuation.contains(token);
}

class PtbLexer {
 public:
  explicit PtbLexer(std::string_view caption) : text_(to_code_points(caption)) {
    for (char32_t& c : text_)
      if (c == U'\x2019' || c == U'\x2018') c = U'\'';  // as apostrophes; as quotes they go anyway
  }

  std::vector<std::string> run() {
    while (at_ < text_.size()) {
      if (is_space(text_[at_])) {
        ++at_;
      } else if (!tag() && !entity() && !fraction() && !number() && !address() && !word()) {
        symbol();
      }
    }
    return std::move(tokens_);
  }

 private:
  char32_t at(std::size_t i) const { return i < text_.size() ? text_[i] : U'\0'; }
  void emit(std::string token) {
    token = datasets::lower(token);
    if (!is_removed(token)) tokens_.push_back(std::move(token));
  }
  void emit_range(std::size_t begin, std::size_t end) {
    if (begin < end) emit(to_utf8(std::u32string_view(text_).substr(begin, end - begin)));
    at_ = std::max(at_, end);
  }

  // <p>, </p>, <br/>: one token.
  bool tag() {
    if (at(at_) != U'<') return false;
    std::size_t i = at_ + 1;
    if (at(i) == U'/' || at(i) == U'!' || at(i) == U'?') ++i;
    if (!is_ascii_letter(at(i))) return false;
    while (i < text_.size() && text_[i] != U'>' && text_[i] != U'<') ++i;
    if (at(i) != U'>') return false;
    emit_range(at_, i + 1);
    return true;
  }

  bool entity() {
    struct Entity {
      std::u32string_view text;
      const char* token;
    };
    static constexpr std::array kEntities = {Entity{U"&amp;", "&"},  Entity{U"&quot;", "''"},
                                             Entity{U"&apos;", "'"}, Entity{U"&lt;", "<"},
                                             Entity{U"&gt;", ">"},   Entity{U"&nbsp;", ""}};
    for (const Entity& entity : kEntities) {
      if (std::u32string_view(text_).substr(at_, entity.text.size()) != entity.text) continue;
      at_ += entity.text.size();
      if (entity.token[0] != '\0') emit(entity.token);
      return true;
    }
    return false;
  }

  std::size_t digits_from(std::size_t i) const {
    while (is_digit(at(i))) ++i;
    return i;
  }

  // "1/2", and "3 1/4" as one token with a blank that does not break.
  bool fraction() {
    const std::size_t whole = digits_from(at_);
    if (whole == at_ || whole - at_ > 4) return false;
    std::size_t top = whole;
    const bool mixed = at(whole) == U' ' || at(whole) == U'-';
    if (mixed) {
      top = digits_from(whole + 1);
      if (top == whole + 1 || top - whole > 5) return false;
    }
    if (at(top) != U'/') return false;
    const std::size_t end = digits_from(top + 1);
    if (end == top + 1 || end - top > 5 || is_word(at(end)) || at(end) == U'/') return false;
    std::u32string token = text_.substr(at_, end - at_);
    if (mixed && token[whole - at_] == U' ') token[whole - at_] = U'\xA0';
    at_ = end;
    emit(to_utf8(token));
    return true;
  }

  // 1,000.5  10:30  7-11  12/31/2020  .5  -5  +3; also ",16" where no blank follows the comma.
  bool number() {
    std::size_t i = at_;
    const bool after_word = i > 0 && is_word(text_[i - 1]);
    const auto opens = [&](std::size_t k) {
      return is_digit(at(k)) ||
             ((at(k) == U'.' || at(k) == U',' || at(k) == U':') && is_digit(at(k + 1)));
    };
    if ((at(i) == U'-' || at(i) == U'+') && !after_word && opens(i + 1)) ++i;
    if (!opens(i)) return false;
    bool point = !is_digit(at(i));
    std::size_t end = digits_from(point ? i + 1 : i);
    for (;;) {
      const char32_t c = at(end);
      const bool pointed = c == U'.' || c == U',' || c == U':';
      if ((!pointed && c != U'-' && c != U'/') || !is_digit(at(end + 1))) break;
      point = point || pointed;
      end = digits_from(end + 1);
    }
    // 3D, 4x4, 20-year-old, 3-8x are words; 3.5m is a number and a word.
    if (!point && (is_letter(at(end)) || (at(end) == U'-' && is_letter(at(end + 1))))) {
      if (i == at_) return false;
      emit_range(at_, i);  // the sign of "-5th" stands alone
      return true;
    }
    emit_range(at_, end);
    return true;
  }

  // a.b@c.com, http://..., www....; #tag, @user.
  bool address() {
    const std::u32string_view rest = std::u32string_view(text_).substr(at_);
    if (rest.starts_with(U"http://") || rest.starts_with(U"https://") ||
        rest.starts_with(U"www.")) {
      std::size_t end = at_;
      while (end < text_.size() && !is_space(text_[end]) && text_[end] != U'<' &&
             text_[end] != U'"')
        ++end;
      while (end > at_ &&
             std::u32string_view(U".,;:!?)'").find(text_[end - 1]) != std::u32string::npos)
        --end;
      emit_range(at_, end);
      return true;
    }
    const bool marked =
        (rest[0] == U'#' || rest[0] == U'@') && rest.size() > 1 && is_letter(rest[1]);
    if (marked && (at_ == 0 || !is_word(text_[at_ - 1]))) {
      std::size_t end = at_ + 1;
      while (is_word(at(end)) || at(end) == U'_') ++end;
      emit_range(at_, end);
      return true;
    }
    std::size_t end = at_;
    const auto in_name = [&](char32_t c) {
      return (c < 128 && is_word(c)) || c == U'.' || c == U'_' || c == U'-';
    };
    while (in_name(at(end))) ++end;
    if (end == at_ || at(end) != U'@' || !is_word(at(end + 1))) return false;
    ++end;
    while (in_name(at(end))) ++end;
    while (at(end - 1) == U'.' || at(end - 1) == U'-') --end;
    emit_range(at_, end);
    return true;
  }

  // Where the word that starts at `begin` ends: letters and digits, joined by single "-", "/", "_",
  // "&" between capitals, "." between letters; an apostrophe as in O'Brien and o'clock.
  std::size_t word_end(std::size_t begin) const {
    std::size_t i = begin;
    bool compound = false;  // of "a-b.c" the stop is no part
    for (;;) {
      while (is_word(at(i))) ++i;
      const char32_t joint = at(i);
      if (!is_word(at(i + 1))) return i;
      if (joint == U'-' || joint == U'/' || joint == U'_') {
        compound = true;
        ++i;
      } else if (joint == U'.' && is_letter(at(i + 1)) && !compound) {
        ++i;
      } else if (joint == U'&' && is_upper(at(i - 1)) && is_upper(at(i + 1))) {
        ++i;
      } else if (joint == U'\'' && apostrophe_inside(begin, i)) {
        ++i;
      } else {
        return i;
      }
    }
  }

  // O'Brien, o'clock, d'ye, ma'am: no contraction begins here.
  bool apostrophe_inside(std::size_t begin, std::size_t apostrophe) const {
    const std::string before = lowered(begin, apostrophe);
    const std::string after = lowered(apostrophe + 1, letters_end(apostrophe + 1));
    if (after == "s" || contraction_length(apostrophe) > 0) return false;
    return ((before == "o" || before == "d" || before == "l") && is_letter(at(apostrophe + 1))) ||
           (before == "ma" && after == "am") || (before == "e" && after == "er");
  }

  std::size_t letters_end(std::size_t i) const {
    while (is_word(at(i))) ++i;
    return i;
  }
  std::string lowered(std::size_t begin, std::size_t end) const {
    return datasets::lower(to_utf8(std::u32string_view(text_).substr(begin, end - begin)));
  }

  // 's 'd 'm 'll 've 're at `apostrophe`, as the end of a word: its length, or 0.
  std::size_t contraction_length(std::size_t apostrophe) const {
    if (at(apostrophe) != U'\'') return 0;
    const std::size_t end = letters_end(apostrophe + 1);
    static const std::set<std::string> kTails = {"s", "d", "m", "ll", "ve", "re"};
    return kTails.contains(lowered(apostrophe + 1, end)) ? end - apostrophe : 0;
  }

  bool word() {
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

  // cannot, gonna: two words.
  bool split_word(std::size_t begin, std::size_t end) {
    struct Split {
      const char* word;
      std::size_t first;
    };
    static constexpr std::array kSplits = {Split{"cannot", 3}, Split{"gonna", 3},
                                           Split{"gotta", 3},  Split{"lemme", 3},
                                           Split{"gimme", 3},  Split{"wanna", 3}};
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
  bool acronym(std::size_t begin, std::size_t end) {
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

  bool keeps_stop(std::size_t begin, std::size_t end) const {
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

  // 'tis, 'twas, 'em, 'n', '80s: an apostrophe that begins a word.
  bool leading_apostrophe() {
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

  void symbol() {
    const char32_t c = at(at_);
    std::size_t end = at_ + 1;
    const auto run_of = [&](std::u32string_view any) {
      while (any.find(at(end)) != std::u32string_view::npos && end < text_.size()) ++end;
    };
    switch (c) {
      case U'?':
      case U'!':
        run_of(U"?!");
        break;
      case U'.':
        run_of(U".");
        if (end - at_ >= 3) return replace(end, "...");
        end = at_ + 1;
        break;
      case U'-':
        run_of(U"-");
        return replace(end, end - at_ > 1 ? "--" : "-");
      case U'_':
        run_of(U"_");
        break;
      case U':':
      case U';':
        if (smiley()) return;
        break;
      case U'(':
        return replace(end, "-lrb-");
      case U')':
        return replace(end, "-rrb-");
      case U'[':
        return replace(end, "-lsb-");
      case U']':
        return replace(end, "-rsb-");
      case U'{':
        return replace(end, "-lcb-");
      case U'}':
        return replace(end, "-rcb-");
      case U'"':
      case U'\x201C':
      case U'\x201D':
      case U'\xAB':
      case U'\xBB':
        return replace(end, "''");
      case U'\x2026':
        return replace(end, "...");
      case U'\x2013':
      case U'\x2014':
        return replace(end, "--");
      case U'\xA3':
        return replace(end, "#");
      case U'\x20AC':
        return replace(end, "$");
      case U'\xBC':
        return replace(end, "1/4");
      case U'\xBD':
        return replace(end, "1/2");
      case U'\xBE':
        return replace(end, "3/4");
      default:
        if (c > 0xFFFF) {  // beyond the basic plane nothing is a token there
          ++at_;
          return;
        }
    }
    emit_range(at_, end);
  }

  void replace(std::size_t end, const char* token) {
    at_ = end;
    emit(token);
  }

  // ":)" and ":-(" are words.
  bool smiley() {
    std::size_t i = at_ + 1;
    const bool nose = at(i) == U'-';
    if (nose) ++i;
    const char32_t mouth = at(i);
    if (mouth != U')' && mouth != U'(') return false;
    const std::string eyes = to_utf8(std::u32string_view(text_).substr(at_, 1));
    at_ = i + 1;
    emit(eyes + (nose ? "-" : "") + (mouth == U')' ? "-rrb-" : "-lrb-"));
    return true;
  }

  std::u32string text_;
  std::size_t at_ = 0;
  std::vector<std::string> tokens_;
};

}  // namespace

std::vector<std::string> ptb_tokens(std::string_view caption) {
  return PtbLexer(caption).run();
}

std::string ptb_line(std::string_view caption) {
  std::string line;
  for (const std::string& token : ptb_tokens(caption)) {
    if (!line.empty()) line += ' ';
    line += token;
  }
  return line;
}

}  // namespace desa2va::evaluation
