#include "common/storage/checkpoint/catalog.h"

#include <algorithm>
#include <set>

#include <fmt/ranges.h>
#include <rocksdb/db.h>
#include <rocksdb/env.h>

#include "common/storage/checkpoint/collect.h"
#include "common/storage/checkpoint/layout.h"
#include "common/storage/rocks/files.h"
#include "common/storage/rocks/sst.h"
#include "common/storage/rocks/status.h"

namespace desa2va::checkpoint {
namespace {

constexpr std::string_view kFormatKey = "format";
constexpr std::string_view kFormat = "desa2va-checkpoints 1";
constexpr std::size_t kChecksumBytes = 8;

// Whatever goes wrong is in the Result; RocksDB's own log would only grow.
class NoLog final : public rocksdb::Logger {
 public:
  using rocksdb::Logger::Logv;
  void Logv(const char* /*format*/, va_list /*arguments*/) override {}
};

rocksdb::Options catalog_options(rocksdb::Env* env) {
  rocksdb::Options options;
  if (env != nullptr) options.env = env;
  options.create_if_missing = true;
  options.write_buffer_size = 1UL << 20U;
  options.max_background_jobs = 1;
  options.keep_log_file_num = 1;
  options.info_log = std::make_shared<NoLog>();
  options.compression = rocksdb::kZSTD;
  options.db_host_id.clear();
  return options;
}

std::string manifest_key(std::uint64_t step) {
  return "m" + rocks::number_key(step);
}
std::optional<std::uint64_t> step_from(const rocksdb::Slice& key) {
  if (key.size() != 9 || key[0] != 'm') return std::nullopt;
  return rocks::number_from({key.data() + 1, 8});
}

std::string sealed(const Buffer& message) {
  const std::uint64_t sum = checksum64(message.bytes());
  std::string value(kChecksumBytes, '\0');
  for (std::size_t i = 0; i < kChecksumBytes; ++i) value[i] = static_cast<char>(sum >> (8 * i));
  return value.append(as_text(message.bytes()));
}

Result<Manifest> unsealed(std::string_view value) {
  std::uint64_t sum = 0;
  for (std::size_t i = std::min(value.size(), kChecksumBytes); i > 0; --i) {
    sum = sum << 8U | static_cast<unsigned char>(value[i - 1]);
  }
  if (value.size() < kChecksumBytes || checksum64(as_bytes(value.substr(kChecksumBytes))) != sum) {
    return fail(Errc::Corrupt, "checksum differs");
  }
  return decode_manifest(as_bytes(value.substr(kChecksumBytes)));
}

}  // namespace

struct Catalog::Impl {
  std::filesystem::path dir;
  std::filesystem::path database;
  rocksdb::Env* env = nullptr;
  bool read_only = false;
  // Empty after a failed write: RocksDB then refuses writes until opened again.
  std::unique_ptr<rocksdb::DB> db;

  Result<void> open() {
    rocksdb::DB* opened = nullptr;
    const auto options = catalog_options(env);
    auto status = read_only ? rocksdb::DB::OpenForReadOnly(options, database.string(), &opened)
                            : rocksdb::DB::Open(options, database.string(), &opened);
    // The writer may replace files while we look at the list of them; the new list is there then.
    for (int again = 0; read_only && !status.ok() && again < 8; ++again) {
      status = rocksdb::DB::OpenForReadOnly(options, database.string(), &opened);
    }
    if (!status.ok()) {
      if (status.IsIOError() && status.ToString().find("lock") != std::string::npos) {
        return fail(Errc::Unavailable,
                    "checkpoints in {} are held for writing by another process or object: {}",
                    dir.string(), status.ToString());
      }
      return rocks::to_error(status, "open", database);
    }
    db.reset(opened);
    return check_format();
  }

  Result<void> check_format() {
    std::string value;
    const auto status = db->Get(rocksdb::ReadOptions(), rocksdb::Slice(kFormatKey), &value);
    if (status.IsNotFound()) {
      if (read_only) return {};  // the writer is about to put it there
      return write([](rocksdb::WriteBatch& batch) {
        batch.Put(rocksdb::Slice(kFormatKey), rocksdb::Slice(kFormat));
      });
    }
    if (!status.ok()) return rocks::to_error(status, "read", database);
    if (value != kFormat) {
      return fail(Errc::InvalidArgument, "{} is '{}', this program reads '{}': use a newer one",
                  dir.string(), value, kFormat);
    }
    return {};
  }

