#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "common/base/result.h"
#include "common/config/load.h"

// One layer of a configuration: YAML text onto the keys of a Config. For load.cpp.
namespace desa2va::config {

// Where a layer comes from, for origins and messages.
struct Layer {
  std::string name;        // "configs/tiny.yaml", "command line", "preset baseline"
  bool has_lines = false;  // positions mean something to the user
  bool stored = false;     // written by this program, perhaps by an earlier version
};

// Sets what `text` gives: a mapping of sections. Later keys of one layer may not repeat earlier
// ones. On failure `loaded` is partly changed.
Result<void> apply_yaml(std::string_view text, const Layer& layer, Loaded& loaded);

// Sets one key from "train.steps=200"; the value is YAML.
Result<void> apply_override(std::string_view assignment, Loaded& loaded);

// The value of a top-level key of `text` without checks, "" when absent; for finding `preset`.
Result<std::string> peek_yaml(std::string_view text, const Layer& layer, std::string_view key);

}  // namespace desa2va::config
