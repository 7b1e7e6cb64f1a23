#pragma once

#include <functional>
#include <string>

#include "common/base/result.h"
#include "common/config/config.h"

namespace desa2va::launcher {

// Before a run's first step: puts the weights that `init.from` names into the run's own store as
// the checkpoint of step 0, from which the ranks restore as from any other; what an earlier attempt
// put there is replaced. Parts are links where the file system allows. Tensors that are not there
// start at random, but for the text decoder, which starts as the visual one; optimizer state is
// left.
//
// Without init.from a step 0 that is in the store (an import into this directory) is only checked.
// InvalidArgument lists tensors whose shape is not the configuration's.
Result<void> put_first_weights(const config::Config& config, const std::string& run_dir,
                               const std::function<void(const std::string&)>& say);

}  // namespace desa2va::launcher
