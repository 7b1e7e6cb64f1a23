#pragma once

#include <functional>
#include <string>

#include <nlohmann/json.hpp>

#include "common/base/result.h"
#include "common/datasets/tree.h"

// Annotation files. nlohmann throws on bad JSON and on values of an unexpected type: here, and
// nowhere above, that becomes Corrupt with the file's name.
namespace desa2va::datasets {

// Keeps the order of the file, which some sets number their masks by.
using Json = nlohmann::ordered_json;

// The whole file.
Result<Json> read_json(const DataTree& tree, const std::string& path);

// One element at a time, for files of gigabytes: `depth` 1 visits the elements of the outermost
// array or object, `depth` 2 those of the arrays or objects in an outermost object. `key` is the
// outermost key on the way ("" in an array).
using JsonVisitor = std::function<Result<void>(const std::string& key, Json& element)>;
Result<void> stream_json(const DataTree& tree, const std::string& path, int depth,
                         const JsonVisitor& visit);
class JsonFile;
Result<void> stream_json(const JsonFile& file, int depth, const JsonVisitor& visit);

// Runs `work`, which reads values of the file `path`.
Result<void> with_json_errors(const std::string& path, const std::function<Result<void>()>& work);

// Runs `work`, which returns some Result, likewise; `where` is file and entry.
template <class Work>
auto json_guarded(const std::string& where, Work&& work) -> decltype(work()) {
  try {
    return work().in(where);
  } catch (const nlohmann::json::exception& error) {
    return fail(Errc::Corrupt, "{}: {}", where, error.what());
  }
}

// "12" of 12, "12" or ["12"]: some sets write numbers as text.
std::string text_of(const Json& value);

}  // namespace desa2va::datasets
