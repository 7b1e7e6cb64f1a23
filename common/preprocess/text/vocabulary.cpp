#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "common/preprocess/text/tokenizer.h"
#include "common/preprocess/text/unicode.h"

namespace desa2va::text {

namespace {

using nlohmann::json;
namespace fs = std::filesystem;

constexpr std::uintmax_t kLargestFile = 256U << 20U;  // bytes; the published ones are below 8 MiB

Result<std::string> read_text(const fs::path& path) {
  std::error_code error;
  const auto size = fs::file_size(path, error);
  if (error) return fail(Errc::NotFound, "{}: {}", path.string(), error.message());
  if (size > kLargestFile) {
    return fail(Errc::InvalidArgument, "{}: {} bytes, more than the {} allowed", path.string(),
                size, kLargestFile);
  }
  std::ifstream in(path, std::ios::binary);
  std::ostringstream out;
  out << in.rdbuf();
  if (!in) return fail(Errc::NotFound, "{}: cannot be read", path.string());
  return out.str();
}

// Whole or not at all.
Result<void> write_text(const fs::path& path, const std::string& text) {
  const fs::path unfinished = path.string() + ".unfinished";
  std::ofstream out(unfinished, std::ios::binary);
  out << text;
  out.close();
  std::error_code error;
  if (out) fs::rename(unfinished, path, error);
  if (!out || error) {
    std::error_code ignored;
    fs::remove(unfinished, ignored);
    return fail(Errc::Unavailable, "{}: cannot be written", path.string());
  }
  return {};
}

Result<json> parse_json(std::string_view text, const std::string& where) {
  json value = json::parse(text, nullptr, false);
  // The parser takes a byte 0 for the end, and would pass over what follows it.
  if (value.is_discarded() || text.find('\0') != std::string_view::npos) {
    return fail(Errc::Corrupt, "{}: not valid JSON", where);
  }
  return value;
}

// GPT-2's table: printable bytes stand for themselves, the other 68 for U+0100 and on.
const std::array<char32_t, 256>& byte_to_point() {
  static const std::array<char32_t, 256> table = [] {
    std::array<char32_t, 256> points{};
    char32_t next = 256;
    for (char32_t b = 0; b < 256; ++b) {
      const bool printable = (b >= 33 && b <= 126) || (b >= 161 && b <= 172) || b >= 174;
      points[b] = printable ? b : next++;
    }
    return points;
  }();
  return table;
}

std::string printable(std::string_view bytes) {
  std::string out;
  for (const char c : bytes) append_utf8(out, byte_to_point()[static_cast<unsigned char>(c)]);
  return out;
}

// Empty when a character stands for no byte.
std::optional<std::string> raw_bytes(std::string_view printed) {
  static const std::map<char32_t, char> table = [] {
    std::map<char32_t, char> bytes;
    for (std::size_t b = 0; b < 256; ++b) bytes[byte_to_point()[b]] = static_cast<char>(b);
    return bytes;
  }();
  std::string out;
  while (!printed.empty()) {
    const Decoded c = decode_utf8(printed);
    const auto found = table.find(c.code);
    if (found == table.end()) return std::nullopt;
    out += found->second;
    printed.remove_prefix(static_cast<std::size_t>(c.length));
  }
  return out;
}

Result<void> add_tokens(const json& object, const std::string& where, Vocabulary& vocabulary) {
  if (!object.is_object()) return fail(Errc::Corrupt, "{}: not an object", where);
  for (const auto& [token, id] : object.items()) {
    const auto bytes = raw_bytes(token);
    if (!bytes || !id.is_number_integer()) {
      return fail(Errc::Corrupt, "{}: entry \"{}\" is no byte-level token with a number", where,
                  token);
    }
    vocabulary.tokens[*bytes] = id.get<TokenId>();
  }
  return {};
}

Result<void> add_merge(std::string_view left, std::string_view right, const std::string& where,
                       Vocabulary& vocabulary) {
  auto a = raw_bytes(left);
  auto b = raw_bytes(right);
  if (!a || !b || a->empty() || b->empty()) {
    return fail(Errc::Corrupt, "{}: merge \"{} {}\" is not of byte-level tokens", where, left,
                right);
  }
  vocabulary.merges.emplace_back(std::move(*a), std::move(*b));
  return {};
}

Result<void> add_merge_line(std::string_view line, const std::string& where,
                            Vocabulary& vocabulary) {
  const auto space = line.find(' ');
  if (space == std::string_view::npos) {
    return fail(Errc::Corrupt, "{}: merge \"{}\" is not two tokens", where, line);
  }
  return add_merge(line.substr(0, space), line.substr(space + 1), where, vocabulary);
}

Result<void> add_merges(std::string_view text, const std::string& where, Vocabulary& vocabulary) {
  for (std::size_t number = 1; !text.empty(); ++number) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.empty() || (number == 1 && line.starts_with("#version"))) continue;
    DESA2VA_TRY(add_merge_line(line, fmt::format("{}:{}", where, number), vocabulary));
  }
  return {};
}

