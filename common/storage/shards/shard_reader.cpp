#include "common/storage/shards/shard_reader.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "common/storage/rocks/sst.h"
#include "common/storage/shards/layout.h"

namespace desa2va::shards {
namespace {

rocks::Kind sst_kind(std::string_view kind) {
  return kind == kMediaKind ? rocks::Kind::Bulk : rocks::Kind::Text;
}

}  // namespace

struct ShardReader::Impl {
  // The file beside RocksDB's view of it, for values whose place is known.
  class Plain {
   public:
    explicit Plain(const std::filesystem::path& path)
        : fd_(::open(path.c_str(), O_RDONLY | O_CLOEXEC)) {}
    Plain(Plain&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    Plain& operator=(Plain&& other) noexcept {
      std::swap(fd_, other.fd_);
      return *this;
    }
    ~Plain() {
      if (fd_ >= 0) ::close(fd_);
    }
    // Whether all of `out` could be read.
    bool read(std::uint64_t offset, MutableByteSpan out) const {
      while (!out.empty()) {
        const auto got = ::pread(fd_, out.data(), out.size(), static_cast<off_t>(offset));
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) return false;
        offset += static_cast<std::uint64_t>(got);
        out = out.subspan(static_cast<std::size_t>(got));
      }
      return true;
    }

   private:
    int fd_ = -1;
  };

  struct File {
    std::uint64_t first = 0;
    std::uint64_t entries = 0;
    rocks::SstReader sst;
    Plain plain;
  };

  std::filesystem::path dir;
  Catalog catalog;
  std::vector<std::uint64_t> usable;
  std::vector<SampleCost> costs;
  std::vector<File> media;
  std::vector<File> samples;
  std::optional<rocks::SstReader> index;

  Result<void> open_files() {
    for (const auto& entry : catalog.files) {
      DESA2VA_ASSIGN(auto sst, rocks::SstReader::open(dir / entry.name, sst_kind(entry.kind)));
      if (sst.entries() != entry.entries) {
        return fail(Errc::Corrupt, "{} has {} entries, the catalog says {}", sst.path().string(),
                    sst.entries(), entry.entries);
      }
      if (entry.kind == kIndexKind) {
        index = std::move(sst);
      } else {
        auto& files = entry.kind == kMediaKind ? media : samples;
        const std::uint64_t next = files.empty() ? 0 : files.back().first + files.back().entries;
        if (entry.first != next) {
          return fail(Errc::Corrupt, "{} begins with number {} instead of {}", entry.name,
                      entry.first, next);
        }
        files.push_back({entry.first, entry.entries, std::move(sst), Plain(dir / entry.name)});
      }
    }
    if (!index) return fail(Errc::Corrupt, "the catalog names no index");
    const std::uint64_t count = samples.empty() ? 0 : samples.back().first + samples.back().entries;
    if (count != catalog.samples) {
      return fail(Errc::Corrupt, "{} samples in the files, {} in the catalog", count,
                  catalog.samples);
    }
    return {};
  }

  Result<void> read_costs() {
    costs.reserve(catalog.samples);
    DESA2VA_TRY(index->walk("c", [&](std::string_view key, ByteSpan value) -> Result<bool> {
      if (key.empty() || key[0] != 'c') return false;
      DESA2VA_ASSIGN(auto block, decode_costs(value));
      if (key != cost_key(costs.size())) {
        return fail(Errc::Corrupt, "{}: costs of sample {} are missing", kIndexFile, costs.size());
      }
      costs.insert(costs.end(), block.begin(), block.end());
      return true;
    }));
    if (costs.size() != catalog.samples) {
      return fail(Errc::Corrupt, "{}: costs of {} samples, there are {}", kIndexFile, costs.size(),
                  catalog.samples);
    }
    return {};
  }

  static const File* file_of(const std::vector<File>& files, std::uint64_t number) {
    const auto after = std::upper_bound(
        files.begin(), files.end(), number,
        [](std::uint64_t wanted, const File& file) { return wanted < file.first; });
    if (after == files.begin()) return nullptr;
    const File& file = *std::prev(after);
    return number - file.first < file.entries ? &file : nullptr;
  }

