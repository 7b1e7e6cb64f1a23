#pragma once

// The FFmpeg libraries with owners; for this folder alone.
extern "C" {
#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libavutil/display.h>
#include <libavutil/imgutils.h>
#include <libavutil/opt.h>
#include <libavutil/pixdesc.h>
#include <libswscale/swscale.h>
}

#include <memory>
#include <string>
#include <vector>

#include "common/base/bytes.h"
#include "common/base/clock.h"
#include "common/base/result.h"
#include "common/preprocess/image/image.h"
#include "common/preprocess/video/index.h"
#include "common/preprocess/video/yuv_to_rgb.h"

namespace desa2va::preprocess {

struct FfmpegDelete {
  void operator()(AVFrame* frame) const { av_frame_free(&frame); }
  void operator()(AVPacket* packet) const { av_packet_free(&packet); }
  void operator()(AVCodecContext* codec) const { avcodec_free_context(&codec); }
  void operator()(SwsContext* scaler) const { sws_freeContext(scaler); }
};
using FramePtr = std::unique_ptr<AVFrame, FfmpegDelete>;
using PacketPtr = std::unique_ptr<AVPacket, FfmpegDelete>;
using CodecPtr = std::unique_ptr<AVCodecContext, FfmpegDelete>;
using ScalerPtr = std::unique_ptr<SwsContext, FfmpegDelete>;

std::string ffmpeg_message(int code);

// Our own messages name what is wrong; the libraries' go nowhere.
void silence_ffmpeg();

// Reading ends with Timeout once `clock` (null: never) passes `deadline_ns`.
struct Deadline {
  const Clock* clock = nullptr;
  std::int64_t deadline_ns = 0;
  bool passed() const { return clock != nullptr && clock->now_ns() > deadline_ns; }
};

// One packet of the video stream. Its bytes lie in the file or in `owned`.
struct Packet {
  std::int64_t pts = 0;  // or what stands for it: dts, or the number of the packet
  bool key = false;
  bool discard = false;  // to be decoded but not shown (edit lists)
  ByteSpan bytes;
  PacketPtr owned;  // null: the bytes are part of the file
};

// A container: the packets of its first video stream.
struct Container {
  VideoInfo info;
  struct CodecParameters {
    AVCodecParameters* value = avcodec_parameters_alloc();
    CodecParameters() = default;
    CodecParameters(const CodecParameters&) = delete;
    CodecParameters& operator=(const CodecParameters&) = delete;
    ~CodecParameters() { avcodec_parameters_free(&value); }
  };
  std::unique_ptr<CodecParameters> codec;  // null: no video stream
  std::vector<Packet> packets;
  Buffer file;
};
// What to read of a container: what it is, also all its packets, or those packets that an index
// says there are, without analysing streams where the header is enough.
enum class ContainerPart : std::uint8_t { Info, Packets };
Result<Container> read_container(Buffer bytes, ContainerPart part, const Deadline& deadline,
                                 const VideoIndex* index = nullptr);

// Larger pictures are refused from the header: a decoder holds up to twenty of them.
inline constexpr std::int64_t kMaxFramePixels = std::int64_t{1} << 26;

// A packet decoder whose frames know the packet they come from, whatever the time stamps.
class Decoder {
 public:
  static Result<std::unique_ptr<Decoder>> open(const AVCodecParameters& parameters);

  // `show_all`: also frames of which the decoder cannot tell whether it has recovered since it
  // began (an H.264 decoder that is drained early knows that only of the first).
  void restart(bool show_all = false) {
    avcodec_flush_buffers(codec_.get());
    codec_->flags &= ~AV_CODEC_FLAG_OUTPUT_CORRUPT;
    if (show_all) codec_->flags |= AV_CODEC_FLAG_OUTPUT_CORRUPT;
  }
  // An error means that this packet (or the end) could not be decoded; go on with receive.
  Result<void> send(const Packet& packet, std::uint32_t number);
  Result<void> send_end();
  // The next frame or null: nothing more from what was sent.
  Result<AVFrame*> receive();
  static std::uint32_t packet_of(const AVFrame& frame) {
    return static_cast<std::uint32_t>(frame.pts);
  }

 private:
  CodecPtr codec_;
  PacketPtr packet_{av_packet_alloc()};
  FramePtr frame_{av_frame_alloc()};
};

// Decoded pictures to bytes; keeps its tables and scaler between calls.
class FrameConverter {
 public:
  Result<Image> to_rgb(const AVFrame& frame, int rotation);
  static Result<std::vector<std::uint8_t>> to_planes(const AVFrame& frame);
  // XXH3 of those planes, without copying them.
  static Result<std::uint64_t> content(const AVFrame& frame);

 private:
  // Any format; twenty times slower than yuv_to_rgb.h.
  Result<Image> by_swscale(const AVFrame& frame, int format, const int* matrix, bool full_range);

  YuvToRgb yuv_;
  ScalerPtr scaler_;
};

}  // namespace desa2va::preprocess
