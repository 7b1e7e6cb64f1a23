#include "common/datasets/json_scan.h"

#include <sys/stat.h>

#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/base/random.h"
#include "tests/support/temp_dir.h"

namespace desa2va::datasets {
namespace {

class JsonScan : public testing::Test {
 protected:
  void write(const std::string& text) {
    std::ofstream(folder_ / "a.json", std::ios::binary) << text;
  }
  std::vector<std::string> scan(int depth) {
    std::vector<std::string> seen;
    result_ = scan_json(tree_, "a.json", depth, [&](const JsonElement& element) {
      seen.push_back(fmt::format("{}/{}:{}", element.group, element.key, element.text));
      return Result<void>();
    });
    return seen;
  }

  test::TempDir folder_;
  DataTree tree_{folder_.path()};
  Result<void> result_;
};

TEST_F(JsonScan, FindsElementsWhateverTheirStringsHold) {
  write(" [ {\"a\": \"}]\\\"{[\"} ,\n-1.5e3,\"x,]\", null , [[]] ] \n");
  EXPECT_THAT(scan(1), testing::ElementsAre("/:{\"a\": \"}]\\\"{[\"}", "/:-1.5e3", "/:\"x,]\"",
                                            "/:null", "/:[[]]"));
  EXPECT_TRUE(result_) << result_.error().message();
}

TEST_F(JsonScan, FindsTheSameInWhateverPiecesTheBytesCome) {
  const std::string text = R"( {"a": [1, {"b": "c\"d"}, true], "e": {"f": null}, "\u0067": "h"} )";
  for (const std::size_t piece : {1UL, 2UL, 7UL, 1000UL}) {
    const JsonFile file("a", [&](std::uint64_t offset, MutableByteSpan out) -> Result<std::size_t> {
      const ByteSpan rest = as_bytes(text).subspan(std::min<std::size_t>(offset, text.size()));
      const std::size_t count = std::min({rest.size(), out.size(), piece});
      std::copy_n(rest.data(), count, out.data());
      return count;
    });
    std::vector<std::string> seen;
    const auto done = file.scan(1, [&](const JsonElement& element) {
      seen.push_back(fmt::format("{}:{}", element.key, element.text));
      const auto again = file.read(element.place);
      EXPECT_EQ(again.value(), parse_element(element.text).value());
      return Result<void>();
    });
    EXPECT_TRUE(done) << done.error().message();
    EXPECT_THAT(seen, testing::ElementsAre(R"(a:[1, {"b": "c\"d"}, true])", R"(e:{"f": null})",
                                           R"(g:"h")"));
  }
}

TEST_F(JsonScan, AByteZeroIsNoEndOfAnElement) {
  EXPECT_EQ(parse_element(std::string_view("[1]\0[2", 6)).error().code(), Errc::Corrupt);
}

TEST_F(JsonScan, BringsGroupAndKeyOneLevelDown) {
  write("\xEF\xBB\xBF{\"videos\": {\"v\\u0031\": {}, \"v2\": 3}, \"n\": 7, \"list\": [1]}");
  EXPECT_THAT(scan(2), testing::ElementsAre("videos/v1:{}", "videos/v2:3", "list/:1"));
}

TEST_F(JsonScan, EveryPrefixOfAFileIsCorruptAndNamesTheByte) {
  const std::string text = R"({"a": [1, {"b": "c\"d"}, true], "e": {"f": null}})";
  for (std::size_t size = 0; size < text.size(); ++size) {
    write(text.substr(0, size));
    for (const int depth : {1, 2}) {
      scan(depth);
      ASSERT_FALSE(result_) << size;
      EXPECT_EQ(result_.error().code(), Errc::Corrupt) << size;
      EXPECT_THAT(result_.error().message(), testing::HasSubstr("a.json")) << size;
    }
  }
}

TEST_F(JsonScan, RefusesWhatIsNoJsonOutside) {
  for (const auto* text : {"7", "[1] 2", "[1 2]", "{\"a\" 1}", "{a: 1}", "[1}", "[[}]", "[,1]",
                           "[1,]", "{\"a\":}", "{\"a\\x\": 1}"}) {
    write(text);
    scan(1);
    if (!result_) {
      EXPECT_EQ(result_.error().code(), Errc::Corrupt) << text;
    }
    // What only looks like an element is found when it is parsed.
    const auto parsed =
        stream_json(tree_, "a.json", 1, [](const std::string&, Json&) { return Result<void>(); });
    EXPECT_FALSE(parsed) << text;
  }
}

