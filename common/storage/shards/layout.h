#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "common/base/bytes.h"
#include "common/base/checksum.h"
#include "common/base/result.h"

// Names and keys inside a dataset directory; private to this folder, described in docs/formats.md.
namespace desa2va::shards {

struct Catalog;

inline constexpr std::string_view kCatalogFile = "catalog.json";
inline constexpr std::string_view kChecksumFile = "checksums.xxh3";
inline constexpr std::string_view kIndexFile = "index.sst";
inline constexpr std::string_view kMediaKind = "media";
inline constexpr std::string_view kSamplesKind = "samples";
inline constexpr std::string_view kIndexKind = "index";

inline constexpr std::size_t kHashBytes = 16;
inline constexpr std::uint64_t kMaxMediaBytes = 1ULL << 30U;
inline constexpr std::uint64_t kMaxPayloadBytes = 64ULL << 20U;
inline constexpr std::uint64_t kCostsPerEntry = 4096;

// "media-00003.sst".
std::string file_name(std::string_view kind, std::uint32_t number);

// Big-endian, so that byte order is the order of hashes.
std::string hash_bytes(const ContentHash& hash);
ContentHash hash_from(std::string_view bytes);  // kHashBytes of them

// Keys of the index: "c" number (costs from there), "f" hash (frame index), "m" hash (location).
std::string cost_key(std::uint64_t first);
std::string frame_index_key(const ContentHash& hash);
std::string media_key(const ContentHash& hash);

// What checksums.xxh3 must hold beside a catalog.json of that text.
std::string checksum_lines(std::string_view catalog_text, const Catalog& catalog);

// Where the bytes of a medium are.
struct MediaLocation {
  std::uint32_t file = 0;    // media-<file>.sst
  std::uint64_t number = 0;  // its key there
  std::uint64_t bytes = 0;
  std::uint64_t offset = 0;  // of the bytes in the file; 0: not known
};
Buffer encode(const MediaLocation& location);
Result<MediaLocation> decode_location(ByteSpan bytes);

}  // namespace desa2va::shards
