#include "common/datasets/json_tools.h"

#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/temp_dir.h"

namespace desa2va::datasets {
namespace {

class JsonTools : public testing::Test {
 protected:
  void write(const std::string& text) { std::ofstream(folder_ / "a.json") << text; }

  // "key:element" of everything visited.
  std::vector<std::string> stream(int depth) {
    std::vector<std::string> seen;
    result_ = stream_json(tree_, "a.json", depth, [&](const std::string& key, Json& element) {
      seen.push_back(key + ":" + element.dump());
      return Result<void>();
    });
    return seen;
  }

  test::TempDir folder_;
  DataTree tree_{folder_.path()};
  Result<void> result_;
};

TEST_F(JsonTools, ElementsOfAnArrayComeOneByOne) {
  write(R"([{"a": [1, {"b": 2}]}, 7, null, "x"])");
  EXPECT_THAT(stream(1), testing::ElementsAre(R"(:{"a":[1,{"b":2}]})", ":7", ":null", ":\"x\""));
  EXPECT_TRUE(result_.has_value());
}

TEST_F(JsonTools, ElementsOfAnObjectBringTheirKey) {
  write(R"({"17": [1, null], "3": {"z": 1, "a": 2}})");
  EXPECT_THAT(stream(1), testing::ElementsAre("17:[1,null]", R"(3:{"z":1,"a":2})"));
}

TEST_F(JsonTools, OneLevelDownTheKeyIsTheOuterOne) {
  write(R"({"images": [{"id": 1}, {"id": 2}], "info": {"year": 2014}})");
  EXPECT_THAT(stream(2),
              testing::ElementsAre(R"(images:{"id":1})", R"(images:{"id":2})", "info:2014"));
}

TEST_F(JsonTools, BadJsonIsCorruptAndNamesTheFile) {
  write(R"([{"a": 1}, {"b": )");
  stream(1);
  ASSERT_FALSE(result_.has_value());
  EXPECT_EQ(result_.error().code(), Errc::Corrupt);
  EXPECT_THAT(result_.error().message(), testing::StartsWith("a.json"));
  EXPECT_EQ(read_json(tree_, "a.json").error().code(), Errc::Corrupt);
}

TEST_F(JsonTools, AFailureOfTheVisitorEndsTheReading) {
  write("[1, 2, 3]");
  int visits = 0;
  const auto done = stream_json(tree_, "a.json", 1, [&](const std::string&, Json&) -> Result<void> {
    ++visits;
    return fail(Errc::Cancelled, "enough");
  });
  EXPECT_EQ(done.error().code(), Errc::Cancelled);
  EXPECT_EQ(visits, 1);
}

TEST_F(JsonTools, AValueOfTheWrongTypeIsCorrupt) {
  write(R"([{"id": "text"}])");
  const auto done = stream_json(tree_, "a.json", 1, [](const std::string&, Json& one) {
    (void)one.at("id").get<int>();
    return Result<void>();
  });
  EXPECT_EQ(done.error().code(), Errc::Corrupt);
}

TEST_F(JsonTools, AMissingFileIsNotFound) {
  EXPECT_EQ(read_json(tree_, "b.json").error().code(), Errc::NotFound);
}

TEST(DataTree, PathsThatLeaveTheRootAreRefused) {
  const DataTree tree("/data");
  for (const char* path : {"../secret", "a/../../secret", "/etc/passwd", ".."})
    EXPECT_EQ(tree.below(path).error().code(), Errc::InvalidArgument) << path;
  EXPECT_EQ(tree.below("a/../b")->string(), "/data/b");
  EXPECT_FALSE(tree.has("../data"));
}

}  // namespace
}  // namespace desa2va::datasets
