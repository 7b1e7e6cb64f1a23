#include "launcher/commands/eval_set.h"

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <set>
#include <thread>

#include <fmt/format.h>

#include "common/base/clock.h"
#include "common/base/file_lock.h"
#include "common/config/load.h"
#include "common/config/run_files.h"
#include "common/evaluation/sets/predictions.h"
#include "common/evaluation/sets/record_files.h"
#include "common/runtime/supervision/stop_signals.h"
#include "common/runtime/supervision/supervisor.h"
#include "common/storage/checkpoint/catalog.h"
#include "common/storage/rocks/files.h"
#include "launcher/commands/answering.h"
#include "launcher/run/console.h"
#include "launcher/run/topology.h"
#include "launcher/run/watch.h"

namespace desa2va::launcher {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr int kPollMs = 1000;
constexpr int kGraceMs = 2000;
constexpr std::uint64_t kMaxSettings = 1 << 20;

struct Job {
  SetOptions options;
  const evaluation::EvaluationSet* set = nullptr;
  fs::path out;
  Json settings;  // what records depend on
};

Result<std::uint64_t> step_of(const SetOptions& options) {
  if (options.step) return *options.step;
  auto catalog = checkpoint::Catalog::open_read_only(config::checkpoint_dir(options.model));
  if (!catalog) return std::move(catalog.error()).in(options.model).with_exit(ExitCode::Usage);
  DESA2VA_ASSIGN(const auto last, catalog->last_step());
  if (!last)
    return fail(Errc::NotFound, "{} has no checkpoint yet", options.model)
        .with_exit(ExitCode::Usage);
  return *last;
}

Result<Job> plan(SetOptions options) {
  Job job;
  DESA2VA_ASSIGN(job.set, evaluation::find_set(options.set));
  const bool grounded = job.set->kind == evaluation::SetKind::Grounded;
  if (!options.text_sim.empty() && !grounded)
    return fail(Errc::InvalidArgument, "--text-sim={} goes with --set gcg, not with {}",
                options.text_sim, options.set);
  if (grounded && options.text_sim.empty()) options.text_sim = "embed";
  options.model = fs::absolute(options.model).lexically_normal().string();
  if (options.model.size() > 1 && options.model.ends_with('/')) options.model.pop_back();
  DESA2VA_ASSIGN(auto config, config::load_run(options.model).in("not a run directory"));
  DESA2VA_TRY(config::apply(options.how, config));
  DESA2VA_ASSIGN(options.step, step_of(options));
  if (options.split.empty()) options.split = job.set->split;
  options.shards =
      fs::absolute(options.shards.empty() ? config.data.shards : options.shards).string();
  if (options.out.empty())
    options.out = fmt::format("{}/eval/{}-{}", options.model, options.set, options.split);
  job.out = fs::absolute(options.out).lexically_normal();
  job.settings = {{"model", options.model},
                  {"step", *options.step},
                  {"set", options.set},
                  {"split", options.split},
                  {"shards", options.shards},
                  {"branch", options.branch},
                  {"all_branches", options.all_branches},
                  {"max_new_tokens", config.infer.max_new_tokens},
                  {"video_mode", config.infer.video_mode},
                  {"mllm_frames", config.infer.mllm_frames}};
  if (job.settings["video_mode"] == "consistent")
    job.settings["sam2_original"] = config.infer.sam2_original;
  if (grounded) job.settings["text_sim"] = options.text_sim;
  job.options = std::move(options);
  return job;
}

bool belongs_to_evaluation(const std::string& name) {
  return ((name.starts_with("records-") || name.starts_with("predictions-")) &&
          name.ends_with(".jsonl")) ||
         (name.starts_with("queries-") && name.ends_with(".txt"));
}

std::size_t count_lines(const fs::path& folder) {
  std::size_t lines = 0;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    if (!entry.path().filename().string().starts_with("records-")) continue;
    std::ifstream file(entry.path());
    lines += static_cast<std::size_t>(std::count(std::istreambuf_iterator<char>(file), {}, '\n'));
  }
  return lines;
}

