#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/config/config.h"

// From text to Config and back. Functions of values; no thread, no environment.
namespace desa2va::config {

// A configuration and where each value came from: key -> "default", "preset baseline",
// "configs/tiny.yaml:12" or "command line".
struct Loaded {
  Config config;
  std::map<std::string, std::string, std::less<>> origin;
};

// Layers, later ones win: defaults, the preset, the file, `overrides` ("train.steps=200"; the
// value is YAML). Every value is checked; then the rules that join several keys. Errors are
// InvalidArgument with exit code 2, and begin with "FILE:LINE:COLUMN: " or "command line: "; an
// unknown key brings the nearest known one, a bad value the allowed ones. A relative run.dir,
// data.shards or path of a data set is taken from `base` (the caller's working directory), ""
// leaves it.
Result<Loaded> load(const std::string& file, const std::vector<std::string>& overrides,
                    const std::string& base);
// The same from a text; `name` stands for the file in messages.
Result<Loaded> load_text(std::string_view text, const std::string& name,
                         const std::vector<std::string>& overrides, const std::string& base);

// A configuration that this program wrote, perhaps an earlier version of it: keys that are gone
// since and never changed what a run computes are passed over.
Result<Loaded> load_stored(std::string_view text, const std::string& name,
                           const std::vector<std::string>& overrides);

// What a service calls: <run_dir>/config.yaml, which the launcher wrote (see `load_stored`).
Result<Config> load_run(const std::string& run_dir);

// The effective configuration as YAML, every key with its value; load_text gives back an equal
// Config. Numbers are printed so that they read back exactly. With `origin`, as comments.
std::string to_yaml(const Config& config);
std::string to_yaml(const Loaded& loaded);

// A key whose values differ; values as YAML, "-" where the key is absent on one side.
struct Difference {
  std::string key, old_value, new_value;
};
// Keys that differ between the configuration of a run and what it is asked to go on with, without
// those that may (services.*, transport.*, trace.*, checkpoint.*, run.mode, run.dir,
// train.stop_after).
std::vector<Difference> resume_conflicts(const Config& run, const Config& now);

}  // namespace desa2va::config
