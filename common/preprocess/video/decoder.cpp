#include <cstring>

#include "common/preprocess/video/ffmpeg.h"

namespace desa2va::preprocess {

Result<std::unique_ptr<Decoder>> Decoder::open(const AVCodecParameters& parameters) {
  const AVCodec* codec = avcodec_find_decoder(parameters.codec_id);
  if (codec == nullptr)
    return fail(Errc::Corrupt, "no decoder for {} video in this FFmpeg",
                avcodec_get_name(parameters.codec_id));
  auto decoder = std::make_unique<Decoder>();
  AVCodecContext* context = avcodec_alloc_context3(codec);
  decoder->codec_.reset(context);
  avcodec_parameters_to_context(context, &parameters);
  context->max_pixels = kMaxFramePixels;
  // One thread: frames come as soon as they can, and damage stays where it is.
  context->thread_count = 1;
  if (const int code = avcodec_open2(context, codec, nullptr); code < 0)
    return fail(Errc::Corrupt, "{} decoder: {}", codec->name, ffmpeg_message(code));
  return decoder;
}

Result<void> Decoder::send(const Packet& packet, std::uint32_t number) {
  av_packet_unref(packet_.get());
  if (packet.owned != nullptr) {
    if (av_packet_ref(packet_.get(), packet.owned.get()) < 0)
      return fail(Errc::Internal, "out of memory");
  } else {
    // Decoders read behind the end, where there must be zeros.
    if (av_new_packet(packet_.get(), static_cast<int>(packet.bytes.size())) < 0)
      return fail(Errc::Internal, "out of memory");
    std::memcpy(packet_->data, packet.bytes.data(), packet.bytes.size());
    if (packet.key) packet_->flags |= AV_PKT_FLAG_KEY;
    if (packet.discard) packet_->flags |= AV_PKT_FLAG_DISCARD;
  }
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
