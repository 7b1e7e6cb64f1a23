#pragma once

#include <fstream>
#include <stdexcept>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "common/base/random.h"
#include "common/storage/shards/shard_reader.h"
#include "common/storage/shards/shard_writer.h"

// What the shard tests share: media from a seed, and a small dataset in one call.
namespace desa2va::shards::test {

template <class T>
T must(Result<T> result) {
  if (!result) throw std::runtime_error(result.error().message());
  return std::move(*result);
}
inline void must(Result<void> result) {
  if (!result) throw std::runtime_error(result.error().message());
}

inline Buffer random_bytes(std::size_t size, std::uint32_t seed) {
  Buffer buffer = Buffer::allocate(size);
  const Random random(seed, "test", "bytes");
  for (std::size_t i = 0; i < size; ++i)
    buffer.mutable_bytes()[i] = static_cast<std::byte>(random.word(i));
  return buffer;
}

inline WriterOptions options(std::uint64_t max_file_bytes = 1ULL << 30U) {
  WriterOptions options;
  options.dataset = "shapes";
  options.kind = "image_ref";
  options.created_by = "test";
  options.numerics = {{"jpeg", "islow"}};
  options.max_file_bytes = max_file_bytes;
  return options;
}

inline SampleRecord record(std::string key, std::vector<ContentHash> media, std::string payload,
                           std::string broken = "") {
  return {std::move(key), std::move(media), std::move(broken), Buffer::copy_of(as_bytes(payload))};
}

// Samples s0 .. s<n-1>; sample i has medium i of 20,000 bytes; s1 is broken.
inline Catalog write_dataset(const std::filesystem::path& dir, std::uint32_t n,
                             std::uint64_t max_file_bytes = 1ULL << 30U) {
  auto writer = must(ShardWriter::create(dir, options(max_file_bytes)));
  for (std::uint32_t i = 0; i < n; ++i) {
    const auto hash = must(writer.media(random_bytes(20000, i).bytes()));
    SampleCost cost;
    cost.frames = i;
    cost.objects = 2;
    cost.text_bytes = 10 + i;
    must(writer.sample(record("s" + std::to_string(i), {hash}, "payload " + std::to_string(i),
                              i == 1 ? "cannot be decoded" : ""),
                       cost));
  }
  return must(writer.finish());
}

inline void flip_bit(const std::filesystem::path& path, std::uint64_t byte, unsigned bit = 3) {
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  ASSERT_TRUE(file) << path;
  file.seekg(static_cast<std::streamoff>(byte));
  const char flipped = static_cast<char>(file.get() ^ (1 << bit));
  file.seekp(static_cast<std::streamoff>(byte));
  file.put(flipped);
}

}  // namespace desa2va::shards::test
