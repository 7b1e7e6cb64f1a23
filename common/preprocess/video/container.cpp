#include <algorithm>
#include <cmath>
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
  explicit MemoryInput(Buffer bytes) : bytes_(std::move(bytes)) {
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
    const std::size_t left = input.bytes_.size() - input.at_;
    if (left == 0) return AVERROR_EOF;
    const std::size_t count = std::min<std::size_t>(left, static_cast<std::size_t>(size));
    std::copy_n(reinterpret_cast<const std::uint8_t*>(input.bytes_.data()) + input.at_, count, out);
    input.at_ += count;
    return static_cast<int>(count);
  }
  static std::int64_t seek(void* self, std::int64_t offset, int whence) {
    auto& input = *static_cast<MemoryInput*>(self);
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

Result<void> read_packets(AVFormatContext& format, int stream, std::vector<PacketPtr>& packets) {
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
    packets.push_back(std::move(packet));
  }
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

std::int64_t Container::pts(std::size_t packet) const {
  const AVPacket& p = *packets[packet];
  if (p.pts != AV_NOPTS_VALUE) return p.pts;
  return p.dts != AV_NOPTS_VALUE ? p.dts : static_cast<std::int64_t>(packet);
}

Result<Container> read_container(Buffer bytes, bool with_packets) {
  silence_ffmpeg();
  if (bytes.empty()) return fail(Errc::Corrupt, "cannot be opened: empty file");
  MemoryInput input(std::move(bytes));
  AVFormatContext* raw = avformat_alloc_context();
  raw->pb = input.io();
  // Takes the context, and frees it on failure.
  if (const int code = avformat_open_input(&raw, nullptr, nullptr, nullptr); code < 0)
    return fail(Errc::Corrupt, "cannot be opened: {}", ffmpeg_message(code));
  const FormatPtr format(raw);
  if (const int code = avformat_find_stream_info(format.get(), nullptr); code < 0)
    return fail(Errc::Corrupt, "cannot be opened: {}", ffmpeg_message(code));

  Container container;
  container.info.container = format->iformat->name;
  int video = -1;
  for (unsigned i = 0; i < format->nb_streams; ++i) {
    const AVStream& stream = *format->streams[i];
    const char* kind = av_get_media_type_string(stream.codecpar->codec_type);
    container.info.streams.emplace_back(kind != nullptr ? kind : "data");
    if (video < 0 && stream.codecpar->codec_type == AVMEDIA_TYPE_VIDEO) video = static_cast<int>(i);
  }
  if (video < 0) return container;
  const AVStream& stream = *format->streams[video];
  describe_video(stream, container.info);
  container.codec = std::make_unique<Container::CodecParameters>();
  avcodec_parameters_copy(container.codec->value, stream.codecpar);
  if (with_packets) DESA2VA_TRY(read_packets(*format, video, container.packets));
  return container;
}

Result<VideoInfo> probe_video(Buffer bytes) {
  DESA2VA_ASSIGN(Container container, read_container(std::move(bytes), false));
  return std::move(container.info);
}

}  // namespace desa2va::preprocess