// Two evaluations that run at the same time would each ask what the other has asked.
Result<FileLock> lock(const Job& job) {
  std::error_code error;
  fs::create_directories(job.out, error);
  if (error) return fail(Errc::InvalidArgument, "{}: {}", job.out.string(), error.message());
  int owner = 0;
  auto lock = FileLock::acquire(job.out / "evaluation.lock", [&](int pid) {
    owner = pid;
    return false;
  });
  if (lock || lock.error().code() != Errc::Cancelled) return lock;
  return fail(Errc::InvalidArgument,
              "{}: the evaluation of process {} is running there: wait for it, or choose another "
              "--out",
              job.out.string(), owner)
      .with_exit(ExitCode::Usage);
}

// A folder holds the records of one evaluation; another one must not add to them.
Result<void> claim(const Job& job) {
  std::error_code error;
  const fs::path file = job.out / "evaluation.json";
  if (job.options.restart) {
    for (const auto& entry : fs::directory_iterator(job.out, error))
      if (belongs_to_evaluation(entry.path().filename().string())) fs::remove(entry.path(), error);
    fs::remove_all(job.out / "worst", error);
    fs::remove_all(job.out / "Annotations", error);
    fs::remove(file, error);
  }
  // Without any record there is nothing that other settings could spoil.
  if (fs::exists(file, error) && count_lines(job.out) > 0) {
    DESA2VA_ASSIGN(const std::string text, rocks::read_file(file, kMaxSettings));
    const Json before = Json::parse(text, nullptr, false);
    for (const auto& [key, value] : job.settings.items()) {
      const Json old = before.is_object() && before.contains(key) ? before[key] : Json();
      if (old != value)
        return fail(
            Errc::InvalidArgument,
            "{} holds an evaluation with {} = {}, this one has {}: choose another --out, or "
            "--restart to drop its records",
            job.out.string(), key, old.dump(), value.dump());
    }
    return {};
  }
  return rocks::write_file(file, as_bytes(job.settings.dump(2) + "\n"));
}

supervision::ProcessSpec process_of(const Job& job, std::int64_t part) {
  const SetOptions& o = job.options;
  supervision::ProcessSpec spec;
  spec.name = fmt::format("inference-{}", part);
  spec.argv = {program_folder() + "/desa2va-inference", "eval-set"};
  const auto add = [&](const char* name, const std::string& value) {
    if (!value.empty()) spec.argv.push_back(fmt::format("--{}={}", name, value));
  };
  add("model", o.model);
  add("step", std::to_string(*o.step));
  add("set", o.set);
  add("split", o.split);
  add("shards", o.shards);
  add("out", job.out.string());
  add("branch", o.branch);
  if (o.all_branches) spec.argv.emplace_back("--all-branches");
  if (o.samples) add("samples", std::to_string(*o.samples));
  append_words(o.how, spec.argv);
  add("text-sim", o.text_sim);
  add("worst", std::to_string(o.worst));
  add("part", std::to_string(part));
  add("parts", std::to_string(o.replicas));
  const auto cores = static_cast<std::int64_t>(std::max(1U, std::thread::hardware_concurrency()));
  add("threads",
      std::to_string(o.threads > 0 ? o.threads : std::max<std::int64_t>(1, cores / o.replicas)));
  spec.log_path = (job.out / fmt::format("inference-{}.log", part)).string();
  return spec;
}

