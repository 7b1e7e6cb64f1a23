#include <cstring>
#include <optional>

#include "common/base/checksum.h"
#include "common/preprocess/video/ffmpeg.h"

namespace desa2va::preprocess {

namespace {

// Bicubic chroma, exact rounding, the same on every processor (README: "Colours").
constexpr int kScaleFlags =
    SWS_BICUBIC | SWS_ACCURATE_RND | SWS_FULL_CHR_H_INT | SWS_FULL_CHR_H_INP | SWS_BITEXACT;

int matrix_of(const AVFrame& frame) {
  switch (frame.colorspace) {
    case AVCOL_SPC_BT709:
      return SWS_CS_ITU709;
    case AVCOL_SPC_FCC:
      return SWS_CS_FCC;
    case AVCOL_SPC_SMPTE240M:
      return SWS_CS_SMPTE240M;
    case AVCOL_SPC_BT2020_NCL:
    case AVCOL_SPC_BT2020_CL:
      return SWS_CS_BT2020;
    default:
      return SWS_CS_ITU601;  // what the reference's readers assume of an unmarked file
  }
}

// The old "J" formats say full range by their name, which swscale warns about.
AVPixelFormat plain_format(AVPixelFormat format, bool& full_range) {
  switch (format) {
    case AV_PIX_FMT_YUVJ420P:
      full_range = true;
      return AV_PIX_FMT_YUV420P;
    case AV_PIX_FMT_YUVJ422P:
      full_range = true;
      return AV_PIX_FMT_YUV422P;
    case AV_PIX_FMT_YUVJ444P:
      full_range = true;
      return AV_PIX_FMT_YUV444P;
    case AV_PIX_FMT_YUVJ440P:
      full_range = true;
      return AV_PIX_FMT_YUV440P;
    default:
      return format;
  }
}

// The 8-bit planar formats that yuv_to_rgb.h knows; empty for all others, which libswscale does.
std::optional<YuvLayout> plain_layout(const AVFrame& frame, AVPixelFormat format) {
  const auto layout = [&](int shift_x, int shift_y) {
    return YuvLayout{frame.width, frame.height, shift_x, shift_y};
  };
  switch (format) {
    case AV_PIX_FMT_YUV420P:
      return layout(1, 1);
    case AV_PIX_FMT_YUV422P:
      return layout(1, 0);
    case AV_PIX_FMT_YUV440P:
      return layout(0, 1);
    case AV_PIX_FMT_YUV444P:
      return layout(0, 0);
    default:
      return std::nullopt;
  }
}

// Turned by quarter turns counter-clockwise.
Image turn(const Image& image, int quarters) {
  if (quarters == 0) return image;
  const bool swap = quarters % 2 != 0;
  Image out = Image::allocate(swap ? image.height : image.width, swap ? image.width : image.height);
  const std::uint8_t* in = image.pixels().data();
  std::uint8_t* target = out.mutable_pixels().data();
  for (int y = 0; y < image.height; ++y) {
    for (int x = 0; x < image.width; ++x, in += 3) {
      int to_x = x;
      int to_y = y;
      if (quarters == 1) {
        to_x = y;
        to_y = image.width - 1 - x;
      } else if (quarters == 2) {
        to_x = image.width - 1 - x;
        to_y = image.height - 1 - y;
      } else {
        to_x = image.height - 1 - y;
        to_y = x;
      }
      std::memcpy(target + (static_cast<std::ptrdiff_t>(to_y) * out.width + to_x) * 3, in, 3);
    }
  }
  return out;
}

}  // namespace

Result<std::vector<std::uint8_t>> FrameConverter::to_planes(const AVFrame& frame) {
  const auto format = static_cast<AVPixelFormat>(frame.format);
  const int size = av_image_get_buffer_size(format, frame.width, frame.height, 1);
  if (size < 0) return fail(Errc::Corrupt, "frame of {}x{} pixels", frame.width, frame.height);
  std::vector<std::uint8_t> planes(static_cast<std::size_t>(size));
  av_image_copy_to_buffer(planes.data(), size, frame.data, frame.linesize, format, frame.width,
                          frame.height, 1);
  return planes;
}

Result<std::uint64_t> FrameConverter::content(const AVFrame& frame) {
  const auto format = static_cast<AVPixelFormat>(frame.format);
  const AVPixFmtDescriptor* description = av_pix_fmt_desc_get(format);
  const int planes = av_pix_fmt_count_planes(format);
  const bool plain = description != nullptr && planes > 0 &&
                     (description->flags & (AV_PIX_FMT_FLAG_PAL | AV_PIX_FMT_FLAG_HWACCEL |
                                            AV_PIX_FMT_FLAG_BITSTREAM)) == 0;
  if (!plain) {
    DESA2VA_ASSIGN(const auto bytes, to_planes(frame));
    return checksum64(std::as_bytes(std::span(bytes)));
  }
  Checksum64 sum;
  for (int plane = 0; plane < planes; ++plane) {
    const int width = av_image_get_linesize(format, frame.width, plane);
    const int shift = plane == 1 || plane == 2 ? description->log2_chroma_h : 0;
    const int rows = AV_CEIL_RSHIFT(frame.height, shift);
    const std::uint8_t* row = frame.data[plane];
    for (int y = 0; y < rows; ++y, row += frame.linesize[plane])
      sum.add(std::as_bytes(std::span(row, static_cast<std::size_t>(width))));
  }
  return sum.value();
}

Result<Image> FrameConverter::to_rgb(const AVFrame& frame, int rotation) {
  bool full_range = frame.color_range == AVCOL_RANGE_JPEG;
  const AVPixelFormat format = plain_format(static_cast<AVPixelFormat>(frame.format), full_range);
  const int* matrix = sws_getCoefficients(matrix_of(frame));
  Image image;
  if (const auto layout = plain_layout(frame, format)) {
    YuvPlanes planes;
    for (int i = 0; i < 3; ++i) {
      planes.planes[i] = frame.data[i];
      planes.strides[i] = frame.linesize[i];
    }
    image = yuv_.convert(planes, *layout,
                         yuv_colors({matrix[0], matrix[1], matrix[2], matrix[3]}, full_range));
  } else {
    DESA2VA_ASSIGN(image, by_swscale(frame, format, matrix, full_range));
  }
  if (rotation % 90 != 0) return image;  // odd angles stay as coded
  return turn(image, ((rotation / 90) % 4 + 4) % 4);
}

Result<Image> FrameConverter::by_swscale(const AVFrame& frame, int format, const int* matrix,
                                         bool full_range) {
  scaler_.reset(sws_getCachedContext(scaler_.release(), frame.width, frame.height,
                                     static_cast<AVPixelFormat>(format), frame.width, frame.height,
                                     AV_PIX_FMT_RGB24, kScaleFlags, nullptr, nullptr, nullptr));
  if (scaler_ == nullptr)
    return fail(Errc::Corrupt, "no conversion of {}x{} {} to RGB", frame.width, frame.height,
                av_get_pix_fmt_name(static_cast<AVPixelFormat>(format)));
  constexpr int kUnit = 1 << 16;
  sws_setColorspaceDetails(scaler_.get(), matrix, full_range, sws_getCoefficients(SWS_CS_DEFAULT),
                           1, 0, kUnit, kUnit);

  // swscale writes whole vectors, so its target has room behind each row.
  const FramePtr padded(av_frame_alloc());
  padded->format = AV_PIX_FMT_RGB24;
  padded->width = frame.width;
  padded->height = frame.height;
  if (av_frame_get_buffer(padded.get(), 64) < 0)
    return fail(Errc::Corrupt, "frame of {}x{} pixels does not fit", frame.width, frame.height);
  sws_scale(scaler_.get(), frame.data, frame.linesize, 0, frame.height, padded->data,
            padded->linesize);
  Image image = Image::allocate(frame.width, frame.height);
  av_image_copy_to_buffer(image.mutable_pixels().data(), static_cast<int>(image.rgb.size()),
                          padded->data, padded->linesize, AV_PIX_FMT_RGB24, frame.width,
                          frame.height, 1);
  return image;
}

}  // namespace desa2va::preprocess