  std::string context(std::string_view what) const {
    return fmt::format("dataset '{}': {}", catalog.dataset, what);
  }
};

ShardReader::ShardReader(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
ShardReader::ShardReader(ShardReader&&) noexcept = default;
ShardReader& ShardReader::operator=(ShardReader&&) noexcept = default;
ShardReader::~ShardReader() = default;

Result<ShardReader> ShardReader::open(const std::filesystem::path& dir) {
  auto impl = std::make_unique<Impl>();
  impl->dir = dir;
  DESA2VA_ASSIGN(impl->catalog, load_catalog(dir));
  impl->usable = impl->catalog.usable();
  const auto context = fmt::format("open dataset '{}' in {}", impl->catalog.dataset, dir.string());
  DESA2VA_TRY(impl->open_files().in(context));
  DESA2VA_TRY(impl->read_costs().in(context));
  return ShardReader(std::move(impl));
}

const Catalog& ShardReader::catalog() const {
  return impl_->catalog;
}
std::uint64_t ShardReader::sample_count() const {
  return impl_->catalog.samples;
}
const std::vector<std::uint64_t>& ShardReader::usable() const {
  return impl_->usable;
}
const SampleCost& ShardReader::cost(std::uint64_t number) const {
  return impl_->costs[number];
}

Result<SampleRecord> ShardReader::sample(std::uint64_t number) const {
  const auto* file = Impl::file_of(impl_->samples, number);
  if (file == nullptr) {
    return fail(Errc::NotFound, "dataset '{}' has no sample {}; there are {}",
                impl_->catalog.dataset, number, sample_count());
  }
  const auto context = [&] { return impl_->context(fmt::format("sample {}", number)); };
  SampleRecord record;
  auto found = file->sst.get(rocks::number_key(number), [&](ByteSpan value) -> Result<void> {
    DESA2VA_ASSIGN(record, decode_sample(value).in(file->sst.path().string()));
    return {};
  });
  if (!found) return std::move(found.error()).in(context());
  if (!*found) return fail(Errc::Corrupt, "{}: not in {}", context(), file->sst.path().string());
  return record;
}

Result<Buffer> ShardReader::media(const ContentHash& hash) const {
  const auto context = [&] { return impl_->context(fmt::format("medium {}", hash.hex())); };
  MediaLocation location;
  auto known = impl_->index->get(media_key(hash), [&](ByteSpan value) -> Result<void> {
    DESA2VA_ASSIGN(location, decode_location(value));
    return {};
  });
  if (!known) return std::move(known.error()).in(context());
  if (!*known) return fail(Errc::NotFound, "{} is not stored", context());
  if (location.file >= impl_->media.size()) {
    return fail(Errc::Corrupt, "{}: {} names file {} of {}", context(), kIndexFile, location.file,
                impl_->media.size());
  }
  const auto& file = impl_->media[location.file];
  Buffer buffer;
  // One read and one hash. Whatever is wrong with it, the way by the key names it better.
  if (location.offset > 0 && location.bytes <= kMaxMediaBytes) {
    buffer = Buffer::allocate(location.bytes);
    if (file.plain.read(location.offset, buffer.mutable_bytes()) &&
        content_hash(buffer.bytes()) == hash)
      return buffer;
  }
  const auto& sst = file.sst;
  const auto where = fmt::format("{} entry {}", sst.path().string(), location.number);
  auto found = sst.get(rocks::number_key(location.number), [&](ByteSpan value) -> Result<void> {
    // The copy is what gets checked: a fault in between would be seen too.
    buffer = Buffer::copy_of(value);
    if (content_hash(buffer.bytes()) == hash) return {};
    return fail(Errc::Corrupt, "{}: content differs from its hash", where);
  });
  if (!found) return std::move(found.error()).in(context());
  if (!*found) return fail(Errc::Corrupt, "{}: {} is missing", context(), where);
  return buffer;
}

Result<std::optional<Buffer>> ShardReader::frame_index(const ContentHash& hash) const {
  std::optional<Buffer> bytes;
  auto found = impl_->index->get(frame_index_key(hash), [&](ByteSpan value) -> Result<void> {
    bytes = Buffer::copy_of(value);
    return {};
  });
  if (!found) {
    return std::move(found.error())
        .in(impl_->context(fmt::format("frame index of {}", hash.hex())));
  }
  return bytes;
}

}  // namespace desa2va::shards
