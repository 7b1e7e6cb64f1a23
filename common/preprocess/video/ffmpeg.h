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

// A container read to its end: the packets of its first video stream.
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
  std::vector<PacketPtr> packets;          // pts and dts are those of the file
  std::int64_t pts(std::size_t packet) const;
};
Result<Container> read_container(Buffer bytes, bool with_packets);

// A packet decoder whose frames know the packet they come from, whatever the time stamps.
class Decoder {
 public:
  static Result<Decoder> open(const AVCodecParameters& parameters);

  void restart() { avcodec_flush_buffers(codec_.get()); }
  // An error means that this packet (or the end) could not be decoded; go on with receive.
  Result<void> send(const AVPacket& packet, std::uint32_t number);
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

 private:
  // Any format; twenty times slower than yuv_to_rgb.h.
  Result<Image> by_swscale(const AVFrame& frame, int format, const int* matrix, bool full_range);

  YuvToRgb yuv_;
  ScalerPtr scaler_;
};

}  // namespace desa2va::preprocess
