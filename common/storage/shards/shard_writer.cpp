#include "common/storage/shards/shard_writer.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <set>
#include <vector>

#include "common/base/hash_table.h"
#include "common/storage/rocks/files.h"
#include "common/storage/rocks/reproducible.h"
#include "common/storage/shards/layout.h"
#include "common/storage/shards/numbered_files.h"
#include "common/storage/shards/partial_dir.h"

namespace desa2va::shards {
namespace {

constexpr std::string_view kResumeFile = "resume";
constexpr std::string_view kScratchFile = "index.tmp";

// Costs and frame indexes until the index is written, in the order of its keys: on disk, since a
// set of a million videos has gigabytes of them.
class ScratchFile {
 public:
  ScratchFile() = default;
  ScratchFile(const ScratchFile&) = delete;
  ScratchFile& operator=(const ScratchFile&) = delete;
  ~ScratchFile() {
    if (fd_ >= 0) ::close(fd_);
  }

  struct Place {
    std::uint64_t offset = 0;
    std::uint64_t bytes = 0;
  };

  Result<Place> append(const std::filesystem::path& path, ByteSpan bytes) {
    if (fd_ < 0) fd_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd_ < 0) return rocks::system_error(errno, "create", path);
    const Place place{end_, bytes.size()};
    while (!bytes.empty()) {
      const auto put = ::pwrite(fd_, bytes.data(), bytes.size(), static_cast<off_t>(end_));
      if (put < 0 && errno == EINTR) continue;
      if (put < 0) return rocks::system_error(errno, "write", path);
      end_ += static_cast<std::uint64_t>(put);
      bytes = bytes.subspan(static_cast<std::size_t>(put));
    }
    return place;
  }

  Result<Buffer> read(Place place) const {
    Buffer buffer = Buffer::allocate(place.bytes);
    auto left = buffer.mutable_bytes();
    while (!left.empty()) {
      const auto got = ::pread(fd_, left.data(), left.size(), static_cast<off_t>(place.offset));
      if (got < 0 && errno == EINTR) continue;
      if (got <= 0) return rocks::system_error(got < 0 ? errno : EIO, "read", kScratchFile);
      place.offset += static_cast<std::uint64_t>(got);
      left = left.subspan(static_cast<std::size_t>(got));
    }
    return buffer;
  }

 private:
  int fd_ = -1;
  std::uint64_t end_ = 0;
};

template <class Value>
std::vector<ContentHash> sorted_keys(const HashTable<Value>& table) {
  std::vector<ContentHash> keys;
  keys.reserve(table.size());
  table.each([&](const ContentHash& key, const Value&) { keys.push_back(key); });
  std::sort(keys.begin(), keys.end());
  return keys;
}

}  // namespace

struct ShardWriter::Impl {
  Impl(PartialDir place, WriterOptions chosen)
      : dir(std::move(place)), options(std::move(chosen)) {}

