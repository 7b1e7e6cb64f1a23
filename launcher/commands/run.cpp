#include "launcher/commands/run.h"

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>

#include <nlohmann/json.hpp>

#include "common/config/reference.h"
#include "common/config/supported.h"
#include "common/parameters/inventory.h"
#include "common/protocol/budgets.h"
#include "common/protocol/run_plan.h"
#include "launcher/commands/become.h"
#include "launcher/commands/command.h"
#include "launcher/run/console.h"
#include "launcher/run/data.h"
#include "launcher/run/launch.h"
#include "launcher/run/length.h"
#include "launcher/run/report.h"
#include "launcher/run/topology.h"
#include "launcher/weights/first_weights.h"

namespace desa2va::launcher {
namespace {

// 304012288 -> "304,012,288".
std::string grouped(std::int64_t number) {
  std::string text = std::to_string(number);
  for (auto at = static_cast<std::ptrdiff_t>(text.size()) - 3; at > 0; at -= 3)
    text.insert(static_cast<std::size_t>(at), ",");
  return text;
}

void print_config(const config::Loaded& loaded, bool json) {
  const auto counts =
      parameters::count_parts(loaded.config.model, parameters::preset_of(loaded.config.preset));
  if (json) {
    nlohmann::ordered_json document;
    document["config"] = config::to_yaml(loaded.config);
    document["origin"] = loaded.origin;
    for (const auto& count : counts)
      document["parameters"][count.part] = {{"parameters", count.parameters},
                                            {"tensors", count.tensors}};
    std::puts(document.dump(2).c_str());
    return;
  }
  std::fputs(config::to_yaml(loaded).c_str(), stdout);
  std::vector<std::vector<std::string>> rows = {{"part", "parameters", "tensors"}};
  for (const auto& count : counts)
    rows.push_back({count.part, grouped(count.parameters), std::to_string(count.tensors)});
  std::istringstream lines(table(rows));
  std::puts("\n# Parameters:");
  for (std::string line; std::getline(lines, line);) std::printf("#   %s\n", line.c_str());
}

void print_failure(const Failure& failure, const std::string& run_dir) {
  std::fprintf(stderr, "desa2va: the run failed: %s\n", failure.reason.c_str());
  if (!failure.log_tail.empty()) {
    std::fprintf(stderr, "  last lines of %s/logs/%s.log:\n", run_dir.c_str(),
                 failure.process.c_str());
    std::istringstream lines(failure.log_tail);
    for (std::string line; std::getline(lines, line);)
      std::fprintf(stderr, "    %s\n", line.c_str());
  }
  std::fprintf(stderr, "  what to do: %s\n", failure.remedy.c_str());
}

void print_report(const std::string& run_dir, bool json) {
  if (json) {
    std::puts(report_json(run_dir).c_str());
  } else {
    std::fputs(report_text(run_dir).c_str(), stderr);
  }
}

struct RunOptions {
  std::string config;
  std::vector<std::string> overrides;
  std::string run_dir;
  bool print_config = false;
  bool help_config = false;
  bool json = false;
};

Result<ExitCode> run(const RunOptions& options) {
  if (options.help_config) {
    std::fputs(config::reference_markdown().c_str(), stdout);
    return ExitCode::Done;
  }
  if (options.config.empty())
    return fail(Errc::InvalidArgument,
                "run: which configuration? desa2va run CONFIG [KEY=VALUE ...]")
        .with_exit(ExitCode::Usage);
  DESA2VA_ASSIGN(config::Loaded loaded, config::load(options.config, options.overrides,
                                                     std::filesystem::current_path().string()));
  if (options.print_config) {
    print_config(loaded, options.json);
    return ExitCode::Done;
  }
  return run_training(std::move(loaded), {.json = options.json});
}

}  // namespace

Result<void> show_in_command_line(const std::vector<std::string>& run_dirs) {
  std::ifstream in("/proc/self/cmdline", std::ios::binary);
  std::vector<std::string> arguments;
  for (std::string one; std::getline(in, one, '\0');) arguments.push_back(one);
  const std::size_t given = arguments.size();
  for (const std::string& run_dir : run_dirs) {
    std::string argument = run_dir_argument(run_dir);
    if (std::find(arguments.begin(), arguments.end(), argument) == arguments.end())
      arguments.push_back(std::move(argument));
  }
  if (arguments.size() == given) return {};
  become("/proc/self/exe", arguments);
  return fail(Errc::Internal, "cannot start myself again as {}", arguments.back());
}

Result<ExitCode> run_training(config::Loaded loaded, TrainingOutput output) {
  DESA2VA_TRY(config::check_supported(loaded));
  const std::string& run_dir = loaded.config.run.dir;
  if (run_dir.empty())
    return fail(Errc::InvalidArgument, "run.dir: not set; give it in the file or as run.dir=PATH")
        .with_exit(ExitCode::Usage);
  if (loaded.config.train.steps) DESA2VA_TRY(protocol::RunPlan::of(loaded.config));
  DESA2VA_TRY(protocol::check_budgets(loaded.config));
  DESA2VA_TRY(show_in_command_line({run_dir}));
  supervision::StopSignals signals;
  Console console;
  const std::string programs = program_folder();
  DESA2VA_TRY(check_programs(processes_of(loaded.config, run_dir, programs)));
  DESA2VA_ASSIGN(RunDir dir, RunDir::claim(run_dir));
  DESA2VA_ASSIGN(const auto checkpoint, dir.last_checkpoint());
  const bool resuming = checkpoint.value_or(0) > 0;  // step 0: first weights, nothing trained yet
  if (resuming && loaded.config.data.shards.empty()) {
    // Where the recipe's data went when the run began, whatever the cache is now.
    DESA2VA_ASSIGN(const config::Config stored, config::load_run(run_dir));
    loaded.config.data.shards = stored.data.shards;
  }
  DESA2VA_TRY(prepare_data(
      loaded, cache_folder(), [&](const std::string& line) { console.say(line); },
      [&] { return signals.requested(); }));
  DESA2VA_TRY(resolve_length(loaded, [&](const std::string& line) { console.say(line); }));
  DESA2VA_ASSIGN(const auto plan, protocol::RunPlan::of(loaded.config));
  DESA2VA_TRY(dir.adopt(loaded.config, resuming));
  if (!resuming)
    DESA2VA_TRY(put_first_weights(loaded.config, run_dir,
                                  [&](const std::string& line) { console.say(line); }));
  const std::uint64_t first_step = checkpoint.value_or(0);
  if (is_complete(run_dir) && first_step >= plan.steps()) {
    console.say("this run is complete");
    if (output.report) print_report(run_dir, output.json);
    return ExitCode::Done;
  }
  if (first_step > 0) console.say(fmt::format("{}: going on after step {}", run_dir, first_step));

  DESA2VA_ASSIGN(const LaunchResult result, launch(loaded.config, dir, programs, first_step,
                                                   plan.last_step(), signals, console));
  DESA2VA_TRY(write_report(run_dir, result, plan.steps()));
  dir.event("ended", nlohmann::json{{"exit_code", result.exit_code}, {"step", result.last_step}});
  if (output.report || result.failure) print_report(run_dir, output.json);
  if (result.failure) print_failure(*result.failure, run_dir);
  return static_cast<ExitCode>(result.exit_code);
}

void add_run(CLI::App& app, Chosen& chosen) {
  auto options = std::make_shared<RunOptions>();
  auto* run_command = app.add_subcommand(
      "run", "start a training run, or go on with it; Ctrl-C once: stop after this step");
  run_command->add_option("CONFIG", options->config, "YAML file, such as configs/tiny.yaml");
  run_command->add_option("KEY=VALUE", options->overrides,
                          "keys that override the file, such as train.steps=200");
  run_command->add_flag("--print-config", options->print_config,
                        "show every value with its origin and the parameter counts, then end");
  run_command->add_flag("--help-config", options->help_config,
                        "explain every key with default, range and unit (Markdown), then end");
  run_command->add_flag("--json", options->json,
                        "the report (or configuration) as one JSON document on standard output");
  run_command->add_option("--run-dir", options->run_dir, "added by the program itself; run.dir/")
      ->group("");
  run_command->callback(
      [&chosen, options] { chosen.action = [options] { return run(*options); }; });
}

}  // namespace desa2va::launcher
