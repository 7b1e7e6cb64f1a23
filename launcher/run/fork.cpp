#include "launcher/run/fork.h"

#include <algorithm>
#include <filesystem>
#include <fstream>

#include <nlohmann/json.hpp>

#include "common/config/run_files.h"
#include "common/parameters/inventory.h"
#include "common/protocol/run_plan.h"
#include "common/storage/checkpoint/catalog.h"
#include "common/storage/checkpoint/compare.h"
#include "launcher/run/run_dir.h"
#include "launcher/run/tails.h"

namespace desa2va::launcher {
namespace {

namespace fs = std::filesystem;

Error refused(std::string message) {
  return Error(Errc::InvalidArgument, std::move(message)).with_exit(ExitCode::Usage);
}

Result<void> check_tensors(const config::Config& from, const config::Config& to) {
  const auto list = [](const config::Config& config) {
    return parameters::inventory(config.model, parameters::preset_of(config.preset));
  };
  const auto before = list(from);
  const auto after = list(to);
  for (std::size_t i = 0; i < std::max(before.size(), after.size()); ++i) {
    const auto* a = i < before.size() ? &before[i] : nullptr;
    const auto* b = i < after.size() ? &after[i] : nullptr;
    if (a != nullptr && b != nullptr && a->name == b->name && a->shape == b->shape) continue;
    return refused(
        fmt::format("the model would have other tensors, first {}: a fork may change how it is "
                    "trained, not what "
                    "it consists of",
                    (a != nullptr ? a : b)->name));
  }
  return {};
}

Result<void> check_place(const config::Config& from, const config::Config& to,
                         const checkpoint::Manifest& manifest) {
  DESA2VA_ASSIGN(const auto before, protocol::RunPlan::of(from));
  DESA2VA_ASSIGN(const auto plan, protocol::RunPlan::of(to));
  if (manifest.step > plan.steps())
    return refused(
        fmt::format("the new run has {} steps and would begin after step {}; raise "
                    "train.steps",
                    plan.steps(), manifest.step));
  if (manifest.step == 0) return {};
  if (plan.phase(manifest.step) != manifest.phase ||
      plan.position_after(manifest.step) != manifest.position)
    return refused(fmt::format(
        "step {} stands at microbatch {} of phase {}, under the new configuration at microbatch {} "
        "of phase {}; keep train.steps, train.micro_batches and the phases' shares as they are",
        manifest.step, manifest.position, letter(manifest.phase),
        plan.position_after(manifest.step), letter(plan.phase(manifest.step))));
  // What happens between phases (copied decoders, dropped optimizers) has happened, or has not.
  if (before.ends_phase(manifest.step) != plan.ends_phase(manifest.step))
    return refused(
        fmt::format("step {} ends phase {} under one of the two configurations only; keep "
                    "train.steps and the phases' shares as they are",
                    manifest.step, letter(manifest.phase)));
  return {};
}

// The lines up to `step`, as a resume would leave them.
Result<void> bring_metrics(const std::string& from, const std::string& to, std::uint64_t step) {
  std::ifstream in(config::metrics_file(from));
  std::string kept;
  for (std::string line; std::getline(in, line) && !in.eof();) {
    const auto parsed = parse_step_line(line);
    if (!parsed || parsed->step > step) break;
    kept += line + '\n';
  }
  return replace_file(config::metrics_file(to), kept);
}

}  // namespace

Result<Forked> fork_run(const ForkRequest& request) {
  DESA2VA_ASSIGN(const auto address, checkpoint::parse_address(request.from));
  const std::string from = address.store.parent_path().string();
  DESA2VA_ASSIGN(const config::Config stored,
                 config::load_run(from).in(from + " is not a run directory"));
  DESA2VA_ASSIGN(auto manifest, checkpoint::load(address));
  std::vector<std::string> overrides = request.overrides;
  overrides.push_back("run.dir=" + request.to);
  DESA2VA_ASSIGN(const config::Loaded loaded,
                 config::load(config::config_file(from), overrides, fs::current_path().string()));
  DESA2VA_TRY(check_tensors(stored, loaded.config));
  DESA2VA_TRY(check_place(stored, loaded.config, manifest));

  DESA2VA_ASSIGN(RunDir dir, RunDir::claim(request.to));
  DESA2VA_ASSIGN(const auto existing, dir.last_checkpoint());
  if (existing)
    return refused(fmt::format("{} has a checkpoint of step {} already; choose another directory",
                               request.to, *existing));
  Forked forked{manifest.step, 0};
  {
    const std::string store = config::checkpoint_dir(request.to);
    DESA2VA_ASSIGN(auto catalog, checkpoint::Catalog::open(store));
    DESA2VA_TRY(bring_metrics(from, request.to, manifest.step));
    DESA2VA_TRY(dir.adopt(loaded.config, false));
    manifest.config = config::to_yaml(loaded.config);
    manifest.facts["forked_from"] = fmt::format("{}@{}", from, manifest.step);
    DESA2VA_ASSIGN(forked.copied_bytes, catalog.commit_copy(manifest, address.store));
  }
  dir.event("forked", nlohmann::json{{"from", from}, {"step", forked.step}});
  return forked;
}

}  // namespace desa2va::launcher
