#include "common/preprocess/text/tokenizer.h"

#include <unistd.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "common/base/random.h"
#include "common/preprocess/text/unicode.h"
#include "small_vocabulary.h"

namespace desa2va::text {
namespace {

namespace fs = std::filesystem;

struct Folder {
  fs::path path =
      fs::temp_directory_path() / ("desa2va_text_" + std::to_string(::getpid()) + "_" +
                                   ::testing::UnitTest::GetInstance()->current_test_info()->name());
  Folder() { fs::create_directories(path); }
  ~Folder() { fs::remove_all(path); }
  void write(const std::string& name, const std::string& text) const {
    std::ofstream(path / name) << text;
  }
};

TEST(Tokenizer, TextComesBackFromItsIds) {
  const Tokenizer tokenizer = test::small_tokenizer();
  for (const std::string text : {"", "the small red ring", "  two  spaces\n\n",
                                 "héllo 中文 🙂", "a<|im_end|>b[SEG].", "tab\tand 123"}) {
    EXPECT_EQ(tokenizer.decode(tokenizer.encode(text)), text);
  }
}

TEST(Tokenizer, TextComesBackForRandomBytesOfUtf8) {
  const Tokenizer tokenizer = test::small_tokenizer();
  const Random random(11, "test", "bytes");
  for (std::uint64_t round = 0; round < 300; ++round) {
    std::string text;
    for (std::uint64_t i = 0; i < 40; ++i) {
      text += static_cast<char>(random.below(round * 40 + i, 128));
    }
    ASSERT_EQ(tokenizer.decode(tokenizer.encode(text)), text);
  }
}

TEST(Tokenizer, AnyBytesAreTakenAndBrokenOnesComeBackAsReplacementCharacters) {
  const Tokenizer tokenizer = test::small_tokenizer();
  const Random random(12, "test", "bytes");
  for (std::uint64_t round = 0; round < 300; ++round) {
    std::string text;
    for (std::uint64_t i = 0; i < 40; ++i) {
      text += static_cast<char>(random.below(round * 40 + i, 256));
    }
    const std::string decoded = tokenizer.decode(tokenizer.encode(text));
    ASSERT_EQ(decoded, nfc(text));
    ASSERT_EQ(tokenizer.decode(tokenizer.encode(decoded)), decoded);
  }
}

TEST(Tokenizer, LearnedWordsAreOneToken) {
  const Tokenizer tokenizer = test::small_tokenizer();
  EXPECT_EQ(tokenizer.encode(" the").size(), 1U);
  EXPECT_EQ(tokenizer.encode(" red").size(), 1U);
}

TEST(Tokenizer, AddedTokensAreFoundInTheRawTextBeforeNormalization) {
  const Tokenizer tokenizer = test::small_tokenizer();
  const auto ids = tokenizer.encode("<|im_end|>\u0338");
  ASSERT_GE(ids.size(), 2U);
  EXPECT_EQ(ids[0], tokenizer.special().im_end);
  EXPECT_EQ(tokenizer.encode("<|IM_END|>").front() == tokenizer.special().im_end, false);
}

TEST(Tokenizer, TheLongestAddedTokenWins) {
  Vocabulary vocabulary = test::small_vocabulary();
  const auto next = static_cast<TokenId>(vocabulary.tokens.size() + vocabulary.added.size());
  vocabulary.added["[SEG]s"] = next;
  const auto tokenizer = Tokenizer::build(vocabulary);
  ASSERT_TRUE(tokenizer) << tokenizer.error().message();
  EXPECT_EQ(tokenizer->encode("[SEG]s"), (std::vector<TokenId>{next}));
}

TEST(Tokenizer, FilesWrittenAreReadBackAsTheSameVocabulary) {
  const Folder folder;
  const Vocabulary vocabulary = test::small_vocabulary();
  ASSERT_TRUE(write_vocabulary(vocabulary, folder.path));
  const auto read = read_vocabulary(folder.path);
  ASSERT_TRUE(read) << read.error().message();
  EXPECT_EQ(read->tokens, vocabulary.tokens);
  EXPECT_EQ(read->merges, vocabulary.merges);
  EXPECT_EQ(read->added, vocabulary.added);
}

TEST(Tokenizer, TokenizerJsonHoldsTheSameThing) {
  const Folder folder;
  const Vocabulary vocabulary = test::small_vocabulary();
  ASSERT_TRUE(write_vocabulary(vocabulary, folder.path));
  nlohmann::json root;
  root["model"]["vocab"] = nlohmann::json::parse(std::ifstream(folder.path / "vocab.json"));
  std::ifstream merges(folder.path / "merges.txt");
  std::string line;
  std::getline(merges, line);
  root["model"]["merges"] = nlohmann::json::array();
  while (std::getline(merges, line)) root["model"]["merges"].push_back(line);
  root["added_tokens"] = nlohmann::json::array();
  for (const auto& [token, id] : vocabulary.added) {
    root["added_tokens"].push_back({{"content", token}, {"id", id}});
  }
  fs::remove(folder.path / "vocab.json");
  folder.write("tokenizer.json", root.dump());
  const auto read = read_vocabulary(folder.path);
  ASSERT_TRUE(read) << read.error().message();
  EXPECT_EQ(read->tokens, vocabulary.tokens);
  EXPECT_EQ(read->merges, vocabulary.merges);
  EXPECT_EQ(read->added, vocabulary.added);
}

TEST(Tokenizer, MergesFollowFromTiktokenRanks) {
  const Folder folder;
  static constexpr std::string_view kDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  const auto base64 = [](const std::string& bytes) {
    std::string out;
    for (std::size_t i = 0; i < bytes.size(); i += 3) {
      std::uint32_t word = 0;
      for (std::size_t k = 0; k < 3; ++k) {
        word =
            (word << 8U) | (i + k < bytes.size() ? static_cast<unsigned char>(bytes[i + k]) : 0U);
      }
      for (std::size_t k = 0; k < 4; ++k) {
        out += i + k > bytes.size() ? '=' : kDigits[(word >> (18U - 6U * k)) & 63U];
      }
    }
    return out;
  };
  const Vocabulary vocabulary = test::small_vocabulary();
  std::map<TokenId, std::string> by_id;
  for (const auto& [bytes, id] : vocabulary.tokens) by_id[id] = bytes;
  std::string lines;
  for (const auto& [id, bytes] : by_id) lines += base64(bytes) + " " + std::to_string(id) + "\n";
  folder.write("small.tiktoken", lines);
  const auto read = read_tiktoken(folder.path / "small.tiktoken");
  ASSERT_TRUE(read) << read.error().message();
  EXPECT_EQ(read->tokens, vocabulary.tokens);
  EXPECT_EQ(read->merges, vocabulary.merges);
}

TEST(Tokenizer, BrokenFilesAreNamed) {
  const Folder folder;
  EXPECT_EQ(Tokenizer::load(folder.path).error().code(), Errc::NotFound);
  folder.write("vocab.json", "{\"a\": 0");
  folder.write("merges.txt", "#version: 0.2\n");
  folder.write("added_tokens.json", "{}");
  auto error = Tokenizer::load(folder.path).error();
  EXPECT_EQ(error.code(), Errc::Corrupt);
  EXPECT_NE(error.message().find("vocab.json"), std::string::npos);
  folder.write("vocab.json", "{\"a\": 0}");
  EXPECT_NE(Tokenizer::load(folder.path).error().message().find("byte 0"), std::string::npos);
  folder.write("merges.txt", "#version: 0.2\nab\n");
  EXPECT_NE(Tokenizer::load(folder.path).error().message().find("merges.txt:2"), std::string::npos);
}

TEST(Tokenizer, AVocabularyWithoutSegIsRefused) {
  Vocabulary vocabulary = test::small_vocabulary();
  vocabulary.added.erase("[SEG]");
  const auto tokenizer = Tokenizer::build(vocabulary);
  ASSERT_FALSE(tokenizer);
  EXPECT_NE(tokenizer.error().message().find("[SEG]"), std::string::npos);
}

TEST(Tokenizer, IdsCountUpWithoutHolesAndEachIsGivenOnce) {
  const auto refused = [](TokenId id) {
    auto vocabulary = test::small_vocabulary();
    vocabulary.added["</vp>"] = id;
    const auto tokenizer = Tokenizer::build(vocabulary);
    EXPECT_FALSE(tokenizer) << id;
    return tokenizer ? std::string() : tokenizer.error().message();
  };
  const TokenId last = test::small_vocabulary().added.at("</vp>");
  EXPECT_NE(refused(3).find("token id 3 is given twice"), std::string::npos);
  EXPECT_NE(refused(last + 1).find(fmt::format("token id {} is missing", last)), std::string::npos);
  EXPECT_NE(refused(TokenId{1} << 62).find("is missing"), std::string::npos);
  EXPECT_NE(refused(-1).find("below 0"), std::string::npos);
}

TEST(Tokenizer, TheBaseVocabularyIsFollowedByThirtySixAddedTokens) {
  const auto& added = qwen_added_tokens();
  EXPECT_EQ(added.size(), 36U);
  EXPECT_EQ(added.at("<|endoftext|>"), 151643);
  EXPECT_EQ(added.at("<|file_sep|>"), 151664);
  EXPECT_EQ(added.at("<IMG_CONTEXT>"), 151667);
  EXPECT_EQ(added.at("</box>"), 151673);
  EXPECT_EQ(added.at("[SEG]"), 151674);
  EXPECT_EQ(added.at("</vp>"), 151678);
}

}  // namespace
}  // namespace desa2va::text
