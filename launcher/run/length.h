#pragma once

#include <string>

#include "common/base/result.h"
#include "common/config/load.h"
#include "launcher/run/data.h"

// The length of a run that is given in epochs.
namespace desa2va::launcher {

// What one epoch of the mixture holds: usable samples of the split, after max_items, times repeats
// and weight.
struct EpochSize {
  std::int64_t samples = 0;
  std::int64_t with_masks = 0;  // of them, those that phase A trains on
};
// Reads the catalogs, and one sample of each data set. NotFound or Corrupt names the data set.
Result<EpochSize> epoch_size(const config::Config& config);

// Without train.steps: sets it, and phase_a.frac, from phase_a.epochs, train.epochs and the data
// that data.shards holds (docs/model.md, phases): n_A = floor(phase_a.epochs * mask samples /
// (phase_a.images * M)), n_B + n_C = floor(train.epochs * samples / (data.batch * M)), each at
// least one step. Says what came out. With train.steps it does nothing.
Result<void> resolve_length(config::Loaded& loaded, const Say& say);

}  // namespace desa2va::launcher
