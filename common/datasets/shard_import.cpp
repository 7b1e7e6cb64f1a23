#include "common/datasets/shard_import.h"

#include <algorithm>

#include <fmt/ranges.h>

#include "common/base/clock.h"

namespace desa2va::datasets {
namespace {

// What the pixels at import were made with; a reader that decodes otherwise may see other pixels.
std::map<std::string, std::string> numerics() {
  return {{"jpeg", "accurate integer IDCT, fancy upsampling, EXIF orientation ignored"},
          {"png", "alpha dropped, palettes expanded"},
          {"video", "every frame decoded in order; rotation recorded, not applied"},
          {"mask", "COCO run-length code at the size of the picture"}};
}

// A rest may be continued by an import that would have made it; the root's content may have
// changed, which files tell themselves.
std::string words_of(const ShardImport& job, const std::vector<std::string>& splits) {
  std::error_code ignored;
  return fmt::format("desa2va import 1\n{}\n{}\n{}\n{}\n{}\n", job.dataset,
                     std::filesystem::weakly_canonical(job.request.root, ignored).string(),
                     fmt::join(splits, " "), job.max_file_bytes, job.timing);
}

Result<std::vector<std::string>> splits_of(const ShardImport& job, const Importer& importer) {
  const auto& root = job.request.root;
  std::error_code ignored;
  if (!std::filesystem::is_directory(root, ignored))
    return fail(Errc::NotFound, "{} is no directory", root.string());
  const auto there = importer.splits(root);
  if (there.empty())
    return fail(Errc::NotFound, "no annotation files of '{}' below {}", job.dataset, root.string());
  for (const auto& split : job.request.splits) {
    if (std::find(there.begin(), there.end(), split) != there.end()) continue;
    if (split == "valid_annotations" && job.dataset == "davis17") continue;
    return fail(Errc::InvalidArgument, "'{}' below {} has no split '{}'; there are: {}",
                job.dataset, root.string(), split, fmt::join(there, ", "));
  }
  return job.request.splits.empty() ? there : job.request.splits;
}

// Whether another attempt could use what is there.
bool worth_leaving(const Error& error, const MediaJournal& journal) {
  return journal.records() > 0 && error.code() != Errc::Internal;
}

Result<Imported> run_import(const ShardImport& job, const Importer& importer,
                            shards::ShardWriter& writer) {
  DESA2VA_ASSIGN(const auto journal, MediaJournal::open(writer.folder() / "journal", writer));
  ShardSink sink(writer, {job.progress, journal.get(), job.tokenizer, job.timing});
  ImportRequest request = job.request;
  request.memory = journal.get();
  const SystemClock clock;
  const auto start = clock.now_ns();
  auto imported = [&]() -> Result<Imported> {
    DESA2VA_TRY(importer.run(request, sink).in(fmt::format("import '{}'", job.dataset)));
    DESA2VA_ASSIGN(auto catalog, writer.finish());
    return Imported{std::move(catalog), sink.summary()};
  }();
  if (imported) {
    imported->summary.seconds = static_cast<double>(clock.now_ns() - start) * 1e-9;
    imported->summary.media_bytes = imported->catalog.media_bytes;
    imported->summary.taken_over = journal->taken_over();
    return imported;
  }
  const bool leave = worth_leaving(imported.error(), *journal);
  writer.leave_rest(leave);
  if (!leave) return imported;
  return Error(
      imported.error().code(),
      fmt::format("{}; {} decoded media are kept in {}: the same command goes on from there",
                  imported.error().message(), journal->records(), writer.folder().string()));
}

}  // namespace

Result<Imported> import_to_shards(const ShardImport& job) {
  const Importer* importer = find_importer(job.dataset);
  if (importer == nullptr) {
    std::vector<std::string_view> names;
    for (const auto& known : importers()) names.push_back(known.dataset);
    return fail(Errc::InvalidArgument, "no importer for '{}'; there are: {}", job.dataset,
                fmt::join(names, ", "));
  }
  DESA2VA_ASSIGN(const auto splits, splits_of(job, *importer));
  shards::WriterOptions options;
  options.dataset = job.dataset;
  options.kind = job.dataset;
  options.created_by = "desa2va shards import";
  options.numerics = numerics();
  options.facts = {{"root", job.request.root.string()},
                   {"splits", fmt::format("{}", fmt::join(splits, " "))}};
  options.replace = job.replace;
  options.max_file_bytes = job.max_file_bytes;
  options.resume_as = words_of(job, splits);
  if (job.restart) {  // an adopted rest is dropped with its writer
    DESA2VA_ASSIGN(auto rest, shards::ShardWriter::create(job.out, options));
    rest.leave_rest(false);
  }
  for (const bool use_kept : {true, false}) {
    DESA2VA_ASSIGN(auto writer, shards::ShardWriter::create(job.out, options, use_kept));
    auto imported = run_import(job, *importer, writer);
    // Annotations that changed meanwhile: media files are written anew, decoding is not repeated.
    if (imported || !writer.out_of_step()) return imported;
    writer.leave_rest(true);
  }
  return fail(Errc::Internal, "an import without kept files is out of step");
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
