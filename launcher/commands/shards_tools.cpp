#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <memory>
#include <numeric>
#include <set>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include "common/datasets/shard_import.h"
#include "common/datasets/shard_repair.h"
#include "common/storage/shards/rewrite.h"
#include "launcher/commands/command.h"
#include "launcher/commands/shards_print.h"

namespace desa2va::launcher {
namespace {

using Json = nlohmann::ordered_json;
using shards::ShardReader;

constexpr std::uint32_t kMaxFiles = 100'000;

// A counter on standard error, on a terminal only.
std::function<void(std::uint64_t, std::uint64_t)> counter() {
  if (::isatty(STDERR_FILENO) == 0) return {};
  return [](std::uint64_t done, std::uint64_t all) {
    if (done % 256 == 0 || done == all)
      fmt::print(stderr, "\r{} of {} samples{}", done, all, done == all ? "\n" : "");
  };
}

shards::Selection everything(const ShardReader& reader) {
  shards::Selection all{&reader, std::vector<std::uint64_t>(reader.sample_count())};
  std::iota(all.numbers.begin(), all.numbers.end(), 0);
  return all;
}

// One dataset, not a directory of several.
Result<ShardReader> open_one(const std::string& dir) {
  DESA2VA_ASSIGN(const auto dirs, datasets::find_datasets(dir));
  if (dirs.size() != 1) {
    return fail(Errc::InvalidArgument, "{} holds {} datasets: name one of them", dir, dirs.size());
  }
  return ShardReader::open(dirs[0]);
}

struct ReshardOptions {
  std::string dir;
  std::string out;
  std::string file_bytes;
  std::uint32_t files = 0;
  bool json = false;
};

void print_made(const std::string& out, const shards::Catalog& catalog, bool json) {
  if (json) {
    Json document = catalog_json(catalog);
    document["path"] = out;
    print_json(document, 1);
  } else {
    print_catalog(out, catalog);
  }
}

Result<ExitCode> reshard(const ReshardOptions& options) {
  if (options.file_bytes.empty() == (options.files == 0)) {
    return fail(Errc::InvalidArgument, "give either --file-bytes SIZE or --files NUMBER");
  }
  DESA2VA_ASSIGN(const auto reader, open_one(options.dir));
  shards::RewriteOptions rewrite;
  rewrite.progress = counter();
  rewrite.writer.created_by = "desa2va shards reshard";
  if (options.files == 0) {
    DESA2VA_ASSIGN(rewrite.writer.max_file_bytes, parse_size("--file-bytes", options.file_bytes));
  } else {
    const auto media = reader.catalog().media;
    if (options.files > kMaxFiles || options.files > std::max<std::uint64_t>(media, 1)) {
      return fail(Errc::InvalidArgument, "--files: {} files for {} media; allowed are 1 to {}",
                  options.files, media,
                  std::min<std::uint64_t>(kMaxFiles, std::max<std::uint64_t>(media, 1)));
    }
    rewrite.writer.media_files = options.files;
    rewrite.writer.expected_media = media;
    rewrite.writer.expected_media_bytes = reader.catalog().media_bytes;
  }
  DESA2VA_ASSIGN(const auto made, shards::rewrite(options.out, {everything(reader)}, rewrite));
  print_made(options.out, made.catalog, options.json);
  return ExitCode::Done;
}

struct MergeOptions {
  std::vector<std::string> dirs;  // the last is the one to make
  std::string name;
  std::string file_bytes = "1GiB";
  bool skip_repeated = false;
  bool json = false;
};

Result<ExitCode> merge(const MergeOptions& options) {
  if (options.dirs.size() < 2) {
    return fail(Errc::InvalidArgument, "merge needs DIR ... OUT: what to merge, then what to make");
  }
  std::vector<ShardReader> readers;
  for (std::size_t i = 0; i + 1 < options.dirs.size(); ++i) {
    DESA2VA_ASSIGN(const auto dirs, datasets::find_datasets(options.dirs[i]));
    for (const auto& dir : dirs) {
      DESA2VA_ASSIGN(auto reader, ShardReader::open(dir));
      readers.push_back(std::move(reader));
    }
  }
  std::vector<shards::Selection> sources;
  std::set<std::string> names;
  std::set<std::string> kinds;
  shards::RewriteOptions rewrite;
  for (const auto& reader : readers) {
    const auto& catalog = reader.catalog();
    sources.push_back(everything(reader));
    names.insert(catalog.dataset);
    kinds.insert(catalog.kind);
    rewrite.writer.facts[fmt::format("merged/{}", sources.size() - 1)] =
        fmt::format("{}: {} samples", catalog.dataset, catalog.samples);
    rewrite.writer.numerics.insert(catalog.numerics.begin(), catalog.numerics.end());
  }
  rewrite.writer.dataset = options.name;
  if (options.name.empty())  // a few names say what it is, many do not
    rewrite.writer.dataset = names.size() > 3 ? "merged" : fmt::format("{}", fmt::join(names, "+"));
  rewrite.writer.kind = kinds.size() == 1 ? *kinds.begin() : "mixed";
  rewrite.writer.created_by = "desa2va shards merge";
  DESA2VA_ASSIGN(rewrite.writer.max_file_bytes, parse_size("--file-bytes", options.file_bytes));
  rewrite.skip_repeated_keys = options.skip_repeated;
  rewrite.progress = counter();
  DESA2VA_ASSIGN(const auto made, shards::rewrite(options.dirs.back(), sources, rewrite));
  print_made(options.dirs.back(), made.catalog, options.json);
  if (made.skipped > 0)
    fmt::print(stderr, "{} samples were there already and left out\n", made.skipped);
  return ExitCode::Done;
}

struct SplitOptions {
  std::string dir;
  std::string out;
  std::vector<double> ratio;
  std::vector<std::int64_t> count;
  std::vector<std::string> names;
  std::uint64_t seed = 42;
  bool by_split = false;
  bool together = false;
  bool json = false;
};

// Shares of the parts, which add up to 1; what a count leaves is the last part.
Result<std::vector<double>> shares_of(const SplitOptions& options, std::uint64_t samples) {
  std::vector<double> shares = options.ratio;
  for (const auto count : options.count) {
    if (count < 0 || static_cast<std::uint64_t>(count) > samples) {
      return fail(Errc::InvalidArgument, "--count {}: allowed are 0 to {}", count, samples);
    }
    shares.push_back(static_cast<double>(count) / static_cast<double>(samples));
  }
  const double sum = std::accumulate(shares.begin(), shares.end(), 0.0);
  if (!options.ratio.empty()) {
    for (const double share : shares)
      if (!std::isfinite(share) || share < 0)
        return fail(Errc::InvalidArgument, "--ratio {}: allowed are numbers from 0 on", share);
    if (!(sum > 0)) return fail(Errc::InvalidArgument, "--ratio: the numbers add up to {}", sum);
    for (double& share : shares) share /= sum;
    if (shares.size() == 1 && sum < 1) shares = {sum, 1 - sum};
  } else if (sum > 1 + 1e-9) {
    return fail(Errc::InvalidArgument, "--count: the parts need more than the {} samples there are",
                samples);
  } else if (1 - sum > 1e-12) {
    shares.push_back(1 - sum);
  }
  return shares;
}

Result<std::vector<std::string>> names_of(const SplitOptions& options, std::size_t parts) {
  std::vector<std::string> names = options.names;
  if (names.empty())
    for (std::size_t i = 0; i < parts; ++i) names.push_back(fmt::format("part{}", i));
  if (names.size() != parts) {
    return fail(Errc::InvalidArgument, "--names: {} names for {} parts", names.size(), parts);
  }
  const std::set<std::string> distinct(names.begin(), names.end());
  for (const auto& name : names) {
    if (name.empty() || name.front() == '.' || name.find('/') != std::string::npos)
      return fail(Errc::InvalidArgument, "--names: '{}' is no name of a folder", name);
  }
  if (distinct.size() != names.size())
    return fail(Errc::InvalidArgument, "--names: the names must differ");
  return names;
}

Result<ExitCode> split(const SplitOptions& options) {
  const int ways = (options.ratio.empty() ? 0 : 1) + (options.count.empty() ? 0 : 1) +
                   (options.by_split ? 1 : 0);
  if (ways != 1) {
    return fail(Errc::InvalidArgument, "give one of --ratio, --count and --by-split");
  }
  DESA2VA_ASSIGN(const auto reader, open_one(options.dir));
  if (reader.sample_count() == 0) return fail(Errc::InvalidArgument, "{} is empty", options.dir);
  std::vector<shards::Part> parts;
  if (options.by_split) {
    DESA2VA_ASSIGN(parts, shards::divide_by_split(reader));
  } else {
    DESA2VA_ASSIGN(const auto shares, shares_of(options, reader.sample_count()));
    DESA2VA_ASSIGN(const auto names, names_of(options, shares.size()));
    DESA2VA_ASSIGN(parts, shards::divide(reader, names, shares, options.seed, options.together));
  }
  shards::RewriteOptions rewrite;
  rewrite.writer.created_by = "desa2va shards split";
  rewrite.progress = counter();
  DESA2VA_ASSIGN(const auto made, shards::write_parts(options.out, reader, parts, rewrite));
  Json document = Json::array();
  for (std::size_t i = 0; i < made.size(); ++i) {
    const auto path = options.out + "/" + parts[i].name;
    if (!options.json) {
      fmt::print("{}: {} samples ({} usable), {} media of {}\n", path, made[i].samples,
                 made[i].usable().size(), made[i].media, format_bytes(made[i].media_bytes));
      continue;
    }
    document.push_back(catalog_json(made[i]));
    document.back()["path"] = path;
  }
  if (options.json) print_json(document, 1);
  return ExitCode::Done;
}

struct RepairOptions {
  std::string dir;
  std::string out;
  bool json = false;
};

Result<ExitCode> repair(const RepairOptions& options) {
  const auto say = [](const std::string& text) { fmt::print(stderr, "{}\n", text); };
  DESA2VA_ASSIGN(const auto made, datasets::repair(options.dir, options.out, say));
  if (options.json) {
    Json document = catalog_json(made.catalog);
    document["path"] = options.out;
    document["repair"] = {
        {"samples_before", made.samples_before}, {"samples_lost", made.samples_lost},
        {"samples_broken", made.samples_broken}, {"media_lost", made.media_lost},
        {"recomputed", made.recomputed},         {"losses", Json::array()}};
    for (const auto& loss : made.losses) {
      document["repair"]["losses"].push_back(
          {{"what", loss.what}, {"why", loss.why}, {"samples", loss.samples}});
    }
    print_json(document, 1);
    return ExitCode::Done;
  }
  for (const auto& loss : made.losses) {
    fmt::print("lost: {}: {}\n", loss.what, loss.why);
    if (!loss.samples.empty()) fmt::print("  needed by {}\n", fmt::join(loss.samples, ", "));
  }
  fmt::print("{}: {} of {} samples saved", options.out, made.catalog.samples, made.samples_before);
  fmt::print("; {} records and {} media lost, {} samples broken by that, {} indexes made anew\n",
             made.samples_lost, made.media_lost, made.samples_broken, made.recomputed);
  return ExitCode::Done;
}

void add_reshard(CLI::App& group, Chosen& chosen) {
  auto options = std::make_shared<ReshardOptions>();
  auto* command = group.add_subcommand("reshard", "the same samples in media files of other sizes");
  command->add_option("dir", options->dir, "dataset directory")->required();
  command->add_option("out", options->out, "dataset directory to make")->required();
  command->add_option("--file-bytes", options->file_bytes,
                      "a media or samples file is closed past this size: 256MiB, 1.5GiB, 64MB");
  command->add_option("--files", options->files,
                      "exactly so many media files, of about equal size");
  command->add_flag("--json", options->json, kJsonAbout);
  command->callback(
      [&chosen, options] { chosen.action = [options] { return reshard(*options); }; });
}

void add_merge(CLI::App& group, Chosen& chosen) {
  auto options = std::make_shared<MergeOptions>();
  auto* command = group.add_subcommand("merge", "several datasets into one, media stored once");
  command
      ->add_option("dirs", options->dirs,
                   "dataset directories (or directories of several) in the order of their samples; "
                   "last the directory to make")
      ->required();
  command->add_option("--name", options->name,
                      "of the dataset made (default: up to three names joined, else 'merged')");
  command->add_option("--file-bytes", options->file_bytes,
                      "a media or samples file is closed past this size (default 1GiB)");
  command->add_flag("--skip-repeated", options->skip_repeated,
                    "of samples with one key keep the first (default: refuse)");
  command->add_flag("--json", options->json, kJsonAbout);
  command->callback([&chosen, options] { chosen.action = [options] { return merge(*options); }; });
}

void add_split(CLI::App& group, Chosen& chosen) {
  auto options = std::make_shared<SplitOptions>();
  auto* command = group.add_subcommand("split", "one dataset into several, OUT/NAME each");
  command->add_option("dir", options->dir, "dataset directory")->required();
  command->add_option("out", options->out, "directory to make")->required();
  command
      ->add_option("--ratio", options->ratio,
                   "shares of the parts, drawn by the seed: 0.9,0.1 or 8,1,1 (one number below 1: "
                   "the rest is a second part)")
      ->delimiter(',');
  command
      ->add_option("--count", options->count,
                   "samples of the parts, drawn by the seed: 100,100; the rest is a last part")
      ->delimiter(',');
  command->add_flag("--by-split", options->by_split,
                    "by the split that the samples came from, named so: train, val, ...");
  command->add_option("--names", options->names, "of the parts (default part0, part1, ...)")
      ->delimiter(',');
  command->add_option("--seed", options->seed, "of the draw (default 42)");
  command->add_flag("--together", options->together,
                    "samples that share a picture or video go to one part");
  command->add_flag("--json", options->json, kJsonAbout);
  command->callback([&chosen, options] { chosen.action = [options] { return split(*options); }; });
}

void add_repair(CLI::App& group, Chosen& chosen) {
  auto options = std::make_shared<RepairOptions>();
  auto* command = group.add_subcommand(
      "repair", "what a damaged dataset still has into a new one; says what was lost");
  command->add_option("dir", options->dir, "damaged dataset directory; it is left as it is")
      ->required();
  command->add_option("out", options->out, "dataset directory to make")->required();
  command->add_flag("--json", options->json, kJsonAbout);
  command->callback([&chosen, options] { chosen.action = [options] { return repair(*options); }; });
}

}  // namespace

void add_shards_tools(CLI::App& group, Chosen& chosen) {
  add_reshard(group, chosen);
  add_merge(group, chosen);
  add_split(group, chosen);
  add_repair(group, chosen);
}

}  // namespace desa2va::launcher
