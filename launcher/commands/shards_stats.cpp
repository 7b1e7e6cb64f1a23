#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "common/datasets/shard_import.h"
#include "common/preprocess/image/encode.h"
#include "common/storage/rocks/files.h"
#include "common/storage/shards/shard_reader.h"
#include "launcher/commands/chart.h"
#include "launcher/commands/command.h"
#include "launcher/commands/histogram.h"
#include "launcher/commands/shards_print.h"

namespace desa2va::launcher {
namespace {

using Json = nlohmann::ordered_json;

struct StatsOptions {
  std::string dir;
  std::string png;
  bool json = false;
};

struct Quantity {
  const char* name;
  const char* unit;
  double (*value)(const shards::SampleCost&);
};
constexpr Quantity kQuantities[] = {
    {"tokens", "of text a sample", [](const auto& c) { return static_cast<double>(c.tokens); }},
    {"tiles", "a sample", [](const auto& c) { return static_cast<double>(c.tiles); }},
    {"frames", "to draw from, a sample",
     [](const auto& c) { return static_cast<double>(c.frames); }},
    {"pixels", "in one frame", [](const auto& c) { return static_cast<double>(c.pixels); }},
    {"objects", "or turns a sample", [](const auto& c) { return static_cast<double>(c.objects); }},
    {"text_bytes", "a sample", [](const auto& c) { return static_cast<double>(c.text_bytes); }},
    {"decode_ms", "one frame, measured at import",
     [](const auto& c) { return static_cast<double>(c.decode_ms); }},
};

std::vector<Histogram> histograms_of(const shards::ShardReader& reader) {
  std::vector<Histogram> histograms;
  for (const auto& quantity : kQuantities) {
    std::vector<double> values;
    values.reserve(reader.usable().size());
    for (const auto number : reader.usable()) values.push_back(quantity.value(reader.cost(number)));
    histograms.push_back(make_histogram(quantity.name, quantity.unit, std::move(values)));
  }
  return histograms;
}

Json histogram_json(const Histogram& histogram) {
  Json json = {
      {"unit", histogram.unit}, {"count", histogram.count}, {"unknown", histogram.unknown}};
  if (histogram.count > 0) {
    json["sum"] = histogram.sum;
    json["mean"] = histogram.sum / static_cast<double>(histogram.count);
    json["smallest"] = histogram.smallest;
    json["median"] = histogram.median;
    json["p95"] = histogram.p95;
    json["largest"] = histogram.largest;
  }
  json["bins"] = Json::array();
  for (const auto& bin : histogram.bins)
    json["bins"].push_back({{"from", bin.from}, {"to", bin.to}, {"count", bin.count}});
  return json;
}

Result<void> write_png(const std::string& path, const preprocess::Image& image) {
  DESA2VA_ASSIGN(const auto png, preprocess::encode_png(image));
  return rocks::write_file(path, png.bytes());
}

// "out.png" of several datasets: "out-mevis.png" each.
std::string png_name(const std::string& png, const std::filesystem::path& dir, std::size_t dirs) {
  if (dirs == 1) return png;
  const std::filesystem::path path(png);
  return (path.parent_path() / fmt::format("{}-{}{}", path.stem().string(), dir.filename().string(),
                                           path.extension().string()))
      .string();
}

Result<ExitCode> stats(const StatsOptions& options) {
  DESA2VA_ASSIGN(const auto dirs, datasets::find_datasets(options.dir));
  Json document = Json::array();
  for (const auto& dir : dirs) {
    DESA2VA_ASSIGN(const auto reader, shards::ShardReader::open(dir));
    const auto& catalog = reader.catalog();
    const auto histograms = histograms_of(reader);
    const auto title = fmt::format("{}: {} usable of {} samples, {} media of {}", catalog.dataset,
                                   reader.usable().size(), catalog.samples, catalog.media,
                                   format_bytes(catalog.media_bytes));
    if (!options.json) fmt::print("{}: {}\n\n", dir.string(), title);
    Json one = {{"path", dir.string()},
                {"dataset", catalog.dataset},
                {"samples", catalog.samples},
                {"usable", reader.usable().size()}};
    for (const auto& histogram : histograms) {
      if (!options.json) fmt::print("{}\n", draw_text(histogram));
      one[histogram.name] = histogram_json(histogram);
    }
    if (!options.png.empty()) {
      const auto name = png_name(options.png, dir, dirs.size());
      DESA2VA_TRY(write_png(name, draw_chart(title, histograms)).in("--png"));
      one["png"] = name;
    }
    document.push_back(std::move(one));
  }
  if (options.json) print_json(document.size() == 1 ? document[0] : document, 1);
  return ExitCode::Done;
}

}  // namespace

void add_shards_stats(CLI::App& group, Chosen& chosen) {
  auto options = std::make_shared<StatsOptions>();
  auto* command = group.add_subcommand(
      "stats", "how tokens, tiles, frames, pixels and decoding cost are distributed");
  command->add_option("dir", options->dir, kDirAbout)->required();
  command->add_option("--png", options->png, "draw them into this picture as well");
  command->add_flag("--json", options->json, kJsonAbout);
  command->callback([&chosen, options] { chosen.action = [options] { return stats(*options); }; });
}

}  // namespace desa2va::launcher