Result<std::string> from_base64(std::string_view text) {
  std::string out;
  std::uint32_t bits = 0;
  int count = 0;
  for (const char c : text) {
    std::uint32_t value = 0;
    if (c >= 'A' && c <= 'Z')
      value = static_cast<std::uint32_t>(c - 'A');
    else if (c >= 'a' && c <= 'z')
      value = static_cast<std::uint32_t>(c - 'a') + 26;
    else if (c >= '0' && c <= '9')
      value = static_cast<std::uint32_t>(c - '0') + 52;
    else if (c == '+')
      value = 62;
    else if (c == '/')
      value = 63;
    else if (c == '=')
      break;
    else
      return fail(Errc::Corrupt, "\"{}\" is not base64", text);
    bits = (bits << 6U) | value;
    count += 6;
    if (count >= 8) {
      count -= 8;
      out += static_cast<char>((bits >> static_cast<unsigned>(count)) & 0xFFU);
    }
  }
  return out;
}

}  // namespace

// tokenizer.json holds all three files; merges are "a b" or ["a", "b"].
Result<Vocabulary> parse_tokenizer_json(std::string_view text, const std::string& where) {
  DESA2VA_ASSIGN(const json root, parse_json(text, where));
  if (!root.contains("model") || !root["model"].contains("vocab") ||
      !root["model"].contains("merges")) {
    return fail(Errc::Corrupt, "{}: no model.vocab and model.merges", where);
  }
  Vocabulary vocabulary;
  DESA2VA_TRY(add_tokens(root["model"]["vocab"], where, vocabulary));
  for (const json& merge : root["model"]["merges"]) {
    if (merge.is_string()) {
      DESA2VA_TRY(add_merge_line(merge.get_ref<const std::string&>(), where, vocabulary));
    } else if (merge.is_array() && merge.size() == 2 && merge[0].is_string() &&
               merge[1].is_string()) {
      DESA2VA_TRY(add_merge(merge[0].get_ref<const std::string&>(),
                            merge[1].get_ref<const std::string&>(), where, vocabulary));
    } else {
      return fail(Errc::Corrupt, "{}: a merge is neither \"a b\" nor [\"a\", \"b\"]", where);
    }
  }
  for (const json& token : root.value("added_tokens", json::array())) {
    if (!token.is_object() || !token.contains("content") || !token.contains("id") ||
        !token["content"].is_string() || !token["id"].is_number_integer()) {
      return fail(Errc::Corrupt, "{}: an added token without content and id", where);
    }
    vocabulary.added[token["content"].get<std::string>()] = token["id"].get<TokenId>();
  }
  return vocabulary;
}

