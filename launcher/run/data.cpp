#include "launcher/run/data.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <stop_token>

#include "common/base/clock.h"
#include "common/base/file_lock.h"
#include "common/datasets/shard_import.h"
#include "common/synth/synth.h"
#include "launcher/run/run_dir.h"
#include "launcher/run/vocabulary.h"

namespace desa2va::launcher {
namespace fs = std::filesystem;
namespace {

Error usage(std::string message) {
  return Error(Errc::NotFound, std::move(message)).with_exit(ExitCode::Usage);
}

// Names of all data sets, each once, with the first item that gives it.
std::vector<const config::DatasetConfig*> datasets_of(const config::Config& config) {
  std::vector<const config::DatasetConfig*> all;
  for (const auto* mixture : {&config.data.mixture, &config.eval.mixture}) {
    for (const auto& item : *mixture) {
      const bool known = std::any_of(all.begin(), all.end(),
                                     [&](const auto* seen) { return seen->name == item.name; });
      if (!known) all.push_back(&item);
    }
  }
  return all;
}

bool is_there(const fs::path& shards, const std::string& name) {
  return fs::exists(shards / name / "catalog.json");
}

Result<synth::SynthRecipe> recipe_of(const config::Loaded& loaded) {
  synth::SynthRecipe recipe;
  for (const auto& [field, value] : loaded.config.data.recipe.fields) {
    const std::string key = "data.recipe." + field;
    const auto origin = loaded.origin.find(key);
    const std::string where = origin == loaded.origin.end() ? "" : origin->second + ": ";
    if (auto set = synth::set(recipe, field, value); !set)
      return std::move(set.error()).in(where + key).with_exit(ExitCode::Usage);
  }
  if (auto checked = synth::check(recipe); !checked)
    return std::move(checked.error()).in("data.recipe").with_exit(ExitCode::Usage);
  return recipe;
}

// The mark of a directory of shards that a recipe filled.
fs::path mark_of(const fs::path& shards) {
  return shards / "recipe.hash";
}

Result<void> check_mark(const fs::path& shards, const synth::SynthRecipe& recipe) {
  std::ifstream in(mark_of(shards));
  std::string made_by;
  if (!(in >> made_by) || made_by == recipe.hash().hex()) return {};
  return usage(fmt::format(
      "data.shards: {} was made by another recipe ({}, now {}): remove it, or choose another "
      "data.shards",
      shards.string(), made_by, recipe.hash().hex()));
}

using Stopped = std::function<bool()>;

Result<void> import_one(const config::DatasetConfig& item, const fs::path& root,
                        const fs::path& shards, const Say& say, const Stopped& stopped) {
  const SystemClock clock;
  std::int64_t said_ns = clock.now_ns();
  datasets::ShardImport job;
  job.dataset = item.importer;
  job.request = {root, {item.split}};
  job.out = shards / item.name;
  std::stop_source stop;
  job.request.stop = stop.get_token();
  job.progress = [&](const datasets::ImportProgress& progress) {
    if (stopped()) stop.request_stop();
    if (clock.now_ns() - said_ns < 2'000'000'000) return;
    said_ns = clock.now_ns();
    say(fmt::format("importing {}: {} samples, {:.0f} %", item.name, progress.samples,
                    100 * progress.fraction));
  };
  DESA2VA_ASSIGN(const datasets::Imported imported,
                 datasets::import_to_shards(job).in(fmt::format("import {}", item.name)));
  const shards::Catalog& catalog = imported.catalog;
  say(fmt::format("imported {}: {} samples, {} usable, {} media", item.name, catalog.samples,
                  catalog.usable().size(), catalog.media));
  return {};
}

fs::path tokenizer_of(const config::DataConfig& data) {
  return data.tokenizer.empty() ? fs::path(data.shards) / "tokenizer" : fs::path(data.tokenizer);
}

bool has_tokenizer(const config::DataConfig& data) {
  const fs::path folder = tokenizer_of(data);
  return fs::exists(folder / "vocab.json") || fs::exists(folder / "tokenizer.json");
}

// Where the tokenizer is looked for, there must be one; or it is learnt.
Result<void> prepare_tokenizer(const config::DataConfig& data, const Say& say) {
  if (has_tokenizer(data)) return {};
  const fs::path folder = tokenizer_of(data);
  if (!data.tokenizer.empty() || data.vocabulary == 0)
    return usage(
        fmt::format("data.tokenizer: no vocab.json in {}; give the directory of one, or "
                    "data.vocabulary to learn "
                    "one from the texts",
                    folder.string()));
  say(fmt::format("learning a vocabulary of {} tokens", data.vocabulary));
  return learn_vocabulary(data, folder).in("data.vocabulary");
}

// What goes beside the shards so that they are enough by themselves.
Result<void> copy_beside(const synth::SynthPaths& made, const fs::path& shards) {
  std::error_code error;
  fs::copy(made.tokenizer(), shards / "tokenizer",
           fs::copy_options::recursive | fs::copy_options::overwrite_existing, error);
  if (!error)
    fs::copy_file(made.needs(), shards / "needs.json", fs::copy_options::overwrite_existing, error);
  if (error)
    return usage(fmt::format("data.shards: cannot write {}: {}", shards.string(), error.message()));
  return {};
}

Result<void> fill_from_recipe(const config::Loaded& loaded, const synth::SynthRecipe& recipe,
                              const std::vector<const config::DatasetConfig*>& missing,
                              const std::string& cache, const Say& say, const FileLock::Wait& wait,
                              const Stopped& stopped) {
  const fs::path shards = loaded.config.data.shards;
  std::error_code error;
  fs::create_directories(shards, error);
  if (error)
    return usage(fmt::format("data.shards: cannot make {}: {}", shards.string(), error.message()));
  const SystemClock clock;
  std::int64_t said_ns = 0;
  const auto progress = [&](int done, int all) {
    if (done == all || clock.now_ns() - said_ns >= 2'000'000'000) {
      said_ns = clock.now_ns();
      say(fmt::format("making moving shapes: scene {} of {}", done, all));
    }
    return !stopped();
  };
  DESA2VA_ASSIGN(
      const synth::SynthPaths made,
      synth::ensure(recipe, fs::path(cache) / "synth", progress, wait).in("data.recipe"));
  for (const auto* item : missing)
    DESA2VA_TRY(import_one(*item, made.root / item->path, shards, say, stopped));
  DESA2VA_TRY(copy_beside(made, shards));
  return replace_file(mark_of(shards).string(), recipe.hash().hex() + "\n");
}

// The data sets that data.shards lacks; each can be made or imported.
Result<std::vector<const config::DatasetConfig*>> find_missing(const config::Config& config,
                                                               bool from_recipe) {
  std::vector<const config::DatasetConfig*> missing;
  for (const auto* item : datasets_of(config)) {
    if (item->name.empty() || item->name.find('/') != std::string::npos)
      return usage(fmt::format("data.mixture: \"{}\" is no name of a data set", item->name));
    if (!is_there(config.data.shards, item->name)) missing.push_back(item);
  }
  for (const auto* item : missing) {
    if (item->importer.empty() || item->path.empty())
      return usage(
          fmt::format("data.shards: {} has no data set {}, and the configuration does not say how "
                      "to import it: "
                      "run `desa2va shards import`, or give its importer and path",
                      config.data.shards, item->name));
    if (!from_recipe && !fs::is_directory(item->path))
      return usage(fmt::format("data set {}: its path {} is not there", item->name, item->path));
  }
  return missing;
}

// The lock of those who fill `shards`: a file beside it.
fs::path lock_of(const fs::path& shards) {
  fs::path place = fs::absolute(shards).lexically_normal();
  if (!place.has_filename()) place = place.parent_path();
  return place.parent_path() / ("." + place.filename().string() + ".lock");
}

// Says once for whom this process waits.
FileLock::Wait waiting(const std::string& what, const Say& say, const Stopped& stopped) {
  return [&say, &stopped, what, said = false](int owner) mutable {
    const std::string who = owner > 0 ? fmt::format("process {}", owner) : "another process";
    if (!said) say(fmt::format("waiting for {}, which makes {}", who, what));
    said = true;
    return !stopped();
  };
}

}  // namespace

Result<void> prepare_data(config::Loaded& loaded, const std::string& cache, const Say& say,
                          const Stopped& stopped) {
  config::Config& config = loaded.config;
  const bool from_recipe = config.data.recipe.kind != "none";
  synth::SynthRecipe recipe;
  if (from_recipe) {
    DESA2VA_ASSIGN(recipe, recipe_of(loaded));
    if (config.data.shards.empty()) {
      config.data.shards = (fs::path(cache) / "shards" / recipe.hash().hex()).string();
      loaded.origin["data.shards"] = "data.recipe";
    }
  }
  if (config.data.mixture.empty())
    return usage("data.mixture: is empty; name at least one data set");
  if (config.data.shards.empty())
    return usage("data.shards: not set; give the directory of the data sets, or data.recipe.kind");
  const fs::path shards = config.data.shards;

  std::vector<const config::DatasetConfig*> missing;
  const auto look = [&]() -> Result<bool> {
    if (from_recipe) DESA2VA_TRY(check_mark(shards, recipe));
    DESA2VA_ASSIGN(missing, find_missing(config, from_recipe));
    return missing.empty() && has_tokenizer(config.data) &&
           (!from_recipe || fs::exists(mark_of(shards)));
  };
  DESA2VA_ASSIGN(bool complete, look());
  if (complete) return {};  // nothing to write: the place may be read-only
  const FileLock::Wait wait = waiting(shards.string(), say, stopped);
  DESA2VA_ASSIGN(const FileLock lock, FileLock::acquire(lock_of(shards), wait).in("data.shards"));
  DESA2VA_ASSIGN(complete, look());  // another launcher may have filled it meanwhile
  if (complete) return {};
  if (from_recipe && (!missing.empty() || !fs::exists(mark_of(shards))))
    return fill_from_recipe(loaded, recipe, missing, cache, say, wait, stopped);
  for (const auto* item : missing) DESA2VA_TRY(import_one(*item, item->path, shards, say, stopped));
  return prepare_tokenizer(config.data, say);
}

std::string cache_folder() {
  const char* cache = std::getenv("XDG_CACHE_HOME");
  if (cache != nullptr && *cache == '/') return std::string(cache) + "/desa2va";
  const char* home = std::getenv("HOME");
  return std::string(home == nullptr ? "/tmp" : home) + "/.cache/desa2va";
}

}  // namespace desa2va::launcher
