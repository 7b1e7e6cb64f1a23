#include "common/evaluation/sets/record_files.h"

#include <cerrno>
#include <cstring>
#include <fstream>
#include <map>

#include <fmt/format.h>

namespace desa2va::evaluation {

namespace fs = std::filesystem;

namespace {

// Calls `take` for every complete line of the files PREFIX*.jsonl.
Result<void> each_line(
    const fs::path& folder, std::string_view prefix,
    const std::function<Result<void>(const std::string& place, const std::string& line)>& take) {
  std::error_code error;
  if (!fs::is_directory(folder, error)) return {};
  std::set<fs::path> files;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with(prefix) && name.ends_with(".jsonl")) files.insert(entry.path());
  }
  if (error) return fail(Errc::InvalidArgument, "{}: {}", folder.string(), error.message());
  for (const fs::path& path : files) {
    std::ifstream file(path);
    std::string line;
    for (std::size_t number = 1; std::getline(file, line); ++number) {
      if (file.eof()) break;  // half a line
      DESA2VA_TRY(take(fmt::format("{}:{}", path.string(), number), line));
    }
  }
  return {};
}

Result<void> each_record(const fs::path& folder,
                         const std::function<void(std::string id, Record record)>& take) {
  return each_line(folder, "records-",
                   [&](const std::string& place, const std::string& line) -> Result<void> {
                     Record record = Record::parse(line, nullptr, false);
                     if (!record.is_object() || !record.contains("id") || !record["id"].is_string())
                       return fail(Errc::Corrupt, "{}: this is no record", place);
                     std::string id = record["id"];
                     take(std::move(id), std::move(record));
                     return {};
                   });
}

fs::path count_file(const fs::path& folder, std::int64_t part) {
  return folder / fmt::format("queries-{}.txt", part);
}

}  // namespace

Result<std::vector<Record>> read_records(const fs::path& folder) {
  std::map<std::string, Record> records;
  DESA2VA_TRY(each_record(folder, [&](std::string id, Record record) {
    records.emplace(std::move(id), std::move(record));
  }));
  std::vector<Record> out;
  out.reserve(records.size());
  for (auto& [_, record] : records) out.push_back(std::move(record));
  return out;
}

Result<std::set<std::string>> read_record_ids(const fs::path& folder) {
  std::set<std::string> ids;
  DESA2VA_TRY(
      each_record(folder, [&](std::string id, const Record&) { ids.insert(std::move(id)); }));
  return ids;
}

Result<LineWriter> LineWriter::open(const fs::path& path) {
  std::error_code error;
  if (fs::exists(path, error)) {
    std::ifstream in(path, std::ios::binary);
    const std::string bytes((std::istreambuf_iterator<char>(in)), {});
    const std::size_t end = bytes.rfind('\n');
    fs::resize_file(path, end == std::string::npos ? 0 : end + 1, error);
    if (error) return fail(Errc::InvalidArgument, "{}: {}", path.string(), error.message());
  }
  std::FILE* file = std::fopen(path.c_str(), "ab");
  if (file == nullptr)
    return fail(Errc::InvalidArgument, "{}: {}", path.string(), std::strerror(errno))
        .with_exit(ExitCode::Usage);
  return LineWriter(file, path.string());
}

Result<void> LineWriter::add(const Record& line) {
  const std::string text = line.dump(-1, ' ', false, Record::error_handler_t::replace) + "\n";
  const bool good = std::fwrite(text.data(), 1, text.size(), file_.get()) == text.size() &&
                    std::fflush(file_.get()) == 0;
  if (!good)
    return fail(Errc::Overloaded, "write {}: {}", name_, std::strerror(errno))
        .with_exit(ExitCode::Storage);
  return {};
}

fs::path records_file(const fs::path& folder, std::int64_t part) {
  return folder / fmt::format("records-{}.jsonl", part);
}

fs::path predictions_file(const fs::path& folder, std::int64_t part) {
  return folder / fmt::format("predictions-{}.jsonl", part);
}

Result<std::vector<Record>> read_predictions(const fs::path& folder) {
  std::vector<Record> out;
  DESA2VA_TRY(each_line(folder, "predictions-",
                        [&](const std::string&, const std::string& line) -> Result<void> {
                          Record record = Record::parse(line, nullptr, false);
                          if (record.is_object()) out.push_back(std::move(record));
                          return {};
                        }));
  return out;
}

Result<void> write_query_count(const fs::path& folder, std::int64_t part, std::size_t count) {
  std::ofstream file(count_file(folder, part), std::ios::trunc);
  file << count << '\n';
  if (!file.flush())
    return fail(Errc::Overloaded, "cannot write {}", count_file(folder, part).string())
        .with_exit(ExitCode::Storage);
  return {};
}

std::size_t read_query_counts(const fs::path& folder, std::int64_t parts) {
  std::size_t sum = 0;
  for (std::int64_t part = 0; part < parts; ++part) {
    std::size_t count = 0;
    if (!(std::ifstream(count_file(folder, part)) >> count)) return 0;
    sum += count;
  }
  return sum;
}

}  // namespace desa2va::evaluation
