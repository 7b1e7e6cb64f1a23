#include "common/preprocess/video/ffmpeg.h"

namespace desa2va::preprocess {

Result<Decoder> Decoder::open(const AVCodecParameters& parameters) {
  const AVCodec* codec = avcodec_find_decoder(parameters.codec_id);
  if (codec == nullptr)
    return fail(Errc::Corrupt, "no decoder for {} video in this FFmpeg",
                avcodec_get_name(parameters.codec_id));
  Decoder decoder;
  decoder.codec_.reset(avcodec_alloc_context3(codec));
  avcodec_parameters_to_context(decoder.codec_.get(), &parameters);
  // One thread: frames come as soon as they can, and damage stays where it is.
  decoder.codec_->thread_count = 1;
  if (const int code = avcodec_open2(decoder.codec_.get(), codec, nullptr); code < 0)
    return fail(Errc::Corrupt, "{} decoder: {}", codec->name, ffmpeg_message(code));
  return decoder;
}

Result<void> Decoder::send(const AVPacket& packet, std::uint32_t number) {
  av_packet_unref(packet_.get());
  if (av_packet_ref(packet_.get(), &packet) < 0) return fail(Errc::Internal, "out of memory");
  // A decoder carries time stamps through without looking at them.
  packet_->pts = number;
  packet_->dts = number;
  if (const int code = avcodec_send_packet(codec_.get(), packet_.get()); code < 0)
    return fail(Errc::Corrupt, "packet {}: {}", number, ffmpeg_message(code));
  return {};
}

Result<void> Decoder::send_end() {
  if (const int code = avcodec_send_packet(codec_.get(), nullptr); code < 0)
    return fail(Errc::Corrupt, "end of stream: {}", ffmpeg_message(code));
  return {};
}

Result<AVFrame*> Decoder::receive() {
  const int code = avcodec_receive_frame(codec_.get(), frame_.get());
  if (code == AVERROR(EAGAIN) || code == AVERROR_EOF) return nullptr;
  if (code < 0) return fail(Errc::Corrupt, "decoder: {}", ffmpeg_message(code));
  return frame_.get();
}

}  // namespace desa2va::preprocess
