#include "common/datasets/json_tools.h"

#include <fstream>

#include "common/datasets/json_scan.h"

namespace desa2va::datasets {

Result<void> with_json_errors(const std::string& path, const std::function<Result<void>()>& work) {
  try {
    return work().in(path);
  } catch (const nlohmann::json::exception& error) {
    return fail(Errc::Corrupt, "{}: {}", path, error.what());
  }
}

Result<Json> read_json(const DataTree& tree, const std::string& path) {
  Json value;
  DESA2VA_ASSIGN(const std::filesystem::path full, tree.below(path));
  std::error_code ignored;
  if (std::filesystem::exists(full, ignored) && !std::filesystem::is_regular_file(full, ignored))
    return fail(Errc::InvalidArgument, "{} is no ordinary file", full.string());
  std::ifstream file(full);
  if (!file) return fail(Errc::NotFound, "missing file: {}", full.string());
  DESA2VA_TRY(with_json_errors(path, [&]() -> Result<void> {
    value = Json::parse(file);
    return {};
  }));
  return value;
}

Result<void> stream_json(const DataTree& tree, const std::string& path, int depth,
                         const JsonVisitor& visit) {
  DESA2VA_ASSIGN(const JsonFile file, JsonFile::open(tree, path));
  return stream_json(file, depth, visit);
}

Result<void> stream_json(const JsonFile& file, int depth, const JsonVisitor& visit) {
  return file.scan(depth, [&](const JsonElement& element) -> Result<void> {
    DESA2VA_ASSIGN(
        Json value,
        parse_element(element.text).in(fmt::format("element at byte {}", element.place.offset)));
    try {
      return visit(std::string(depth == 1 ? element.key : element.group), value);
    } catch (const nlohmann::json::exception& error) {
      return fail(Errc::Corrupt, "element at byte {}: {}", element.place.offset, error.what());
    }
  });
}

std::string text_of(const Json& value) {
  if (value.is_array()) return value.empty() ? "" : text_of(value.front());
  return value.is_string() ? value.get<std::string>() : value.dump();
}

}  // namespace desa2va::datasets
