#include <algorithm>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include "common/datasets/facts.h"
#include "common/datasets/shard_import.h"
#include "common/datasets/video_facts.h"
#include "common/storage/rocks/files.h"
#include "common/storage/shards/shard_reader.h"
#include "common/storage/shards/verify.h"
#include "launcher/commands/command.h"
#include "launcher/commands/shards_print.h"

namespace desa2va::launcher {
namespace {

using Json = nlohmann::ordered_json;

void print_line(const nlohmann::json& document) {
  fmt::print("{}\n", document.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
}

struct DirOptions {
  std::string dir;
  bool json = false;
};

Result<ExitCode> inspect_datasets(const DirOptions& options) {
  DESA2VA_ASSIGN(const auto dirs, datasets::find_datasets(options.dir));
  Json document = Json::array();
  for (const auto& dir : dirs) {
    DESA2VA_ASSIGN(const auto reader, shards::ShardReader::open(dir));
    shards::SampleCost total;
    for (const auto number : reader.usable()) {
      total.frames += reader.cost(number).frames;
      total.pixels += reader.cost(number).pixels;
    }
    if (!options.json) {
      print_catalog(dir.string(), reader.catalog());
      fmt::print("  cost: {} frames to draw from, {} pixels in one frame of each sample\n",
                 total.frames, total.pixels);
      continue;
    }
    Json one = catalog_json(reader.catalog());
    one["path"] = dir.string();
    one["cost"] = {{"frames", total.frames}, {"pixels", total.pixels}};
    document.push_back(std::move(one));
  }
  if (options.json) print_json(document.size() == 1 ? document[0] : document, 1);
  return ExitCode::Done;
}

Result<ExitCode> verify_datasets(const DirOptions& options) {
  DESA2VA_ASSIGN(const auto dirs, datasets::find_datasets(options.dir));
  Json document = {{"ok", true}, {"datasets", Json::array()}};
  bool ok = true;
  for (const auto& dir : dirs) {
    DESA2VA_ASSIGN(const auto report, shards::verify(dir));
    ok = ok && report.defects.empty();
    Json one = {{"path", dir.string()},    {"dataset", report.dataset}, {"files", report.files},
                {"bytes", report.bytes},   {"samples", report.samples}, {"media", report.media},
                {"defects", Json::array()}};
    for (const auto& defect : report.defects) {
      one["defects"].push_back({{"file", defect.file},
                                {"key", defect.key},
                                {"what", defect.what},
                                {"samples", defect.samples}});
      if (options.json) continue;
      fmt::print("{}: dataset '{}': {}{}{}: {}\n", dir.string(), report.dataset, defect.file,
                 defect.key.empty() ? "" : ": ", defect.key, defect.what);
      if (!defect.samples.empty()) {
        fmt::print("  needed by {}\n", fmt::join(defect.samples, ", "));
      }
    }
    if (!options.json) {
      fmt::print("{}: {} samples, {} media, {} in {} files: {}\n", dir.string(), report.samples,
                 report.media, format_bytes(report.bytes), report.files,
                 report.defects.empty() ? std::string("intact")
                                        : fmt::format("{} defects", report.defects.size()));
    }
    document["datasets"].push_back(std::move(one));
  }
  document["ok"] = ok;
  if (options.json) print_json(document, 1);
  return ok ? ExitCode::Done : ExitCode::Different;
}

struct CatOptions {
  std::string dir;
  std::string key;
  std::uint64_t first = 0;
  std::uint64_t count = ~0ULL;
  bool broken = false;
  bool json = false;
};

Result<void> print_samples(const shards::ShardReader& reader, const CatOptions& options) {
  const std::uint64_t total = reader.sample_count();
  const std::uint64_t first = std::min(options.first, total);
  const std::uint64_t end = first + std::min(options.count, total - first);
  for (std::uint64_t number = first; number < end; ++number) {
    DESA2VA_ASSIGN(const auto record, reader.sample(number));
    if (!options.key.empty() && record.key.find(options.key) == std::string::npos) continue;
    if (options.broken && record.broken.empty()) continue;
    const auto context =
        fmt::format("dataset '{}': sample {} ({})", reader.catalog().dataset, number, record.key);
    DESA2VA_ASSIGN(const auto sample, datasets::decode_sample(record.payload.bytes()).in(context));
    if (options.json) {
      DESA2VA_ASSIGN(const auto facts, datasets::facts_of(sample).in(context));
      print_line(facts);
    } else {
      fmt::print("{:>8}  {:9}  {:3} objects  {:3} turns  {}{}{}\n", number, name(sample.kind),
                 sample.expressions.size(), sample.turns.size(), record.key,
                 sample.reason.empty() ? "" : "  ! ", sample.reason);
    }
  }
  return {};
}

Result<ExitCode> cat_datasets(const CatOptions& options) {
  DESA2VA_ASSIGN(const auto dirs, datasets::find_datasets(options.dir));
  for (const auto& dir : dirs) {
    DESA2VA_ASSIGN(const auto reader, shards::ShardReader::open(dir));
    DESA2VA_TRY(print_samples(reader, options));
  }
  return ExitCode::Done;
}

Result<ExitCode> probe_video(const DirOptions& options) {
  constexpr std::uint64_t kMaxVideoBytes = 4ULL << 30U;
  DESA2VA_ASSIGN(const auto file, rocks::read_file(options.dir, kMaxVideoBytes));
  const auto facts = datasets::video_facts(Buffer::copy_of(as_bytes(file)));
  if (options.json) {
    print_line(facts);
  } else {
    for (const auto& [name, value] : facts.items()) {
      auto text = value.dump();
      if (text.size() > 100) text = text.substr(0, 96) + " ...";
      fmt::print("{:18} {}\n", name, text);
    }
  }
  return ExitCode::Done;
}

void add_cat(CLI::App& group, Chosen& chosen) {
  auto options = std::make_shared<CatOptions>();
  auto* command = group.add_subcommand("cat", "print samples, one line each");
  command->add_option("dir", options->dir, kDirAbout)->required();
  command->add_option("--first", options->first, "number of the first sample to print (default 0)");
  command->add_option("--count", options->count, "samples to print at most (default all)");
  command->add_option("--key", options->key, "only samples whose key contains this text");
  command->add_flag("--broken", options->broken, "only samples that training must not draw");
  command->add_flag("--json", options->json, "one JSON object a line, masks as area and CRC-32");
  command->callback(
      [&chosen, options] { chosen.action = [options] { return cat_datasets(*options); }; });
}

void add_dir_command(CLI::App& group, Chosen& chosen, const std::string& name,
                     const std::string& about, const std::string& argument,
                     Result<ExitCode> (*action)(const DirOptions&)) {
  auto options = std::make_shared<DirOptions>();
  auto* command = group.add_subcommand(name, about);
  command->add_option(name == "probe" ? "video" : "dir", options->dir, argument)->required();
  command->add_flag("--json", options->json, kJsonAbout);
  command->callback([&chosen, options, action] {
    chosen.action = [options, action] { return action(*options); };
  });
}

}  // namespace

void add_shards(CLI::App& app, Chosen& chosen) {
  auto* group = app.add_subcommand("shards", "make, look into and check dataset shards");
  group->require_subcommand(1);
  add_shards_import(*group, chosen);
  add_dir_command(*group, chosen, "inspect", "what a dataset holds: counts, files, broken samples",
                  kDirAbout, &inspect_datasets);
  add_cat(*group, chosen);
  add_dir_command(*group, chosen, "verify",
                  "check every bit: exit 0 intact, 1 damaged (file, key and samples are named)",
                  kDirAbout, &verify_datasets);
  add_dir_command(*group, chosen, "probe", "what a video file really holds, by decoding all of it",
                  "video file", &probe_video);
  add_shards_tools(*group, chosen);
  add_shards_stats(*group, chosen);
  add_synth(*group, chosen);
}

}  // namespace desa2va::launcher
