#pragma once

#include <string>
#include <vector>

#include "common/config/overrides.h"
#include "launcher/commands/command.h"

namespace desa2va::launcher {

// How a model answers: options that `segment` and `eval --set` have in common.
void add_answering(CLI::App& command, config::Overrides& how);
// As desa2va-inference takes them.
void append_words(const config::Overrides& how, std::vector<std::string>& words);

}  // namespace desa2va::launcher
