#pragma once

#include <cstdio>
#include <filesystem>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/evaluation/sets/records.h"

// Records on disk: records-<part>.jsonl in the folder of an evaluation, one line a query. A process
// that was killed leaves at most half a line, which reading ignores and writing cuts off.
namespace desa2va::evaluation {

// All records of a folder, the first of each id, in the order of their ids. Corrupt names file and
// line. A folder that is not there has none.
Result<std::vector<Record>> read_records(const std::filesystem::path& folder);
// Their ids alone.
Result<std::set<std::string>> read_record_ids(const std::filesystem::path& folder);

// Appends lines, each complete on disk (for other processes, not for a power cut) on return. One
// writer a file.
class LineWriter {
 public:
  // Opens, and cuts a half line at the end.
  static Result<LineWriter> open(const std::filesystem::path& file);
  // Overloaded (exit 6): no space.
  Result<void> add(const Record& line);

 private:
  struct Close {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };
  explicit LineWriter(std::FILE* file, std::string name) : file_(file), name_(std::move(name)) {}
  std::unique_ptr<std::FILE, Close> file_;
  std::string name_;
};

std::filesystem::path records_file(const std::filesystem::path& folder, std::int64_t part);
// What prediction_of makes (predictions.h), a line a query.
std::filesystem::path predictions_file(const std::filesystem::path& folder, std::int64_t part);
// Complete lines only; what is no JSON stays out, as only a line that is being written can be. In
// the order of the files' names.
Result<std::vector<Record>> read_predictions(const std::filesystem::path& folder);

// How many queries a part has, in queries-<part>.txt, and the sum over parts 0 .. parts - 1: 0
// while one of them has not said.
Result<void> write_query_count(const std::filesystem::path& folder, std::int64_t part,
                               std::size_t count);
std::size_t read_query_counts(const std::filesystem::path& folder, std::int64_t parts);

}  // namespace desa2va::evaluation
