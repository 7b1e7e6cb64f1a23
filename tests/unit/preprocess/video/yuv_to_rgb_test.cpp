#include "common/preprocess/video/yuv_to_rgb.h"

#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/base/random.h"
#include "common/preprocess/video/ffmpeg.h"

namespace desa2va::preprocess {
namespace {

struct Format {
  AVPixelFormat format;
  int shift_x;
  int shift_y;
};
constexpr Format kFormats[] = {{AV_PIX_FMT_YUV420P, 1, 1},
                               {AV_PIX_FMT_YUV422P, 1, 0},
                               {AV_PIX_FMT_YUV444P, 0, 0},
                               {AV_PIX_FMT_YUV440P, 0, 1}};
constexpr int kMatrices[] = {SWS_CS_ITU601, SWS_CS_ITU709, SWS_CS_FCC, SWS_CS_SMPTE240M,
                             SWS_CS_BT2020};

// Noise, or only black and white, which overshoots most.
FramePtr noise(const Format& format, int width, int height, std::uint64_t seed) {
  const Random random(seed, "test", "yuv");
  FramePtr frame(av_frame_alloc());
  frame->format = format.format;
  frame->width = width;
  frame->height = height;
  EXPECT_GE(av_frame_get_buffer(frame.get(), 64), 0);
  std::uint64_t at = 0;
  for (int plane = 0; plane < 3; ++plane) {
    const int rows = plane == 0 ? height : (height + (1 << format.shift_y) - 1) >> format.shift_y;
    for (int i = 0; i < rows * frame->linesize[plane]; ++i) {
      const auto value = static_cast<std::uint8_t>(random.word(at++));
      frame->data[plane][i] =
          seed % 3 == 0 ? static_cast<std::uint8_t>(value > 127 ? 255 : 0) : value;
    }
  }
  return frame;
}

std::vector<std::uint8_t> by_swscale(const AVFrame& frame, int matrix, bool full_range) {
  const ScalerPtr scaler(sws_getContext(
      frame.width, frame.height, static_cast<AVPixelFormat>(frame.format), frame.width,
      frame.height, AV_PIX_FMT_RGB24,
      SWS_BICUBIC | SWS_ACCURATE_RND | SWS_FULL_CHR_H_INT | SWS_FULL_CHR_H_INP | SWS_BITEXACT,
      nullptr, nullptr, nullptr));
  sws_setColorspaceDetails(scaler.get(), sws_getCoefficients(matrix), full_range,
                           sws_getCoefficients(SWS_CS_DEFAULT), 1, 0, 1 << 16, 1 << 16);
  const FramePtr out(av_frame_alloc());
  out->format = AV_PIX_FMT_RGB24;
  out->width = frame.width;
  out->height = frame.height;
  EXPECT_GE(av_frame_get_buffer(out.get(), 64), 0);
  sws_scale(scaler.get(), frame.data, frame.linesize, 0, frame.height, out->data, out->linesize);
  std::vector<std::uint8_t> rgb(static_cast<std::size_t>(frame.width * frame.height) * 3);
  av_image_copy_to_buffer(rgb.data(), static_cast<int>(rgb.size()), out->data, out->linesize,
                          AV_PIX_FMT_RGB24, frame.width, frame.height, 1);
  return rgb;
}

std::vector<std::uint8_t> by_kernels(const YuvKernels& kernels, const AVFrame& frame,
                                     const Format& format, int matrix, bool full_range) {
  const int* table = sws_getCoefficients(matrix);
  YuvPlanes planes;
  for (int i = 0; i < 3; ++i) {
    planes.planes[i] = frame.data[i];
    planes.strides[i] = frame.linesize[i];
  }
  const Image image =
      YuvToRgb(kernels).convert(planes, {frame.width, frame.height, format.shift_x, format.shift_y},
                                yuv_colors({table[0], table[1], table[2], table[3]}, full_range));
  return {image.pixels().begin(), image.pixels().end()};
}

class YuvToRgbTest : public testing::Test {
 protected:
  void SetUp() override { silence_ffmpeg(); }
  static void compare(const YuvKernels& kernels) {
    const Random random(3, "test", "sizes");
    for (std::uint64_t i = 0; i < 240; ++i) {
      const int most = i % 8 == 0 ? 200 : i % 2 == 0 ? 12 : 60;
      const auto draw = [&](std::uint64_t k, int count) {
        return static_cast<int>(random.below(5 * i + k, static_cast<std::uint64_t>(count)));
      };
      const Format& format = kFormats[draw(0, 4)];
      const int width = 1 + draw(1, most);
      const int height = 1 + draw(2, most);
      const int matrix = kMatrices[draw(3, 5)];
      const bool full_range = draw(4, 2) == 1;
      const FramePtr frame = noise(format, width, height, i);
      EXPECT_EQ(by_kernels(kernels, *frame, format, matrix, full_range),
                by_swscale(*frame, matrix, full_range))
          << width << "x" << height << " " << av_get_pix_fmt_name(format.format) << " matrix "
          << matrix << " full range " << full_range;
    }
  }
};

TEST_F(YuvToRgbTest, GivesTheBytesOfSwscale) {
  compare(portable_yuv_kernels());
}

TEST_F(YuvToRgbTest, GivesTheBytesOfSwscaleOnVectorUnits) {
  if (avx2_yuv_kernels() == nullptr) GTEST_SKIP() << "this processor has no AVX2";
  compare(*avx2_yuv_kernels());
}

TEST_F(YuvToRgbTest, GivesTheBytesOfSwscaleOnWideVectorUnits) {
  if (avx512_yuv_kernels() == nullptr) GTEST_SKIP() << "this processor has no AVX-512 with VNNI";
  compare(*avx512_yuv_kernels());
}

TEST_F(YuvToRgbTest, OneConverterTakesPicturesOfManySizes) {
  YuvToRgb converter;
  const int* table = sws_getCoefficients(SWS_CS_ITU709);
  const YuvColors colors = yuv_colors({table[0], table[1], table[2], table[3]}, false);
  for (const int side : {48, 7, 48, 100}) {
    const FramePtr frame = noise(kFormats[0], side, side, 1);
    const YuvPlanes planes{{frame->data[0], frame->data[1], frame->data[2]},
                           {frame->linesize[0], frame->linesize[1], frame->linesize[2]}};
    const Image image = converter.convert(planes, {side, side, 1, 1}, colors);
    EXPECT_THAT(image.pixels(),
                testing::ElementsAreArray(by_swscale(*frame, SWS_CS_ITU709, false)));
  }
}

}  // namespace
}  // namespace desa2va::preprocess
