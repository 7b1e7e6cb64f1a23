#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "common/preprocess/video/ffmpeg.h"
#include "tests/unit/preprocess/video/videos.h"

namespace desa2va::preprocess {

// How a video for a test is coded; what `encode_mp4` does not offer.
struct Making {
  std::string codec = "libx264";
  std::string container = "mp4";
  std::vector<std::pair<std::string, std::string>> options = {};  // of the encoder
  int frames = 48;
  int keyframe_interval = 12;
  int b_frames = 3;
  int width = 64;
  int height = 48;
  std::function<std::int64_t(int)> pts = [](int i) { return std::int64_t{i}; };
};

// Empty where this FFmpeg lacks the encoder.
inline Buffer made_video(const Making& making) {
  silence_ffmpeg();
  const AVCodec* codec = avcodec_find_encoder_by_name(making.codec.c_str());
  if (codec == nullptr) return {};
  const CodecPtr context(avcodec_alloc_context3(codec));
  context->width = making.width;
  context->height = making.height;
  context->pix_fmt = making.codec == "mjpeg" ? AV_PIX_FMT_YUVJ420P : AV_PIX_FMT_YUV420P;
  context->time_base = {1, 25};
  context->gop_size = making.keyframe_interval;
  context->max_b_frames = making.b_frames;
  context->thread_count = 1;
  AVFormatContext* format = nullptr;
  avformat_alloc_output_context2(&format, nullptr, making.container.c_str(), nullptr);
  if ((format->oformat->flags & AVFMT_GLOBALHEADER) != 0)
    context->flags |= AV_CODEC_FLAG_GLOBAL_HEADER;
  for (const auto& [name, value] : making.options)
    EXPECT_GE(av_opt_set(context->priv_data, name.c_str(), value.c_str(), 0), 0) << name;
  EXPECT_GE(avcodec_open2(context.get(), codec, nullptr), 0);
  EXPECT_GE(avio_open_dyn_buf(&format->pb), 0);
  AVStream* stream = avformat_new_stream(format, nullptr);
  avcodec_parameters_from_context(stream->codecpar, context.get());
  stream->time_base = context->time_base;
  EXPECT_GE(avformat_write_header(format, nullptr), 0);

  const PacketPtr packet(av_packet_alloc());
  const auto drain = [&] {
    while (avcodec_receive_packet(context.get(), packet.get()) >= 0) {
      if (packet->duration == 0) packet->duration = 1;
      av_packet_rescale_ts(packet.get(), context->time_base, stream->time_base);
      EXPECT_GE(av_interleaved_write_frame(format, packet.get()), 0);
    }
  };
  const FramePtr frame(av_frame_alloc());
  frame->format = context->pix_fmt;
  frame->width = making.width;
  frame->height = making.height;
  EXPECT_GE(av_frame_get_buffer(frame.get(), 64), 0);
  for (int i = 0; i < making.frames; ++i) {
    EXPECT_GE(av_frame_make_writable(frame.get()), 0);
    for (int plane = 0; plane < 3; ++plane) {
      const int rows = plane == 0 ? making.height : (making.height + 1) / 2;
      for (int y = 0; y < rows; ++y)
        for (int x = 0; x < frame->linesize[plane]; ++x)  // a pattern that moves and changes
          frame->data[plane][y * frame->linesize[plane] + x] = static_cast<std::uint8_t>(
              128 + 60 * ((x + 2 * i) / 8 % 2) + (plane * 20 + 3 * i + y * (x + i)) % 31 - 40);
    }
    frame->pts = making.pts(i);
    EXPECT_GE(avcodec_send_frame(context.get(), frame.get()), 0);
    drain();
  }
  avcodec_send_frame(context.get(), nullptr);
  drain();
  av_write_trailer(format);
  std::uint8_t* bytes = nullptr;
  const int size = avio_close_dyn_buf(format->pb, &bytes);
  format->pb = nullptr;
  Buffer file =
      Buffer::copy_of({reinterpret_cast<const std::byte*>(bytes), static_cast<std::size_t>(size)});
  av_free(bytes);
  avformat_free_context(format);
  return file;
}

}  // namespace desa2va::preprocess
