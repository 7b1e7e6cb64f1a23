#pragma once

#include <fstream>
#include <map>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "common/base/random.h"
#include "common/storage/checkpoint/catalog.h"
#include "common/storage/checkpoint/checkpoint_reader.h"
#include "common/storage/checkpoint/part_writer.h"

// What the checkpoint tests share: tensors from a seed, and a whole save in one call.
namespace desa2va::checkpoint::test {

using Tensors = std::map<std::string, HostTensor>;

inline HostTensor random_tensor(std::vector<std::int64_t> shape, std::uint32_t seed) {
  HostTensor tensor = HostTensor::empty(DType::F32, std::move(shape));
  Random(seed, "test", "tensor").fill_uniform(tensor.mutable_values<float>());
  return tensor;
}

// Saves `tensors` as rank mllm-0 and commits; what the last manifest has is referenced.
inline Result<Manifest> save(Catalog& catalog, std::uint64_t step, const Tensors& tensors) {
  DESA2VA_ASSIGN(const auto last, catalog.last_step());
  KnownChunks known;
  if (last) {
    DESA2VA_ASSIGN(const auto manifest, catalog.load(*last));
    known = known_chunks(manifest);
  }
  DESA2VA_ASSIGN(auto writer, PartWriter::create(catalog.dir(), "mllm-0", step, std::move(known)));
  for (const auto& [name, tensor] : tensors) DESA2VA_TRY(writer.add(name, tensor));
  DESA2VA_ASSIGN(const auto receipt, writer.finish());
  Manifest manifest;
  manifest.step = step;
  manifest.phase = Phase::B;
  manifest.position = 4 * step;
  manifest.facts = {{"seed", "42"}};
  DESA2VA_TRY(manifest.add(receipt));
  DESA2VA_TRY(catalog.commit(manifest));
  return manifest;
}

inline bool same(const HostTensor& a, const HostTensor& b) {
  return a.dtype == b.dtype && a.shape == b.shape &&
         as_text(a.data.bytes()) == as_text(b.data.bytes());
}

inline void flip_bit(const std::filesystem::path& path, std::uint64_t byte, unsigned bit = 3) {
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  ASSERT_TRUE(file) << path;
  file.seekg(static_cast<std::streamoff>(byte));
  const char flipped = static_cast<char>(file.get() ^ (1 << bit));
  file.seekp(static_cast<std::streamoff>(byte));
  file.put(flipped);
}

template <class T>
T must(Result<T> result) {
  if (!result) throw std::runtime_error(result.error().message());
  return std::move(*result);
}
inline void must(Result<void> result) {
  if (!result) throw std::runtime_error(result.error().message());
}

}  // namespace desa2va::checkpoint::test
