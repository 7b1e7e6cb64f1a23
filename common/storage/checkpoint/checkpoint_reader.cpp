#include "common/storage/checkpoint/checkpoint_reader.h"

#include <algorithm>
#include <cstring>
#include <map>

#include "common/storage/checkpoint/layout.h"
#include "common/storage/rocks/sst.h"

namespace desa2va::checkpoint {

struct CheckpointReader::Impl {
  std::filesystem::path dir;
  Manifest manifest;
  std::map<std::string, rocks::SstReader> parts;

  // Bytes [first, last) of the chunk, copied to `out`, after all of it was verified.
  Result<void> copy(const TensorRecord& tensor, std::size_t index, std::uint64_t first,
                    std::uint64_t last, std::byte* out) const {
    const Chunk& chunk = tensor.chunks[index];
    const auto differs = [&](std::string_view what) {
      return fail(Errc::Corrupt, "tensor '{}': chunk {} of {} (entry {} of {}): {}", tensor.name,
                  index, tensor.chunks.size(), chunk.number, chunk.part, what);
    };
    auto found = parts.at(chunk.part)
                     .get(rocks::number_key(chunk.number), [&](ByteSpan bytes) -> Result<void> {
                       if (bytes.size() != chunk.bytes) return differs("its size differs");
                       if (content_hash(bytes) != chunk.hash) return differs("its hash differs");
                       std::memcpy(out, bytes.data() + first, last - first);
                       return {};
                     });
    if (!found && found.error().code() == Errc::Corrupt &&
        found.error().message().rfind("tensor", 0) != 0) {
      return differs(found.error().message());
    }
    if (!found) return std::move(found.error());
    if (!*found) return differs("it is missing");
    return {};
  }
};

CheckpointReader::CheckpointReader(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
CheckpointReader::CheckpointReader(CheckpointReader&&) noexcept = default;
CheckpointReader& CheckpointReader::operator=(CheckpointReader&&) noexcept = default;
CheckpointReader::~CheckpointReader() = default;

Result<CheckpointReader> CheckpointReader::open(const std::filesystem::path& dir,
                                                Manifest manifest) {
  auto impl = std::make_unique<Impl>();
  impl->dir = dir;
  impl->manifest = std::move(manifest);
  for (const auto& tensor : impl->manifest.tensors) {
    for (const auto& chunk : tensor.chunks) {
      if (impl->parts.contains(chunk.part)) continue;
      auto part = rocks::SstReader::open(dir / kPartsFolder / chunk.part, rocks::Kind::Bulk);
      if (!part) {
        return std::move(part.error())
            .in(fmt::format("checkpoint of step {}: tensor '{}'", impl->manifest.step,
                            tensor.name));
      }
      impl->parts.emplace(chunk.part, std::move(*part));
    }
  }
  return CheckpointReader(std::move(impl));
}

const Manifest& CheckpointReader::manifest() const {
  return impl_->manifest;
}

Result<HostTensor> CheckpointReader::read(std::string_view name) const {
  const TensorRecord* tensor = impl_->manifest.find(name);
  if (tensor == nullptr) {
    return fail(Errc::NotFound, "checkpoint of step {} has no tensor '{}'", impl_->manifest.step,
                name);
  }
  HostTensor result = HostTensor::empty(tensor->dtype, tensor->shape);
  std::byte* out = result.data.mutable_bytes().data();
  for (std::size_t i = 0; i < tensor->chunks.size(); ++i) {
    DESA2VA_TRY(impl_->copy(*tensor, i, 0, tensor->chunks[i].bytes, out));
    out += tensor->chunks[i].bytes;
  }
  return result;
}

Result<HostTensor> CheckpointReader::read_rows(std::string_view name, std::int64_t first,
                                               std::int64_t count) const {
  const TensorRecord* tensor = impl_->manifest.find(name);
  if (tensor == nullptr) {
    return fail(Errc::NotFound, "checkpoint of step {} has no tensor '{}'", impl_->manifest.step,
                name);
  }
  const std::int64_t rows = tensor->shape.empty() ? 0 : tensor->shape.front();
  if (first < 0 || count < 0 || count > rows || first > rows - count) {
    return fail(Errc::InvalidArgument, "rows [{}, {}) of tensor '{}', which has {}", first,
                first + count, name, rows);
  }
  auto shape = tensor->shape;
  shape.front() = count;
  HostTensor result = HostTensor::empty(tensor->dtype, std::move(shape));
  if (result.data.empty()) return result;
  const std::uint64_t row_bytes = result.data.size() / static_cast<std::uint64_t>(count);
  const std::uint64_t begin = static_cast<std::uint64_t>(first) * row_bytes;
  const std::uint64_t end = begin + result.data.size();
  const auto grid = chunk_grid(tensor->dtype, tensor->shape);
  for (std::size_t i = 0; i < tensor->chunks.size(); ++i) {
    const std::uint64_t from = std::max(begin, grid[i]);
    const std::uint64_t to = std::min(end, grid[i + 1]);
    if (from >= to) continue;
    DESA2VA_TRY(impl_->copy(*tensor, i, from - grid[i], to - grid[i],
                            result.data.mutable_bytes().data() + (from - begin)));
  }
  return result;
}

}  // namespace desa2va::checkpoint