  PartialDir dir;
  WriterOptions options;
  NumberedFiles media{
      kMediaKind, rocks::Kind::Bulk, options,
      [this](const NumberedFiles::Kept& at) { locations.find(at.hash)->offset = at.offset; }};
  NumberedFiles samples{kSamplesKind, rocks::Kind::Text, options};
  HashTable<MediaLocation> locations;
  ScratchFile scratch;
  HashTable<ScratchFile::Place> frame_indexes;
  HashTable<Nothing> keys;                // of samples, hashed
  std::vector<NumberedFiles::Kept> kept;  // in the order in which they must come again
  HashTable<Nothing> kept_hashes;
  bool out_of_step = false;
  std::vector<SampleCost> costs;                // of the block under way
  std::vector<ScratchFile::Place> cost_blocks;  // full ones
  std::uint64_t sample_count = 0;
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
    if (locations.size() < kept.size()) {
      DESA2VA_TRY(take_kept(hash));
      return hash;
    }
    DESA2VA_ASSIGN(const auto number, media.append(dir.path(), bytes, hash));
    locations.insert(hash, MediaLocation{media.file(), number, bytes.size(), 0});
    catalog.media_bytes += bytes.size();
    return hash;
  }

  // The next medium is the next of those kept, or everything must be written anew.
  Result<void> take_kept(const ContentHash& hash) {
    const auto number = locations.size();
    if (number >= kept.size() || kept[number].hash != hash) {
      out_of_step = true;
      return fail(Errc::Unavailable,
                  "medium {} is not the one that was stored before the interrupt", number);
    }
    media.skip();
    locations.insert(
        hash, MediaLocation{kept[number].file, number, kept[number].bytes, kept[number].offset});
    catalog.media_bytes += kept[number].bytes;
    return {};
  }

  Result<void> start(bool use_kept) {
    if (options.resume_as.empty()) return {};
    if (dir.adopted() && use_kept) {
      kept = media.take_over(dir.path());
      for (const auto& entry : kept) kept_hashes.insert(entry.hash);
    }
    std::set<std::string> known = {std::string(kResumeFile)};
    for (const auto& file : media.files()) known.insert({file.name, file.name + ".done"});
    DESA2VA_TRY(remove_unfinished(known));
    dir.leave(true);
    return rocks::write_file(dir.path() / kResumeFile, as_bytes(options.resume_as));
  }

  // Files of ours that the interrupted writer did not complete; others' stay.
  Result<void> remove_unfinished(const std::set<std::string>& known) {
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator(dir.path(), error)) {
      const auto name = entry.path().filename().string();
      const bool ours = entry.path().extension() == ".sst" || entry.path().extension() == ".done" ||
                        entry.path().extension() == ".tmp" || name == kCatalogFile ||
                        name == kChecksumFile;
      if (ours && !known.contains(name)) std::filesystem::remove(entry.path(), error);
    }
    if (error) return rocks::system_error(error.value(), "clear", dir.path());
    return {};
  }

  // What is no part of a dataset; the mark by which it could be continued goes last.
  Result<void> remove_helpers() {
    std::set<std::string> known = {std::string(kCatalogFile), std::string(kChecksumFile), "lock",
                                   std::string(kResumeFile)};
    for (const auto& file : catalog.files) known.insert(file.name);
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator(dir.path(), error)) {
      if (!known.contains(entry.path().filename().string()))
        std::filesystem::remove(entry.path(), error);
    }
    std::filesystem::remove(dir.path() / kResumeFile, error);
    if (error) return rocks::system_error(error.value(), "clear", dir.path());
    return {};
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
    DESA2VA_ASSIGN(const auto number, samples.append(dir.path(), encode(sample).bytes(), {}));
    costs.push_back(cost);
    ++sample_count;
    if (costs.size() == kCostsPerEntry) DESA2VA_TRY(close_cost_block());
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

  Result<void> close_cost_block() {
    const Buffer block = encode(costs);
    costs.clear();
    DESA2VA_ASSIGN(const auto place, scratch.append(dir.path() / kScratchFile, block.bytes()));
    cost_blocks.push_back(place);
    return {};
  }

  // Costs, frame indexes, locations: in the order of their keys.
  Result<void> write_index() {
    const auto path = dir.path() / kIndexFile;
    DESA2VA_ASSIGN(auto index, rocks::SstWriter::create(path, rocks::Kind::Text, options.env));
    // There is always a first entry: an SST file cannot be empty.
    if (!costs.empty() || cost_blocks.empty()) DESA2VA_TRY(close_cost_block());
    for (std::uint64_t block = 0; block < cost_blocks.size(); ++block) {
      DESA2VA_ASSIGN(const Buffer bytes, scratch.read(cost_blocks[block]));
      DESA2VA_TRY(index.put(cost_key(block * kCostsPerEntry), bytes.bytes()));
    }
    for (const auto& hash : sorted_keys(frame_indexes)) {
      DESA2VA_ASSIGN(const Buffer bytes, scratch.read(*frame_indexes.find(hash)));
      DESA2VA_TRY(index.put(frame_index_key(hash), bytes.bytes()));
    }
    for (const auto& hash : sorted_keys(locations)) {
      DESA2VA_TRY(index.put(media_key(hash), encode(*locations.find(hash)).bytes()));
    }
    catalog.files.push_back(
        {std::string(kIndexFile), std::string(kIndexKind), 0, 0, index.entries(), {}});
    DESA2VA_TRY(index.finish());
    DESA2VA_TRY(rocks::make_reproducible(path));
    DESA2VA_ASSIGN(const auto whole, rocks::hash_file(path));
    catalog.files.back().hash = whole.hash;
    catalog.files.back().bytes = whole.bytes;
    return {};
  }

  Result<Catalog> seal() {
    DESA2VA_TRY(media.close(dir.path()));
    DESA2VA_TRY(samples.close(dir.path()));
    catalog.files = media.files();
    catalog.files.insert(catalog.files.end(), samples.files().begin(), samples.files().end());
    DESA2VA_TRY(write_index());
    catalog.dataset = options.dataset;
    catalog.kind = options.kind;
    catalog.created_by = options.created_by;
    catalog.numerics = options.numerics;
    catalog.facts = options.facts;
    catalog.samples = sample_count;
    catalog.media = locations.size();
    DESA2VA_TRY(write_catalog(dir.path(), catalog));
    DESA2VA_TRY(remove_helpers());
    DESA2VA_TRY(dir.publish(options.replace));
    return std::move(catalog);
  }
};

