#include "common/storage/shards/verify.h"

#include <algorithm>
#include <functional>
#include <map>
#include <optional>

#include "common/base/parallel.h"
#include "common/storage/rocks/files.h"
#include "common/storage/rocks/sst.h"
#include "common/storage/shards/catalog.h"
#include "common/storage/shards/layout.h"
#include "common/storage/shards/records.h"

namespace desa2va::shards {
namespace {

constexpr std::size_t kNamedSamples = 16;
constexpr std::uint64_t kMediaAtOnce = 32;  // by one thread
constexpr std::uint64_t kSamplesAtOnce = 1024;
constexpr std::uint64_t kNamedEntries = 100'000;  // of a file that cannot be opened

// What is wrong with one entry of a file.
struct Finding {
  std::uint64_t number = 0;
  std::string what;
};

// Entries [from, to) of a file, checked by one thread, and what it found.
struct Piece {
  std::size_t file = 0;  // of Verifier::Files
  std::uint64_t from = 0;
  std::uint64_t to = 0;
  std::vector<Finding> findings;
  // Samples that need a bad medium, by the defect of that medium.
  std::vector<std::pair<std::size_t, std::string>> needy;
};

// One pass over one dataset; every finding becomes a Defect and the pass goes on. Threads find,
// each in pieces of its own; what they found is put together by one, in the order of the dataset.
class Verifier {
 public:
  Verifier(const std::filesystem::path& dir, unsigned threads, VerifyReport& report)
      : dir_(dir), threads_(threads), report_(report) {}

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
    read_index();
    check_files_and_media();
    check_samples();
    blame_metadata();
    return {};
  }

 private:
  struct File {
    const FileEntry* entry = nullptr;
    std::uint32_t number = 0;  // among those of its kind
    std::optional<Result<rocks::SstReader>> sst;
    std::uint64_t end = 0;  // of the numbers to check

    const rocks::SstReader* open() const { return sst && *sst ? &**sst : nullptr; }
  };
  using Files = std::vector<File>;

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

  Files open_files(std::string_view kind) const {
    Files files;
    for (const auto& entry : catalog_.files) {
      if (entry.kind != kind) continue;
      File file{&entry, static_cast<std::uint32_t>(files.size()), {}, 0};
      const bool bulk = kind == kMediaKind;
      file.sst.emplace(
          rocks::SstReader::open(dir_ / entry.name, bulk ? rocks::Kind::Bulk : rocks::Kind::Text));
      // As many as the catalog says, where it can be believed: it may be the damaged part.
      const auto* sst = file.open();
      file.end = entry.first + std::min(entry.entries, sst ? sst->entries() : kNamedEntries);
      files.push_back(std::move(file));
    }
    return files;
  }

  static std::vector<Piece> pieces_of(const Files& files, std::uint64_t at_once) {
    std::vector<Piece> pieces;
    for (std::size_t i = 0; i < files.size(); ++i) {
      for (std::uint64_t from = files[i].entry->first; from < files[i].end;) {
        const std::uint64_t to = from + std::min(at_once, files[i].end - from);
        pieces.push_back({i, from, to, {}, {}});
        from = to;
      }
    }
    return pieces;
  }

  // What is wrong with the file as a whole, before its entries.
  void report_file(const File& file) {
    const auto& entry = *file.entry;
    if (const auto* sst = file.open()) {
      if (sst->entries() != entry.entries && entry.kind != kIndexKind) {
        defect(entry.name, "",
               fmt::format("has {} entries, the catalog says {}", sst->entries(), entry.entries));
      }
    } else if (found_in_[entry.name] == 0) {
      defect(entry.name, "", file.sst->error().message());
    }
  }

  // The others' entries are checked against it, so it is read first, and reported in its turn.
  void read_index() {
    index_ = open_files(kIndexKind);
    for (const auto& file : index_)
      if (const auto* sst = file.open()) read_index(file, *sst);
  }

  void read_index(const File& file, const rocks::SstReader& sst) {
    std::uint64_t costs = 0;
    const auto note = [&](std::string key, std::string what) {
      in_index_.push_back({file.entry->name, std::move(key), std::move(what), {}});
    };
    const auto walked = sst.walk("", [&](std::string_view key, ByteSpan value) -> Result<bool> {
      if (key.starts_with('c')) {
        const auto block = decode_costs(value);
        if (!block) note(fmt::format("costs from {}", costs), block.error().message());
        if (block) costs += block->size();
      } else if (key.starts_with('m') && key.size() == 1 + kHashBytes) {
        const auto hash = hash_from(key.substr(1));
        const auto location = decode_location(value);
        if (location) {
          locations_[location->file][location->number] = hash;
        } else {
          note(fmt::format("medium {}", hash.hex()), location.error().message());
        }
      } else if (!key.starts_with('f')) {
        note("", fmt::format("an unknown key of {} bytes", key.size()));
      }
      return true;
    });
    if (!walked) note("", walked.error().message());
    if (walked && costs != catalog_.samples)
      note("", fmt::format("costs of {} samples, there are {}", costs, catalog_.samples));
    index_whole_ = walked.has_value();
  }

