#include "common/weights/safetensors_folder.h"

#include <algorithm>
#include <filesystem>

#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include "common/weights/input_file.h"
#include "common/weights/safetensors.h"

namespace desa2va::weights {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr std::uint64_t kMaxIndex = 256U << 20U;  // bytes

class FolderSource final : public TensorSource {
 public:
  FolderSource(std::string folder, std::map<std::string, SourcePtr> files)
      : folder_(std::move(folder)), files_(std::move(files)) {
    for (const auto& [name, file] : files_) {
      for (const auto& [tensor, info] : file->tensors()) {
        tensors_.emplace(tensor, info);
        owner_.emplace(tensor, file.get());
      }
    }
  }
  const std::map<std::string, TensorInfo>& tensors() const override { return tensors_; }
  Result<void> read(const std::string& name, std::uint64_t first,
                    MutableByteSpan out) const override {
    return owner_.at(name)->read(name, first, out);
  }
  std::string describe() const override { return folder_; }

 private:
  const std::string folder_;
  const std::map<std::string, SourcePtr> files_;
  std::map<std::string, TensorInfo> tensors_;
  std::map<std::string, const TensorSource*> owner_;
};

// {tensor: file}, each file a plain name.
Result<std::map<std::string, std::string>> read_index(const std::string& path) {
  DESA2VA_ASSIGN(const InputFile file, InputFile::open(path));
  if (file.size() > kMaxIndex) {
    return fail(Errc::Corrupt, "{}: {} bytes; an index has at most {}", path, file.size(),
                kMaxIndex);
  }
  DESA2VA_ASSIGN(const Buffer text, file.read(0, file.size()));
  const auto root = json::parse(as_text(text.bytes()), nullptr, /*allow_exceptions=*/false);
  if (root.is_discarded() || !root.is_object() || !root.contains("weight_map") ||
      !root["weight_map"].is_object()) {
    return fail(Errc::Corrupt, "{}: is no JSON object with a weight_map", path);
  }
  std::map<std::string, std::string> index;
  for (const auto& [tensor, name] : root["weight_map"].items()) {
    if (!name.is_string() || name.get<std::string>().empty() ||
        name.get<std::string>().find('/') != std::string::npos) {
      return fail(Errc::Corrupt, "{}: tensor '{}' lies in {}, which is no file beside the index",
                  path, tensor, name.dump());
    }
    index.emplace(tensor, name.get<std::string>());
  }
  return index;
}

Result<void> check(const std::map<std::string, std::string>& index,
                   const std::map<std::string, SourcePtr>& files) {
  for (const auto& [tensor, file] : index) {
    if (!files.at(file)->tensors().contains(tensor)) {
      return fail(Errc::Corrupt, "the index puts tensor '{}' into {}, which does not have it",
                  tensor, file);
    }
  }
  for (const auto& [file, source] : files) {
    for (const auto& [tensor, info] : source->tensors()) {
      const auto entry = index.find(tensor);
      if (entry == index.end()) {
        return fail(Errc::Corrupt, "{} has tensor '{}', which the index does not name", file,
                    tensor);
      }
      if (entry->second != file) {
        return fail(Errc::Corrupt, "tensor '{}' is in {} and, by the index, in {}", tensor, file,
                    entry->second);
      }
    }
  }
  return {};
}

}  // namespace

Result<SourcePtr> open_safetensors_folder(const std::string& folder) {
  std::vector<std::string> indexes, singles;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    const std::string name = entry.path().filename().string();
    if (name.ends_with(".safetensors.index.json")) indexes.push_back(name);
    if (name.ends_with(".safetensors")) singles.push_back(name);
  }
  if (error) return fail(Errc::NotFound, "{}: {}", folder, error.message());
  std::sort(singles.begin(), singles.end());
  if (indexes.size() > 1) {
    return fail(Errc::InvalidArgument, "{}: has {} indexes ({}); one is allowed", folder,
                indexes.size(), fmt::join(indexes, ", "));
  }
  if (indexes.empty()) {
    if (std::binary_search(singles.begin(), singles.end(), "model.safetensors")) {
      return open_safetensors((fs::path(folder) / "model.safetensors").string());
    }
    if (singles.size() == 1) return open_safetensors((fs::path(folder) / singles[0]).string());
    if (singles.empty()) {
      return fail(Errc::NotFound, "{}: has no .safetensors file and no index of them", folder);
    }
    return fail(
        Errc::InvalidArgument,
        "{}: has {} .safetensors files and no model.safetensors.index.json that tells which "
        "tensor lies where; fetch the index too",
        folder, singles.size());
  }
  DESA2VA_ASSIGN(const auto index, read_index((fs::path(folder) / indexes[0]).string()));
  std::map<std::string, SourcePtr> files;
  for (const auto& [tensor, name] : index) {
    if (files.contains(name)) continue;
    DESA2VA_ASSIGN(files[name], open_safetensors((fs::path(folder) / name).string())
                                    .in(fmt::format("{} names", indexes[0])));
  }
  DESA2VA_TRY(check(index, files).in(folder));
  return SourcePtr(std::make_unique<FolderSource>(folder, std::move(files)));
}

}  // namespace desa2va::weights
