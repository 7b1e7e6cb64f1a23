#include <algorithm>
#include <cmath>
#include <cstring>
#include <mutex>

#include "common/preprocess/video/ffmpeg.h"
#include "common/preprocess/video/reader.h"

namespace desa2va::preprocess {

namespace {

// A container may name the same bytes many times; packets beyond these are refused.
constexpr std::int64_t kMaxPackets = 10'000'000;
constexpr std::uint64_t kMaxPacketBytes = std::uint64_t{4} << 30U;

// Reading from memory, as libavformat wants it.
class MemoryInput {
 public:
  MemoryInput(Buffer bytes, const Deadline& deadline)
      : bytes_(std::move(bytes)), deadline_(deadline) {
    constexpr int kChunk = 64 * 1024;
    io_ = avio_alloc_context(static_cast<unsigned char*>(av_malloc(kChunk)), kChunk, 0, this,
                             &MemoryInput::read, nullptr, &MemoryInput::seek);
  }
  MemoryInput(const MemoryInput&) = delete;
  MemoryInput& operator=(const MemoryInput&) = delete;
  ~MemoryInput() {
    av_freep(&io_->buffer);
    avio_context_free(&io_);
  }
  AVIOContext* io() { return io_; }

 private:
  static int read(void* self, std::uint8_t* out, int size) {
    auto& input = *static_cast<MemoryInput*>(self);
    if (input.deadline_.passed()) return AVERROR_EXIT;
    const std::size_t left = input.bytes_.size() - input.at_;
    if (left == 0) return AVERROR_EOF;
    const std::size_t count = std::min<std::size_t>(left, static_cast<std::size_t>(size));
    std::copy_n(reinterpret_cast<const std::uint8_t*>(input.bytes_.data()) + input.at_, count, out);
    input.at_ += count;
    return static_cast<int>(count);
  }
  static std::int64_t seek(void* self, std::int64_t offset, int whence) {
    auto& input = *static_cast<MemoryInput*>(self);
    if (input.deadline_.passed()) return AVERROR_EXIT;
    const auto size = static_cast<std::int64_t>(input.bytes_.size());
    if ((whence & AVSEEK_SIZE) != 0) return size;
    whence &= ~AVSEEK_FORCE;
    std::int64_t target = offset;
    if (whence == SEEK_CUR) target += static_cast<std::int64_t>(input.at_);
    if (whence == SEEK_END) target += size;
    if (target < 0 || target > size) return AVERROR(EINVAL);
    input.at_ = static_cast<std::size_t>(target);
    return target;
  }

