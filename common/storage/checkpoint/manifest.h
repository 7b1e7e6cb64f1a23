#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "common/base/bytes.h"
#include "common/base/checksum.h"
#include "common/base/host_tensor.h"
#include "common/base/ids.h"
#include "common/base/result.h"

// What one checkpoint consists of. A manifest names every byte of the state; the bytes lie in
// part files (schemas/checkpoint.capnp, docs/formats.md).
namespace desa2va::checkpoint {

// Some whole rows of a tensor, or a piece of one row; at most 4 MiB.
struct Chunk {
  ContentHash hash;  // XXH3-128 of the bytes
  std::uint32_t bytes = 0;
  std::uint32_t number = 0;  // its key in the part
  std::string part;          // "00000012-mllm-0.sst"
  bool operator==(const Chunk&) const = default;
};

struct TensorRecord {
  std::string name;  // unique in the manifest: "mllm/vision_model.embeddings.class_embedding"
  DType dtype = DType::F32;
  std::vector<std::int64_t> shape;
  std::string owner;  // the rank that saved it, "mllm-0"
  std::vector<Chunk> chunks;

  // XXH3-128 over the chunk hashes (16 big-endian bytes each) in order, or the hash of the only
  // chunk. Since the grid depends on dtype and shape alone, equal hash means equal content.
  ContentHash hash() const;
  std::uint64_t bytes() const;
  bool operator==(const TensorRecord&) const = default;
};

// What a rank reports when its part is on disk; travels to the coordinator as encode(receipt).
struct PartReceipt {
  std::string rank;  // "sam2-1"
  std::uint64_t step = 0;
  std::string part;                 // empty when every chunk was known: no file was made
  std::uint64_t written_bytes = 0;  // tensor bytes in `part`
  std::uint64_t reused_bytes = 0;   // tensor bytes referenced in older parts
  std::vector<TensorRecord> tensors;
  std::map<std::string, std::string> blobs;  // counters and the like; names unique over all ranks
};

struct Manifest {
  std::uint64_t step = 0;
  Phase phase = Phase::A;
  std::uint64_t position = 0;  // microbatches since the phase's start
  std::map<std::string, std::string>
      facts;                          // seed, threads, cpu capability, libtorch, code version
  std::string config;                 // the effective configuration, YAML
  std::vector<TensorRecord> tensors;  // ascending by name
  std::map<std::string, std::string> blobs;  // small named bytes

  // InvalidArgument when a tensor or blob name is there already, or the step differs.
  Result<void> add(const PartReceipt& receipt);
  const TensorRecord* find(std::string_view name) const;
  bool operator==(const Manifest&) const = default;
};

// Cut positions of a tensor's bytes: chunk i is [grid[i], grid[i + 1]). A function of dtype and
// shape only. Rows are never split while a row is at most 4 MiB; no chunk spans a part of two rows.
std::vector<std::uint64_t> chunk_grid(DType dtype, const std::vector<std::int64_t>& shape);

Buffer encode(const Manifest& manifest);
Buffer encode(const PartReceipt& receipt);
// Corrupt when the bytes are no such message or the chunks do not fit dtype and shape.
Result<Manifest> decode_manifest(ByteSpan bytes);
Result<PartReceipt> decode_receipt(ByteSpan bytes);

}  // namespace desa2va::checkpoint
