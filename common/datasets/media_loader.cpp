#include "common/datasets/media_loader.h"

#include <algorithm>

#include <fmt/format.h>

#include "common/preprocess/image/decode.h"
#include "common/preprocess/video/reader.h"

namespace desa2va::datasets {

namespace {

Result<VideoDetails> decode_video(const Buffer& bytes, const Clock& clock, double& decode_ms) {
  DESA2VA_ASSIGN(auto reader, preprocess::VideoReader::open(bytes));
  VideoDetails video;
  video.info = reader.info();
  const std::int64_t start = clock.now_ns();
  DESA2VA_ASSIGN(video.index, reader.scan());
  decode_ms = static_cast<double>(clock.now_ns() - start) * 1e-6 /
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

Result<LoadedMedia> MediaLoader::image(const std::string& path) {
  LoadedMedia loaded;
  loaded.ref.kind = MediaKind::Image;
  DESA2VA_ASSIGN(Buffer bytes, read(path, loaded));
  if (!loaded.problem.empty()) return loaded;
  const std::int64_t start = clock_.now_ns();
  const auto image = preprocess::decode_image(bytes.bytes());
  loaded.decode_ms = static_cast<double>(clock_.now_ns() - start) * 1e-6;
  if (!image) {
    loaded.problem = image.error().message();
    return loaded;
  }
  loaded.ref.hash = content_hash(bytes.bytes());
  loaded.ref.width = image->width;
  loaded.ref.height = image->height;
  loaded.ref.rgb_crc32 = crc32(image->rgb.bytes());
  if (const auto info = preprocess::probe_image(bytes.bytes()))
    loaded.stored_as = fmt::format("{} {}", preprocess::name(info->format), info->mode);
  DESA2VA_TRY(sink_.media(item_of(loaded, std::move(bytes))));
  return loaded;
}

Result<LoadedMedia> MediaLoader::video(const std::string& path) {
  LoadedMedia loaded;
  loaded.ref.kind = MediaKind::Video;
  DESA2VA_ASSIGN(Buffer bytes, read(path, loaded));
  if (!loaded.problem.empty()) return loaded;
  auto video = decode_video(bytes, clock_, loaded.decode_ms);
  if (!video) {
    loaded.problem = video.error().message();
    return loaded;
  }
  loaded.ref.hash = content_hash(bytes.bytes());
  loaded.ref.width = video->info.width;
  loaded.ref.height = video->info.height;
  if (video->info.rotation % 180 != 0) std::swap(loaded.ref.width, loaded.ref.height);
  loaded.ref.frames = static_cast<std::uint32_t>(video->index.frames.size());
  loaded.remark = remark_on(video->index);
  loaded.video = std::move(*video);
  DESA2VA_TRY(sink_.media(item_of(loaded, std::move(bytes))));
  return loaded;
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
