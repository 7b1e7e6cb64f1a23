#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "common/base/bytes.h"
#include "common/base/result.h"

namespace rocksdb {
class Env;
}

// One SST file, complete in itself; settings and their reasons are in the README.
namespace desa2va::rocks {

enum class Kind : std::uint8_t {
  Bulk,  // values of 100 KB to MB that do not compress: media, tensor chunks
  Text,  // short repetitive values, read with a cache of blocks: annotations, index
};

// 8 bytes, big-endian, so that byte order is the order of numbers.
std::string number_key(std::uint64_t number);
std::optional<std::uint64_t> number_from(std::string_view key);

// Writes a file that must not exist. Belongs to one thread. The file is complete and synced when
// `finish` succeeded; dropping the writer before leaves a torn file, which the owner removes.
class SstWriter {
 public:
  static Result<SstWriter> create(const std::filesystem::path& path, Kind kind,
                                  rocksdb::Env* env = nullptr);
  SstWriter(SstWriter&&) noexcept;
  SstWriter& operator=(SstWriter&&) noexcept;
  ~SstWriter();

  // Keys ascend strictly by bytes. Overloaded when the disk is full, here or in `finish`.
  Result<void> put(std::string_view key, ByteSpan value);
  Result<void> finish();  // needs at least one key

  std::uint64_t entries() const;
  std::uint64_t file_bytes() const;  // so far; the last block may be missing
  const std::filesystem::path& path() const;

 private:
  struct Impl;
  explicit SstWriter(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// Reads a finished file. Immutable after `open`, safe for any number of threads at once; the
// checksum of every block is verified on every read.
class SstReader {
 public:
  static Result<SstReader> open(const std::filesystem::path& path, Kind kind);
  SstReader(SstReader&&) noexcept;
  SstReader& operator=(SstReader&&) noexcept;
  ~SstReader();

  // Calls `use` with the value while it is in memory, at any alignment; false when the key is not
  // there. Corrupt names the file. What `use` fails with is passed on.
  Result<bool> get(std::string_view key, const std::function<Result<void>(ByteSpan)>& use) const;

  // All entries with from <= key, ascending, until the end or until `use` returns false.
  Result<void> walk(std::string_view from,
                    const std::function<Result<bool>(std::string_view, ByteSpan)>& use) const;

  std::uint64_t entries() const;
  const std::filesystem::path& path() const;

 private:
  struct Impl;
  explicit SstReader(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace desa2va::rocks
