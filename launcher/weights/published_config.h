#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "common/base/result.h"
#include "common/config/config.h"

// The config.json of an InternVL2.5 or Sa2VA directory against our keys (docs/model.md 10.1, 10.5).
namespace desa2va::launcher {

// The file; NotFound where there is none, Corrupt where it is no JSON object.
Result<nlohmann::ordered_json> read_config_json(const std::filesystem::path& folder);

// Our keys for the sizes it states, as overrides ("vit.hidden_size=1024"). InvalidArgument, naming
// the field, for a model that this program does not have (another LLM, another pixel shuffle).
Result<std::vector<std::string>> keys_from(const nlohmann::ordered_json& config);

// Keys of the method that an export of ours put beside the published layout
// (desa2va_config.json), as overrides; none where there is no such file.
Result<std::vector<std::string>> method_keys(const std::filesystem::path& folder);

// What the config.json of the exported model says: `original` (of the model that was imported; null
// where the run has none) with the fields of the Sa2VA layout; `rows` of the embedding.
nlohmann::ordered_json sa2va_config(const config::Config& config,
                                    const nlohmann::ordered_json& original, std::int64_t rows,
                                    const std::string& dtype);

}  // namespace desa2va::launcher
