#include "common/storage/checkpoint/part_writer.h"

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <optional>

#include "common/storage/checkpoint/layout.h"
#include "common/storage/rocks/files.h"
#include "common/storage/rocks/sst.h"

namespace desa2va::checkpoint {

struct PartWriter::Impl {
  std::filesystem::path parts;
  std::string rank;
  std::uint64_t step = 0;
  KnownChunks known;
  std::map<std::string, bool> parts_there;
  rocksdb::Env* env = nullptr;
  std::filesystem::path temporary;
  std::optional<rocks::SstWriter> sst;  // made with the first new chunk
  PartReceipt receipt;
  std::optional<Error> failure;
  bool finished = false;

  ~Impl() {
    sst.reset();
    if (!finished) remove_temporary();
  }

  void remove_temporary() const {
    std::error_code ignored;
    std::filesystem::remove(temporary, ignored);
  }

  // Whether the file of a known chunk is still there; a caller may know more than was committed,
  // and gc may have taken it since. Looked up once a part.
  bool is_there(const std::string& part) {
    if (part.empty()) return true;  // this one
    const auto [at, fresh] = parts_there.try_emplace(part, false);
    std::error_code ignored;
    if (fresh) at->second = std::filesystem::is_regular_file(parts / part, ignored);
    return at->second;
  }

  Result<void> write(const ContentHash& hash, ByteSpan bytes, Chunk& chunk) {
    if (!sst) {
      DESA2VA_ASSIGN(sst, rocks::SstWriter::create(temporary, rocks::Kind::Bulk, env));
    }
    chunk = {hash,
             static_cast<std::uint32_t>(bytes.size()),
             static_cast<std::uint32_t>(sst->entries()),
             {}};
    DESA2VA_TRY(sst->put(rocks::number_key(chunk.number), bytes));
    receipt.written_bytes += bytes.size();
    known.insert_or_assign(hash, chunk);
    return {};
  }

  // Bytes [begin, end) of the tensor, which stay there until the next call.
  using Cut = std::function<Result<ByteSpan>(std::uint64_t begin, std::uint64_t end)>;

  Result<void> add(std::string_view name, DType dtype, const std::vector<std::int64_t>& shape,
                   const Cut& cut) {
    for (const std::int64_t extent : shape) {
      if (extent < 0) {
        return fail(Errc::InvalidArgument, "tensor '{}' is {}", name,
                    describe(HostTensor{dtype, shape, {}}));
      }
    }
    const auto grid = chunk_grid(dtype, shape);
    TensorRecord record{std::string(name), dtype, shape, rank, {}};
    for (std::size_t i = 0; i + 1 < grid.size(); ++i) {
      DESA2VA_ASSIGN(const ByteSpan bytes, cut(grid[i], grid[i + 1]));
      const ContentHash hash = content_hash(bytes);
      Chunk chunk;
      if (const auto at = known.find(hash); at != known.end() && is_there(at->second.part)) {
        chunk = at->second;
        receipt.reused_bytes += bytes.size();
      } else {
        DESA2VA_TRY(write(hash, bytes, chunk));
      }
      record.chunks.push_back(std::move(chunk));
    }
    receipt.tensors.push_back(std::move(record));
    return {};
  }

  Result<void> add(std::string_view name, const HostTensor& tensor) {
    const bool counts = std::all_of(tensor.shape.begin(), tensor.shape.end(),
                                    [](std::int64_t extent) { return extent >= 0; });
    const auto due = counts ? chunk_grid(tensor.dtype, tensor.shape).back() : 0;
    if (counts && tensor.data.size() != due) {
      return fail(Errc::InvalidArgument, "tensor '{}' is {} and has {} bytes instead of {}", name,
                  describe(tensor), tensor.data.size(), due);
    }
    return add(name, tensor.dtype, tensor.shape,
               [&](std::uint64_t begin, std::uint64_t end) -> Result<ByteSpan> {
                 return tensor.data.bytes().subspan(begin, end - begin);
               });
  }

