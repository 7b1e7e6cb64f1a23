#include "common/preprocess/video/encode.h"

#include "common/preprocess/video/ffmpeg.h"

namespace desa2va::preprocess {

namespace {

// An MP4 that grows in memory or in a file.
class Mp4Writer {
 public:
  Mp4Writer() = default;
  Mp4Writer(const Mp4Writer&) = delete;
  Mp4Writer& operator=(const Mp4Writer&) = delete;
  ~Mp4Writer() {
    if (format_ == nullptr) return;
    if (format_->pb != nullptr && in_file_) avio_closep(&format_->pb);
    if (format_->pb != nullptr) {
      std::uint8_t* bytes = nullptr;
      avio_close_dyn_buf(format_->pb, &bytes);
      av_free(bytes);
    }
    avformat_free_context(format_);
  }

  // `file` empty: in memory.
  Result<void> open(const AVCodecContext& codec, const std::string& file = {}) {
    DESA2VA_TRY(check(avformat_alloc_output_context2(&format_, nullptr, "mp4", nullptr)));
    format_->flags |= AVFMT_FLAG_BITEXACT;
    in_file_ = !file.empty();
    if (in_file_) {
      const int code = avio_open(&format_->pb, ("file:" + file).c_str(), AVIO_FLAG_WRITE);
      if (code < 0) return fail(Errc::Unavailable, "{}: {}", file, ffmpeg_message(code));
    } else {
      DESA2VA_TRY(check(avio_open_dyn_buf(&format_->pb)));
    }
    stream_ = avformat_new_stream(format_, nullptr);
    DESA2VA_TRY(check(avcodec_parameters_from_context(stream_->codecpar, &codec)));
    stream_->time_base = codec.time_base;
    stream_->avg_frame_rate = codec.framerate;
    return check(avformat_write_header(format_, nullptr));
  }

  Result<void> write(AVPacket& packet, AVRational time_base) {
    av_packet_rescale_ts(&packet, time_base, stream_->time_base);
    return check(av_interleaved_write_frame(format_, &packet));
  }

  Result<void> close_file() {
    DESA2VA_TRY(check(av_write_trailer(format_)));
    return check(avio_closep(&format_->pb));
  }

  Result<Buffer> close() {
    DESA2VA_TRY(check(av_write_trailer(format_)));
    std::uint8_t* bytes = nullptr;
    const int size = avio_close_dyn_buf(format_->pb, &bytes);
    format_->pb = nullptr;
    Buffer file = Buffer::copy_of(
        {reinterpret_cast<const std::byte*>(bytes), static_cast<std::size_t>(size)});
    av_free(bytes);
    return file;
  }

  static Result<void> check(int code) {
    if (code == AVERROR(ENOSPC) || code == AVERROR(EDQUOT))
      return fail(Errc::Overloaded, "MP4 writer: {}", ffmpeg_message(code))
          .with_exit(ExitCode::Storage);
    if (code < 0) return fail(Errc::Internal, "MP4 writer: {}", ffmpeg_message(code));
    return {};
  }

 private:
  AVFormatContext* format_ = nullptr;
  AVStream* stream_ = nullptr;
  bool in_file_ = false;
};

Result<CodecPtr> open_x264(int width, int height, const Mp4Options& options) {
  const AVCodec* codec = avcodec_find_encoder_by_name("libx264");
  if (codec == nullptr)
    return fail(Errc::NotFound, "this FFmpeg has no libx264: install Debian's libavcodec");
  CodecPtr context(avcodec_alloc_context3(codec));
  context->width = width;
  context->height = height;
  context->pix_fmt = AV_PIX_FMT_YUV420P;
  context->time_base = {options.rate.denominator, options.rate.numerator};
  context->framerate = {options.rate.numerator, options.rate.denominator};
  context->gop_size = options.keyframe_interval;
  context->max_b_frames = options.b_frames;
  context->thread_count = 1;
  // MP4 keeps the parameter sets in its header.
  context->flags |= AV_CODEC_FLAG_GLOBAL_HEADER | AV_CODEC_FLAG_BITEXACT;
  context->colorspace = AVCOL_SPC_SMPTE170M;
  context->color_primaries = AVCOL_PRI_SMPTE170M;
  context->color_trc = AVCOL_TRC_SMPTE170M;
  context->color_range = AVCOL_RANGE_MPEG;
  av_opt_set_int(context->priv_data, "crf", options.crf, 0);
  // Without this x264 runs its macroblock tree with the processor's widest instructions, and the
  // AVX-512 form gives other bytes once in about a hundred encodings of the same frames.
  av_opt_set(context->priv_data, "x264-params", "cpu-independent=1", 0);
  if (av_opt_set(context->priv_data, "preset", options.preset.c_str(), 0) < 0)
    return fail(Errc::InvalidArgument, "x264 preset '{}' is not known", options.preset);
  DESA2VA_TRY(Mp4Writer::check(avcodec_open2(context.get(), codec, nullptr)));
  return context;
}

Result<void> fill_frame(const Image& image, SwsContext& scaler, AVFrame& frame) {
  DESA2VA_TRY(Mp4Writer::check(av_frame_make_writable(&frame)));
  const std::uint8_t* rows[] = {image.pixels().data()};
  const int stride[] = {image.width * 3};
  sws_scale(&scaler, rows, stride, 0, image.height, frame.data, frame.linesize);
  return {};
}

Result<void> drain(AVCodecContext& codec, AVPacket& packet, Mp4Writer& writer) {
  for (;;) {
    const int code = avcodec_receive_packet(&codec, &packet);
    if (code == AVERROR(EAGAIN) || code == AVERROR_EOF) return {};
    DESA2VA_TRY(Mp4Writer::check(code));
    if (packet.duration == 0) packet.duration = 1;
    DESA2VA_TRY(writer.write(packet, codec.time_base));
  }
}

Result<void> check_size(int width, int height, const Mp4Options& options) {
  if (width < 2 || height < 2 || width % 2 != 0 || height % 2 != 0)
    return fail(Errc::InvalidArgument, "video of {}x{} pixels: sides must be even", width, height);
  if (options.rate.numerator < 1 || options.rate.denominator < 1)
    return fail(Errc::InvalidArgument, "frame rate {}/{}: must be positive", options.rate.numerator,
                options.rate.denominator);
  if (options.crf < 0 || options.crf > 51)
    return fail(Errc::InvalidArgument, "crf {}: allowed are 0 to 51", options.crf);
  return {};
}

}  // namespace

struct Mp4Encoder::State {
  int width = 0, height = 0;
  CodecPtr codec;
  Mp4Writer writer;
  ScalerPtr scaler;
  FramePtr frame;
  PacketPtr packet;
  std::int64_t count = 0;