Result<void> ask_all(const Job& job) {
  std::vector<supervision::ProcessSpec> specs;
  for (std::int64_t part = 0; part < job.options.replicas; ++part)
    specs.push_back(process_of(job, part));
  DESA2VA_TRY(check_programs(specs));
  supervision::StopSignals signals;
  const SystemClock clock;
  supervision::Supervisor supervisor(clock);
  Watch watch(specs.size(), "");
  Console console;
  const auto show = [&](bool important) {
    const std::size_t total = evaluation::read_query_counts(job.out, job.options.replicas);
    if (total == 0) return;
    console.progress(fmt::format("{} of {} queries answered", count_lines(job.out), total),
                     clock.now_ns(), important);
  };
  for (const auto& spec : specs) DESA2VA_TRY(supervisor.start(spec));
  while (supervisor.running() > 0) {
    const auto event = supervisor.wait(kPollMs, signals.fd());
    if (signals.requested()) {
      const bool interrupted = signals.last() == SIGINT;
      signals.acknowledge();
      supervisor.stop_all(kGraceMs);
      return Error(Errc::Cancelled, "stopped; the same command goes on from here")
          .with_exit(interrupted ? ExitCode::Interrupted : ExitCode::Preempted);
    }
    show(false);
    const auto* exited = event ? std::get_if<supervision::Exited>(&*event) : nullptr;
    if (exited == nullptr) continue;
    if (watch.on_exit(*exited) == Next::Stop)
      for (const auto& one : supervisor.stop_all(kGraceMs)) watch.on_exit(one);
  }
  const auto failure = watch.failure();
  if (!failure) {
    show(true);
    return {};
  }
  // "inference-0 (pid 7): no shards ..." is the log's last line too; a crash left other words
  // there.
  const std::size_t said = failure->reason.find("): ");
  const bool repeated =
      said != std::string::npos &&
      failure->log_tail.find(failure->reason.substr(said + 3)) != std::string::npos;
  std::string message = failure->reason;
  if (!failure->log_tail.empty() && !repeated) message += "\n" + failure->log_tail;
  if (count_lines(job.out) > 0)
    message += "\nthe same command goes on with what is answered so far";
  return Error(Errc::Unavailable, message).with_exit(static_cast<ExitCode>(failure->exit_code));
}

// As servers and `eval --score` take them.
Result<void> write_results(const Job& job) {
  DESA2VA_ASSIGN(auto predictions, evaluation::read_predictions(job.out));
  const auto document = evaluation::results_document(*job.set, std::move(predictions));
  return rocks::write_file(
      job.out / "results.json",
      as_bytes(document.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n"));
}

// Each process has kept its own worst cases: the worst of all are the first by name.
void keep_the_worst(const fs::path& folder, std::int64_t most) {
  std::set<fs::path> drawings;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error)) drawings.insert(entry.path());
  for (const fs::path& path : drawings)
    if (most-- <= 0) fs::remove(path, error);
}

// "scores.json, results.json, worst/"
std::string what_is_in(const fs::path& folder) {
  std::string out = "scores.json, results.json";
  std::error_code error;
  for (const char* more : {"worst", "Annotations"})
    if (fs::is_directory(folder / more, error)) out += fmt::format(", {}/", more);
  return out;
}

}  // namespace

Result<ExitCode> evaluate_set(const SetOptions& options) {
  DESA2VA_ASSIGN(const Job job, plan(options));
  DESA2VA_ASSIGN(const FileLock alone, lock(job));
  DESA2VA_TRY(claim(job));
  DESA2VA_TRY(ask_all(job));
  DESA2VA_ASSIGN(const auto records, evaluation::read_records(job.out));
  evaluation::ReportOptions how;
  how.branch = job.options.branch;
  how.text_similarity = job.options.text_sim;
  DESA2VA_ASSIGN(evaluation::ScoreReport report, evaluation::report_of(*job.set, records, how));
  for (const char* key : {"model", "step", "split", "max_new_tokens", "video_mode", "mllm_frames"})
    report.document[key] = job.settings[key];
  const std::string document =
      report.document.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
  DESA2VA_TRY(rocks::write_file(job.out / "scores.json", as_bytes(document)));
  DESA2VA_TRY(write_results(job));
  if (job.options.worst > 0) keep_the_worst(job.out / "worst", job.options.worst);
  for (const std::string& warning : report.warnings) fmt::print(stderr, "warning: {}\n", warning);
  if (job.options.json) {
    std::fputs(document.c_str(), stdout);
  } else {
    std::fputs(table(report.table).c_str(), stderr);
    fmt::print(stderr, "{}: {}\n", job.out.string(), what_is_in(job.out));
  }
  return ExitCode::Done;
}

}  // namespace desa2va::launcher
