#include "services/inference/answer.h"

#include <algorithm>
#include <array>

#include "common/preprocess/text/unicode.h"

namespace desa2va::inference {
namespace {

// Bytes at the end that begin a character whose rest may still come.
std::size_t unfinished_character(std::string_view text) {
  for (std::size_t back = 1; back <= std::min<std::size_t>(3, text.size()); ++back) {
    const auto byte = static_cast<unsigned char>(text[text.size() - back]);
    if ((byte & 0xC0U) == 0x80U) continue;
    const std::size_t length = byte >= 0xF0U ? 4 : byte >= 0xE0U ? 3 : byte >= 0xC0U ? 2 : 1;
    return length > back ? back : 0;
  }
  return 0;
}

std::string valid_utf8(std::string_view bytes) {
  std::string out;
  while (!bytes.empty()) {
    const auto decoded = text::decode_utf8(bytes);
    text::append_utf8(out, decoded.code);
    bytes.remove_prefix(static_cast<std::size_t>(decoded.length));
  }
  return out;
}

}  // namespace

AnswerStream::AnswerStream(const text::Tokenizer& tokenizer,
                           const std::vector<std::string>& stop_words,
                           std::function<void(std::string_view)> show)
    : tokenizer_(tokenizer), stop_words_(stop_words), show_(std::move(show)) {}

void AnswerStream::hand_out(std::size_t end) {
  if (end <= shown_) return;
  if (show_) show_(valid_utf8(std::string_view(all_).substr(shown_, end - shown_)));
  shown_ = end;
}

bool AnswerStream::add(text::TokenId id) {
  if (stopped_) return false;
  const std::size_t longest =
      std::ranges::max(stop_words_, {}, [](const std::string& w) { return w.size(); }).size();
  const std::size_t from = all_.size() > longest ? all_.size() - longest : 0;
  all_ += tokenizer_.decode(std::array{id});
  for (const std::string& word : stop_words_) {
    const auto at = all_.find(word, from);
    if (at == std::string::npos) continue;
    all_.resize(at);
    stopped_ = true;
    hand_out(all_.size());
    return false;
  }
  std::size_t held = unfinished_character(all_);
  for (const std::string& word : stop_words_) {
    for (std::size_t size = std::min(word.size() - 1, all_.size()); size > held; --size) {
      if (std::string_view(all_).ends_with(std::string_view(word).substr(0, size))) held = size;
    }
  }
  hand_out(all_.size() - held);
  return true;
}

void AnswerStream::finish() {
  hand_out(all_.size());
}

std::string AnswerStream::text() const {
  const std::string valid = valid_utf8(all_);
  return std::string(text::strip(valid));
}

std::vector<std::string> phrases_of(std::string_view answer, std::size_t count,
                                    std::string_view fallback) {
  std::vector<std::string> found;
  for (auto at = answer.find("<p>"); at != std::string_view::npos; at = answer.find("<p>", at)) {
    at += 3;
    const auto end = answer.find("</p>", at);
    if (end == std::string_view::npos) break;
    found.emplace_back(text::strip(answer.substr(at, end - at)));
  }
  const std::size_t named = found.size();
  found.resize(count);
  for (std::size_t i = named; i < count; ++i) found[i] = fallback;
  return found;
}

std::string printable(std::string_view bytes) {
  std::string out;
  while (!bytes.empty()) {
    const auto decoded = text::decode_utf8(bytes);
    const bool control = (decoded.code < 0x20 && decoded.code != '\n' && decoded.code != '\t') ||
                         (decoded.code >= 0x7F && decoded.code < 0xA0);
    text::append_utf8(out, control ? U'\uFFFD' : decoded.code);
    bytes.remove_prefix(static_cast<std::size_t>(decoded.length));
  }
  return out;
}

}  // namespace desa2va::inference