Result<Vocabulary> parse_vocabulary(const VocabularyTexts& texts, const std::string& where) {
  Vocabulary vocabulary;
  const std::string in_vocab = where + "/vocab.json", in_added = where + "/added_tokens.json";
  DESA2VA_ASSIGN(const json tokens, parse_json(texts.vocab_json, in_vocab));
  DESA2VA_TRY(add_tokens(tokens, in_vocab, vocabulary));
  DESA2VA_TRY(add_merges(texts.merges_txt, where + "/merges.txt", vocabulary));
  DESA2VA_ASSIGN(const json added, parse_json(texts.added_tokens_json, in_added));
  if (!added.is_object()) return fail(Errc::Corrupt, "{}: not an object", in_added);
  for (const auto& [token, id] : added.items()) {
    if (!id.is_number_integer()) {
      return fail(Errc::Corrupt, "{}: \"{}\" has no number", in_added, token);
    }
    vocabulary.added[token] = id.get<TokenId>();
  }
  return vocabulary;
}

Result<Vocabulary> read_vocabulary(const fs::path& folder) {
  const fs::path whole = folder / "tokenizer.json";
  if (!fs::exists(folder / "vocab.json") && fs::exists(whole)) {
    DESA2VA_ASSIGN(const std::string text, read_text(whole));
    return parse_tokenizer_json(text, whole.string());
  }
  DESA2VA_ASSIGN(const std::string tokens, read_text(folder / "vocab.json"));
  DESA2VA_ASSIGN(const std::string merges, read_text(folder / "merges.txt"));
  DESA2VA_ASSIGN(const std::string added, read_text(folder / "added_tokens.json"));
  return parse_vocabulary({tokens, merges, added}, folder.string());
}

Result<Vocabulary> read_tiktoken(const fs::path& file) {
  DESA2VA_ASSIGN(const std::string text, read_text(file));
  std::vector<std::pair<TokenId, std::string>> ranked;
  std::istringstream lines(text);
  std::string line;
  for (std::size_t number = 1; std::getline(lines, line); ++number) {
    const auto space = line.find(' ');
    if (line.empty()) continue;
    if (space == std::string::npos ||
        line.find_first_not_of("0123456789\r", space + 1) != std::string::npos ||
        line.size() > space + 10) {
      return fail(Errc::Corrupt, "{}:{}: not \"base64 rank\"", file.string(), number);
    }
    DESA2VA_ASSIGN(std::string bytes, from_base64(std::string_view(line).substr(0, space)));
    ranked.emplace_back(std::atoll(line.c_str() + space + 1), std::move(bytes));
  }
  std::sort(ranked.begin(), ranked.end());

  // The merge that makes a token is what the merges of lower rank leave of its bytes: two parts.
  Vocabulary vocabulary;
  BpeMerges merges;
  merges.reserve(ranked.size());
  std::vector<const std::string*> bytes_of;
  for (const auto& [rank, bytes] : ranked) {
    vocabulary.tokens[bytes] = rank;
    if (static_cast<TokenId>(bytes_of.size()) != rank) {
      return fail(Errc::Corrupt, "{}: rank {} is missing", file.string(), bytes_of.size());
    }
    bytes_of.push_back(&bytes);
    if (bytes.size() == 1) continue;
    std::vector<TokenId> parts;
    for (const char c : bytes) {
      const auto id = vocabulary.tokens.find(std::string(1, c));
      if (id == vocabulary.tokens.end()) {
        return fail(Errc::Corrupt, "{}: token {} uses a byte before its own rank", file.string(),
                    rank);
      }
      parts.push_back(id->second);
    }
    merges.merge(parts);
    if (parts.size() != 2) {
      return fail(Errc::Corrupt, "{}: token {} is not the merge of two earlier ones", file.string(),
                  rank);
    }
    merges.add(parts[0], parts[1], {static_cast<std::uint32_t>(rank), rank});
    vocabulary.merges.emplace_back(*bytes_of[static_cast<std::size_t>(parts[0])],
                                   *bytes_of[static_cast<std::size_t>(parts[1])]);
  }
  return vocabulary;
}

