#include "common/storage/shards/verify.h"

#include <algorithm>
#include <map>
#include <optional>

#include "common/storage/rocks/files.h"
#include "common/storage/rocks/sst.h"
#include "common/storage/shards/catalog.h"
#include "common/storage/shards/layout.h"
#include "common/storage/shards/records.h"

namespace desa2va::shards {
namespace {

constexpr std::size_t kNamedSamples = 16;
constexpr std::uint64_t kNamedEntries = 100'000;  // of a file that cannot be opened

// One pass over one dataset; every finding becomes a Defect and the pass goes on.
class Verifier {
 public:
  Verifier(const std::filesystem::path& dir, VerifyReport& report) : dir_(dir), report_(report) {}

  Result<void> run() {
    auto catalog = load_catalog(dir_);
    if (!catalog) {
      if (catalog.error().code() != Errc::Corrupt) return std::move(catalog.error());
      defect(kCatalogFile, "", catalog.error().message());
      // The files are looked at as long as their names can be read.
      catalog = load_catalog_unchecked(dir_);
      if (!catalog) return {};
    }
    catalog_ = std::move(*catalog);
    report_.dataset = catalog_.dataset;
    if (report_.defects.empty()) check_checksum_file();
    for (const auto& file : catalog_.files) check_whole(file);
    for (const auto& file : catalog_.files) {
      if (file.kind == kIndexKind) check_index(file);
    }
    std::uint32_t media_file = 0;
    for (const auto& file : catalog_.files) {
      if (file.kind == kMediaKind) check_media(file, media_file++);
    }
    for (const auto& file : catalog_.files) {
      if (file.kind == kSamplesKind) check_samples(file);
    }
    blame_metadata();
    return {};
  }

 private:
  void defect(std::string_view file, std::string key, std::string what) {
    report_.defects.push_back({std::string(file), std::move(key), std::move(what), {}});
    ++found_in_[std::string(file)];
  }

  void check_checksum_file() {
    const auto text = rocks::read_file(dir_ / kCatalogFile, ~0ULL);
    const auto sums = rocks::read_file(dir_ / kChecksumFile, ~0ULL);
    if (!text || !sums || *sums != checksum_lines(*text, catalog_)) {
      defect(kChecksumFile, "", "does not list the files of the catalog with their hashes");
    }
  }

  void check_whole(const FileEntry& file) {
    ++report_.files;
    const auto hash = rocks::hash_file(dir_ / file.name);
    if (!hash) return defect(file.name, "", hash.error().message());
    report_.bytes += hash->bytes;
    if (hash->bytes != file.bytes || hash->hash != file.hash) damaged_.push_back(&file);
  }

  std::optional<rocks::SstReader> open(const FileEntry& file, rocks::Kind kind) {
    auto sst = rocks::SstReader::open(dir_ / file.name, kind);
    if (sst) return std::move(*sst);
    if (found_in_[file.name] == 0) defect(file.name, "", sst.error().message());
    return std::nullopt;
  }

  void check_index(const FileEntry& file) {
    const auto sst = open(file, rocks::Kind::Text);
    if (!sst) return;
    std::uint64_t costs = 0;
    const auto walked = sst->walk("", [&](std::string_view key, ByteSpan value) -> Result<bool> {
      if (key.starts_with('c')) {
        const auto block = decode_costs(value);
        if (!block) defect(file.name, fmt::format("costs from {}", costs), block.error().message());
        if (block) costs += block->size();
      } else if (key.starts_with('m') && key.size() == 1 + kHashBytes) {
        const auto hash = hash_from(key.substr(1));
        const auto location = decode_location(value);
        if (location) {
          locations_[location->file][location->number] = hash;
        } else {
          defect(file.name, fmt::format("medium {}", hash.hex()), location.error().message());
        }
      } else if (!key.starts_with('f')) {
        defect(file.name, "", fmt::format("an unknown key of {} bytes", key.size()));
      }
      return true;
    });
    if (!walked) defect(file.name, "", walked.error().message());
    if (walked && costs != catalog_.samples) {
      defect(file.name, "",
             fmt::format("costs of {} samples, there are {}", costs, catalog_.samples));
    }
    index_whole_ = walked.has_value();
  }

