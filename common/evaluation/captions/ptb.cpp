#include "common/evaluation/captions/ptb.h"

#include <algorithm>
#include <array>
#include <set>

#include "common/datasets/text_tools.h"
#include "common/evaluation/captions/ptb_lexer.h"

namespace desa2va::evaluation {

namespace {

bool is_removed(const std::string& token) {
  static const std::set<std::string> kPunctuation = {"''", "'", "``", "`",  ".",   "?", "!",
                                                     ",",  ":", "-",  "--", "...", ";"};
  return kPunctuation.contains(token);
}

}  // namespace

PtbLexer::PtbLexer(std::string_view caption) : text_(to_code_points(caption)) {
  for (char32_t& c : text_)
    if (c == U'\x2019' || c == U'\x2018') c = U'\'';  // as apostrophes; as quotes they go anyway
}

std::vector<std::string> PtbLexer::run() {
  while (at_ < text_.size()) {
    if (is_space(text_[at_])) {
      ++at_;
    } else if (!tag() && !entity() && !fraction() && !number() && !address() && !word()) {
      symbol();
    }
  }
  return std::move(tokens_);
}

void PtbLexer::emit(std::string token) {
  token = datasets::lower(token);
  if (!is_removed(token)) tokens_.push_back(std::move(token));
}
void PtbLexer::emit_range(std::size_t begin, std::size_t end) {
  if (begin < end) emit(to_utf8(std::u32string_view(text_).substr(begin, end - begin)));
  at_ = std::max(at_, end);
}

// <p>, </p>, <br/>: one token.
bool PtbLexer::tag() {
  if (at(at_) != U'<') return false;
  std::size_t i = at_ + 1;
  if (at(i) == U'/' || at(i) == U'!' || at(i) == U'?') ++i;
  if (!is_ascii_letter(at(i))) return false;
  while (i < text_.size() && text_[i] != U'>' && text_[i] != U'<') ++i;
  if (at(i) != U'>') return false;
  emit_range(at_, i + 1);
  return true;
}

bool PtbLexer::entity() {
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

// "1/2", and "3 1/4" as one token with a blank that does not break.
bool PtbLexer::fraction() {
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
bool PtbLexer::number() {
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
bool PtbLexer::address() {
  const std::u32string_view rest = std::u32string_view(text_).substr(at_);
  if (rest.starts_with(U"http://") || rest.starts_with(U"https://") || rest.starts_with(U"www.")) {
    std::size_t end = at_;
    while (end < text_.size() && !is_space(text_[end]) && text_[end] != U'<' && text_[end] != U'"')
      ++end;
    while (end > at_ &&
           std::u32string_view(U".,;:!?)'").find(text_[end - 1]) != std::u32string::npos)
      --end;
    emit_range(at_, end);
    return true;
  }
  const bool marked = (rest[0] == U'#' || rest[0] == U'@') && rest.size() > 1 && is_letter(rest[1]);
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

void PtbLexer::symbol() {
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

void PtbLexer::replace(std::size_t end, const char* token) {
  at_ = end;
  emit(token);
}

// ":)" and ":-(" are words.
bool PtbLexer::smiley() {
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