Result<void> write_vocabulary(const Vocabulary& vocabulary, const fs::path& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) return fail(Errc::Unavailable, "{}: {}", folder.string(), error.message());

  std::map<TokenId, std::string> by_id;
  for (const auto& [bytes, id] : vocabulary.tokens) by_id[id] = bytes;
  std::string tokens = "{";  // by hand: an ordered JSON object searches itself at each insertion
  for (const auto& [id, bytes] : by_id) {
    if (tokens.size() > 1) tokens += ",";
    tokens += fmt::format("{}:{}", json(printable(bytes)).dump(), id);
  }

  std::string merges = "#version: 0.2\n";
  for (const auto& [left, right] : vocabulary.merges) {
    merges += printable(left) + " " + printable(right) + "\n";
  }
  DESA2VA_TRY(write_text(folder / "merges.txt", merges));

  nlohmann::ordered_json added = nlohmann::ordered_json::object();
  nlohmann::ordered_json decoder = nlohmann::ordered_json::object();
  std::map<TokenId, std::string> added_by_id;
  for (const auto& [token, id] : vocabulary.added) added_by_id[id] = token;
  for (const auto& [id, token] : added_by_id) {
    added[token] = id;
    decoder[std::to_string(id)] = {{"content", token},     {"lstrip", false},
                                   {"normalized", false},  {"rstrip", false},
                                   {"single_word", false}, {"special", true}};
  }
  DESA2VA_TRY(write_text(folder / "added_tokens.json", added.dump(2) + "\n"));

  nlohmann::ordered_json special;
  special["eos_token"] = "<|im_end|>";
  special["pad_token"] = "<|endoftext|>";
  DESA2VA_TRY(write_text(folder / "special_tokens_map.json", special.dump(2) + "\n"));

  nlohmann::ordered_json config;
  config["tokenizer_class"] = "Qwen2Tokenizer";
  config["added_tokens_decoder"] = decoder;
  config["bos_token"] = nullptr;
  config["eos_token"] = "<|im_end|>";
  config["pad_token"] = "<|endoftext|>";
  config["unk_token"] = nullptr;
  DESA2VA_TRY(write_text(folder / "tokenizer_config.json", config.dump(2) + "\n"));
  return write_text(folder / "vocab.json", tokens + "}\n");
}

const std::map<std::string, TokenId>& qwen_added_tokens() {
  static const std::map<std::string, TokenId> table = [] {
    constexpr std::array kTokens = {"<|endoftext|>",
                                    "<|im_start|>",
                                    "<|im_end|>",
                                    "<|object_ref_start|>",
                                    "<|object_ref_end|>",
                                    "<|box_start|>",
                                    "<|box_end|>",
                                    "<|quad_start|>",
                                    "<|quad_end|>",
                                    "<|vision_start|>",
                                    "<|vision_end|>",
                                    "<|vision_pad|>",
                                    "<|image_pad|>",
                                    "<|video_pad|>",
                                    "<tool_call>",
                                    "</tool_call>",
                                    "<|fim_prefix|>",
                                    "<|fim_middle|>",
                                    "<|fim_suffix|>",
                                    "<|fim_pad|>",
                                    "<|repo_name|>",
                                    "<|file_sep|>",
                                    "<img>",
                                    "</img>",
                                    "<IMG_CONTEXT>",
                                    "<quad>",
                                    "</quad>",
                                    "<ref>",
                                    "</ref>",
                                    "<box>",
                                    "</box>",
                                    "[SEG]",
                                    "<p>",
                                    "</p>",
                                    "<vp>",
                                    "</vp>"};
    std::map<std::string, TokenId> tokens;
    TokenId id = 151643;
    for (const char* token : kTokens) tokens[token] = id++;
    return tokens;
  }();
  return table;
}

}  // namespace desa2va::text
