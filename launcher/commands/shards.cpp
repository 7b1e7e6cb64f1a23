#include <unistd.h>

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

namespace desa2va::launcher {
namespace {

using Json = nlohmann::ordered_json;

void print_json(const auto& document, int indent) {
  fmt::print("{}\n", document.dump(indent, ' ', false, nlohmann::json::error_handler_t::replace));
}

struct ImportOptions {
  std::string dataset;
  std::string root;
  std::string out;
  std::vector<std::string> splits;
  bool replace = false;
  bool json = false;
};

Json catalog_json(const shards::Catalog& catalog) {
  Json json = {{"dataset", catalog.dataset},
               {"kind", catalog.kind},
               {"created_by", catalog.created_by},
               {"samples", catalog.samples},
               {"usable", catalog.samples - catalog.broken.size()},
               {"media", catalog.media},
               {"media_bytes", catalog.media_bytes},
               {"text",
                {{"samples_with_text", catalog.text.samples_with_text},
                 {"bytes", catalog.text.bytes},
                 {"longest_bytes", catalog.text.longest_bytes},
                 {"objects", catalog.text.objects}}},
               {"numerics", catalog.numerics},
               {"facts", catalog.facts},
               {"broken", Json::array()},
               {"files", Json::array()}};
  for (const auto& one : catalog.broken) {
    json["broken"].push_back({{"number", one.number}, {"key", one.key}, {"reason", one.reason}});
  }
  for (const auto& file : catalog.files) {
    json["files"].push_back({{"name", file.name},
                             {"kind", file.kind},
                             {"bytes", file.bytes},
                             {"entries", file.entries},
                             {"xxh3_128", file.hash.hex()}});
  }
  return json;
}

void print_catalog(const std::string& dir, const shards::Catalog& catalog) {
  fmt::print("{}: dataset '{}', {} samples ({} usable), {} media of {}\n", dir, catalog.dataset,
             catalog.samples, catalog.samples - catalog.broken.size(), catalog.media,
             format_bytes(catalog.media_bytes));
  fmt::print(
      "  text: {} in {} samples, longest {}; {} objects or turns\n",
      format_bytes(static_cast<std::uint64_t>(catalog.text.bytes)), catalog.text.samples_with_text,
      format_bytes(static_cast<std::uint64_t>(catalog.text.longest_bytes)), catalog.text.objects);
  for (const auto& [name, text] : catalog.facts) fmt::print("  {}: {}\n", name, text);
  for (const auto& file : catalog.files) {
    fmt::print("  {:20} {:>10} {:>8} entries  {}\n", file.name, format_bytes(file.bytes),
               file.entries, file.hash.hex());
  }
  for (const auto& one : catalog.broken) {
    fmt::print("  broken: {} {}: {}\n", one.number, one.key, one.reason);
  }
}

Result<ExitCode> import_dataset(const ImportOptions& options) {
  datasets::ShardImport job;
  job.dataset = options.dataset;
  job.request = {options.root, options.splits};
  job.out = options.out;
  job.replace = options.replace;
  const bool terminal = ::isatty(STDERR_FILENO) != 0;
  if (terminal) {
    job.progress = [](std::uint64_t samples) { fmt::print(stderr, "\r{} samples", samples); };
  }
  auto catalog = datasets::import_to_shards(job);
  if (terminal) fmt::print(stderr, "\n");
  if (!catalog) return std::move(catalog.error());
  if (options.json) {
    print_json(catalog_json(*catalog), 1);
  } else {
    print_catalog(options.out, *catalog);
  }
  return ExitCode::Done;
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
      print_json(facts, -1);
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
    print_json(facts, -1);
  } else {
    for (const auto& [name, value] : facts.items()) {
      auto text = value.dump();
      if (text.size() > 100) text = text.substr(0, 96) + " ...";
      fmt::print("{:18} {}\n", name, text);
    }
  }
  return ExitCode::Done;
}

constexpr const char* kDirAbout = "dataset directory, or a directory of several";
constexpr const char* kJsonAbout = "one JSON document on standard output";

void add_import(CLI::App& group, Chosen& chosen) {
  std::string about = "DATASET, the layout of the original files:";
  for (const auto& importer : datasets::importers()) {
    about += fmt::format("\n  {:10} {}", importer.dataset, importer.about);
  }
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
  command->add_flag("--replace", options->replace, "exchange an existing directory when done");
  command->add_flag("--json", options->json, kJsonAbout);
  command->callback(
      [&chosen, options] { chosen.action = [options] { return import_dataset(*options); }; });
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
  add_import(*group, chosen);
  add_dir_command(*group, chosen, "inspect", "what a dataset holds: counts, files, broken samples",
                  kDirAbout, &inspect_datasets);
  add_cat(*group, chosen);
  add_dir_command(*group, chosen, "verify",
                  "check every bit: exit 0 intact, 1 damaged (file, key and samples are named)",
                  kDirAbout, &verify_datasets);
  add_dir_command(*group, chosen, "probe", "what a video file really holds, by decoding all of it",
                  "video file", &probe_video);
  add_synth(*group, chosen);
}

}  // namespace desa2va::launcher
