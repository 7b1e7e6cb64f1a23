#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <stop_token>
#include <string>
#include <vector>

#include "common/storage/shards/shard_reader.h"
#include "common/storage/shards/shard_writer.h"

// Datasets made of datasets: the one road of reshard, merge and split.
namespace desa2va::shards {

// Samples of one dataset, in the order wanted. The reader outlives the selection.
struct Selection {
  const ShardReader* reader = nullptr;
  std::vector<std::uint64_t> numbers;
};

struct RewriteOptions {
  WriterOptions writer;             // dataset, kind and numerics of the first selection where empty
  bool skip_repeated_keys = false;  // else InvalidArgument names the key and both datasets
  std::function<void(std::uint64_t done, std::uint64_t all)> progress;  // after every sample
  std::stop_token stop;                                                 // Cancelled
};

struct Rewritten {
  Catalog catalog;
  std::uint64_t skipped = 0;  // samples whose key was there already
};

// Copies the samples, records and costs unchanged, with their media (each verified, stored once, in
// the order of first use) and frame indexes into a new dataset. Media that no sample needs stay
// behind. Corrupt names what is damaged in which source.
Result<Rewritten> rewrite(const std::filesystem::path& out, const std::vector<Selection>& sources,
                          const RewriteOptions& options);

// How `split` divides: numbers of one dataset.
struct Part {
  std::string name;
  std::vector<std::uint64_t> numbers;  // ascending
};

// By a seeded draw: part i gets about shares[i] of the samples; the shares add up to 1. Drawn by
// key, so that the part of a sample depends on the seed and its key's rank alone. With `together`,
// samples that share a medium go to one part (sizes then differ a little).
Result<std::vector<Part>> divide(const ShardReader& reader, const std::vector<std::string>& names,
                                 const std::vector<double>& shares, std::uint64_t seed,
                                 bool together);

// By the second word of their keys, "mevis/train/17": the split they came from.
Result<std::vector<Part>> divide_by_split(const ShardReader& reader);

// Every part a dataset `out/<name>`; `out` appears in one step. A fact tells what was divided.
Result<std::vector<Catalog>> write_parts(const std::filesystem::path& out,
                                         const ShardReader& reader, const std::vector<Part>& parts,
                                         const RewriteOptions& options);

}  // namespace desa2va::shards
