#include "common/storage/shards/shard_writer.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <vector>

#include "common/storage/rocks/files.h"
#include "common/storage/rocks/sst.h"
#include "common/storage/shards/layout.h"
#include "common/storage/shards/partial_dir.h"

namespace desa2va::shards {
namespace {

// Files of one kind with running numbers as keys; a new one is begun when the last is full.
class NumberedFiles {
 public:
  NumberedFiles(std::string_view kind, rocks::Kind sst, const WriterOptions& options)
      : kind_(kind), sst_(sst), options_(options) {}

  // The number that the value got.
  Result<std::uint64_t> append(const std::filesystem::path& dir, ByteSpan value) {
    if (writer_ && writer_->file_bytes() >= options_.max_file_bytes) DESA2VA_TRY(close());
    if (!writer_) {
      const auto name = file_name(kind_, static_cast<std::uint32_t>(files_.size()));
      DESA2VA_ASSIGN(writer_, rocks::SstWriter::create(dir / name, sst_, options_.env));
      files_.push_back({name, std::string(kind_), 0, next_, 0, {}});
    }
    DESA2VA_TRY(writer_->put(rocks::number_key(next_), value));
    ++files_.back().entries;
    return next_++;
  }

  Result<void> close() {
    if (!writer_) return {};
    DESA2VA_TRY(writer_->finish());
    writer_.reset();
    return {};
  }

  std::uint32_t file() const { return static_cast<std::uint32_t>(files_.size() - 1); }
  const std::vector<FileEntry>& files() const { return files_; }

 private:
  std::string_view kind_;
  rocks::Kind sst_;
  const WriterOptions& options_;
  std::optional<rocks::SstWriter> writer_;
  std::vector<FileEntry> files_;
  std::uint64_t next_ = 0;
};

}  // namespace

struct ShardWriter::Impl {
  Impl(PartialDir place, WriterOptions chosen)
      : dir(std::move(place)), options(std::move(chosen)) {}

  PartialDir dir;
  WriterOptions options;
  NumberedFiles media{kMediaKind, rocks::Kind::Bulk, options};
  NumberedFiles samples{kSamplesKind, rocks::Kind::Text, options};
  std::map<ContentHash, MediaLocation> locations;
  std::map<ContentHash, Buffer> frame_indexes;
  std::set<ContentHash> keys;  // of samples, hashed
  std::vector<SampleCost> costs;
  Catalog catalog;
  std::optional<Error> failure;  // also set when done
  bool done = false;

  template <class T>
  Result<T> keep(Result<T> result) {
    if (!result) failure = result.error();
    return result;
  }

  Result<ContentHash> add_media(ByteSpan bytes) {
    if (bytes.empty() || bytes.size() > kMaxMediaBytes) {
      return fail(Errc::InvalidArgument, "a medium of {} bytes; allowed are 1 to {}", bytes.size(),
                  kMaxMediaBytes);
    }
    const ContentHash hash = content_hash(bytes);
    if (locations.contains(hash)) return hash;
    DESA2VA_ASSIGN(const auto number, media.append(dir.path(), bytes));
    locations.emplace(hash, MediaLocation{media.file(), number, bytes.size()});
    catalog.media_bytes += bytes.size();
    return hash;
  }

  Result<std::uint64_t> add_sample(const SampleRecord& sample, const SampleCost& cost) {
    if (sample.payload.size() > kMaxPayloadBytes) {
      return fail(Errc::InvalidArgument, "sample '{}' has {} bytes; allowed are {}", sample.key,
                  sample.payload.size(), kMaxPayloadBytes);
    }
    for (const auto& hash : sample.media) {
      if (!locations.contains(hash)) {
        return fail(Errc::InvalidArgument, "sample '{}' names medium {}, which is not stored",
                    sample.key, hash.hex());
      }
    }
    if (!keys.insert(content_hash(as_bytes(sample.key))).second) {
      return fail(Errc::InvalidArgument, "there are two samples '{}'", sample.key);
    }
    DESA2VA_ASSIGN(const auto number, samples.append(dir.path(), encode(sample).bytes()));
    costs.push_back(cost);
    if (!sample.broken.empty()) {
      catalog.broken.push_back({number, sample.key, sample.broken});
      return number;
    }
    auto& text = catalog.text;
    text.samples_with_text += cost.text_bytes > 0 ? 1 : 0;
    text.bytes += cost.text_bytes;
    text.longest_bytes = std::max(text.longest_bytes, cost.text_bytes);
    text.objects += cost.objects;
    return number;
  }

