#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/config/config.h"

namespace desa2va::launcher {

// Where weights come from and where they go; a path that is empty is not given.
struct ImportRequest {
  std::string internvl;  // directory of an InternVL2.5
  std::string sam2;      // .pt or .safetensors of a SAM-2
  std::string sa2va;     // directory in the published Sa2VA layout, instead of the two
  std::string
      checkpoint;  // .pth of the reference trainer, or any file with its or our names; on top
  std::string tokenizer;  // directory; else that of internvl or sa2va
  std::string config;     // YAML file with keys of the method; else the defaults
  std::vector<std::string> overrides;
  std::string to;                 // run directory, or a store
  bool keep_dtype = false;        // store elements as the files have them; else as f32
  bool skip_unexpected = false;   // tensors without a place are passed over
  bool ignore_checksums = false;  // of .pt entries
  bool replace = false;           // an earlier import there
};

struct ImportReport {
  std::string run_dir, store;
  std::uint64_t tensors = 0, bytes = 0;
  std::uint64_t imported = 0, copied = 0, initialised = 0;
  std::int64_t rows = 0, old_rows = 0;  // of the embedding
  std::vector<std::string> skipped;     // unexpected
  std::vector<std::string> notes;       // sentences for the user
  config::Config config;
};

using Say = std::function<void(const std::string& line)>;
using Progress = std::function<void(std::uint64_t done, std::uint64_t all)>;

// Writes a checkpoint of step 0 with every tensor of the model, the configuration and the tokenizer
// beside it: a directory that commands take for a run. Tensors pass through memory 4 MiB at a time.
// The commit is the last write: after a failure there is no checkpoint. InvalidArgument lists every
// tensor that is missing, has no place or another shape; nothing has been written then.
Result<ImportReport> import_weights(const ImportRequest& request, const Progress& progress);

}  // namespace desa2va::launcher