  // The part's name is known only now; chunks of this part carry an empty name until here.
  Result<void> publish() {
    if (!sst) return {};
    DESA2VA_TRY(sst->finish());
    sst.reset();
    for (int attempt = 0;; ++attempt) {
      const auto name = part_name(step, rank, attempt);
      DESA2VA_ASSIGN(const bool renamed,
                     rocks::rename_path(temporary, parts / name, /*replace=*/false));
      if (!renamed) continue;  // left by an earlier save of this step
      receipt.part = name;
      break;
    }
    for (auto& tensor : receipt.tensors) {
      for (auto& chunk : tensor.chunks) {
        if (chunk.part.empty()) chunk.part = receipt.part;
      }
    }
    return rocks::sync_directory(parts);
  }

  Result<void> keep(Result<void> result) {
    if (!result) {
      failure = result.error();
      sst.reset();
      remove_temporary();
    }
    return result;
  }
};

PartWriter::PartWriter(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
PartWriter::PartWriter(PartWriter&&) noexcept = default;
PartWriter& PartWriter::operator=(PartWriter&&) noexcept = default;
PartWriter::~PartWriter() = default;

Result<PartWriter> PartWriter::create(const std::filesystem::path& dir, std::string_view rank,
                                      std::uint64_t step, KnownChunks known, rocksdb::Env* env) {
  if (rank.empty() || rank.find('/') != std::string_view::npos) {
    return fail(Errc::InvalidArgument, "'{}' is no rank; expected for example 'mllm-0'", rank);
  }
  auto impl = std::make_unique<Impl>();
  impl->parts = dir / kPartsFolder;
  impl->rank = rank;
  impl->step = step;
  impl->known = std::move(known);
  impl->env = env;
  impl->receipt.rank = rank;
  impl->receipt.step = step;
  static std::atomic<unsigned> counter{0};
  impl->temporary = impl->parts / temporary_name(step, rank, ::getpid(), counter++);
  DESA2VA_TRY(rocks::make_directories(impl->parts));
  return PartWriter(std::move(impl));
}

Result<void> PartWriter::add(std::string_view name, const HostTensor& tensor) {
  if (impl_->failure) return *impl_->failure;
  return impl_->keep(impl_->add(name, tensor).in(fmt::format("save tensor '{}'", name)));
}

Result<void> PartWriter::add(std::string_view name, DType dtype,
                             const std::vector<std::int64_t>& shape, const Fill& fill) {
  if (impl_->failure) return *impl_->failure;
  Buffer piece;
  const auto cut = [&](std::uint64_t begin, std::uint64_t end) -> Result<ByteSpan> {
    if (piece.size() < end - begin) piece = Buffer::allocate(end - begin);
    const auto part = piece.mutable_bytes().first(end - begin);
    DESA2VA_TRY(fill(begin, part));
    return ByteSpan(part);
  };
  return impl_->keep(impl_->add(name, dtype, shape, cut).in(fmt::format("save tensor '{}'", name)));
}

Result<void> PartWriter::add_unchanged(const TensorRecord& record) {
  if (impl_->failure) return *impl_->failure;
  impl_->receipt.reused_bytes += record.bytes();
  impl_->receipt.tensors.push_back(record);
  impl_->receipt.tensors.back().owner = impl_->rank;
  return {};
}

Result<void> PartWriter::add_blob(std::string_view name, ByteSpan bytes) {
  if (impl_->failure) return *impl_->failure;
  const bool added = impl_->receipt.blobs.emplace(name, as_text(bytes)).second;
  if (!added) {
    return impl_->keep(fail(Errc::InvalidArgument, "state '{}' was added twice", name));
  }
  return {};
}

Result<PartReceipt> PartWriter::finish() {
  if (impl_->failure) return *impl_->failure;
  if (impl_->finished) return fail(Errc::Internal, "finish was called twice");
  DESA2VA_TRY(impl_->keep(impl_->publish().in(fmt::format("seal part of {}", impl_->rank))));
  impl_->finished = true;
  return std::move(impl_->receipt);
}

}  // namespace desa2va::checkpoint
