#include "common/storage/rocks/sst.h"

#include <utility>
#include <vector>

#include <rocksdb/cache.h>
#include <rocksdb/env.h>
#include <rocksdb/iterator.h>
#include <rocksdb/options.h>
#include <rocksdb/sst_file_reader.h>
#include <rocksdb/sst_file_writer.h>
#include <rocksdb/table.h>

#include "common/base/locked.h"
#include "common/storage/rocks/status.h"

namespace desa2va::rocks {
namespace {

// Of unpacked blocks of text, for each open file its own: RocksDB knows blocks by an identity that
// equal files share, and a file that was damaged after it was read elsewhere must not be served out
// of memory.
constexpr std::size_t kTextCacheBytes = 16UL << 20U;

rocksdb::Options sst_options(Kind kind, rocksdb::Env* env) {
  rocksdb::Options options;
  if (env != nullptr) options.env = env;
  options.compression = kind == Kind::Bulk ? rocksdb::kNoCompression : rocksdb::kZSTD;
  options.db_host_id.clear();
  rocksdb::BlockBasedTableOptions table;
  table.checksum = rocksdb::kXXH3;
  table.format_version = 5;
  table.no_block_cache = kind == Kind::Bulk;
  if (kind == Kind::Text) table.block_cache = rocksdb::NewLRUCache(kTextCacheBytes);
  // A value larger than this has a block, hence a read and a checksum, of its own.
  table.block_size = 4UL << 10U;
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  return options;
}

rocksdb::Slice slice(std::string_view text) {
  return {text.data(), text.size()};
}
rocksdb::Slice slice(ByteSpan bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace

std::string number_key(std::uint64_t number) {
  std::string key(8, '\0');
  for (std::size_t i = 0; i < 8; ++i) key[i] = static_cast<char>(number >> (56U - 8U * i));
  return key;
}

std::optional<std::uint64_t> number_from(std::string_view key) {
  if (key.size() != 8) return std::nullopt;
  std::uint64_t number = 0;
  for (const char c : key) number = number << 8U | static_cast<unsigned char>(c);
  return number;
}

struct SstWriter::Impl {
  Impl(std::filesystem::path file, Kind kind, rocksdb::Env* env)
      : path(std::move(file)),
        options(sst_options(kind, env)),
        writer(rocksdb::EnvOptions(), options) {}

  std::filesystem::path path;
  rocksdb::Options options;
  rocksdb::SstFileWriter writer;
  std::uint64_t entries = 0;
};

SstWriter::SstWriter(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
SstWriter::SstWriter(SstWriter&&) noexcept = default;
SstWriter& SstWriter::operator=(SstWriter&&) noexcept = default;
SstWriter::~SstWriter() = default;

Result<SstWriter> SstWriter::create(const std::filesystem::path& path, Kind kind,
                                    rocksdb::Env* env) {
  auto impl = std::make_unique<Impl>(path, kind, env);
  if (const auto status = impl->writer.Open(path.string()); !status.ok()) {
    return to_error(status, "create", path);
  }
  return SstWriter(std::move(impl));
}

Result<void> SstWriter::put(std::string_view key, ByteSpan value) {
  if (const auto status = impl_->writer.Put(slice(key), slice(value)); !status.ok()) {
    return to_error(status, "write", impl_->path);
  }
  ++impl_->entries;
  return {};
}

Result<void> SstWriter::finish() {
  if (const auto status = impl_->writer.Finish(); !status.ok()) {
    return to_error(status, "finish", impl_->path);
  }
  return {};
}

std::uint64_t SstWriter::entries() const {
  return impl_->entries;
}
std::uint64_t SstWriter::file_bytes() const {
  return impl_->writer.FileSize();
}
const std::filesystem::path& SstWriter::path() const {
  return impl_->path;
}

struct SstReader::Impl {
  Impl(std::filesystem::path file, Kind kind)
      : path(std::move(file)), reader(sst_options(kind, nullptr)) {
    point.verify_checksums = true;
    point.fill_cache = kind == Kind::Text;
    pooled = kind == Kind::Text;
  }

  std::unique_ptr<rocksdb::Iterator> iterator(std::size_t readahead) {
    auto options = point;
    if (readahead > 0) options.fill_cache = false;  // a walk must not empty the cache
    options.readahead_size = readahead;
    return std::unique_ptr<rocksdb::Iterator>(reader.NewIterator(options));
  }

  // An iterator is dear to make and cheap to seek again; each is used by one thread at a time.
  // Those on bulk are not kept: they hold on to the last block, which is a medium.
  std::unique_ptr<rocksdb::Iterator> borrow() {
    auto kept = idle.with([](auto& pool) {
      std::unique_ptr<rocksdb::Iterator> last;
      if (!pool.empty()) {
        last = std::move(pool.back());
        pool.pop_back();
      }
      return last;
    });
    return kept ? std::move(kept) : iterator(0);
  }
  void give_back(std::unique_ptr<rocksdb::Iterator> iterator) {
    if (!pooled) return;
    idle.with([&](auto& pool) { pool.push_back(std::move(iterator)); });
  }

  std::filesystem::path path;
  rocksdb::SstFileReader reader;
  rocksdb::ReadOptions point;
  bool pooled = false;
  Locked<std::vector<std::unique_ptr<rocksdb::Iterator>>> idle;  // before the reader goes
};

SstReader::SstReader(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
SstReader::SstReader(SstReader&&) noexcept = default;
SstReader& SstReader::operator=(SstReader&&) noexcept = default;
SstReader::~SstReader() = default;

Result<SstReader> SstReader::open(const std::filesystem::path& path, Kind kind) {
  auto impl = std::make_unique<Impl>(path, kind);
  if (const auto status = impl->reader.Open(path.string()); !status.ok()) {
    return to_error(status, "open", path);
  }
  return SstReader(std::move(impl));
}

Result<bool> SstReader::get(std::string_view key,
                            const std::function<Result<void>(ByteSpan)>& use) const {
  auto iterator = impl_->borrow();
  iterator->Seek(slice(key));
  if (!iterator->Valid()) {
    if (!iterator->status().ok()) return to_error(iterator->status(), "read", impl_->path);
    return false;
  }
  if (iterator->key() != slice(key)) return false;
  const auto value = iterator->value();
  DESA2VA_TRY(use(as_bytes({value.data(), value.size()})));
  impl_->give_back(std::move(iterator));  // what failed is not kept
  return true;
}

Result<void> SstReader::walk(
    std::string_view from,
    const std::function<Result<bool>(std::string_view, ByteSpan)>& use) const {
  constexpr std::size_t kReadahead = 4UL << 20U;
  const auto iterator = impl_->iterator(kReadahead);
  for (iterator->Seek(slice(from)); iterator->Valid(); iterator->Next()) {
    const auto key = iterator->key();
    const auto value = iterator->value();
    DESA2VA_ASSIGN(const bool more,
                   use({key.data(), key.size()}, as_bytes({value.data(), value.size()})));
    if (!more) return {};
  }
  if (!iterator->status().ok()) return to_error(iterator->status(), "read", impl_->path);
  return {};
}

std::uint64_t SstReader::entries() const {
  return impl_->reader.GetTableProperties()->num_entries;
}
const std::filesystem::path& SstReader::path() const {
  return impl_->path;
}

}  // namespace desa2va::rocks