  // Hashing a whole file is one thread's work, so all of them are begun first.
  void check_files_and_media() {
    const Files media = open_files(kMediaKind);
    auto pieces = pieces_of(media, kMediaAtOnce);
    std::vector<std::optional<Result<rocks::FileHash>>> whole(catalog_.files.size());
    for_each(whole.size() + pieces.size(), [&](std::uint64_t i) {
      if (i < whole.size()) {
        whole[i].emplace(rocks::hash_file(dir_ / catalog_.files[i].name));
      } else {
        check_media(media, pieces[i - whole.size()]);
      }
    });
    for (std::size_t i = 0; i < whole.size(); ++i) report_whole(catalog_.files[i], *whole[i]);
    for (const auto& file : index_) report_file(file);
    for (auto& one : in_index_) defect(one.file, std::move(one.key), std::move(one.what));
    auto piece = pieces.begin();
    for (std::size_t i = 0; i < media.size(); ++i) {
      report_file(media[i]);
      for (; piece != pieces.end() && piece->file == i; ++piece) report_media(media[i], *piece);
    }
  }

  void report_whole(const FileEntry& file, const Result<rocks::FileHash>& hash) {
    ++report_.files;
    if (!hash) return defect(file.name, "", hash.error().message());
    report_.bytes += hash->bytes;
    if (hash->bytes != file.bytes || hash->hash != file.hash) damaged_.push_back(&file);
  }

  const ContentHash* known_hash(const File& file, std::uint64_t number) const {
    const auto hashes = locations_.find(file.number);
    if (hashes == locations_.end()) return nullptr;
    const auto hash = hashes->second.find(number);
    return hash == hashes->second.end() ? nullptr : &hash->second;
  }

  // On any thread.
  void check_media(const Files& files, Piece& piece) const {
    const File& file = files[piece.file];
    for (std::uint64_t number = piece.from; number < piece.to; ++number) {
      const auto* known = known_hash(file, number);
      std::string what;
      if (const auto* sst = file.open()) {
        const auto found = sst->get(rocks::number_key(number), [&](ByteSpan value) -> Result<void> {
          if (known != nullptr && content_hash(value) != *known)
            what = "content differs from its hash";
          return {};
        });
        if (!found) what = found.error().message();
        if (found && !*found) what = "it is missing";
      } else {
        what = "the file cannot be opened";
      }
      if (known == nullptr && what.empty() && index_whole_) what = "the index does not know it";
      if (!what.empty()) piece.findings.push_back({number, std::move(what)});
    }
  }

  void report_media(const File& file, Piece& piece) {
    report_.media += piece.to - piece.from;
    for (auto& finding : piece.findings) {
      const auto* known = known_hash(file, finding.number);
      auto key = fmt::format("medium {}", finding.number);
      if (known != nullptr) key += fmt::format(" ({})", known->hex());
      defect(file.entry->name, std::move(key), std::move(finding.what));
      if (known != nullptr) bad_media_.emplace(*known, report_.defects.size() - 1);
    }
  }

  void check_samples() {
    const Files files = open_files(kSamplesKind);
    auto pieces = pieces_of(files, kSamplesAtOnce);
    for_each(pieces.size(), [&](std::uint64_t i) { check_samples(files, pieces[i]); });
    auto piece = pieces.begin();
    for (std::size_t i = 0; i < files.size(); ++i) {
      report_file(files[i]);
      for (; piece != pieces.end() && piece->file == i; ++piece) report_samples(files[i], *piece);
    }
  }

  // On any thread.
  void check_samples(const Files& files, Piece& piece) const {
    const auto* sst = files[piece.file].open();
    std::map<std::size_t, std::pair<std::size_t, std::uint64_t>> named;  // defect: how many, last
    for (std::uint64_t number = piece.from; number < piece.to; ++number) {
      std::string what = sst == nullptr ? "the file cannot be opened" : "";
      if (sst != nullptr) {
        const auto found = sst->get(rocks::number_key(number), [&](ByteSpan value) -> Result<void> {
          DESA2VA_ASSIGN(const auto sample, decode_sample(value));
          for (const auto& hash : sample.media) {
            const auto bad = bad_media_.find(hash);
            if (bad == bad_media_.end()) continue;
            auto& [count, last] = named[bad->second];
            if (count == kNamedSamples || (count > 0 && last == number)) continue;
            ++count;
            last = number;
            piece.needy.emplace_back(bad->second, sample.key);
          }
          return {};
        });
        if (!found) what = found.error().message();
        if (found && !*found) what = "it is missing";
      }
      if (!what.empty()) piece.findings.push_back({number, std::move(what)});
    }
  }

  void report_samples(const File& file, Piece& piece) {
    report_.samples += piece.to - piece.from;
    for (auto& finding : piece.findings)
      defect(file.entry->name, fmt::format("sample {}", finding.number), std::move(finding.what));
    for (auto& [of, key] : piece.needy) {
      auto& needy = report_.defects[of].samples;
      if (needy.size() < kNamedSamples) needy.push_back(std::move(key));
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

  void for_each(std::uint64_t count, const std::function<void(std::uint64_t)>& work) const {
    (void)for_each_parallel(count, threads_, [&](std::uint64_t i) -> Result<void> {
      work(i);
      return {};
    });
  }

  const std::filesystem::path& dir_;
  const unsigned threads_;
  VerifyReport& report_;
  Catalog catalog_;
  std::map<std::string, int> found_in_;
  std::vector<const FileEntry*> damaged_;
  Files index_;
  std::vector<Defect> in_index_;
  bool index_whole_ = false;
  std::map<std::uint32_t, std::map<std::uint64_t, ContentHash>> locations_;  // file, number
  std::map<ContentHash, std::size_t> bad_media_;                             // index of the defect
};

}  // namespace

Result<VerifyReport> verify(const std::filesystem::path& dir, unsigned threads) {
  VerifyReport report;
  DESA2VA_TRY(Verifier(dir, threads, report).run());
  return report;
}

}  // namespace desa2va::shards