  Result<void> ready() {
    if (read_only) return fail(Errc::InvalidArgument, "{} is open read-only", dir.string());
    return db ? Result<void>{} : open();
  }

  // One synced write. The flush afterwards moves the entry from the log, where a flipped bit looks
  // like a torn tail, into a table with checksums; if it fails the write stands all the same.
  template <class Fill>
  Result<void> write(Fill&& fill) {
    rocksdb::WriteBatch batch;
    fill(batch);
    rocksdb::WriteOptions options;
    options.sync = true;
    if (const auto status = db->Write(options, &batch); !status.ok()) {
      db.reset();
      return rocks::to_error(status, "write", database);
    }
    if (!db->Flush(rocksdb::FlushOptions()).ok()) db.reset();
    return {};
  }

  Result<std::vector<std::uint64_t>> steps() const {
    if (!db) return fail(Errc::Unavailable, "{} is closed after a failed write", dir.string());
    std::vector<std::uint64_t> steps;
    const std::unique_ptr<rocksdb::Iterator> it(db->NewIterator(rocksdb::ReadOptions()));
    for (it->Seek("m"); it->Valid(); it->Next()) {
      if (const auto step = step_from(it->key())) steps.push_back(*step);
    }
    if (!it->status().ok()) return rocks::to_error(it->status(), "read", database);
    return steps;
  }

