#include "launcher/weights/tokenizer_files.h"

#include <algorithm>
#include <fstream>

#include <nlohmann/json.hpp>

#include "common/preprocess/text/tokenizer.h"
#include "common/weights/output_file.h"

namespace desa2va::launcher {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr text::TokenId kMostTokens = 1 << 24;
constexpr const char* kAdded = "added_tokens.json";
constexpr const char* kConfig = "tokenizer_config.json";
constexpr const char* kFast = "tokenizer.json";

struct Extended {
  text::Vocabulary vocabulary;
  std::vector<std::pair<std::string, text::TokenId>> fresh;  // added here
};

Result<Extended> extend(const fs::path& folder) {
  Extended out;
  DESA2VA_ASSIGN(out.vocabulary, text::read_vocabulary(folder));
  text::TokenId highest = -1;
  for (const auto& [bytes, id] : out.vocabulary.tokens) highest = std::max(highest, id);
  for (const auto& [token, id] : out.vocabulary.added) highest = std::max(highest, id);
  if (highest >= kMostTokens)
    return fail(Errc::InvalidArgument, "{}: token id {}; allowed are up to {}", folder.string(),
                highest, kMostTokens - 1);
  text::TokenId next = highest + 1;
  for (const auto& token : added_tokens()) {
    if (!out.vocabulary.added.emplace(token, next).second) continue;
    out.fresh.emplace_back(token, next++);
  }
  return out;
}

Result<Json> read_json(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  Json root = Json::parse(in, nullptr, /*allow_exceptions=*/false);
  if (!root.is_object()) return fail(Errc::Corrupt, "{}: is no JSON object", path.string());
  return root;
}

Json description(const std::string& token) {
  return {{"content", token}, {"lstrip", false},      {"normalized", false},
          {"rstrip", false},  {"single_word", false}, {"special", true}};
}

Result<void> add_to_files(const Extended& extended, const fs::path& folder) {
  if (fs::exists(folder / kAdded)) {
    DESA2VA_ASSIGN(Json added, read_json(folder / kAdded));
    for (const auto& [token, id] : extended.fresh) added[token] = id;
    DESA2VA_TRY(weights::write_file((folder / kAdded).string(), added.dump(2) + "\n"));
  }
  if (fs::exists(folder / kConfig)) {
    DESA2VA_ASSIGN(Json config, read_json(folder / kConfig));
    for (const auto& [token, id] : extended.fresh)
      config["added_tokens_decoder"][std::to_string(id)] = description(token);
    DESA2VA_TRY(weights::write_file((folder / kConfig).string(), config.dump(2) + "\n"));
  }
  if (fs::exists(folder / kFast)) {
    DESA2VA_ASSIGN(Json fast, read_json(folder / kFast));
    for (const auto& [token, id] : extended.fresh) {
      Json entry = description(token);
      entry["id"] = id;
      fast["added_tokens"].push_back(std::move(entry));
    }
    DESA2VA_TRY(weights::write_file((folder / kFast).string(), fast.dump(2) + "\n"));
  }
  return {};
}

}  // namespace

const std::vector<std::string>& added_tokens() {
  static const std::vector<std::string> kTokens = {"[SEG]", "<p>", "</p>", "<vp>", "</vp>"};
  return kTokens;
}

bool has_tokenizer(const fs::path& folder) {
  return fs::exists(folder / "vocab.json") || fs::exists(folder / kFast);
}

Result<TokenizerFacts> examine_tokenizer(const fs::path& folder) {
  DESA2VA_ASSIGN(const Extended extended, extend(folder));
  DESA2VA_ASSIGN(const auto tokenizer,
                 text::Tokenizer::build(extended.vocabulary).in(folder.string()));
  return TokenizerFacts{tokenizer.size(), static_cast<std::int64_t>(extended.fresh.size())};
}

Result<void> copy_tokenizer(const fs::path& from, const fs::path& to) {
  DESA2VA_ASSIGN(const Extended extended, extend(from));
  std::error_code error;
  fs::create_directories(to, error);
  bool any = false;
  for (const char* name : {"vocab.json", "merges.txt", kAdded, "special_tokens_map.json", kConfig,
                           kFast, "chat_template.jinja"}) {
    if (error || !fs::exists(from / name)) continue;
    fs::copy_file(from / name, to / name, fs::copy_options::overwrite_existing, error);
    any = true;
  }
  if (error || !any)
    return fail(Errc::InvalidArgument, "tokenizer of {}: cannot be copied to {}: {}", from.string(),
                to.string(), error.message());
  // What a tokenizer.json alone says, in the files that older programs read.
  if (!fs::exists(to / "vocab.json") || !fs::exists(to / kAdded) || !fs::exists(to / kConfig)) {
    const auto beside = to / "rest";
    DESA2VA_TRY(text::write_vocabulary(extended.vocabulary, beside));
    for (const auto& entry : fs::directory_iterator(beside)) {
      const auto target = to / entry.path().filename();
      if (!fs::exists(target)) fs::rename(entry.path(), target, error);
    }
    fs::remove_all(beside, error);
  }
  return extended.fresh.empty() ? Result<void>() : add_to_files(extended, to);
}

}  // namespace desa2va::launcher
