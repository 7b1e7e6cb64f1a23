#include <cstdio>
#include <filesystem>
#include <memory>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "launcher/commands/command.h"
#include "launcher/run/fork.h"

namespace desa2va::launcher {
namespace {

struct ForkOptions {
  std::string from;
  std::string to;
  std::vector<std::string> overrides;
  bool json = false;
};

Result<ExitCode> fork(const ForkOptions& options) {
  const std::string to = std::filesystem::absolute(options.to).lexically_normal().string();
  DESA2VA_ASSIGN(const Forked forked, fork_run({options.from, to, options.overrides}));
  if (options.json) {
    fmt::print("{}\n",
               nlohmann::ordered_json{
                   {"run", to}, {"step", forked.step}, {"copied_bytes", forked.copied_bytes}}
                   .dump());
    return ExitCode::Done;
  }
  fmt::print(stderr, "{} begins after step {}; go on with\n", to, forked.step);
  fmt::print("desa2va run {}/config.yaml\n", to);
  return ExitCode::Done;
}

}  // namespace

void add_ckpt_fork(CLI::App& ckpt, Chosen& chosen) {
  auto options = std::make_shared<ForkOptions>();
  auto* command = ckpt.add_subcommand(
      "fork",
      "begin another run at a checkpoint of this one, with other keys (losses, rates, data)");
  command
      ->add_option("run", options->from, "run directory, with @STEP for another than the last step")
      ->required();
  command->add_option("--to", options->to, "directory of the new run")->required();
  command->add_option("KEY=VALUE", options->overrides,
                      "keys in which the new run differs, such as adv.weight=0");
  command->add_flag("--json", options->json, "one JSON document on standard output");
  command->callback([&chosen, options] { chosen.action = [options] { return fork(*options); }; });
}

}  // namespace desa2va::launcher
