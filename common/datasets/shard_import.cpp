#include "common/datasets/shard_import.h"

#include <algorithm>

#include <fmt/ranges.h>

#include "common/datasets/frame_index.h"

namespace desa2va::datasets {
namespace {

// What the pixels at import were made with; a reader that decodes otherwise may see other pixels.
std::map<std::string, std::string> numerics() {
  return {{"jpeg", "accurate integer IDCT, fancy upsampling, EXIF orientation ignored"},
          {"png", "alpha dropped, palettes expanded"},
          {"video", "every frame decoded in order; rotation recorded, not applied"},
          {"mask", "COCO run-length code at the size of the picture"}};
}

std::int64_t text_bytes(const Sample& sample) {
  std::size_t bytes = sample.caption.size();
  for (const auto& expression : sample.expressions) {
    for (const auto& text : expression.texts) bytes += text.size();
    for (const auto& text : expression.short_texts) bytes += text.size();
  }
  for (const auto& turn : sample.turns) bytes += turn.question.size() + turn.answer.size();
  return static_cast<std::int64_t>(bytes);
}

}  // namespace

ShardSink::ShardSink(shards::ShardWriter& writer, std::function<void(std::uint64_t)> progress)
    : writer_(writer), progress_(std::move(progress)) {}

Result<void> ShardSink::media(const MediaItem& item) {
  DESA2VA_ASSIGN(const auto hash, writer_.media(item.bytes.bytes()).in(item.path));
  if (hash != item.hash) {
    return fail(Errc::Internal, "{}: the importer names {}, its content is {}", item.path,
                item.hash.hex(), hash.hex());
  }
  decode_ms_[hash] = static_cast<float>(item.decode_ms);
  if (!item.video) return {};
  return writer_.frame_index(hash, encode_frame_index(item.video->index).bytes()).in(item.path);
}

Result<void> ShardSink::split_done(const SplitInfo& info) {
  writer_.fact("split/" + info.split,
               fmt::format("{} samples, {} expressions", info.samples, info.expressions));
  writer_.fact("source/" + info.split, info.source);
  return {};
}

Result<void> ShardSink::sample(const Sample& sample) {
  shards::SampleRecord record;
  record.key = describe(sample);
  record.payload = encode_sample(sample);
  if (sample.status == SampleStatus::Broken) {
    record.broken = sample.reason.empty() ? "broken" : sample.reason;
  }
  shards::SampleCost cost;
  cost.frames = sample.drawable_frames();
  cost.objects = static_cast<std::int64_t>(sample.expressions.empty() ? sample.turns.size()
                                                                      : sample.expressions.size());
  cost.text_bytes = text_bytes(sample);
  for (const auto& media : sample.media) {
    cost.pixels = std::max(cost.pixels, std::int64_t{media.width} * media.height);
    if (media.hash == ContentHash{}) continue;  // the file is missing: the sample is broken
    const auto measured = decode_ms_.find(media.hash);
    if (measured != decode_ms_.end()) cost.decode_ms = std::max(cost.decode_ms, measured->second);
    record.media.push_back(media.hash);
  }
  DESA2VA_TRY(writer_.sample(record, cost));
  if (progress_) progress_(++samples_);
  return {};
}

Result<shards::Catalog> import_to_shards(const ShardImport& job) {
  const Importer* importer = find_importer(job.dataset);
  if (importer == nullptr) {
    std::vector<std::string_view> names;
    for (const auto& known : importers()) names.push_back(known.dataset);
    return fail(Errc::InvalidArgument, "no importer for '{}'; there are: {}", job.dataset,
                fmt::join(names, ", "));
  }
  const auto there = importer->splits(job.request.root);
  if (there.empty()) {
    return fail(Errc::NotFound, "no annotation files of '{}' below {}", job.dataset,
                job.request.root.string());
  }
  for (const auto& split : job.request.splits) {
    if (std::find(there.begin(), there.end(), split) != there.end()) continue;
    return fail(Errc::InvalidArgument, "'{}' below {} has no split '{}'; there are: {}",
                job.dataset, job.request.root.string(), split, fmt::join(there, ", "));
  }
  shards::WriterOptions options;
  options.dataset = job.dataset;
  options.kind = job.dataset;
  options.created_by = "desa2va shards import";
  options.numerics = numerics();
  options.facts = {
      {"root", job.request.root.string()},
      {"splits",
       fmt::format("{}", fmt::join(job.request.splits.empty() ? there : job.request.splits, " "))}};
  options.replace = job.replace;
  DESA2VA_ASSIGN(auto writer, shards::ShardWriter::create(job.out, std::move(options)));
  ShardSink sink(writer, job.progress);
  DESA2VA_TRY(importer->run(job.request, sink).in(fmt::format("import '{}'", job.dataset)));
  return writer.finish();
}

Result<std::vector<std::filesystem::path>> find_datasets(const std::filesystem::path& dir) {
  const auto has_catalog = [](const std::filesystem::path& path) {
    std::error_code ignored;
    return std::filesystem::exists(path / "catalog.json", ignored);
  };
  if (has_catalog(dir)) return std::vector{dir};
  std::vector<std::filesystem::path> found;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(dir, error)) {
    // Hidden folders are datasets in the making.
    if (!entry.path().filename().string().starts_with('.') && has_catalog(entry.path())) {
      found.push_back(entry.path());
    }
  }
  if (found.empty()) {
    return fail(Errc::NotFound, "no dataset in {}: no catalog.json there or one folder below",
                dir.string());
  }
  std::sort(found.begin(), found.end());
  return found;
}

}  // namespace desa2va::datasets
