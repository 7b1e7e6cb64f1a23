#include "common/datasets/media_loader.h"

#include <time.h>

#include <algorithm>

#include <fmt/format.h>

#include "common/datasets/media_memory.h"
#include "common/preprocess/image/decode.h"
#include "common/preprocess/video/reader.h"

namespace desa2va::datasets {

namespace {

constexpr std::uint64_t kMaxMediaBytes = 1ULL << 30U;  // as a shard can hold

// Processor time of this thread: what decoding costs does not depend on who else is busy.
double thread_ms() {
  timespec now{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e3 + static_cast<double>(now.tv_nsec) * 1e-6;
}

Result<VideoDetails> decode_video(const Buffer& bytes, double& decode_ms) {
  DESA2VA_ASSIGN(auto reader, preprocess::VideoReader::open(bytes));
  VideoDetails video;
  video.info = reader.info();
  const double start = thread_ms();
  DESA2VA_ASSIGN(video.index, reader.scan());
  decode_ms = (thread_ms() - start) /
              static_cast<double>(std::max<std::size_t>(video.index.frames.size(), 1));
  if (video.index.frames.empty())
    return fail(Errc::Corrupt, "no frame can be decoded: {}", video.index.decode_error);
  DESA2VA_TRY(reader.confirm_starts(video.index));
  return video;
}

std::string remark_on(const preprocess::VideoIndex& index) {
  const auto damaged =
      std::count_if(index.frames.begin(), index.frames.end(),
                    [](const preprocess::FrameEntry& frame) { return frame.damaged; });
  if (damaged > 0) return fmt::format("{} of {} frames are damaged", damaged, index.frames.size());
  return index.decode_error.empty() ? "" : "decoding ends early: " + index.decode_error;
}

MediaItem item_of(const LoadedMedia& loaded, Buffer bytes) {
  MediaItem item;
  item.hash = loaded.ref.hash;
  item.kind = loaded.ref.kind;
  item.bytes = std::move(bytes);
  item.path = loaded.ref.path;
  item.width = loaded.ref.width;
  item.height = loaded.ref.height;
  item.rgb_crc32 = loaded.ref.rgb_crc32;
  item.video = loaded.video;
  item.decode_ms = loaded.decode_ms;
  return item;
}

void decode_image_into(const Buffer& bytes, LoadedMedia& loaded) {
  const double start = thread_ms();
  const auto image = preprocess::decode_image(bytes.bytes());
  loaded.decode_ms = thread_ms() - start;
  if (!image) {
    loaded.problem = image.error().message();
    return;
  }
  loaded.ref.width = image->width;
  loaded.ref.height = image->height;
  loaded.ref.rgb_crc32 = crc32(image->rgb.bytes());
  if (const auto info = preprocess::probe_image(bytes.bytes()))
    loaded.stored_as = fmt::format("{} {}", preprocess::name(info->format), info->mode);
}

void decode_video_into(const Buffer& bytes, LoadedMedia& loaded) {
  auto video = decode_video(bytes, loaded.decode_ms);
  if (!video) {
    loaded.problem = video.error().message();
    return;
  }
  loaded.ref.width = video->info.width;
  loaded.ref.height = video->info.height;
  if (video->info.rotation % 180 != 0) std::swap(loaded.ref.width, loaded.ref.height);
  loaded.ref.frames = static_cast<std::uint32_t>(video->index.frames.size());
  loaded.remark = remark_on(video->index);
  loaded.video = std::move(*video);
}

}  // namespace

// Leaves the problem in `loaded` where the file cannot be read.
Result<Buffer> MediaLoader::read(const std::string& path, LoadedMedia& loaded) {
  loaded.ref.path = path;
  auto bytes = tree_.read(path);
  if (bytes) return bytes;
  if (bytes.error().code() == Errc::InvalidArgument) return bytes;
  loaded.problem =
      bytes.error().code() == Errc::NotFound ? "missing file" : bytes.error().message();
  return Buffer();
}

Result<LoadedMedia> MediaLoader::take(LoadedMedia loaded, Buffer bytes, bool stored) {
  MediaItem item = item_of(loaded, stored ? Buffer() : std::move(bytes));
  DESA2VA_TRY(take_(std::move(item)));
  return loaded;
}

Result<LoadedMedia> MediaLoader::load(const std::string& path, MediaKind kind) {
  const auto stamp = tree_.stamp(path);
  std::optional<MediaMemory::Known> known;
  if (memory_ != nullptr && stamp) known = memory_->find(path, kind, *stamp);
  if (known && (known->handed_on || !known->media.usable())) return std::move(known->media);
  if (known && known->stored) return take(std::move(known->media), {}, true);

  LoadedMedia loaded;
  loaded.ref.kind = kind;
  if (stamp && stamp->bytes > kMaxMediaBytes) {
    loaded.ref.path = path;
    loaded.problem = fmt::format("larger than {}", format_bytes(kMaxMediaBytes));
    return loaded;
  }
  DESA2VA_ASSIGN(Buffer bytes, read(path, loaded));
  if (loaded.usable()) {
    const ContentHash hash = content_hash(bytes.bytes());
    if (known && known->media.ref.hash == hash)
      return take(std::move(known->media), std::move(bytes), false);
    kind == MediaKind::Image ? decode_image_into(bytes, loaded) : decode_video_into(bytes, loaded);
    if (loaded.usable()) loaded.ref.hash = hash;
    if (memory_ != nullptr && stamp) DESA2VA_TRY(memory_->remember(loaded, *stamp));
  }
  if (!loaded.usable()) return loaded;
  return take(std::move(loaded), std::move(bytes), false);
}

void add_media(Sample& sample, const LoadedMedia& loaded) {
  sample.media.push_back(loaded.ref);
  if (!loaded.problem.empty()) {
    sample.mark_broken(fmt::format("{} ({})", loaded.problem, loaded.ref.path));
  } else if (!loaded.remark.empty()) {
    sample.warn(fmt::format("{} ({})", loaded.remark, loaded.ref.path));
  }
}

}  // namespace desa2va::datasets
