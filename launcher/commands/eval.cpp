#include "launcher/commands/eval.h"

#include <filesystem>
#include <limits>

#include "common/base/clock.h"
#include "common/config/load.h"
#include "common/config/run_files.h"
#include "common/runtime/supervision/stop_signals.h"
#include "common/runtime/supervision/supervisor.h"
#include "launcher/commands/answering.h"
#include "launcher/commands/command.h"
#include "launcher/commands/eval_score.h"
#include "launcher/commands/eval_set.h"
#include "launcher/run/report.h"
#include "launcher/run/topology.h"
#include "launcher/run/watch.h"

namespace desa2va::launcher {
namespace {

struct EvalOptions {
  std::string run_dir;
  std::optional<std::uint64_t> step;
  std::optional<std::int64_t> samples;
  bool no_drawings = false;
  bool json = false;
  ScoreOptions score;
  SetOptions set;
};

Result<ExitCode> eval_command(const EvalOptions& options) {
  const ScoreOptions& score = options.score;
  if (!score.metric.empty()) {
    if (!options.run_dir.empty())
      return fail(Errc::InvalidArgument, "--score compares files: it takes no run ('{}')",
                  options.run_dir);
    ScoreOptions request = score;
    request.json = options.json;
    return score_files(request);
  }
  if (options.run_dir.empty())
    return fail(Errc::InvalidArgument,
                "eval wants a run directory, or --score with files to compare");
  if (!score.predictions.empty() || !score.truth.empty())
    return fail(Errc::InvalidArgument, "--predictions and --truth go with --score");
  if (!options.set.set.empty()) {
    SetOptions request = options.set;
    request.model = options.run_dir;
    request.step = options.step;
    request.samples = options.samples;
    if (options.no_drawings) request.worst = 0;
    request.threads = score.threads;
    request.json = options.json;
    return evaluate_set(request);
  }
  EvalRequest request;
  request.run_dir = std::filesystem::absolute(options.run_dir).lexically_normal().string();
  if (request.run_dir.ends_with('/')) request.run_dir.pop_back();
  request.step = options.step;
  request.samples = options.samples;
  request.draw = !options.no_drawings;
  DESA2VA_TRY(evaluate(request));
  if (options.json) {
    std::puts(report_json(request.run_dir).c_str());
  } else {
    std::fputs(report_text(request.run_dir).c_str(), stderr);
    if (request.draw) std::fprintf(stderr, "drawings: %s/eval/\n", request.run_dir.c_str());
  }
  return ExitCode::Done;
}

}  // namespace

Result<void> evaluate(const EvalRequest& request) {
  DESA2VA_TRY(config::load_run(request.run_dir).in("not a run directory"));
  supervision::ProcessSpec spec;
  spec.name = "inference";
  // Not --run-dir=: that marks the processes of the training run alone.
  spec.argv = {program_folder() + "/desa2va-inference", "eval", "--run=" + request.run_dir};
  if (request.step) spec.argv.push_back(fmt::format("--step={}", *request.step));
  if (request.samples) spec.argv.push_back(fmt::format("--samples={}", *request.samples));
  if (!request.draw) spec.argv.emplace_back("--no-drawings");
  spec.log_path = config::run_file(request.run_dir, "logs/inference.log");
  DESA2VA_TRY(check_programs({spec}));

  supervision::StopSignals signals;
  const SystemClock clock;
  supervision::Supervisor supervisor(clock);
  Watch watch(1, "");
  DESA2VA_TRY(supervisor.start(spec));
  for (;;) {
    const auto event = supervisor.wait(-1, signals.fd());
    if (signals.requested()) {
      signals.acknowledge();
      supervisor.stop_all(1000);
      return Error(Errc::Cancelled, "interrupted").with_exit(ExitCode::Interrupted);
    }
    const auto* exited = event ? std::get_if<supervision::Exited>(&*event) : nullptr;
    if (exited == nullptr) continue;
    watch.on_exit(*exited);
    const auto failure = watch.failure();
    if (!failure) return {};
    std::string message = failure->reason;
    if (!failure->log_tail.empty()) message += "\n" + failure->log_tail;
    return Error(Errc::Unavailable, message).with_exit(static_cast<ExitCode>(failure->exit_code));
  }
}

void add_eval(CLI::App& app, Chosen& chosen) {
  auto options = std::make_shared<EvalOptions>();
  auto* command = app.add_subcommand(
      "eval", "score a run on its held-out data and draw what it predicts, or score files");
  command->add_option("RUN,--model", options->run_dir, "run directory");
  command->add_option("--step", options->step, "checkpoint to score (default: the newest)");
  command
      ->add_option("--samples", options->samples,
                   "samples to score (default: eval.samples; of a set: all)")
      ->check(CLI::Range(std::int64_t{1}, std::numeric_limits<std::int64_t>::max()));
  command->add_flag("--no-drawings", options->no_drawings, "scores only (default: draw too)");
  command->add_flag("--json", options->json, "the report as one JSON document on standard output");
  auto* score = command->add_option_group(
      "scoring files", "results of any program against truth; formats: docs/evaluation.md");
  score->add_option("--score", options->score.metric,
                    "jf (videos), ciou (pictures), gcg (captions with masks), choice (questions)");
  score->add_option("--predictions", options->score.predictions, "file or folder of what to score");
  score->add_option("--truth", options->score.truth, "file or folder of the truth");
  score->add_option("--similarity", options->score.similarity,
                    "gcg: JSON {\"true phrase|predicted phrase\": 0.8} (default: by common words)");
  score->add_option("--rule", options->score.rule,
                    "choice: seed or videomme (default: as the truth looks)");
  score
      ->add_option("--threads", options->score.threads,
                   "threads to score with (default 0: one per processor)")
      ->check(CLI::Range(0, 1024));
  auto* set = command->add_option_group(
      "a whole set", "the paper's metrics of a model on an evaluation set in shards");
  SetOptions& of_set = options->set;
  set->add_option(
      "--set", of_set.set,
      "refcoco, refcoco+, refcocog, mevis, refdavis, reytvos, revos, refsav, gcg, seed, "
      "videomme");
  set->add_option("--split", of_set.split, "split to score (default: the one the paper scores)");
  set->add_option("--shards", of_set.shards,
                  "directory of the shards (default: data.shards of the model)");
  set->add_option("--out", of_set.out,
                  "folder for records, scores.json and worst cases (default: RUN/eval/SET-SPLIT)");
  set->add_option("--branch", of_set.branch,
                  "whose masks count: visual, text, fused, reprompted (default: the last it has)");
  set->add_flag("--all-branches", of_set.all_branches,
                "follow every branch through videos (default: the one that counts)");
  set->add_option("--replicas", of_set.replicas, "processes that share the work (default 1)")
      ->check(CLI::Range(1, 64));
  add_answering(*set, of_set.how);
  set->add_option("--text-sim", of_set.text_sim,
                  "gcg: how phrases are compared for recall: embed, words (default embed)")
      ->check(CLI::IsMember({"embed", "words"}));
  set->add_option("--worst", of_set.worst, "drawings of the worst cases (default 8)")
      ->check(CLI::Range(0, 1000));
  set->add_flag("--restart", of_set.restart, "drop the records that are there (default: go on)");
  command->callback(
      [&chosen, options] { chosen.action = [options] { return eval_command(*options); }; });
}

}  // namespace desa2va::launcher
