#include <unistd.h>

#include <cstdio>
#include <filesystem>

#include "common/config/run_files.h"
#include "common/protocol/run_plan.h"
#include "launcher/commands/command.h"
#include "launcher/commands/eval.h"
#include "launcher/commands/run.h"
#include "launcher/run/fork.h"
#include "launcher/run/report.h"
#include "launcher/run/topology.h"

namespace desa2va::launcher {
namespace fs = std::filesystem;
namespace {

struct DemoOptions {
  std::string config;
  std::vector<std::string> overrides;
  std::vector<std::string> run_dirs;
  bool no_control = false;
  bool json = false;
};

// configs/tiny.yaml of the working directory, else of the source tree that this program was built
// in (build/<preset>/bin lies three folders below it).
Result<std::string> find_tiny() {
  const fs::path name = fs::path("configs") / "tiny.yaml";
  for (const fs::path& root : {fs::current_path(), fs::path(program_folder()) / "../../.."}) {
    if (fs::exists(root / name)) return (root / name).lexically_normal().string();
  }
  return fail(Errc::NotFound, "configs/tiny.yaml: not found here; give it with --config")
      .with_exit(ExitCode::Usage);
}

// The keys without which the method's losses act on nothing; they are still measured.
const std::vector<std::string> kWithoutTerms = {"adv.weight=0", "club.weight=0", "ortho.weight=0"};

bool has_terms(const config::Config& config) {
  const auto& method = config.model.decoupler;
  return config::has_decoupling(config.preset) &&
         (method.adv.weight > 0 || method.club.weight > 0 || method.ortho_weight > 0);
}

// Where the demo trains a second time, to compare; empty where there is nothing to compare.
Result<std::string> control_of(const config::Config& config) {
  DESA2VA_ASSIGN(const auto plan, protocol::RunPlan::of(config));
  if (!has_terms(config) || plan.lengths().a == 0) return std::string();
  return config.run.dir + "-without";
}

// The same run from the end of phase A on, without the terms that the method adds.
Result<void> train_control(const config::Config& config, const std::string& control) {
  if (!is_complete(control)) {
    DESA2VA_ASSIGN(const auto plan, protocol::RunPlan::of(config));
    if (!fs::exists(config::config_file(control))) {
      const std::string from = fmt::format("{}@{}", config.run.dir, plan.lengths().a);
      DESA2VA_TRY(fork_run({from, control, kWithoutTerms}));
    }
    DESA2VA_ASSIGN(config::Loaded same, config::load(config::config_file(control), {}, ""));
    DESA2VA_ASSIGN(const ExitCode trained, run_training(std::move(same), {.report = false}));
    if (trained != ExitCode::Done || !is_complete(control))
      return Error(Errc::Cancelled, control + " is not complete: the same command goes on")
          .with_exit(trained == ExitCode::Done ? ExitCode::Interrupted : trained);
  }
  return evaluate({.run_dir = control, .draw = false});
}

void print_drawings(const fs::path& folder) {
  std::error_code error;
  std::vector<std::string> paths;
  for (const auto& entry : fs::recursive_directory_iterator(folder, error)) {
    const auto extension = entry.path().extension();
    if (extension == ".png" || extension == ".mp4") paths.push_back(entry.path().string());
  }
  std::sort(paths.begin(), paths.end());
  for (const std::string& path : paths) std::fprintf(stderr, "  %s\n", path.c_str());
}

Result<ExitCode> demo(const DemoOptions& options) {
  std::string file = options.config;
  if (file.empty()) {
    DESA2VA_ASSIGN(file, find_tiny());
  }
  std::vector<std::string> overrides = {"run.dir=runs/demo", "checkpoint.phase_ends=true"};
  overrides.insert(overrides.end(), options.overrides.begin(), options.overrides.end());
  DESA2VA_ASSIGN(config::Loaded loaded, config::load(file, overrides, fs::current_path().string()));
  const std::string run_dir = loaded.config.run.dir;
  std::string control;
  if (!options.no_control) {
    DESA2VA_ASSIGN(control, control_of(loaded.config));
  }
  DESA2VA_TRY(
      show_in_command_line(control.empty() ? std::vector{run_dir} : std::vector{run_dir, control}));
  DESA2VA_ASSIGN(const ExitCode trained, run_training(loaded, {.report = false}));
  if (trained != ExitCode::Done || !is_complete(run_dir)) return trained;

  std::fprintf(stderr, "\nLosses over the run (means over the steps):\n%s",
               learning_table(run_dir).c_str());
  if (const std::string method = method_table(run_dir); !method.empty())
    std::fprintf(stderr, "\nThe terms of the method:\n%s", method.c_str());
  std::fprintf(stderr, "\nscoring held-out scenes ...\n");
  DESA2VA_TRY(evaluate({run_dir}));
  std::fprintf(stderr, "\n%s", report_text(run_dir).c_str());
  if (!control.empty()) {
    std::fprintf(stderr, "\nThe same from the end of phase A on, without the method's terms:\n");
    DESA2VA_TRY(train_control(loaded.config, control));
    std::fprintf(stderr, "\nWith the terms (%s) and without (%s):\n%s", run_dir.c_str(),
                 control.c_str(), comparison_table(run_dir, control).c_str());
  }
  std::fprintf(stderr, "\ndrawings:\n");
  print_drawings(fs::path(run_dir) / "eval");
  if (options.json) std::puts(report_json(run_dir).c_str());
  return ExitCode::Done;
}

}  // namespace

void add_demo(CLI::App& app, Chosen& chosen) {
  auto options = std::make_shared<DemoOptions>();
  auto* command = app.add_subcommand(
      "demo", "train the tiny configuration on moving shapes, score it and draw what it learned");
  command->add_option("KEY=VALUE", options->overrides,
                      "keys that override the file (default: run.dir=runs/demo)");
  command->add_option("--config", options->config, "YAML file (default: configs/tiny.yaml)");
  command->add_flag("--json", options->json, "the report as one JSON document on standard output");
  command->add_flag(
      "--no-control", options->no_control,
      "leave out the second training, from the end of phase A on without the method's terms");
  command->add_option("--run-dir", options->run_dirs, "added by the program itself; run.dir/")
      ->group("");
  command->callback([&chosen, options] { chosen.action = [options] { return demo(*options); }; });
}

}  // namespace desa2va::launcher