  Buffer bytes_;
  const Deadline deadline_;
  std::size_t at_ = 0;
  AVIOContext* io_ = nullptr;
};

struct CloseInput {
  void operator()(AVFormatContext* format) const { avformat_close_input(&format); }
};
using FormatPtr = std::unique_ptr<AVFormatContext, CloseInput>;

std::optional<std::int64_t> known(std::int64_t time) {
  if (time == AV_NOPTS_VALUE) return std::nullopt;
  return time;
}

int rotation_of(const AVStream& stream) {
  const std::uint8_t* matrix = av_stream_get_side_data(&stream, AV_PKT_DATA_DISPLAYMATRIX, nullptr);
  if (matrix == nullptr) return 0;
  const double degrees = av_display_rotation_get(reinterpret_cast<const std::int32_t*>(matrix));
  return std::isfinite(degrees) ? static_cast<int>(std::lround(degrees)) : 0;
}

void describe_video(const AVStream& stream, VideoInfo& info) {
  const AVCodecParameters& codec = *stream.codecpar;
  const auto text = [](const char* name) { return std::string(name != nullptr ? name : ""); };
  info.codec = avcodec_get_name(codec.codec_id);
  info.profile = text(avcodec_profile_name(codec.codec_id, codec.profile));
  info.pixel_format = text(av_get_pix_fmt_name(static_cast<AVPixelFormat>(codec.format)));
  info.width = codec.width;
  info.height = codec.height;
  info.rotation = rotation_of(stream);
  info.time_base = {stream.time_base.num, stream.time_base.den};
  info.average_rate = {stream.avg_frame_rate.num, stream.avg_frame_rate.den};
  info.start_time = known(stream.start_time);
  info.duration = known(stream.duration);
  info.header_frames = stream.nb_frames;
}

// The packet's bytes where they lie in the file, if they do: then they need not be kept twice.
std::optional<ByteSpan> place_of(const AVPacket& packet, ByteSpan file) {
  const auto size = static_cast<std::size_t>(packet.size);
  if (packet.pos < 0 || packet.side_data_elems > 0) return std::nullopt;
  const auto at = static_cast<std::size_t>(packet.pos);
  if (at > file.size() || size > file.size() - at) return std::nullopt;
  if (std::memcmp(file.data() + at, packet.data, size) != 0) return std::nullopt;
  return file.subspan(at, size);
}

Result<void> read_packets(AVFormatContext& format, int stream, ByteSpan file,
                          std::vector<Packet>& packets) {
  std::uint64_t bytes = 0;
  for (;;) {
    PacketPtr packet(av_packet_alloc());
    // An error in the middle of a damaged file ends it: what came before is what there is.
    if (av_read_frame(&format, packet.get()) < 0) return {};
    if (packet->stream_index != stream || packet->size == 0) continue;
    bytes += static_cast<std::uint64_t>(packet->size);
    if (bytes > kMaxPacketBytes || static_cast<std::int64_t>(packets.size()) >= kMaxPackets)
      return fail(Errc::InvalidArgument, "video with more than {} packets or {} of them",
                  kMaxPackets, format_bytes(kMaxPacketBytes));
    Packet kept;
    kept.pts = packet->pts != AV_NOPTS_VALUE   ? packet->pts
               : packet->dts != AV_NOPTS_VALUE ? packet->dts
                                               : static_cast<std::int64_t>(packets.size());
    kept.key = (packet->flags & AV_PKT_FLAG_KEY) != 0;
    kept.discard = (packet->flags & AV_PKT_FLAG_DISCARD) != 0;
    if (const auto place = place_of(*packet, file)) {
      kept.bytes = *place;
    } else {
      kept.bytes = {reinterpret_cast<const std::byte*>(packet->data),
                    static_cast<std::size_t>(packet->size)};
      kept.owned = std::move(packet);
    }
    packets.push_back(std::move(kept));
  }
}

bool is_mp4(const AVFormatContext& format) {
  return std::string_view(format.iformat->name).find("mp4") != std::string_view::npos;
}

// Whether the header alone tells a decoder all it needs.
bool header_is_enough(const AVFormatContext& format, const AVStream& stream) {
  const bool named = is_mp4(format) || std::string_view(format.iformat->name).find("matroska") !=
                                           std::string_view::npos;
  return named && stream.codecpar->codec_id != AV_CODEC_ID_NONE && stream.codecpar->width > 0 &&
         stream.codecpar->height > 0;
}

// MP4 lists its packets in the header. Empty when the list is not of `wanted` packets, or not of
// bytes that are there: then they must be read one by one.
std::vector<Packet> listed_packets(AVStream& stream, ByteSpan file, std::uint32_t wanted) {
  std::vector<Packet> packets;
  const int entries = avformat_index_get_entries_count(&stream);
  for (int i = 0; i < entries; ++i) {
    const AVIndexEntry& entry = *avformat_index_get_entry(&stream, i);
    if (entry.size == 0) continue;
    const auto size = static_cast<std::size_t>(entry.size);
    if (entry.pos < 0 || static_cast<std::uint64_t>(entry.pos) > file.size() ||
        size > file.size() - static_cast<std::size_t>(entry.pos) || packets.size() == wanted)
      return {};
    Packet packet;
    packet.pts = entry.timestamp;
    packet.key = (entry.flags & AVINDEX_KEYFRAME) != 0;
    packet.discard = (entry.flags & AVINDEX_DISCARD_FRAME) != 0;
    packet.bytes = file.subspan(static_cast<std::size_t>(entry.pos), size);
    packets.push_back(std::move(packet));
  }
  if (packets.size() != wanted) packets.clear();
  return packets;
}

int first_video_stream(const AVFormatContext& format) {
  for (unsigned i = 0; i < format.nb_streams; ++i)
    if (format.streams[i]->codecpar->codec_type == AVMEDIA_TYPE_VIDEO) return static_cast<int>(i);
  return -1;
}

}  // namespace

std::string ffmpeg_message(int code) {
  std::array<char, AV_ERROR_MAX_STRING_SIZE> text{};
  av_strerror(code, text.data(), text.size());
  return text.data();
}

void silence_ffmpeg() {
  static std::once_flag once;
  std::call_once(once, [] { av_log_set_level(AV_LOG_QUIET); });
}

Result<Container> read_container(Buffer bytes, ContainerPart part, const Deadline& deadline,
                                 const VideoIndex* index) {
  silence_ffmpeg();
  if (bytes.empty()) return fail(Errc::Corrupt, "cannot be opened: empty file");
  const auto cannot_open = [&](int code) {
    if (deadline.passed()) return fail(Errc::Timeout, "the deadline passed while opening");
    return fail(Errc::Corrupt, "cannot be opened: {}", ffmpeg_message(code));
  };
  Container container;
  container.file = bytes;
  MemoryInput input(std::move(bytes), deadline);
  AVFormatContext* raw = avformat_alloc_context();
  raw->pb = input.io();
  // Takes the context, and frees it on failure.
  if (const int code = avformat_open_input(&raw, nullptr, nullptr, nullptr); code < 0)
    return cannot_open(code);
  const FormatPtr format(raw);
  int video = first_video_stream(*format);
  // Analysing the streams decodes their first frames, which takes longer than all the rest.
  const bool known =
      index != nullptr && video >= 0 && header_is_enough(*format, *format->streams[video]);
  if (!known) {
    if (const int code = avformat_find_stream_info(format.get(), nullptr); code < 0)
      return cannot_open(code);
    video = first_video_stream(*format);
  }

  container.info.container = format->iformat->name;
  for (unsigned i = 0; i < format->nb_streams; ++i) {
    const char* kind = av_get_media_type_string(format->streams[i]->codecpar->codec_type);
    container.info.streams.emplace_back(kind != nullptr ? kind : "data");
  }
  if (video < 0) return container;
  AVStream& stream = *format->streams[video];
  describe_video(stream, container.info);
  const std::int64_t pixels = std::int64_t{container.info.width} * container.info.height;
  if (pixels > kMaxFramePixels)
    return fail(Errc::InvalidArgument, "video of {}x{} pixels: allowed are up to {} pixels a frame",
                container.info.width, container.info.height, kMaxFramePixels);
  container.codec = std::make_unique<Container::CodecParameters>();
  avcodec_parameters_copy(container.codec->value, stream.codecpar);
  if (part == ContainerPart::Info) return container;
  const ByteSpan file = container.file.bytes();
  if (known && is_mp4(*format)) container.packets = listed_packets(stream, file, index->packets);
  if (container.packets.empty()) DESA2VA_TRY(read_packets(*format, video, file, container.packets));
  if (deadline.passed()) return fail(Errc::Timeout, "the deadline passed while opening");
  return container;
}

Result<VideoInfo> probe_video(Buffer bytes) {
  DESA2VA_ASSIGN(Container container,
                 read_container(std::move(bytes), ContainerPart::Info, Deadline{}));
  return std::move(container.info);
}

}  // namespace desa2va::preprocess
