#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "common/base/host_tensor.h"
#include "common/base/result.h"

namespace desa2va::launcher {

enum class ExportFormat {
  Sa2va,        // the published Sa2VA layout: LoRA merged, visual branch folded (docs/weights.md)
  Safetensors,  // every tensor under its own name
  Peft,         // LoRA as an adapter
};

struct ExportRequest {
  std::string run;  // run directory or store, with @STEP for another than the last
  ExportFormat format = ExportFormat::Sa2va;
  std::string to;              // directory, made where it is not there
  std::optional<DType> dtype;  // else bf16 for Sa2va, f32 for Peft, as stored for Safetensors
  std::uint64_t shard_bytes = 5'000'000'000;
  bool force = false;    // also where the layout cannot hold the model (`export.force`)
  bool replace = false;  // weights that are in `to`
  std::vector<std::string> overrides;  // KEY=VALUE
  std::stop_token stop = {};           // Cancelled then; no weights of this export are left
};

struct ExportReport {
  std::uint64_t step = 0;
  std::uint64_t tensors = 0, bytes = 0;  // of the main files
  std::vector<std::string> files;        // in `to`
  std::vector<std::string> notes;        // sentences for the user
};

// Writes the weights of a checkpoint for other programs. Tensors pass through memory piece by
// piece. InvalidArgument where the format cannot say what the model is.
Result<ExportReport> export_weights(
    const ExportRequest& request,
    const std::function<void(std::uint64_t done, std::uint64_t all)>& progress);

}  // namespace desa2va::launcher
