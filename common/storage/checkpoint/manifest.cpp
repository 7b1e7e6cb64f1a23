#include "common/storage/checkpoint/manifest.h"

#include <algorithm>
#include <numeric>

#include "common/storage/checkpoint/part_writer.h"

namespace desa2va::checkpoint {
namespace {

constexpr std::uint64_t kMaxChunkBytes = 4ULL << 20U;

std::uint64_t divide_up(std::uint64_t a, std::uint64_t b) {
  return (a + b - 1) / b;
}

void append_big_endian(std::string& out, std::uint64_t value) {
  for (unsigned shift = 64; shift > 0; shift -= 8) out += static_cast<char>(value >> (shift - 8));
}

}  // namespace

ContentHash TensorRecord::hash() const {
  if (chunks.size() == 1) return chunks.front().hash;
  std::string hashes;
  hashes.reserve(chunks.size() * 16);
  for (const auto& chunk : chunks) {
    append_big_endian(hashes, chunk.hash.high);
    append_big_endian(hashes, chunk.hash.low);
  }
  return content_hash(as_bytes(hashes));
}

std::uint64_t TensorRecord::bytes() const {
  return std::accumulate(chunks.begin(), chunks.end(), std::uint64_t{0},
                         [](std::uint64_t sum, const Chunk& chunk) { return sum + chunk.bytes; });
}

Result<void> Manifest::add(const PartReceipt& receipt) {
  if (receipt.step != step) {
    return fail(Errc::InvalidArgument, "receipt of {} is for step {}, the manifest for step {}",
                receipt.rank, receipt.step, step);
  }
  auto merged = tensors;
  merged.insert(merged.end(), receipt.tensors.begin(), receipt.tensors.end());
  std::stable_sort(merged.begin(), merged.end(),
                   [](const auto& a, const auto& b) { return a.name < b.name; });
  const auto twice = std::adjacent_find(
      merged.begin(), merged.end(), [](const auto& a, const auto& b) { return a.name == b.name; });
  if (twice != merged.end()) {
    return fail(Errc::InvalidArgument, "tensor '{}' is saved by {} and by {}", twice->name,
                twice->owner, std::next(twice)->owner);
  }
  for (const auto& [name, bytes] : receipt.blobs) {
    if (blobs.contains(name)) {
      return fail(Errc::InvalidArgument, "state '{}' of {} is saved by another rank too", name,
                  receipt.rank);
    }
  }
  tensors = std::move(merged);
  blobs.insert(receipt.blobs.begin(), receipt.blobs.end());
  return {};
}

const TensorRecord* Manifest::find(std::string_view name) const {
  const auto at = std::lower_bound(
      tensors.begin(), tensors.end(), name,
      [](const TensorRecord& record, std::string_view wanted) { return record.name < wanted; });
  return at != tensors.end() && at->name == name ? &*at : nullptr;
}

std::vector<std::uint64_t> chunk_grid(DType dtype, const std::vector<std::int64_t>& shape) {
  const auto rows = shape.empty() ? 1 : static_cast<std::uint64_t>(shape.front());
  std::uint64_t row_bytes = size_of(dtype);
  for (std::size_t i = 1; i < shape.size(); ++i) row_bytes *= static_cast<std::uint64_t>(shape[i]);
  std::vector<std::uint64_t> grid{0};
  if (rows * row_bytes == 0) return grid;
  if (row_bytes <= kMaxChunkBytes) {
    // As few chunks as possible, then of equal height: pieces between about 2 and 4 MiB.
    const std::uint64_t count = divide_up(rows, kMaxChunkBytes / row_bytes);
    const std::uint64_t height = divide_up(rows, count);
    for (std::uint64_t row = height; row < rows; row += height) grid.push_back(row * row_bytes);
    grid.push_back(rows * row_bytes);
    return grid;
  }
  const std::uint64_t pieces = divide_up(row_bytes, kMaxChunkBytes);
  const std::uint64_t piece = divide_up(row_bytes / size_of(dtype), pieces) * size_of(dtype);
  for (std::uint64_t row = 0; row < rows; ++row) {
    for (std::uint64_t at = piece; at < row_bytes; at += piece)
      grid.push_back(row * row_bytes + at);
    grid.push_back((row + 1) * row_bytes);
  }
  return grid;
}

KnownChunks known_chunks(const Manifest& committed) {
  KnownChunks known;
  for (const auto& tensor : committed.tensors) {
    for (const auto& chunk : tensor.chunks) known.emplace(chunk.hash, chunk);
  }
  return known;
}

}  // namespace desa2va::checkpoint