  Result<void> open(const std::string& file, const Mp4Options& options) {
    silence_ffmpeg();
    DESA2VA_TRY(check_size(width, height, options));
    DESA2VA_ASSIGN(codec, open_x264(width, height, options));
    DESA2VA_TRY(writer.open(*codec, file));
    scaler.reset(sws_getContext(width, height, AV_PIX_FMT_RGB24, width, height, AV_PIX_FMT_YUV420P,
                                SWS_BICUBIC | SWS_ACCURATE_RND | SWS_FULL_CHR_H_INP | SWS_BITEXACT,
                                nullptr, nullptr, nullptr));
    frame.reset(av_frame_alloc());
    frame->format = AV_PIX_FMT_YUV420P;
    frame->width = width;
    frame->height = height;
    frame->colorspace = codec->colorspace;
    frame->color_range = codec->color_range;
    DESA2VA_TRY(Mp4Writer::check(av_frame_get_buffer(frame.get(), 64)));
    packet.reset(av_packet_alloc());
    return {};
  }

  Result<void> add(const Image& image) {
    if (image.width != width || image.height != height)
      return fail(Errc::InvalidArgument, "video frames of {}x{} and {}x{} pixels", width, height,
                  image.width, image.height);
    DESA2VA_TRY(fill_frame(image, *scaler, *frame));
    frame->pts = count++;
    DESA2VA_TRY(Mp4Writer::check(avcodec_send_frame(codec.get(), frame.get())));
    return drain(*codec, *packet, writer);
  }

  Result<void> flush() {
    DESA2VA_TRY(Mp4Writer::check(avcodec_send_frame(codec.get(), nullptr)));
    return drain(*codec, *packet, writer);
  }
};

Mp4Encoder::Mp4Encoder(std::unique_ptr<State> state) : state_(std::move(state)) {}
Mp4Encoder::Mp4Encoder(Mp4Encoder&&) noexcept = default;
Mp4Encoder& Mp4Encoder::operator=(Mp4Encoder&&) noexcept = default;
Mp4Encoder::~Mp4Encoder() = default;

Result<Mp4Encoder> Mp4Encoder::create(const std::filesystem::path& file, int width, int height,
                                      const Mp4Options& options) {
  auto state = std::make_unique<State>();
  state->width = width;
  state->height = height;
  DESA2VA_TRY(state->open(file.string(), options));
  return Mp4Encoder(std::move(state));
}

Result<void> Mp4Encoder::add(const Image& frame) {
  return state_->add(frame);
}

Result<void> Mp4Encoder::finish() {
  DESA2VA_TRY(state_->flush());
  return state_->writer.close_file();
}

Result<Buffer> encode_mp4(std::span<const Image> frames, const Mp4Options& options) {
  if (frames.empty()) return fail(Errc::InvalidArgument, "a video needs at least one frame");
  Mp4Encoder::State state;
  state.width = frames[0].width;
  state.height = frames[0].height;
  DESA2VA_TRY(state.open({}, options));
  for (const Image& image : frames) DESA2VA_TRY(state.add(image));
  DESA2VA_TRY(state.flush());
  return state.writer.close();
}

}  // namespace desa2va::preprocess
