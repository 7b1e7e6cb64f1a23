#pragma once

#include <cstdint>
#include <string>

#include <nlohmann/json.hpp>

#include "common/storage/shards/catalog.h"

// What the commands of `desa2va shards` share.
namespace desa2va::launcher {

inline constexpr const char* kDirAbout = "dataset directory, or a directory of several";
inline constexpr const char* kJsonAbout = "one JSON document on standard output";

void print_json(const nlohmann::ordered_json& document, int indent);
nlohmann::ordered_json catalog_json(const shards::Catalog& catalog);
void print_catalog(const std::string& dir, const shards::Catalog& catalog);

// "640", "256KiB", "1.5GiB", "64MB"; InvalidArgument names the option.
Result<std::uint64_t> parse_size(const std::string& option, const std::string& text);

}  // namespace desa2va::launcher
