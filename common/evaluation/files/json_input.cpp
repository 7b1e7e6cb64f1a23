#include "common/evaluation/files/json_input.h"

#include <algorithm>
#include <fstream>
#include <vector>

#include "common/datasets/coco_masks.h"

namespace desa2va::evaluation {

namespace fs = std::filesystem;

namespace {

bool is_lines(const fs::path& path) {
  return path.extension() == ".jsonl" || path.extension() == ".ndjson";
}

Result<Json> read_lines(const fs::path& path, std::ifstream& file) {
  Json out = Json::array();
  std::string line;
  for (std::size_t number = 1; std::getline(file, line); ++number) {
    if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
    try {
      out.push_back(Json::parse(line));
    } catch (const nlohmann::json::exception& error) {
      return fail(Errc::Corrupt, "{}:{}: {}", path.string(), number, error.what());
    }
  }
  return out;
}

}  // namespace

Result<void> reading(const fs::path& file, const std::function<Result<void>()>& read) {
  return datasets::with_json_errors(file.string(), read);
}

Result<Json> read_json_file(const fs::path& path) {
  std::error_code error;
  if (!fs::exists(path, error))
    return fail(Errc::NotFound, "{}: there is no such file", path.string());
  std::ifstream file(path, std::ios::binary);
  if (!file) return fail(Errc::InvalidArgument, "{}: cannot be read", path.string());
  if (is_lines(path)) return read_lines(path, file);
  Json out;
  DESA2VA_TRY(reading(path, [&]() -> Result<void> {
    out = Json::parse(file);
    return {};
  }));
  return out;
}

Result<void> each_json_file(
    const fs::path& path, const std::function<Result<void>(const fs::path&, const Json&)>& visit) {
  std::error_code error;
  if (!fs::is_directory(path, error)) {
    DESA2VA_ASSIGN(const Json document, read_json_file(path));
    return reading(path, [&] { return visit(path, document); });
  }
  DESA2VA_ASSIGN(const auto files, files_below(path, {".json", ".jsonl", ".ndjson"}));
  if (files.empty())
    return fail(Errc::NotFound, "{}: the folder holds no .json or .jsonl file", path.string());
  for (const fs::path& file : files) {
    DESA2VA_ASSIGN(const Json document, read_json_file(file));
    DESA2VA_TRY(reading(file, [&] { return visit(file, document); }));
  }
  return {};
}

Result<std::vector<fs::path>> files_below(const fs::path& folder,
                                          std::initializer_list<const char*> extensions) {
  constexpr int kMaxDepth = 8;  // a link to a folder above itself ends here
  std::vector<fs::path> files;
  std::error_code error;
  fs::recursive_directory_iterator it(folder, fs::directory_options::follow_directory_symlink,
                                      error);
  for (const fs::recursive_directory_iterator end; !error && it != end; it.increment(error)) {
    if (it.depth() >= kMaxDepth) it.disable_recursion_pending();
    std::error_code ignored;
    const bool wanted =
        std::find(extensions.begin(), extensions.end(), it->path().extension()) != extensions.end();
    if (wanted && it->is_regular_file(ignored)) files.push_back(it->path());
  }
  if (error) return fail(Errc::InvalidArgument, "{}: {}", folder.string(), error.message());
  std::sort(files.begin(), files.end());
  return files;
}

Result<std::string> text_id(const Json& value, const std::string& what) {
  if (value.is_string()) return value.get<std::string>();
  if (value.is_number_integer()) return value.dump();
  return fail(Errc::Corrupt, "{} is {}: it must be text or a whole number", what,
              value.dump(-1, ' ', false, Json::error_handler_t::replace).substr(0, 60));
}

const Json* member(const Json& object, std::initializer_list<const char*> names) {
  if (!object.is_object()) return nullptr;
  for (const char* name : names)
    if (const auto found = object.find(name); found != object.end()) return &*found;
  return nullptr;
}

Result<preprocess::Rle> mask_in(const Json& value, const std::string& what) {
  if (!value.is_array()) return datasets::read_rle(value).in(what);
  std::vector<preprocess::Rle> parts;
  for (const Json& part : value) {
    DESA2VA_ASSIGN(parts.emplace_back(), datasets::read_rle(part).in(what));
  }
  if (parts.empty())
    return fail(Errc::Corrupt, "{}: an empty list is no mask (null is none)", what);
  auto joined = preprocess::unite(parts);
  if (!joined) return fail(Errc::Corrupt, "{}: {}", what, joined.error().message());
  return std::move(*joined);
}

}  // namespace desa2va::evaluation
