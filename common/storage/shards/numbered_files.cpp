#include "common/storage/shards/numbered_files.h"

#include <sstream>
#include <utility>

#include "common/storage/rocks/files.h"
#include "common/storage/rocks/reproducible.h"
#include "common/storage/rocks/salvage.h"
#include "common/storage/shards/layout.h"

namespace desa2va::shards {
namespace {

constexpr std::uint64_t kMaxNoteBytes = 1ULL << 30U;

std::filesystem::path note_of(const std::filesystem::path& dir, const std::string& file) {
  return dir / (file + ".done");
}

// One note: `FILE-HASH FILE-BYTES FIRST ENTRIES`, then `HASH BYTES OFFSET` for each entry.
std::string note_text(const FileEntry& file, const std::vector<NumberedFiles::Kept>& entries) {
  auto text = fmt::format("{} {} {} {}\n", file.hash.hex(), file.bytes, file.first, file.entries);
  for (const auto& entry : entries)
    text += fmt::format("{} {} {}\n", entry.hash.hex(), entry.bytes, entry.offset);
  return text;
}

bool read_note(const std::string& text, std::uint32_t number, FileEntry& file,
               std::vector<NumberedFiles::Kept>& entries) {
  std::istringstream in(text);
  std::string hex;
  if (!(in >> hex >> file.bytes >> file.first >> file.entries)) return false;
  const auto file_hash = ContentHash::parse(hex);
  if (!file_hash) return false;
  file.hash = *file_hash;
  std::vector<NumberedFiles::Kept> read;
  for (std::uint64_t bytes = 0, offset = 0; in >> hex >> bytes >> offset;) {
    const auto hash = ContentHash::parse(hex);
    if (!hash) return false;
    read.push_back({*hash, bytes, number, offset});
  }
  if (read.size() != file.entries) return false;
  entries.insert(entries.end(), read.begin(), read.end());
  return true;
}

}  // namespace

bool NumberedFiles::full() const {
  if (kind_ != kMediaKind || options_.media_files == 0)
    return writer_->file_bytes() >= options_.max_file_bytes;
  if (files_.size() >= options_.media_files) return false;
  // The shares of the files so far are written, or there are only as many media left as files.
  const double share = static_cast<double>(options_.expected_media_bytes) /
                       static_cast<double>(options_.media_files);
  return static_cast<double>(bytes_) >= share * static_cast<double>(files_.size()) ||
         options_.expected_media - next_ <= options_.media_files - files_.size();
}

Result<std::uint64_t> NumberedFiles::append(const std::filesystem::path& dir, ByteSpan value,
                                            const ContentHash& hash) {
  if (writer_ && full()) DESA2VA_TRY(close(dir));
  if (!writer_) {
    const auto name = file_name(kind_, static_cast<std::uint32_t>(files_.size()));
    DESA2VA_ASSIGN(writer_, rocks::SstWriter::create(dir / name, sst_, options_.env));
    files_.push_back({name, std::string(kind_), 0, next_, 0, {}});
  }
  DESA2VA_TRY(writer_->put(rocks::number_key(next_), value));
  ++files_.back().entries;
  bytes_ += value.size();
  if (kind_ == kMediaKind) written_.push_back({hash, value.size(), file(), 0});
  return next_++;
}

Result<void> NumberedFiles::close(const std::filesystem::path& dir) {
  if (!writer_) return {};
  DESA2VA_TRY(writer_->finish());
  writer_.reset();
  FileEntry& file = files_.back();
  DESA2VA_TRY(rocks::make_reproducible(dir / file.name));
  DESA2VA_ASSIGN(const auto whole, rocks::hash_file(dir / file.name));
  file.hash = whole.hash;
  file.bytes = whole.bytes;
  if (kind_ != kMediaKind) return {};
  DESA2VA_TRY(locate_values(dir / file.name));
  const std::vector<Kept> written = std::exchange(written_, {});
  if (placed_)
    for (const Kept& entry : written) placed_(entry);
  if (options_.resume_as.empty()) return {};
  return rocks::write_file(note_of(dir, file.name), as_bytes(note_text(file, written)));
}

// Where the values lie; those that are not found keep 0, and are read by their key.
Result<void> NumberedFiles::locate_values(const std::filesystem::path& path) {
  const std::uint64_t first = files_.back().first;
  const auto found = rocks::salvage(
      path, [&](std::string_view key, ByteSpan value, std::uint64_t offset) -> Result<void> {
        const auto number = rocks::number_from(key);
        if (!number || *number < first || *number - first >= written_.size()) return {};
        Kept& entry = written_[*number - first];
        if (entry.bytes == value.size()) entry.offset = offset;
        return {};
      });
  return found ? Result<void>() : Result<void>(found.error());
}

std::vector<NumberedFiles::Kept> NumberedFiles::take_over(const std::filesystem::path& dir) {
  std::vector<Kept> entries;
  for (std::uint32_t number = 0;; ++number) {
    FileEntry file{file_name(kind_, number), std::string(kind_), 0, 0, 0, {}};
    const auto note = rocks::read_file(note_of(dir, file.name), kMaxNoteBytes);
    if (!note || !read_note(*note, number, file, entries)) break;
    const auto sst = rocks::SstReader::open(dir / file.name, sst_);
    if (!sst || sst->entries() != file.entries) {
      entries.resize(file.first);
      break;
    }
    files_.push_back(file);
  }
  for (const Kept& entry : entries) bytes_ += entry.bytes;
  return entries;
}

}  // namespace desa2va::shards
