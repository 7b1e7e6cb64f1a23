#include "common/datasets/shard_repair.h"

#include <algorithm>
#include <fstream>
#include <map>
#include <set>

#include <nlohmann/json.hpp>

#include "common/base/hash_table.h"
#include "common/datasets/frame_index.h"
#include "common/datasets/sample.h"
#include "common/datasets/shard_import.h"
#include "common/preprocess/video/reader.h"
#include "common/storage/rocks/files.h"
#include "common/storage/rocks/salvage.h"
#include "common/storage/rocks/sst.h"
#include "common/storage/shards/records.h"
#include "common/storage/shards/shard_writer.h"

namespace desa2va::datasets {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kNamed = 16;
constexpr std::size_t kHash = 16;

ContentHash hash_of_key(std::string_view bytes) {
  return {*rocks::number_from(bytes.substr(0, 8)), *rocks::number_from(bytes.substr(8, 8))};
}

// "media-00000.sst" in the order of their numbers.
std::vector<std::string> files_of(const fs::path& dir, std::string_view kind) {
  std::vector<std::string> names;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(dir, ignored)) {
    const auto name = entry.path().filename().string();
    if (name.starts_with(std::string(kind) + "-") && name.ends_with(".sst")) names.push_back(name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

class Repairer {
 public:
  Repairer(const fs::path& dir, const std::function<void(const std::string&)>& say)
      : dir_(dir), say_(say) {}

  Result<Repaired> run(const fs::path& out) {
    const auto media = files_of(dir_, "media");
    const auto samples = files_of(dir_, "samples");
    if (media.empty() && samples.empty())
      return fail(Errc::NotFound, "no shard files in {}", dir_.string());
    read_catalog();
    DESA2VA_TRY(read_index());
    for (const auto& name : media) DESA2VA_TRY(read_media(name));
    shards::WriterOptions options;
    options.dataset = catalog_.dataset.empty() ? dir_.filename().string() : catalog_.dataset;
    options.kind = catalog_.kind;
    options.created_by = "desa2va shards repair";
    options.numerics = catalog_.numerics;
    options.facts = catalog_.facts;
    options.facts["repaired"] = dir_.string();
    DESA2VA_ASSIGN(auto writer, shards::ShardWriter::create(out, options));
    for (const auto& name : samples) DESA2VA_TRY(copy_samples(name, writer));
    if (copied_ == 0)
      return fail(Errc::Corrupt, "{}: not one sample is left to save", dir_.string());
    name_losses();
    DESA2VA_ASSIGN(repaired_.catalog, writer.finish());
    return std::move(repaired_);
  }

 private:
  struct Place {
    std::uint32_t file = 0;
    std::uint64_t offset = 0;
    std::uint64_t bytes = 0;
  };

  void say(const std::string& text) const {
    if (say_) say_(text);
  }
  void lose(std::string what, std::string why) {
    repaired_.losses.push_back({std::move(what), std::move(why), {}});
  }

  // The catalog where it is sound; else what can be read of it, names and free words only.
  void read_catalog() {
    auto catalog = shards::load_catalog(dir_);
    if (catalog) {
      catalog_ = std::move(*catalog);
      return;
    }
    lose("catalog.json", catalog.error().message());
    const auto text = rocks::read_file(dir_ / "catalog.json", 256ULL << 20U);
    if (!text) return;
    const auto json = nlohmann::json::parse(*text, nullptr, /*allow_exceptions=*/false);
    if (!json.is_object()) return;
    try {
      catalog_.dataset = json.value("dataset", "");
      catalog_.kind = json.value("kind", "");
      catalog_.samples = json.value("samples", std::uint64_t{0});
      catalog_.facts = json.value("facts", std::map<std::string, std::string>());
      catalog_.numerics = json.value("numerics", std::map<std::string, std::string>());
    } catch (const nlohmann::json::exception&) {
      // What was read so far is all there is.
    }
  }

  Result<void> read_index() {
    const auto name = dir_ / "index.sst";
    if (!fs::exists(name)) {
      lose("index.sst", "is missing; it was made anew");
      return {};
    }
    DESA2VA_ASSIGN(
        const auto salvaged,
        rocks::salvage(
            name, [&](std::string_view key, ByteSpan value, std::uint64_t) -> Result<void> {
              if (key.size() == 9 && key[0] == 'c') {
                if (auto costs = shards::decode_costs(value)) {
                  const auto first = *rocks::number_from(key.substr(1));
                  for (std::size_t i = 0; i < costs->size(); ++i) costs_[first + i] = (*costs)[i];
                }
              } else if (key.size() == 1 + kHash && key[0] == 'f') {
                if (decode_frame_index(value))
                  frame_indexes_.insert(hash_of_key(key.substr(1)), Buffer::copy_of(value));
              } else if (key.size() == 1 + kHash && key[0] == 'm') {
                expected_media_.insert(hash_of_key(key.substr(1)));
              }
              return {};
            }));
    static_cast<void>(salvaged);
    return {};
  }

  Result<void> read_media(const std::string& name) {
    say("reading " + name);
    const auto file = static_cast<std::uint32_t>(media_files_.size());
    media_files_.push_back(name);
    DESA2VA_ASSIGN(
        const auto salvaged,
        rocks::salvage(
            dir_ / name,
            [&](std::string_view key, ByteSpan value, std::uint64_t offset) -> Result<void> {
              if (key.size() == 8 && offset > 0)
                media_.insert(content_hash(value), {file, offset, value.size()});
              return {};
            }));
    static_cast<void>(salvaged);
    return {};
  }

  Result<Buffer> read_medium(const ContentHash& hash, Place place) {
    std::ifstream in(dir_ / media_files_[place.file], std::ios::binary);
    Buffer buffer = Buffer::allocate(place.bytes);
    in.seekg(static_cast<std::streamoff>(place.offset));
    in.read(reinterpret_cast<char*>(buffer.mutable_bytes().data()),
            static_cast<std::streamsize>(place.bytes));
    if (!in || content_hash(buffer.bytes()) != hash)
      return fail(Errc::Corrupt, "{} changes while it is read", media_files_[place.file]);
    return buffer;
  }

  // Whether the medium is in the new dataset now.
  Result<bool> copy_medium(const ContentHash& hash, bool video, shards::ShardWriter& writer) {
    if (stored_.contains(hash)) return true;
    const Place* place = media_.find(hash);
    if (place == nullptr) return false;
    DESA2VA_ASSIGN(const Buffer bytes, read_medium(hash, *place));
    DESA2VA_ASSIGN(const auto stored, writer.media(bytes.bytes()));
    stored_.insert(stored);
    if (const Buffer* index = frame_indexes_.find(hash)) {
      DESA2VA_TRY(writer.frame_index(hash, index->bytes()));
    } else if (video) {
      DESA2VA_TRY(index_again(hash, bytes, writer));
    }
    return true;
  }

  Result<void> index_again(const ContentHash& hash, const Buffer& bytes,
                           shards::ShardWriter& writer) {
    auto reader = preprocess::VideoReader::open(bytes);
    if (!reader) return {};
    auto index = reader->scan();
    if (!index) return {};
    DESA2VA_TRY(reader->confirm_starts(*index));
    ++repaired_.recomputed;
    return writer.frame_index(hash, encode_frame_index(*index).bytes());
  }

  Result<void> copy_samples(const std::string& name, shards::ShardWriter& writer) {
    say("reading " + name);
    DESA2VA_ASSIGN(
        const auto salvaged,
        rocks::salvage(dir_ / name,
                       [&](std::string_view key, ByteSpan value, std::uint64_t) -> Result<void> {
                         const auto number = rocks::number_from(key);
                         // Numbers only grow: what does not is no entry of a samples file.
                         if (!number || (last_ && *number <= *last_)) return {};
                         auto record = shards::decode_sample(value);
                         if (!record) return {};
                         lost_until(*number);
                         last_ = *number;
                         return copy_sample(*number, std::move(*record), writer);
                       }));
    static_cast<void>(salvaged);
    return {};
  }

  void lost_until(std::uint64_t number) {
    for (std::uint64_t gone = last_ ? *last_ + 1 : 0; gone < number; ++gone) {
      ++repaired_.samples_lost;
      if (repaired_.samples_lost <= 1000)
        lose(fmt::format("sample {}", gone), "its record is in a damaged block");
    }
  }

  Result<void> copy_sample(std::uint64_t number, shards::SampleRecord record,
                           shards::ShardWriter& writer) {
    const auto sample = decode_sample(record.payload.bytes());
    std::set<ContentHash> videos;
    if (sample)
      for (const auto& media : sample->media)
        if (media.kind == MediaKind::Video) videos.insert(media.hash);
    std::vector<ContentHash> kept;
    for (const auto& hash : record.media) {
      DESA2VA_ASSIGN(const bool there, copy_medium(hash, videos.contains(hash), writer));
      if (there) {
        kept.push_back(hash);
        continue;
      }
      auto& samples = lost_media_[hash];
      if (samples.size() < kNamed) samples.push_back(record.key);
      if (record.broken.empty()) ++repaired_.samples_broken;
      record.broken = fmt::format("medium {} was lost in a damaged shard", hash.hex());
    }
    record.media = std::move(kept);
    shards::SampleCost cost;
    if (const auto known = costs_.find(number); known != costs_.end()) {
      cost = known->second;
    } else if (sample) {
      cost = cost_of(*sample, nullptr);
      ++repaired_.recomputed;
    }
    ++copied_;
    DESA2VA_ASSIGN(const auto copied, writer.sample(record, cost));
    static_cast<void>(copied);
    return {};
  }

  void name_losses() {
    if (catalog_.samples > 0) lost_until(catalog_.samples);
    repaired_.samples_before = std::max(catalog_.samples, last_ ? *last_ + 1 : std::uint64_t{0});
    for (const auto& hash : expected_media_)
      if (!media_.contains(hash)) lost_media_[hash];
    repaired_.media_lost = lost_media_.size();
    for (auto& [hash, samples] : lost_media_) {
      repaired_.losses.push_back({fmt::format("medium {}", hash.hex()),
                                  "its bytes are in a damaged block", std::move(samples)});
    }
  }

  const fs::path dir_;
  const std::function<void(const std::string&)>& say_;
  shards::Catalog catalog_;
  std::map<std::uint64_t, shards::SampleCost> costs_;
  HashTable<Buffer> frame_indexes_;
  std::set<ContentHash> expected_media_;
  HashTable<Place> media_;
  std::vector<std::string> media_files_;
  HashTable<Nothing> stored_;
  std::map<ContentHash, std::vector<std::string>> lost_media_;
  std::optional<std::uint64_t> last_;  // number of the last sample saved
  std::uint64_t copied_ = 0;
  Repaired repaired_;
};

}  // namespace

Result<Repaired> repair(const fs::path& dir, const fs::path& out,
                        const std::function<void(const std::string&)>& say) {
  return Repairer(dir, say).run(out);
}

}  // namespace desa2va::datasets
