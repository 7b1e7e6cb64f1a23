#include "launcher/commands/eval_score.h"

#include <algorithm>
#include <cstdio>
#include <thread>

#include <fmt/format.h>

#include "common/base/clock.h"
#include "common/evaluation/files/report.h"
#include "launcher/run/console.h"

namespace desa2va::launcher {
namespace {

using Scorer = Result<evaluation::ScoreReport> (*)(const evaluation::ScoreRequest&);

Result<Scorer> scorer_of(const std::string& metric) {
  if (metric == "jf") return &evaluation::score_jf;
  if (metric == "ciou") return &evaluation::score_ciou;
  if (metric == "gcg") return &evaluation::score_gcg;
  if (metric == "choice") return &evaluation::score_choice;
  return fail(Errc::InvalidArgument, "--score {}: allowed are jf, ciou, gcg, choice", metric);
}

}  // namespace

Result<ExitCode> score_files(const ScoreOptions& options) {
  DESA2VA_ASSIGN(const Scorer scorer, scorer_of(options.metric));
  if (options.predictions.empty() || options.truth.empty())
    return fail(Errc::InvalidArgument, "--score {} needs --predictions and --truth",
                options.metric);
  if (!options.similarity.empty() && options.metric != "gcg")
    return fail(Errc::InvalidArgument, "--similarity is for --score gcg");
  if (!options.rule.empty() && options.metric != "choice")
    return fail(Errc::InvalidArgument, "--rule is for --score choice");
  evaluation::ScoreRequest request;
  request.predictions = options.predictions;
  request.truth = options.truth;
  request.similarity = options.similarity;
  request.rule = options.rule;
  request.threads = options.threads > 0
                        ? options.threads
                        : static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
  Console console;
  const SystemClock clock;
  constexpr std::int64_t kEvery = 1'000'000'000;
  std::int64_t next = clock.now_ns() + kEvery;
  request.progress = [&](std::uint64_t done, std::uint64_t total) {
    const std::int64_t now = clock.now_ns();
    if (now < next) return;
    next = now + kEvery;
    console.progress(fmt::format("scored {} of {} ({} %)", done, total, 100 * done / total), now);
  };
  DESA2VA_ASSIGN(const evaluation::ScoreReport report, scorer(request));
  for (const std::string& warning : report.warnings) console.say("warning: " + warning);
  if (options.json) {
    std::puts(report.document.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace)
                  .c_str());
  } else {
    std::fputs(table(report.table).c_str(), stderr);
  }
  return ExitCode::Done;
}

}  // namespace desa2va::launcher