  // As many as the catalog says, where it can be believed: it may be the damaged part.
  std::uint64_t entries_to_check(const FileEntry& file,
                                 const std::optional<rocks::SstReader>& sst) {
    if (!sst) return std::min(file.entries, kNamedEntries);
    if (sst->entries() == file.entries) return file.entries;
    defect(file.name, "",
           fmt::format("has {} entries, the catalog says {}", sst->entries(), file.entries));
    return std::min(file.entries, sst->entries());
  }

  void check_media(const FileEntry& file, std::uint32_t number_of_file) {
    const auto sst = open(file, rocks::Kind::Bulk);
    const auto& hashes = locations_[number_of_file];
    const std::uint64_t end = file.first + entries_to_check(file, sst);
    for (std::uint64_t number = file.first; number < end; ++number) {
      ++report_.media;
      const auto known = hashes.find(number);
      std::string what;
      if (!sst) {
        what = "the file cannot be opened";
      } else {
        const auto found = sst->get(rocks::number_key(number), [&](ByteSpan value) -> Result<void> {
          if (known != hashes.end() && content_hash(value) != known->second) {
            what = "content differs from its hash";
          }
          return {};
        });
        if (!found) what = found.error().message();
        if (found && !*found) what = "it is missing";
      }
      if (known == hashes.end()) {
        if (what.empty() && index_whole_) what = "the index does not know it";
        if (!what.empty()) defect(file.name, fmt::format("medium {}", number), what);
      } else if (!what.empty()) {
        defect(file.name, fmt::format("medium {} ({})", number, known->second.hex()), what);
        bad_media_.emplace(known->second, report_.defects.size() - 1);
      }
    }
  }

  void check_samples(const FileEntry& file) {
    const auto sst = open(file, rocks::Kind::Text);
    const std::uint64_t end = file.first + entries_to_check(file, sst);
    for (std::uint64_t number = file.first; number < end; ++number) {
      ++report_.samples;
      if (!sst) {
        defect(file.name, fmt::format("sample {}", number), "the file cannot be opened");
        continue;
      }
      std::string what;
      const auto found = sst->get(rocks::number_key(number), [&](ByteSpan value) -> Result<void> {
        DESA2VA_ASSIGN(const auto sample, decode_sample(value));
        check_references(sample);
        return {};
      });
      if (!found) what = found.error().message();
      if (found && !*found) what = "it is missing";
      if (!what.empty()) defect(file.name, fmt::format("sample {}", number), what);
    }
  }

  void check_references(const SampleRecord& sample) {
    for (const auto& hash : sample.media) {
      const auto bad = bad_media_.find(hash);
      if (bad == bad_media_.end()) continue;
      auto& needy = report_.defects[bad->second].samples;
      if (needy.size() < kNamedSamples && (needy.empty() || needy.back() != sample.key)) {
        needy.push_back(sample.key);
      }
    }
  }

  // A file that differs although each of its entries is sound: its own index, footer or padding.
  void blame_metadata() {
    for (const auto* file : damaged_) {
      if (found_in_[file->name] > 0) continue;
      defect(file->name, "",
             "the file differs from its hash, but every entry in it is intact: the damage is in "
             "the file's own tables");
    }
  }

  const std::filesystem::path& dir_;
  VerifyReport& report_;
  Catalog catalog_;
  std::map<std::string, int> found_in_;
  std::vector<const FileEntry*> damaged_;
  bool index_whole_ = false;
  std::map<std::uint32_t, std::map<std::uint64_t, ContentHash>> locations_;  // file, number
  std::map<ContentHash, std::size_t> bad_media_;                             // index of the defect
};

}  // namespace

Result<VerifyReport> verify(const std::filesystem::path& dir) {
  VerifyReport report;
  DESA2VA_TRY(Verifier(dir, report).run());
  return report;
}

}  // namespace desa2va::shards