TEST_F(JsonScan, RefusesAMillionBracketsAndAPipe) {
  write("[" + std::string(1'000'000, '[') + std::string(1'000'000, ']') + "]");
  scan(1);
  ASSERT_FALSE(result_);
  EXPECT_THAT(result_.error().message(), testing::HasSubstr("nested deeper than 100"));
  ASSERT_EQ(::mkfifo((folder_ / "pipe").c_str(), 0600), 0);
  EXPECT_EQ(JsonFile::open(tree_, "pipe").error().code(), Errc::InvalidArgument);
}

TEST_F(JsonScan, ElementsLongerThanThePieceThatIsReadAreWhole) {
  const std::string longer(3'000'000, 'x');
  write("[\"" + longer + "\", 1, {\"k\": \"" + longer + "\"}]");
  const auto seen = scan(1);
  ASSERT_EQ(seen.size(), 3U);
  EXPECT_EQ(seen[0].size(), longer.size() + 4);
  EXPECT_EQ(seen[1], "/:1");
  EXPECT_EQ(seen[2].size(), longer.size() + 11);
}

TEST_F(JsonScan, IndexFindsElementsAndTheLastOfEqualKeysCounts) {
  write(R"({"b": [1], "a": 2, "b": [3, 4]})");
  const auto index = JsonIndex::build(tree_, "a.json");
  ASSERT_TRUE(index) << index.error().message();
  EXPECT_EQ(index->size(), 2U);
  EXPECT_EQ(index->duplicates(), 1U);
  ASSERT_NE(index->find("b"), nullptr);
  EXPECT_EQ(index->read(*index->find("b"))->dump(), "[3,4]");
  EXPECT_EQ(index->find("c"), nullptr);
  const auto file = JsonFile::open(tree_, "a.json");
  const auto list = list_entries(*file, {});
  ASSERT_EQ(list->entries.size(), 2U);
  EXPECT_EQ(list->entries[0].key, "b");  // the first place
  EXPECT_EQ(file->read(list->entries[0].place)->dump(), "[3,4]");
}

TEST_F(JsonScan, AnArrayOrNothingWhereKeysAreNeededIsCorrupt) {
  write("[1, 2]");
  EXPECT_EQ(JsonIndex::build(tree_, "a.json").error().code(), Errc::Corrupt);
  write(R"({"clips": {"a": 1}})");
  const auto file = JsonFile::open(tree_, "a.json");
  const auto list = list_entries(*file, "videos");
  ASSERT_FALSE(list);
  EXPECT_THAT(list.error().message(), testing::HasSubstr("nothing below \"videos\""));
}

// A value of random shape, nested up to `depth` levels.
Json random_json(const Random& random, std::uint64_t& draw, int depth) {
  const auto kind = random.below(draw++, depth > 0 ? 7 : 5);
  if (kind == 0) return nullptr;
  if (kind == 1) return random.below(draw++, 2) == 1;
  if (kind == 2) return static_cast<int>(random.below(draw++, 1000)) - 500;
  if (kind <= 4) {
    std::string text;
    for (auto left = random.below(draw++, 8); left > 0; --left)
      text +=
          std::string_view("a\"\\{}[],:\n \xC3\xA9").substr(random.below(draw++, 11), 1) == "\xC3"
              ? "\xC3\xA9"
              : std::string(1, "a\"\\{}[],:\n"[random.below(draw++, 10)]);
    return text;
  }
  Json value = kind == 5 ? Json::array() : Json::object();
  for (auto left = random.below(draw++, 5); left > 0; --left) {
    Json inner = random_json(random, draw, depth - 1);
    if (kind == 5) {
      value.push_back(std::move(inner));
    } else {
      value[fmt::format("k{}\"", left)] = std::move(inner);
    }
  }
  return value;
}

TEST_F(JsonScan, FindsTheSameElementsAsAParserInRandomFiles) {
  const Random random(3, "test", "json");
  std::uint64_t draw = 0;
  for (int round = 0; round < 300; ++round) {
    Json value = Json::array();
    for (auto left = random.below(draw++, 6); left > 0; --left)
      value.push_back(random_json(random, draw, 4));
    write(value.dump(static_cast<int>(random.below(draw++, 3)) - 1));
    Json found = Json::array();
    const auto done = stream_json(tree_, "a.json", 1, [&](const std::string&, Json& element) {
      found.push_back(element);
      return Result<void>();
    });
    ASSERT_TRUE(done) << done.error().message();
    EXPECT_EQ(found, value);
  }
}

}  // namespace
}  // namespace desa2va::datasets
