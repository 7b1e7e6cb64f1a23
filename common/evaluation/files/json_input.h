#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/datasets/json_tools.h"
#include "common/preprocess/masks/rle.h"

// Foreign JSON: every mistake in it is Corrupt and names the file and the place.
namespace desa2va::evaluation {

using datasets::Json;

// A JSON document, or one value a line (.jsonl), which gives an array. NotFound: no such file.
Result<Json> read_json_file(const std::filesystem::path& path);
// A file as above, or all *.json and *.jsonl below a folder: calls `visit` once a file, in the
// order of their names. NotFound where the folder has none.
Result<void> each_json_file(
    const std::filesystem::path& path,
    const std::function<Result<void>(const std::filesystem::path&, const Json&)>& visit);

// All files below a folder with one of some extensions (".png"), sorted; links to folders are
// followed, to a depth that any layout has. InvalidArgument where a folder cannot be read.
Result<std::vector<std::filesystem::path>> files_below(
    const std::filesystem::path& folder, std::initializer_list<const char*> extensions);

// Runs `read`, which looks into values of `file`; what nlohmann throws becomes Corrupt.
Result<void> reading(const std::filesystem::path& file, const std::function<Result<void>()>& read);

// Text or number, as text; Corrupt for anything else. `what` names it in the message.
Result<std::string> text_id(const Json& value, const std::string& what);
// The first of some members that is there.
const Json* member(const Json& object, std::initializer_list<const char*> names);

// COCO RLE, compressed or not; with a list of them their union.
Result<preprocess::Rle> mask_in(const Json& value, const std::string& what);

}  // namespace desa2va::evaluation
