#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "common/base/result.h"

namespace desa2va::launcher {

// The tokens that the trainer adds, in the order of their ids.
const std::vector<std::string>& added_tokens();

bool has_tokenizer(const std::filesystem::path& folder);

struct TokenizerFacts {
  std::int64_t size = 0;   // highest id + 1, with the added tokens
  std::int64_t added = 0;  // how many of the five were new
};

// What the tokenizer in `folder` has once the five tokens are in it; checks that it is a tokenizer
// the model can use. InvalidArgument names file and entry.
Result<TokenizerFacts> examine_tokenizer(const std::filesystem::path& folder);

// Copies the tokenizer files, with the five tokens added: added_tokens.json, tokenizer_config.json
// and, where there is one, tokenizer.json name them as special, without stripping, not normalised.
// Files that are already so are copied byte for byte.
Result<void> copy_tokenizer(const std::filesystem::path& from, const std::filesystem::path& to);

}  // namespace desa2va::launcher
