#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <stop_token>
#include <string>
#include <vector>

#include "common/weights/tensor_source.h"

namespace desa2va::weights {

// A tensor to write: what it is, and where its bytes come from when their turn is there.
struct TensorToWrite {
  std::string name;
  TensorInfo info;
  Fill fill;
};

struct WriteOptions {
  std::string stem = "model";
  std::uint64_t shard_bytes =
      5'000'000'000;  // of tensor data in one file; one tensor may have more
  std::map<std::string, std::string> metadata = {{"format", "pt"}};
  std::function<void(std::uint64_t bytes)> progress = {};  // written so far; may be empty
  std::stop_token stop = {};                               // asked every 4 MiB; Cancelled then
};

struct Written {
  std::vector<std::string>
      files;                // names in the folder, in order; the index last where there is one
  std::uint64_t bytes = 0;  // of tensor data
};

// Writes `<stem>.safetensors`, or `<stem>-00001-of-0000N.safetensors` and
// `<stem>.safetensors.index.json` where one shard does not hold all, into `folder`, which is there.
// Tensors fill shards in their order; 4 MiB pass through memory at a time. Each file appears whole
// under its name, synced; after a failure no file of this call is left. Overloaded: the disk is
// full.
Result<Written> write_safetensors(const std::string& folder,
                                  const std::vector<TensorToWrite>& tensors,
                                  const WriteOptions& options = {});

// The same for tensors in memory.
TensorToWrite to_write(std::string name, HostTensor tensor);

}  // namespace desa2va::weights
