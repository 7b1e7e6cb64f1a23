#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "common/runtime/tracing/explain.h"
#include "common/runtime/tracing/export.h"
#include "common/runtime/tracing/tracer.h"
#include "launcher/commands/command.h"

namespace desa2va::launcher {
namespace {

using Json = nlohmann::ordered_json;
using tracing::Category;
using tracing::Explanation;
using tracing::RankShare;

struct TraceOptions {
  std::string run;
  std::string out;
  std::string rank;
  std::size_t last = 40;
  double seconds = 0;
  bool json = false;
};

std::string percent(double share) {
  return fmt::format("{:.1f}", 100 * share);
}

Json explanation_json(const Explanation& explanation) {
  Json document = {{"enough", explanation.enough},
                   {"verdict", explanation.verdict},
                   {"bottleneck", Json::array()},
                   {"window_seconds", explanation.window_seconds},
                   {"steps", explanation.steps},
                   {"step_seconds", explanation.step_seconds},
                   {"between_processes", explanation.between},
                   {"ranks", Json::array()}};
  for (const Role role : explanation.bottleneck) document["bottleneck"].push_back(name(role));
  for (const RankShare& rank : explanation.ranks) {
    Json one = {{"rank", to_string(rank.rank)},
                {"critical_path", rank.critical},
                {"busy", rank.busy},
                {"split", Json::object()},
                {"largest", Json::object()}};
    for (std::size_t i = 0; i < tracing::kCategoryCount; ++i)
      one["split"][std::string(tracing::kCategoryNames[i])] = rank.category[i];
    one["split"]["between spans"] = rank.unaccounted;
    one["waiting_for_commit"] = rank.commit_wait;  // part of split.commit
    for (const auto& [span, share] : rank.largest) one["largest"][span] = share;
    if (rank.workers > 0) {
      one["workers"] = {{"threads", rank.workers}, {"largest", Json::object()}};
      for (const auto& [span, share] : rank.worker_largest) one["workers"]["largest"][span] = share;
    }
    document["ranks"].push_back(std::move(one));
  }
  return document;
}

// "data-0 works on: pack 3.1 %, encode 0.2 %"
void print_largest(const std::string& who, const tracing::NamedShares& largest) {
  if (largest.empty()) return;
  fmt::print("{}", who);
  const char* separator = " ";
  for (const auto& [span, share] : largest) {
    fmt::print("{}{} {} %", separator, span, percent(share));
    separator = ", ";
  }
  fmt::print("\n");
}

void print_explanation(const Explanation& explanation) {
  fmt::print("{}\n", explanation.verdict);
  if (explanation.ranks.empty()) return;
  fmt::print("\nThe last {:.1f} s that every process has records of", explanation.window_seconds);
  if (explanation.step_seconds > 0)
    fmt::print(": {} steps, {:.3f} s each", explanation.steps, explanation.step_seconds);
  fmt::print(
      ". Shares of that time in %:\n\n{:15}{:>10}{:>7}{:>10}{:>8}{:>8}{:>11}{:>8}{:>9}{:>8}\n", "",
      "critical", "", "", "wait", "wait", "", "", "", "between");
  fmt::print("{:15}{:>10}{:>7}{:>10}{:>8}{:>8}{:>11}{:>8}{:>9}{:>8}\n", "process", "path", "busy",
             "compute", "input", "credit", "transport", "commit", "storage", "spans");
  for (const RankShare& rank : explanation.ranks) {
    const auto share = [&](Category category) {
      return percent(rank.category[static_cast<std::size_t>(category)]);
    };
    fmt::print("{:15}{:>10}{:>7}{:>10}{:>8}{:>8}{:>11}{:>8}{:>9}{:>8}\n", to_string(rank.rank),
               percent(rank.critical), percent(rank.busy), share(Category::Compute),
               share(Category::WaitInput), share(Category::WaitCredit), share(Category::Transport),
               share(Category::Commit), share(Category::Storage), percent(rank.unaccounted));
  }
  fmt::print("{:15}{:>10}\n\n", "between them", percent(explanation.between));
  for (const RankShare& rank : explanation.ranks) {
    print_largest(to_string(rank.rank) + " works on:", rank.largest);
    print_largest(fmt::format("{}, each of {} worker threads:", to_string(rank.rank), rank.workers),
                  rank.worker_largest);
  }
}

Result<ExitCode> explain_trace(const TraceOptions& options) {
  DESA2VA_ASSIGN(const Explanation explanation, tracing::explain_run(options.run, options.seconds));
  if (options.json) {
    fmt::print("{}\n", explanation_json(explanation).dump(1));
  } else {
    print_explanation(explanation);
  }
  return ExitCode::Done;
}

Result<ExitCode> export_trace(const TraceOptions& options) {
  DESA2VA_ASSIGN(const auto rings, tracing::open_rings(options.run));
  const std::string path =
      options.out.empty() ? (std::filesystem::path(options.run) / "trace" / "trace.json").string()
                          : options.out;
  DESA2VA_ASSIGN(const auto counts, tracing::export_chrome(rings, path));
  if (options.json) {
    fmt::print("{}\n", Json({{"file", path},
                             {"processes", rings.size()},
                             {"spans", counts.spans},
                             {"counters", counts.counters},
                             {"arrows", counts.arrows}})
                           .dump(1));
    return ExitCode::Done;
  }
  fmt::print("{}: {} spans of {} processes, {} counter values, {} arrows\n", path, counts.spans,
             rings.size(), counts.counters, counts.arrows);
  fmt::print(stderr, "Open it at https://ui.perfetto.dev (it stays in your browser).\n");
  return ExitCode::Done;
}

struct Shown {
  std::string rank;
  std::string span;
  tracing::SpanRecord record;
};

void print_span(const Shown& shown, std::int64_t origin_ns, bool json) {
  const double begin_ms = static_cast<double>(shown.record.begin_ns - origin_ns) * 1e-6;
  const double length_ms = static_cast<double>(shown.record.end_ns - shown.record.begin_ns) * 1e-6;
  const bool numbered = shown.record.microbatch != tracing::kNoMicrobatch;
  if (json) {
    Json line = {{"rank", shown.rank},
                 {"span", shown.span},
                 {"category", std::string(name(shown.record.category))},
                 {"begin_ms", begin_ms},
                 {"ms", length_ms},
                 {"microbatch", nullptr},
                 {"trace", fmt::format("{:x}", shown.record.trace_id)}};
    if (numbered) line["microbatch"] = shown.record.microbatch;
    fmt::print("{}\n", line.dump());
    return;
  }
  fmt::print("{:>12.3f} {:>10.3f}  {:14}  {:18}  {:18}  {}\n", begin_ms, length_ms, shown.rank,
             shown.span, name(shown.record.category),
             numbered ? std::to_string(shown.record.microbatch) : "");
}

Result<ExitCode> show_trace(const TraceOptions& options) {
  DESA2VA_ASSIGN(const auto rings, tracing::open_rings(options.run));
  std::vector<Shown> spans;
  std::int64_t origin_ns = INT64_MAX;
  bool found = false;
  for (const tracing::RingReader& ring : rings) {
    origin_ns = std::min(origin_ns, ring.opened_ns());
    const std::string rank = to_string(ring.rank());
    if (!options.rank.empty() && options.rank != rank && options.rank != name(ring.rank().role))
      continue;
    found = true;
    for (const tracing::SpanRecord& record : ring.spans(options.last))
      spans.push_back({rank, ring.span_name(record.name_id), record});
  }
  if (!found) return fail(Errc::NotFound, "no trace of \"{}\" in {}", options.rank, options.run);
  std::stable_sort(spans.begin(), spans.end(), [](const Shown& a, const Shown& b) {
    return a.record.end_ns < b.record.end_ns;
  });
  if (spans.size() > options.last)
    spans.erase(spans.begin(), spans.end() - static_cast<std::ptrdiff_t>(options.last));
  if (!options.json)
    fmt::print("{:>12} {:>10}  {:14}  {:18}  {:18}  {}\n", "begin ms", "ms", "process", "span",
               "category", "microbatch");
  for (const Shown& shown : spans) print_span(shown, origin_ns, options.json);
  return ExitCode::Done;
}

}  // namespace

void add_trace(CLI::App& app, Chosen& chosen) {
  auto* group = app.add_subcommand("trace", "where the time of a run goes, live or afterwards");
  group->require_subcommand(1);
  const auto options = std::make_shared<TraceOptions>();
  const auto add = [&](const char* name, const char* help) {
    auto* command = group->add_subcommand(name, help);
    command->add_option("run", options->run, "run directory")->required();
    return command;
  };

  auto* show = add("show", "the last spans of all processes, oldest first");
  show->add_option("-n,--last", options->last, "how many (default 40)");
  show->add_option("--rank", options->rank, "only this process or role, as in sam2-1 or sam2");
  show->add_flag("--json", options->json, "one JSON object a line on standard output");
  show->callback(
      [&chosen, options] { chosen.action = [options] { return show_trace(*options); }; });

  auto* export_command = add("export", "a file that opens in the Perfetto UI");
  export_command->add_option("-o,--out", options->out,
                             "where to write it (default RUN/trace/trace.json)");
  export_command->add_flag("--json", options->json, "one JSON document on standard output");
  export_command->callback(
      [&chosen, options] { chosen.action = [options] { return export_trace(*options); }; });

  auto* explain = add("explain", "which role bounds the step, and how each process's time splits");
  explain
      ->add_option("--seconds", options->seconds,
                   "look only at the last so many seconds (default 0: all there is)")
      ->check(CLI::NonNegativeNumber);
  explain->add_flag("--json", options->json, "one JSON document on standard output");
  explain->callback(
      [&chosen, options] { chosen.action = [options] { return explain_trace(*options); }; });
}

}  // namespace desa2va::launcher