  // Costs, frame indexes, locations: in the order of their keys.
  Result<void> write_index() {
    const auto path = dir.path() / kIndexFile;
    DESA2VA_ASSIGN(auto index, rocks::SstWriter::create(path, rocks::Kind::Text, options.env));
    // There is always a first entry: an SST file cannot be empty.
    for (std::uint64_t first = 0; first == 0 || first < costs.size(); first += kCostsPerEntry) {
      const auto count = std::min<std::uint64_t>(kCostsPerEntry, costs.size() - first);
      const std::span<const SampleCost> block(costs.data() + first, count);
      DESA2VA_TRY(index.put(cost_key(first), encode(block).bytes()));
    }
    for (const auto& [hash, bytes] : frame_indexes) {
      DESA2VA_TRY(index.put(frame_index_key(hash), bytes.bytes()));
    }
    for (const auto& [hash, location] : locations) {
      DESA2VA_TRY(index.put(media_key(hash), encode(location).bytes()));
    }
    catalog.files.push_back(
        {std::string(kIndexFile), std::string(kIndexKind), 0, 0, index.entries(), {}});
    return index.finish();
  }

  Result<Catalog> seal() {
    DESA2VA_TRY(media.close());
    DESA2VA_TRY(samples.close());
    catalog.files = media.files();
    catalog.files.insert(catalog.files.end(), samples.files().begin(), samples.files().end());
    DESA2VA_TRY(write_index());
    for (auto& file : catalog.files) {
      DESA2VA_ASSIGN(const auto hash, rocks::hash_file(dir.path() / file.name));
      file.hash = hash.hash;
      file.bytes = hash.bytes;
    }
    catalog.dataset = options.dataset;
    catalog.kind = options.kind;
    catalog.created_by = options.created_by;
    catalog.numerics = options.numerics;
    catalog.facts = options.facts;
    catalog.samples = costs.size();
    catalog.media = locations.size();
    DESA2VA_TRY(write_catalog(dir.path(), catalog));
    DESA2VA_TRY(dir.publish(options.replace));
    return std::move(catalog);
  }
};

ShardWriter::ShardWriter(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
ShardWriter::ShardWriter(ShardWriter&&) noexcept = default;
ShardWriter& ShardWriter::operator=(ShardWriter&&) noexcept = default;
ShardWriter::~ShardWriter() = default;

Result<ShardWriter> ShardWriter::create(const std::filesystem::path& dir, WriterOptions options) {
  if (!options.replace && std::filesystem::exists(dir) && !std::filesystem::is_empty(dir)) {
    return fail(Errc::InvalidArgument, "{} exists already: remove it or choose another place",
                dir.string());
  }
  DESA2VA_ASSIGN(auto partial, PartialDir::create(dir));
  return ShardWriter(std::make_unique<Impl>(std::move(partial), std::move(options)));
}

Result<ContentHash> ShardWriter::media(ByteSpan bytes) {
  if (impl_->failure) return *impl_->failure;
  return impl_->keep(impl_->add_media(bytes).in("store a medium"));
}

Result<void> ShardWriter::frame_index(const ContentHash& video, ByteSpan index) {
  if (impl_->failure) return *impl_->failure;
  if (!impl_->locations.contains(video)) {
    return impl_->keep(Result<void>(
        fail(Errc::InvalidArgument, "frame index of medium {}, which is not stored", video.hex())));
  }
  impl_->frame_indexes.insert_or_assign(video, Buffer::copy_of(index));
  return {};
}

void ShardWriter::fact(std::string name, std::string text) {
  impl_->options.facts.insert_or_assign(std::move(name), std::move(text));
}

Result<std::uint64_t> ShardWriter::sample(const SampleRecord& sample, const SampleCost& cost) {
  if (impl_->failure) return *impl_->failure;
  return impl_->keep(impl_->add_sample(sample, cost));
}

Result<Catalog> ShardWriter::finish() {
  if (impl_->failure) return *impl_->failure;
  auto result = impl_->seal().in(fmt::format("finish dataset '{}'", impl_->options.dataset));
  impl_->failure = result ? fail(Errc::Internal, "the dataset is finished") : result.error();
  return result;
}

}  // namespace desa2va::shards
