#include "common/datasets/media_journal.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "common/datasets/frame_index.h"
#include "common/storage/rocks/files.h"
#include "common/storage/rocks/wire.h"
#include "schemas/import.capnp.h"

namespace desa2va::datasets {

namespace {

// Before each record: its length and checksum.
struct Head {
  std::uint32_t bytes = 0;
  std::uint32_t reserved = 0;
  std::uint64_t checksum = 0;
};
constexpr std::uint32_t kMaxRecordBytes = 64U << 20U;

bool read_at(int fd, std::uint64_t offset, MutableByteSpan out) {
  while (!out.empty()) {
    const auto got = ::pread(fd, out.data(), out.size(), static_cast<off_t>(offset));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return false;
    offset += static_cast<std::uint64_t>(got);
    out = out.subspan(static_cast<std::size_t>(got));
  }
  return true;
}

// The record behind the head at `offset`; empty: torn, or the end.
Buffer read_record(int fd, std::uint64_t offset) {
  Head head;
  if (!read_at(fd, offset, std::as_writable_bytes(std::span(&head, 1)))) return {};
  if (head.bytes == 0 || head.bytes > kMaxRecordBytes) return {};
  Buffer record = Buffer::allocate(head.bytes);
  if (!read_at(fd, offset + sizeof(Head), record.mutable_bytes())) return {};
  return checksum64(record.bytes()) == head.checksum ? record : Buffer();
}

// One name for the file and for what it is taken to be.
ContentHash key_of(const std::string& path, MediaKind kind) {
  return content_hash(as_bytes((kind == MediaKind::Video ? "v" : "i") + path));
}

Buffer encode_record(const LoadedMedia& media, FileStamp stamp) {
  capnp::MallocMessageBuilder message;
  auto out = message.initRoot<schema::DecodedMedia>();
  out.setPath(media.ref.path.c_str());
  out.setBytes(stamp.bytes);
  out.setModifiedNs(stamp.modified_ns);
  out.setKind(static_cast<std::uint8_t>(media.ref.kind));
  out.setProblem(media.problem.c_str());
  out.setRemark(media.remark.c_str());
  out.setStoredAs(media.stored_as.c_str());
  out.setHashHigh(media.ref.hash.high);
  out.setHashLow(media.ref.hash.low);
  out.setWidth(static_cast<std::uint32_t>(media.ref.width));
  out.setHeight(static_cast<std::uint32_t>(media.ref.height));
  out.setRgbCrc32(media.ref.rgb_crc32);
  out.setFrames(media.ref.frames);
  out.setDecodeMs(media.decode_ms);
  if (media.video) {
    const Buffer index = encode_frame_index(media.video->index);
    out.setFrameIndex(rocks::to_data(index.bytes()));
  }
  return rocks::to_bytes(message);
}

struct ReadRecord {
  LoadedMedia media;
  FileStamp stamp;
};
Result<ReadRecord> decode_record(ByteSpan bytes) {
  return rocks::with_message<schema::DecodedMedia>(
      bytes, "record", [](schema::DecodedMedia::Reader in) -> Result<ReadRecord> {
        ReadRecord record;
        record.stamp = {in.getBytes(), in.getModifiedNs()};
        LoadedMedia& media = record.media;
        media.ref.path = rocks::to_string(in.getPath());
        media.ref.kind = in.getKind() == 0 ? MediaKind::Image : MediaKind::Video;
        media.problem = rocks::to_string(in.getProblem());
        media.remark = rocks::to_string(in.getRemark());
        media.stored_as = rocks::to_string(in.getStoredAs());
        media.ref.hash = {in.getHashHigh(), in.getHashLow()};
        media.ref.width = static_cast<int>(in.getWidth());
        media.ref.height = static_cast<int>(in.getHeight());
        media.ref.rgb_crc32 = in.getRgbCrc32();
        media.ref.frames = in.getFrames();
        media.decode_ms = in.getDecodeMs();
        if (in.getFrameIndex().size() > 0) {
          media.video.emplace();
          DESA2VA_ASSIGN(media.video->index,
                         decode_frame_index(rocks::to_span(in.getFrameIndex())));
        }
        return record;
      });
}

}  // namespace

Result<std::unique_ptr<MediaJournal>> MediaJournal::open(const std::filesystem::path& file,
                                                         const shards::ShardWriter& writer) {
  const int fd = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (fd < 0) return rocks::system_error(errno, "open", file);
  std::unique_ptr<MediaJournal> journal(new MediaJournal(fd, writer));
  DESA2VA_TRY(journal->read_all().in(file.string()));
  return journal;
}

MediaJournal::~MediaJournal() {
  ::close(fd_);
}

Result<void> MediaJournal::read_all() {
  for (;;) {
    const Buffer bytes = read_record(fd_, end_);
    if (bytes.empty()) break;
    const auto record = decode_record(bytes.bytes());
    if (!record) break;
    auto [known, fresh] =
        by_path_.insert(key_of(record->media.ref.path, record->media.ref.kind), {});
    *known = {end_, static_cast<std::uint32_t>(bytes.size())};
    if (fresh) ++taken_over_;
    end_ += sizeof(Head) + bytes.size();
  }
  if (::ftruncate(fd_, static_cast<off_t>(end_)) != 0)
    return fail(Errc::Unavailable, "cannot be cut: {}", std::strerror(errno));
  return {};
}

std::optional<MediaMemory::Known> MediaJournal::find(const std::string& path, MediaKind kind,
                                                     FileStamp stamp) {
  std::uint64_t offset = 0;
  {
    const std::lock_guard lock(mutex_);
    const Record* known = by_path_.find(key_of(path, kind));
    if (known == nullptr) return std::nullopt;
    offset = known->offset;
  }
  const Buffer bytes = read_record(fd_, offset);
  if (bytes.empty()) return std::nullopt;
  auto record = decode_record(bytes.bytes());
  if (!record || record->media.ref.path != path || record->stamp != stamp) return std::nullopt;
  Known known;
  known.media = std::move(record->media);
  const std::lock_guard lock(mutex_);
  known.handed_on = handed_on_.contains(known.media.ref.hash);
  known.stored = !known.handed_on && writer_.kept(known.media.ref.hash);
  return known;
}

Result<void> MediaJournal::remember(const LoadedMedia& media, FileStamp stamp) {
  const Buffer record = encode_record(media, stamp);
  Head head;
  head.bytes = static_cast<std::uint32_t>(record.size());
  head.checksum = checksum64(record.bytes());
  std::string bytes(as_text(std::as_bytes(std::span(&head, 1))));
  bytes += as_text(record.bytes());
  const std::lock_guard lock(mutex_);
  std::size_t done = 0;
  while (done < bytes.size()) {
    const auto put =
        ::pwrite(fd_, bytes.data() + done, bytes.size() - done, static_cast<off_t>(end_ + done));
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return rocks::system_error(errno, "write", "journal of decoded media");
    done += static_cast<std::size_t>(put);
  }
  *by_path_.insert(key_of(media.ref.path, media.ref.kind), {}).first = {end_, head.bytes};
  end_ += bytes.size();
  return {};
}

void MediaJournal::handed_on(const ContentHash& hash) {
  const std::lock_guard lock(mutex_);
  handed_on_.insert(hash);
}

std::uint64_t MediaJournal::records() const {
  const std::lock_guard lock(mutex_);
  return by_path_.size();
}

}  // namespace desa2va::datasets
