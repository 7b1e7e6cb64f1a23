#include "common/datasets/json_tools.h"

#include <fstream>

namespace desa2va::datasets {

namespace {

struct StopParsing {
  Error error;
};

}  // namespace

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
  DESA2VA_ASSIGN(const std::filesystem::path full, tree.below(path));
  std::ifstream file(full);
  if (!file) return fail(Errc::NotFound, "missing file: {}", full.string());
  std::string key;
  const Json::parser_callback_t callback = [&](int at, Json::parse_event_t event, Json& parsed) {
    if (event == Json::parse_event_t::key) {
      if (at == 1) key = parsed.get<std::string>();
      return true;
    }
    const bool complete = event == Json::parse_event_t::object_end ||
                          event == Json::parse_event_t::array_end ||
                          event == Json::parse_event_t::value;
    if (!complete || at != depth) return true;
    if (auto visited = visit(key, parsed); !visited) throw StopParsing{visited.error()};
    return false;  // forgotten: only one element is held
  };
  try {
    return with_json_errors(path, [&]() -> Result<void> {
      [[maybe_unused]] const Json rest =
          Json::parse(file, callback);  // what the callback left: nothing much
      return {};
    });
  } catch (const StopParsing& stop) {
    return Error(stop.error).in(path);
  }
}

std::string text_of(const Json& value) {
  if (value.is_array()) return value.empty() ? "" : text_of(value.front());
  return value.is_string() ? value.get<std::string>() : value.dump();
}

}  // namespace desa2va::datasets