ShardWriter::ShardWriter(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
ShardWriter::ShardWriter(ShardWriter&&) noexcept = default;
ShardWriter& ShardWriter::operator=(ShardWriter&&) noexcept = default;
ShardWriter::~ShardWriter() = default;

Result<ShardWriter> ShardWriter::create(const std::filesystem::path& dir, WriterOptions options,
                                        bool use_kept) {
  std::error_code error;
  if (!options.replace && std::filesystem::exists(dir, error) &&
      !(std::filesystem::is_directory(dir, error) && std::filesystem::is_empty(dir, error))) {
    return fail(Errc::InvalidArgument, "{} exists already: remove it or choose another place",
                dir.string());
  }
  PartialDir::Adopt adopt;
  if (!options.resume_as.empty()) {
    adopt = [&](const std::filesystem::path& folder) {
      const auto words = rocks::read_file(folder / kResumeFile, 1U << 20U);
      return words && *words == options.resume_as;
    };
  }
  DESA2VA_ASSIGN(auto partial, PartialDir::create(dir, adopt));
  auto impl = std::make_unique<Impl>(std::move(partial), std::move(options));
  DESA2VA_TRY(impl->start(use_kept));
  return ShardWriter(std::move(impl));
}

bool ShardWriter::kept(const ContentHash& hash) const {
  return impl_->kept_hashes.contains(hash);
}
std::uint64_t ShardWriter::kept_media() const {
  return impl_->kept.size();
}
bool ShardWriter::out_of_step() const {
  return impl_->out_of_step;
}
const std::filesystem::path& ShardWriter::folder() const {
  return impl_->dir.path();
}
void ShardWriter::leave_rest(bool leave) {
  impl_->dir.leave(leave && !impl_->options.resume_as.empty());
}

Result<void> ShardWriter::again(const ContentHash& hash) {
  if (impl_->failure) return *impl_->failure;
  if (impl_->locations.contains(hash)) return {};
  return impl_->keep(impl_->take_kept(hash));
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
  auto place = impl_->keep(impl_->scratch.append(impl_->dir.path() / kScratchFile, index));
  if (!place) return std::move(place.error());
  *impl_->frame_indexes.insert(video, {}).first = *place;
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
