#pragma once

#include <functional>
#include <string>

#include "common/base/result.h"
#include "common/config/load.h"

// Before a run: the data it names must be there.
namespace desa2va::launcher {

// Words for people about work that takes time.
using Say = std::function<void(const std::string&)>;

// Makes sure that data.shards holds every data set of data.mixture and eval.mixture: what is
// missing is made by data.recipe, or imported from the item's path; and that there is a tokenizer.
// Fills data.shards (below `cache`) where it is empty and a recipe is given. Exit code 2 names the
// data set, where it was looked for and what to do; a directory made by another recipe is refused.
// Data that is there is not read. While another launcher makes what is missing, this one waits and
// then uses it. `stopped` ends the waiting, and the making within a scene or a sample, as Cancelled;
// an import goes on there the next time, scenes begin anew.
Result<void> prepare_data(
    config::Loaded& loaded, const std::string& cache, const Say& say,
    const std::function<bool()>& stopped = [] { return false; });

// ${XDG_CACHE_HOME:-~/.cache}/desa2va.
std::string cache_folder();

}  // namespace desa2va::launcher
