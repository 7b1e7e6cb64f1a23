#include "common/evaluation/sets/record_files.h"

#include <gmock/gmock.h>

#include <fstream>

#include "tests/support/temp_dir.h"

namespace desa2va::evaluation {
namespace {

TEST(RecordFiles, AreReadTogetherEachIdOnce) {
  const test::TempDir dir;
  for (const int part : {0, 1}) {
    auto writer = LineWriter::open(records_file(dir.path(), part));
    ASSERT_TRUE(writer.has_value());
    EXPECT_TRUE(writer->add({{"id", "b"}, {"part", part}}).has_value());
    EXPECT_TRUE(writer->add({{"id", part == 0 ? "c" : "a"}}).has_value());
  }
  const auto records = read_records(dir.path());
  ASSERT_TRUE(records.has_value());
  ASSERT_EQ(records->size(), 3U);
  EXPECT_EQ(records->at(0)["id"], "a");
  EXPECT_EQ(records->at(1)["part"], 0);
  EXPECT_THAT(*read_record_ids(dir.path()), testing::ElementsAre("a", "b", "c"));
}

TEST(RecordFiles, HalfALineIsIgnoredAndThenCutOff) {
  const test::TempDir dir;
  const auto file = records_file(dir.path(), 0);
  std::ofstream(file) << "{\"id\": \"a\"}\n{\"id\": \"b\", \"J";
  EXPECT_EQ(read_records(dir.path())->size(), 1U);
  auto writer = LineWriter::open(file);
  ASSERT_TRUE(writer.has_value());
  EXPECT_TRUE(writer->add({{"id", "c"}}).has_value());
  EXPECT_THAT(*read_record_ids(dir.path()), testing::ElementsAre("a", "c"));
}

TEST(RecordFiles, AWholeLineThatIsNoRecordIsNamed) {
  const test::TempDir dir;
  std::ofstream(records_file(dir.path(), 0)) << "{\"id\": \"a\"}\n[]\n";
  const auto records = read_records(dir.path());
  ASSERT_FALSE(records.has_value());
  EXPECT_THAT(records.error().message(), testing::HasSubstr("records-0.jsonl:2"));
}

TEST(RecordFiles, HowManyQueriesThereAreIsKnownWhenEveryPartHasSaid) {
  const test::TempDir dir;
  ASSERT_TRUE(write_query_count(dir.path(), 0, 4));
  EXPECT_EQ(read_query_counts(dir.path(), 2), 0U);
  ASSERT_TRUE(write_query_count(dir.path(), 1, 3));
  EXPECT_EQ(read_query_counts(dir.path(), 2), 7U);
  EXPECT_EQ(read_query_counts(dir.path(), 1), 4U);
}

TEST(RecordFiles, OfAFolderThatIsNotThereAreNone) {
  EXPECT_TRUE(read_records("/nowhere/at/all")->empty());
}

}  // namespace
}  // namespace desa2va::evaluation
