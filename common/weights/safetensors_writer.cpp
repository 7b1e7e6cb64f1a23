#include "common/weights/safetensors_writer.h"

#include <algorithm>
#include <cstring>
#include <filesystem>

#include <nlohmann/json.hpp>

#include "common/weights/output_file.h"
#include "common/weights/safetensors_header.h"

namespace desa2va::weights {
namespace {

using Json = nlohmann::ordered_json;
using Shard = std::vector<const TensorToWrite*>;

constexpr std::uint64_t kPiece = 4U << 20U;  // bytes written at once
constexpr std::size_t kAlignment = 8;        // of the data, as the reference writer has it

std::vector<Shard> divide(const std::vector<TensorToWrite>& tensors, std::uint64_t shard_bytes) {
  std::vector<Shard> shards(1);
  std::uint64_t bytes = 0;
  for (const auto& tensor : tensors) {
    if (!shards.back().empty() && bytes + tensor.info.bytes() > shard_bytes) {
      shards.emplace_back();
      bytes = 0;
    }
    shards.back().push_back(&tensor);
    bytes += tensor.info.bytes();
  }
  // Wide elements first, so that every tensor starts at a multiple of its element.
  for (Shard& shard : shards) {
    std::stable_sort(shard.begin(), shard.end(), [](const auto* a, const auto* b) {
      return size_of(a->info.dtype) > size_of(b->info.dtype);
    });
  }
  return shards;
}

std::string header_of(const Shard& shard, const std::map<std::string, std::string>& metadata) {
  Json header = Json::object();
  if (!metadata.empty()) header["__metadata__"] = metadata;
  std::uint64_t begin = 0;
  for (const auto* tensor : shard) {
    const std::uint64_t end = begin + tensor->info.bytes();
    header[tensor->name] = {{"dtype", safetensors_name(tensor->info.dtype)},
                            {"shape", tensor->info.shape},
                            {"data_offsets", {begin, end}}};
    begin = end;
  }
  std::string text = header.dump();
  text.append((kAlignment - text.size() % kAlignment) % kAlignment, ' ');
  return text;
}

class Writer {
 public:
  Writer(std::string folder, const WriteOptions& options)
      : folder_(std::move(folder)), options_(options), piece_(Buffer::allocate(kPiece)) {}

  Result<void> shard(const Shard& shard, const std::string& name) {
    DESA2VA_ASSIGN(OutputFile file, OutputFile::create(path_of(name)));
    const std::string header = header_of(shard, options_.metadata);
    const std::uint64_t size = header.size();
    DESA2VA_TRY(file.write(std::as_bytes(std::span(&size, 1))));
    DESA2VA_TRY(file.write(as_bytes(header)));
    for (const auto* tensor : shard)
      DESA2VA_TRY(data(file, *tensor).in(fmt::format("tensor '{}'", tensor->name)));
    DESA2VA_TRY(file.finish());
    written.files.push_back(name);
    return {};
  }

  Result<void> index(const std::vector<Shard>& shards) {
    Json map = Json::object();
    std::vector<std::pair<std::string, std::string>> names;
    for (std::size_t i = 0; i < shards.size(); ++i) {
      for (const auto* tensor : shards[i]) names.emplace_back(tensor->name, written.files[i]);
    }
    std::sort(names.begin(), names.end());
    for (const auto& [tensor, file] : names) map.push_back({tensor, file});
    const Json document = {{"metadata", {{"total_size", written.bytes}}}, {"weight_map", map}};
    const std::string name = options_.stem + ".safetensors.index.json";
    DESA2VA_TRY(write_file(path_of(name), document.dump(2) + "\n"));
    written.files.push_back(name);
    return {};
  }

  void remove_all() {
    std::error_code ignored;
    for (const auto& name : written.files) std::filesystem::remove(path_of(name), ignored);
  }

  Written written;

 private:
  std::string path_of(const std::string& name) const {
    return (std::filesystem::path(folder_) / name).string();
  }

  Result<void> data(OutputFile& file, const TensorToWrite& tensor) {
    const std::uint64_t bytes = tensor.info.bytes();
    for (std::uint64_t at = 0; at < bytes; at += kPiece) {
      if (options_.stop.stop_requested()) return fail(Errc::Cancelled, "stopped while writing");
      const auto part = piece_.mutable_bytes().first(std::min(kPiece, bytes - at));
      DESA2VA_TRY(tensor.fill(at, part));
      DESA2VA_TRY(file.write(part));
      written.bytes += part.size();
      if (options_.progress) options_.progress(written.bytes);
    }
    return {};
  }

  const std::string folder_;
  const WriteOptions& options_;
  Buffer piece_;
};

}  // namespace

Result<Written> write_safetensors(const std::string& folder,
                                  const std::vector<TensorToWrite>& tensors,
                                  const WriteOptions& options) {
  const auto shards = divide(tensors, options.shard_bytes);
  Writer writer(folder, options);
  const auto write_all = [&]() -> Result<void> {
    for (std::size_t i = 0; i < shards.size(); ++i) {
      const std::string name = shards.size() == 1 ? options.stem + ".safetensors"
                                                  : fmt::format("{}-{:05}-of-{:05}.safetensors",
                                                                options.stem, i + 1, shards.size());
      DESA2VA_TRY(writer.shard(shards[i], name));
    }
    return shards.size() == 1 ? Result<void>() : writer.index(shards);
  };
  if (auto done = write_all(); !done) {
    writer.remove_all();
    return std::move(done.error());
  }
  return std::move(writer.written);
}

TensorToWrite to_write(std::string name, HostTensor tensor) {
  TensorToWrite out{std::move(name), {tensor.dtype, tensor.shape}, {}};
  out.fill = [data = std::move(tensor.data)](std::uint64_t first,
                                             MutableByteSpan into) -> Result<void> {
    std::memcpy(into.data(), data.data() + first, into.size());
    return {};
  };
  return out;
}

}  // namespace desa2va::weights
