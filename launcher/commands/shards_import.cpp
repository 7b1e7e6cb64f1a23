#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "common/base/clock.h"
#include "common/datasets/shard_import.h"
#include "launcher/commands/command.h"
#include "launcher/commands/interrupt.h"
#include "launcher/commands/shards_print.h"

namespace desa2va::launcher {
namespace {

using Json = nlohmann::ordered_json;

struct ImportOptions {
  std::string dataset;
  std::string root;
  std::string out;
  std::vector<std::string> splits;
  std::string tokenizer;
  std::string file_bytes = "1GiB";
  unsigned threads = 0;
  bool replace = false;
  bool restart = false;
  bool no_timing = false;
  bool quiet = false;
  bool json = false;
};

// The line on standard error that tells how far the import is: rewritten five times a second on a
// terminal, every ten seconds a new one otherwise.
class ImportConsole {
 public:
  ImportConsole(std::string dataset, bool quiet) : dataset_(std::move(dataset)), quiet_(quiet) {}
  ~ImportConsole() {
    if (open_line_) fmt::print(stderr, "\n");
  }
  ImportConsole(const ImportConsole&) = delete;
  ImportConsole& operator=(const ImportConsole&) = delete;

  void show(const datasets::ImportProgress& progress) {
    if (quiet_) return;
    const auto now = clock_.now_ns();
    if (now - shown_ < (terminal_ ? 200'000'000 : 10'000'000'000)) return;
    shown_ = now;
    const double seconds = static_cast<double>(now - start_) * 1e-9;
    auto line = fmt::format("{}: {} samples", dataset_, progress.samples);
    if (progress.broken > 0) line += fmt::format(" ({} broken)", progress.broken);
    line += fmt::format(", {} media, {}, {:.0f} samples/s", progress.media,
                        format_bytes(progress.media_bytes),
                        static_cast<double>(progress.samples) / std::max(seconds, 1e-3));
    if (progress.fraction > 0) {
      line += fmt::format(", {:.0f} %, {} left", 100 * progress.fraction,
                          clock_time(seconds * (1 - progress.fraction) / progress.fraction));
    }
    if (terminal_) {
      fmt::print(stderr, "\r\x1b[K{}", line);
      std::fflush(stderr);
      open_line_ = true;
    } else {
      fmt::print(stderr, "{}\n", line);
    }
  }

 private:
  static std::string clock_time(double seconds) {
    const auto whole = static_cast<long>(seconds + 0.5);
    if (whole < 3600) return fmt::format("{}:{:02}", whole / 60, whole % 60);
    return fmt::format("{}:{:02}:{:02}", whole / 3600, whole / 60 % 60, whole % 60);
  }

  const std::string dataset_;
  const bool quiet_;
  const bool terminal_ = ::isatty(STDERR_FILENO) != 0;
  const SystemClock clock_;
  const std::int64_t start_ = clock_.now_ns();
  std::int64_t shown_ = start_;
  bool open_line_ = false;
};

Json split_json(const datasets::SplitSummary& split) {
  return {{"split", split.split},          {"samples", split.samples},
          {"usable", split.usable},        {"broken", split.samples - split.usable},
          {"warned", split.warned},        {"frames", split.frames},
          {"texts", split.texts},          {"expressions", split.expressions},
          {"text_bytes", split.text_bytes}};
}

Json summary_json(const datasets::ImportSummary& summary) {
  Json json = split_json(summary.total());
  json.erase("split");
  json["splits"] = Json::array();
  for (const auto& split : summary.splits) json["splits"].push_back(split_json(split));
  json["broken_by_reason"] = summary.broken;
  json["pictures"] = summary.pictures;
  json["videos"] = summary.videos;
  json["media_bytes"] = summary.media_bytes;
  json["media_references"] = summary.references;
  json["taken_over"] = summary.taken_over;
  json["seconds"] = summary.seconds;
  return json;
}

void print_summary(const std::string& out, const datasets::Imported& imported) {
  const auto& [catalog, summary] = imported;
  fmt::print("{}: dataset '{}' in {:.1f} s\n\n", out, catalog.dataset, summary.seconds);
  fmt::print("{:24} {:>9} {:>9} {:>8} {:>8} {:>10} {:>10} {:>10}\n", "split", "samples", "usable",
             "warned", "broken", "frames", "texts", "text");
  const auto row = [](const datasets::SplitSummary& split) {
    fmt::print("{:24} {:>9} {:>9} {:>8} {:>8} {:>10} {:>10} {:>10}\n", split.split, split.samples,
               split.usable, split.warned, split.samples - split.usable, split.frames, split.texts,
               format_bytes(split.text_bytes));
  };
  for (const auto& split : summary.splits) row(split);
  if (summary.splits.size() > 1) row(summary.total());
  fmt::print("\nmedia: {} pictures and {} videos, {}, for {} references\n", summary.pictures,
             summary.videos, format_bytes(summary.media_bytes), summary.references);
  if (summary.taken_over > 0)
    fmt::print("{} of them were decoded before an interrupt\n", summary.taken_over);
  for (const auto& [reason, samples] : summary.broken)
    fmt::print("broken: {:>6}  {}\n", samples, reason);
  if (!summary.broken.empty()) fmt::print("each of them: desa2va shards cat {} --broken\n", out);
}

Result<ExitCode> import_dataset(const ImportOptions& options) {
  constexpr unsigned kMaxThreads = 1024;
  if (options.threads > kMaxThreads) {
    return fail(Errc::InvalidArgument,
                "--threads {}: allowed are 1 to {}; leave it out for all cores", options.threads,
                kMaxThreads);
  }
  datasets::ShardImport job;
  job.dataset = options.dataset;
  job.request.root = options.root;
  job.request.splits = options.splits;
  job.request.threads = options.threads;
  job.out = options.out;
  job.replace = options.replace;
  job.restart = options.restart;
  job.timing = !options.no_timing;
  DESA2VA_ASSIGN(job.max_file_bytes, parse_size("--file-bytes", options.file_bytes));
  std::optional<text::Tokenizer> tokenizer;
  if (!options.tokenizer.empty()) {
    DESA2VA_ASSIGN(tokenizer, text::Tokenizer::load(options.tokenizer).in("--tokenizer"));
    job.tokenizer = &*tokenizer;
  }
  const Interrupt interrupt;
  job.request.stop = interrupt.token();
  Result<datasets::Imported> imported = [&] {
    ImportConsole console(options.dataset, options.quiet);
    job.progress = [&](const datasets::ImportProgress& progress) { console.show(progress); };
    return datasets::import_to_shards(job);
  }();
  if (!imported) return std::move(imported.error());
  if (options.json) {
    Json document = catalog_json(imported->catalog);
    document["path"] = options.out;
    document["import"] = summary_json(imported->summary);
    print_json(document, 1);
  } else {
    print_summary(options.out, *imported);
  }
  return ExitCode::Done;
}

}  // namespace

void add_shards_import(CLI::App& group, Chosen& chosen) {
  std::string about = "DATASET, the layout of the original files:";
  for (const auto& importer : datasets::importers()) {
    about += fmt::format("\n  {:10} {}", importer.dataset, importer.about);
  }
  about += "\nInterrupted by Ctrl-C, a kill or a full disk, the same command goes on where it was.";
  auto options = std::make_shared<ImportOptions>();
  auto* command =
      group.add_subcommand("import", "make shards of a dataset in its published layout");
  command->footer(about);
  command->add_option("dataset", options->dataset, "which layout, see below")->required();
  command
      ->add_option("root", options->root, "tree that holds ref_seg/, video_datas/, llava_data/ ...")
      ->required();
  command->add_option("out", options->out, "dataset directory to make")->required();
  command->add_option("--split", options->splits, "only this split; may be repeated (default: all)")
      ->allow_extra_args(false);
  command->add_option("--threads", options->threads,
                      "threads that read and decode (default: all cores); the result is the same");
  command->add_option("--tokenizer", options->tokenizer,
                      "folder of vocab.json and merges.txt: the cost index gets lengths in tokens");
  command->add_option("--file-bytes", options->file_bytes,
                      "a media or samples file is closed past this size (default 1GiB)");
  command->add_flag("--no-timing", options->no_timing,
                    "leave decode ms out of the cost index: equal sources give equal bytes");
  command->add_flag("--replace", options->replace, "exchange an existing directory when done");
  command->add_flag("--restart", options->restart, "forget what an interrupted import left");
  command->add_flag("--quiet", options->quiet, "no progress on standard error");
  command->add_flag("--json", options->json, kJsonAbout);
  command->callback(
      [&chosen, options] { chosen.action = [options] { return import_dataset(*options); }; });
}

}  // namespace desa2va::launcher