  Result<void> remove(const std::vector<std::uint64_t>& steps) {
    if (steps.empty()) return {};
    return write([&](rocksdb::WriteBatch& batch) {
      for (const auto step : steps) batch.Delete(manifest_key(step));
    });
  }
};

Catalog::Catalog(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Catalog::Catalog(Catalog&&) noexcept = default;
Catalog& Catalog::operator=(Catalog&&) noexcept = default;
Catalog::~Catalog() = default;

Result<Catalog> Catalog::open(const std::filesystem::path& dir, rocksdb::Env* env) {
  DESA2VA_TRY(rocks::make_directories(dir / kPartsFolder));
  auto impl = std::make_unique<Impl>();
  impl->dir = dir;
  impl->database = dir / kCatalogFolder;
  impl->env = env;
  DESA2VA_TRY(impl->open());
  DESA2VA_TRY(rocks::sync_directory(dir));
  return Catalog(std::move(impl));
}

Result<Catalog> Catalog::open_read_only(const std::filesystem::path& dir) {
  if (!std::filesystem::exists(dir / kCatalogFolder / "CURRENT")) {
    return fail(Errc::NotFound, "no checkpoints in {}", dir.string());
  }
  auto impl = std::make_unique<Impl>();
  impl->dir = dir;
  impl->database = dir / kCatalogFolder;
  impl->read_only = true;
  DESA2VA_TRY(impl->open());
  return Catalog(std::move(impl));
}

Result<void> Catalog::commit(const Manifest& manifest) {
  DESA2VA_TRY(impl_->ready());
  std::set<std::string_view> parts;
  for (const auto& tensor : manifest.tensors) {
    for (const auto& chunk : tensor.chunks) parts.insert(chunk.part);
  }
  for (const auto part : parts) {
    if (!std::filesystem::is_regular_file(impl_->dir / kPartsFolder / part)) {
      return fail(Errc::NotFound, "commit step {}: part '{}' is not in {}", manifest.step, part,
                  (impl_->dir / kPartsFolder).string());
    }
  }
  const std::string value = sealed(encode(manifest));
  return impl_
      ->write([&](rocksdb::WriteBatch& batch) { batch.Put(manifest_key(manifest.step), value); })
      .in(fmt::format("commit step {}", manifest.step));
}

Result<std::uint64_t> Catalog::commit_copy(const Manifest& manifest,
                                           const std::filesystem::path& from) {
  DESA2VA_TRY(impl_->ready());
  std::set<std::string> parts;
  for (const auto& tensor : manifest.tensors) {
    for (const auto& chunk : tensor.chunks) parts.insert(chunk.part);
  }
  std::uint64_t copied = 0;
  for (const std::string& part : parts) {
    const auto source = from / kPartsFolder / part;
    const auto target = impl_->dir / kPartsFolder / part;
    std::error_code error;
    std::filesystem::create_hard_link(source, target, error);
    if (!error || error == std::errc::file_exists) continue;
    std::filesystem::copy_file(source, target, error);
    if (error) {
      const auto code = error == std::errc::no_space_on_device ? Errc::Overloaded : Errc::NotFound;
      return fail(code, "{}: cannot be copied to {}: {}", source.string(), target.string(),
                  error.message())
          .with_exit(ExitCode::Storage);
    }
    DESA2VA_TRY(rocks::sync_file(target));
    copied += std::filesystem::file_size(target, error);
  }
  DESA2VA_TRY(rocks::sync_directory(impl_->dir / kPartsFolder));
  DESA2VA_TRY(commit(manifest));
  return copied;
}

Result<std::vector<std::uint64_t>> Catalog::steps() const {
  return impl_->steps();
}

Result<std::vector<Summary>> Catalog::list() const {
  DESA2VA_ASSIGN(const auto steps, impl_->steps());
  std::vector<Summary> summaries;
  for (const auto step : steps) {
    DESA2VA_ASSIGN(const auto manifest, load(step));
    Summary summary{step, manifest.phase, manifest.position, manifest.tensors.size(), 0};
    for (const auto& tensor : manifest.tensors) summary.bytes += tensor.bytes();
    summaries.push_back(summary);
  }
  return summaries;
}

Result<std::optional<std::uint64_t>> Catalog::last_step() const {
  DESA2VA_ASSIGN(const auto steps, impl_->steps());
  return steps.empty() ? std::nullopt : std::optional(steps.back());
}

Result<Manifest> Catalog::load(std::uint64_t step) const {
  if (!impl_->db) return fail(Errc::Unavailable, "{} is closed", impl_->dir.string());
  std::string value;
  rocksdb::ReadOptions options;
  options.verify_checksums = true;
  const auto status = impl_->db->Get(options, manifest_key(step), &value);
  if (status.IsNotFound()) {
    DESA2VA_ASSIGN(const auto steps, impl_->steps());
    return fail(Errc::NotFound, "no checkpoint of step {} in {}; there are: {}", step,
                impl_->dir.string(),
                steps.empty() ? "none" : fmt::format("{}", fmt::join(steps, ", ")));
  }
  const auto context = fmt::format("checkpoint of step {}", step);
  if (!status.ok()) return rocks::to_error(status, "read", impl_->database).in(context);
  auto manifest = unsealed(value);
  if (!manifest) return std::move(manifest).in(context);
  if (manifest->step != step) {
    return fail(Errc::Corrupt, "{}: the manifest says step {}", context, manifest->step);
  }
  return manifest;
}

Result<GcReport> Catalog::gc(std::size_t keep, std::span<const std::uint64_t> also) {
  if (keep == 0) return fail(Errc::InvalidArgument, "gc(keep=0): keep at least 1 checkpoint");
  DESA2VA_TRY(impl_->ready());
  DESA2VA_ASSIGN(auto steps, impl_->steps());
  GcReport report;
  if (steps.empty()) return report;
  std::set<std::string> named;
  for (std::size_t i = 0; i < steps.size(); ++i) {
    if (i + keep < steps.size() && std::find(also.begin(), also.end(), steps[i]) == also.end()) {
      report.manifests.push_back(steps[i]);
      continue;
    }
    // A manifest that cannot be read may name anything: nothing is removed then.
    DESA2VA_ASSIGN(const auto manifest, load(steps[i]));
    for (const auto& tensor : manifest.tensors) {
      for (const auto& chunk : tensor.chunks) named.insert(chunk.part);
    }
  }
  DESA2VA_TRY(impl_->remove(report.manifests));
  DESA2VA_TRY(collect_parts(impl_->dir / kPartsFolder, named, steps.back(), report));
  return report;
}

Result<void> Catalog::drop_after(std::uint64_t step) {
  DESA2VA_TRY(impl_->ready());
  DESA2VA_ASSIGN(auto steps, impl_->steps());
  std::erase_if(steps, [&](std::uint64_t one) { return one <= step; });
  return impl_->remove(steps);
}

const std::filesystem::path& Catalog::dir() const {
  return impl_->dir;
}

}  // namespace desa2va::checkpoint
