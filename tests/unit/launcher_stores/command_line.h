#pragma once

#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "launcher/commands/command.h"

namespace desa2va::launcher::test {

// What a command line leads to.
struct Outcome {
  Result<ExitCode> result;
  std::string output;  // standard output

  int exit_code() const { return result ? static_cast<int>(*result) : -1; }
  nlohmann::json json() const { return nlohmann::json::parse(output); }
};

// Runs `desa2va WORDS...` in this process.
inline Outcome run(void (*add)(CLI::App&, Chosen&), std::vector<std::string> words) {
  CLI::App app;
  Chosen chosen;
  add(app, chosen);
  std::reverse(words.begin(), words.end());  // as CLI11 wants them
  app.parse(words);
  testing::internal::CaptureStdout();
  auto result = chosen.action();
  return {std::move(result), testing::internal::GetCapturedStdout()};
}

}  // namespace desa2va::launcher::test
