#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "common/base/checksum.h"
#include "common/base/result.h"

// What a dataset directory says about itself: `catalog.json`, written last, never changed.
// The files and their grammar are in docs/formats.md.
namespace desa2va::shards {

inline constexpr int kFormatVersion = 1;

// What one sample costs to deliver, measured at import; the planner and length grouping read it.
struct SampleCost {
  std::int64_t frames = 0;  // frames (or images) that the sample can draw from
  std::int64_t pixels = 0;  // width * height of one frame
  // Of the words alone: all turns, one text of each expression; without templates and pictures.
  std::int64_t tokens = -1;     // -1: imported without a tokenizer
  std::int64_t objects = 0;     // referred objects, or question/answer turns
  std::int64_t text_bytes = 0;  // UTF-8 bytes of all its sentences
  float decode_ms = -1;         // to decode one frame on the importing machine; -1: not known
  std::int32_t tiles = -1;      // that the frames drawn at once become for the ViT; -1: not known
};

// A sample that training must not draw, decided at import.
struct BrokenSample {
  std::uint64_t number = 0;
  std::string key;
  std::string reason;
};

// Totals over the usable samples.
struct TextStatistics {
  std::int64_t samples_with_text = 0;
  std::int64_t bytes = 0;
  std::int64_t longest_bytes = 0;
  std::int64_t objects = 0;
};

struct FileEntry {
  std::string name;  // relative to the directory
  std::string kind;  // "media", "samples" or "index"
  std::uint64_t bytes = 0;
  std::uint64_t first = 0;    // running number of the first entry (media, samples)
  std::uint64_t entries = 0;  // how many keys
  ContentHash hash;           // XXH3-128 of the whole file
};

struct Catalog {
  std::string dataset;  // "mevis", as in data.mixture[].name
  std::string kind;     // the importer's own word for the layout, e.g. "video_refer"
  std::string created_by;
  std::uint64_t samples = 0;  // all, usable or not: numbers 0 .. samples - 1
  std::uint64_t media = 0;    // distinct media
  std::uint64_t media_bytes = 0;
  std::vector<BrokenSample> broken;  // ascending by number
  TextStatistics text;
  std::map<std::string, std::string> numerics;  // what decoding was checked with, by name
  std::map<std::string, std::string> facts;     // free: source paths, splits, seeds
  std::vector<FileEntry> files;

  std::vector<std::uint64_t> usable() const;  // ascending
};

// NotFound when there is no catalog in `dir`, InvalidArgument when it is of a newer version,
// Corrupt when it does not match its checksum.
Result<Catalog> load_catalog(const std::filesystem::path& dir);

// Without regard for the checksum: for tools that look into a damaged dataset.
Result<Catalog> load_catalog_unchecked(const std::filesystem::path& dir);

// Writes catalog.json and checksums.xxh3 (the format of `xxhsum -H2`) into `dir`, durably.
Result<void> write_catalog(const std::filesystem::path& dir, const Catalog& catalog);

}  // namespace desa2va::shards
