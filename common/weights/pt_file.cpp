#include "common/weights/pt_file.h"

#include <algorithm>
#include <cstring>
#include <set>

#include "common/weights/pickle.h"
#include "common/weights/zip.h"

namespace desa2va::weights {
namespace {

constexpr std::uint64_t kMaxPickle = 64U << 20U;

// Row-major without gaps; strides of sides of length 1 mean nothing.
bool is_contiguous(const PickledTensor& tensor) {
  std::int64_t expected = 1;
  for (std::size_t i = tensor.strides.size(); i-- > 0;) {
    if (tensor.info.shape[i] == 1) continue;
    if (tensor.strides[i] != expected) return false;
    expected *= tensor.info.shape[i];
  }
  return true;
}

class PtSource final : public TensorSource {
 public:
  PtSource(ZipArchive archive, std::string root, std::map<std::string, PickledTensor> tensors)
      : archive_(std::move(archive)), root_(std::move(root)), pickled_(std::move(tensors)) {
    for (const auto& [name, tensor] : pickled_) tensors_.emplace(name, tensor.info);
  }
  const std::map<std::string, TensorInfo>& tensors() const override { return tensors_; }
  std::string describe() const override { return archive_.file().path(); }

  Result<void> read(const std::string& name, std::uint64_t first,
                    MutableByteSpan out) const override {
    const PickledTensor& tensor = pickled_.at(name);
    if (out.empty()) return {};
    if (!is_contiguous(tensor)) return gather(tensor, first, out);
    const auto start = static_cast<std::uint64_t>(tensor.offset) * size_of(tensor.info.dtype);
    return archive_.file().read(archive_.entries().at(entry_of(tensor)).offset + start + first,
                                out);
  }

  Result<void> verify() const override {
    DESA2VA_TRY(archive_.verify(root_ + "data.pkl"));
    std::set<std::string> checked;
    for (const auto& [name, tensor] : pickled_) {
      const std::string entry = entry_of(tensor);
      if (!checked.insert(entry).second) continue;
      DESA2VA_TRY(archive_.verify(entry).in(fmt::format("tensor '{}'", name)));
    }
    return {};
  }

 private:
  std::string entry_of(const PickledTensor& tensor) const {
    return root_ + "data/" + tensor.storage;
  }

  // Whole elements only: chunks are cut at elements.
  Result<void> gather(const PickledTensor& tensor, std::uint64_t first, MutableByteSpan out) const {
    const std::size_t size = size_of(tensor.info.dtype);
    const std::string entry = entry_of(tensor);
    if (kept_entry_ != entry) {
      const auto& where = archive_.entries().at(entry);
      DESA2VA_ASSIGN(kept_, archive_.file().read(where.offset, where.size));
      kept_entry_ = entry;
    }
    auto index = static_cast<std::int64_t>(first / size);
    for (std::size_t at = 0; at < out.size(); at += size, ++index) {
      std::int64_t rest = index, place = tensor.offset;
      for (std::size_t i = tensor.strides.size(); i-- > 0;) {
        place += rest % tensor.info.shape[i] * tensor.strides[i];
        rest /= tensor.info.shape[i];
      }
      std::memcpy(out.data() + at, kept_.data() + static_cast<std::size_t>(place) * size, size);
    }
    return {};
  }

  const ZipArchive archive_;
  const std::string root_;  // "archive/"
  const std::map<std::string, PickledTensor> pickled_;
  std::map<std::string, TensorInfo> tensors_;
  mutable std::string kept_entry_;  // the storage of the last view that was not contiguous
  mutable Buffer kept_;
};

Result<std::string> find_root(const ZipArchive& archive) {
  constexpr std::string_view kPickle = "data.pkl";
  std::vector<std::string> roots;
  for (const auto& [name, entry] : archive.entries()) {
    if (name == kPickle || name.ends_with("/data.pkl"))
      roots.push_back(name.substr(0, name.size() - kPickle.size()));
  }
  if (roots.size() == 1) return roots[0];
  return fail(Errc::InvalidArgument, "is no archive of torch.save: it has {} entries data.pkl",
              roots.size());
}

Result<void> check_byte_order(const ZipArchive& archive, const std::string& root) {
  const auto found = archive.entries().find(root + "byteorder");
  if (found == archive.entries().end()) return {};
  DESA2VA_ASSIGN(
      const Buffer text,
      archive.file().read(found->second.offset, std::min<std::uint64_t>(found->second.size, 16)));
  if (as_text(text.bytes()) == "little") return {};
  return fail(Errc::InvalidArgument, "byteorder is '{}'; read is little", as_text(text.bytes()));
}

Result<void> check_storages(const ZipArchive& archive, const std::string& root,
                            const std::map<std::string, PickledTensor>& tensors) {
  for (const auto& [name, tensor] : tensors) {
    const auto found = archive.entries().find(root + "data/" + tensor.storage);
    if (found == archive.entries().end())
      return fail(Errc::Corrupt, "tensor '{}': its storage data/{} is not in the file", name,
                  tensor.storage);
    const std::uint64_t elements = found->second.size / size_of(tensor.info.dtype);
    if (elements < static_cast<std::uint64_t>(tensor.storage_numel))
      return fail(Errc::Corrupt, "tensor '{}': its storage data/{} has {} elements, {} are claimed",
                  name, tensor.storage, elements, tensor.storage_numel);
  }
  return {};
}

Result<SourcePtr> open_archive(ZipArchive archive) {
  DESA2VA_ASSIGN(const std::string root, find_root(archive));
  DESA2VA_TRY(check_byte_order(archive, root));
  const auto& entry = archive.entries().at(root + "data.pkl");
  if (entry.size > kMaxPickle)
    return fail(Errc::InvalidArgument, "data.pkl has {} bytes; up to {} are read", entry.size,
                kMaxPickle);
  DESA2VA_ASSIGN(const Buffer program, archive.file().read(entry.offset, entry.size));
  DESA2VA_ASSIGN(auto tensors, read_state_dict(program.bytes()));
  DESA2VA_TRY(check_storages(archive, root, tensors));
  return SourcePtr(std::make_unique<PtSource>(std::move(archive), root, std::move(tensors)));
}

}  // namespace

Result<SourcePtr> open_pt(const std::string& path) {
  DESA2VA_ASSIGN(ZipArchive archive, ZipArchive::open(path));
  return open_archive(std::move(archive)).in(path);
}

Result<SourcePtr> parse_pt(const Buffer& bytes, const std::string& what) {
  DESA2VA_ASSIGN(ZipArchive archive, ZipArchive::read(InputFile::over(bytes, what)));
  return open_archive(std::move(archive)).in(what);
}

}  // namespace desa2va::weights
