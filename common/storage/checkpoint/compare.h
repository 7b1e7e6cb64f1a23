#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "common/storage/checkpoint/manifest.h"

// Questions about whole checkpoints: are two equal, is one intact.
namespace desa2va::checkpoint {

struct Difference {
  std::string name;  // tensor or blob
  std::string what;  // "only in A", "shape [2, 3] against [3, 2]", "3 of 12 chunks differ, first is
                     // chunk 4"
};

struct DiffReport {
  std::vector<Difference> differences;  // tensors and blobs, by name; empty: identical
  std::vector<Difference> notes;        // step, phase, position, facts: shown, not counted
  std::uint64_t compared = 0;           // tensors and blobs looked at
};

// By content: chunk hashes, dtype, shape, blobs. Reads no part file.
DiffReport diff(const Manifest& a, const Manifest& b);

struct ChunkDefect {
  std::uint64_t step = 0;
  std::string tensor;
  std::uint64_t chunk = 0;
  std::string part;
  std::string what;
};

struct VerifyReport {
  std::uint64_t checkpoints = 0;
  std::uint64_t tensors = 0;
  std::uint64_t chunks = 0;  // distinct ones read
  std::uint64_t bytes = 0;
  std::vector<ChunkDefect> defects;
};

// Reads every chunk of every checkpoint (or of `step` alone) and every byte of the part files.
// Defects are findings; it fails only when there is no store or no such step (NotFound).
Result<VerifyReport> verify(const std::filesystem::path& dir,
                            std::optional<std::uint64_t> step = std::nullopt);

// "run", "run@12", "run/checkpoints@12": the store's folder and the step (empty: the last).
struct Address {
  std::filesystem::path store;
  std::optional<std::uint64_t> step;
};
// NotFound when there is neither a store nor a run directory with one.
Result<Address> parse_address(std::string_view text);
Result<Manifest> load(const Address& address);

}  // namespace desa2va::checkpoint
