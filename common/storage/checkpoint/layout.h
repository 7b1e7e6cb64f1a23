#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

// Names inside a checkpoint store; private to this folder, described in docs/formats.md.
namespace desa2va::checkpoint {

inline constexpr std::string_view kPartsFolder = "parts";
inline constexpr std::string_view kCatalogFolder = "catalog";

// "00000012-mllm-0.sst"; a later attempt at the same step "00000012-mllm-0.1.sst".
std::string part_name(std::uint64_t step, std::string_view rank, int attempt);
// "00000012-mllm-0.4711-3.tmp": being written by process 4711.
std::string temporary_name(std::uint64_t step, std::string_view rank, int pid, unsigned counter);
// The step of either; empty for any other file.
std::optional<std::uint64_t> step_of_part(std::string_view file_name);

}  // namespace desa2va::checkpoint
