#include "services/inference/draw.h"

#include <algorithm>

namespace desa2va::inference {
namespace {

constexpr int kTitle = 18;  // pixels of a line's letters
constexpr int kHead = 52;   // pixels above the panels
constexpr int kGap = 6;     // between panels
constexpr int kLine = 24;   // from one line of a caption to the next
constexpr int kCaptionWidth = 560;
constexpr int kMostEnlarged = 8;

constexpr preprocess::Rgb kTruth = {40, 220, 90};
constexpr preprocess::Rgb kPredicted = {255, 140, 0};

std::uint8_t mix(std::uint8_t under, std::uint8_t over, double share) {
  return static_cast<std::uint8_t>(under * (1 - share) + over * share);
}

// The frame enlarged at (x0, y0), tinted where the mask is set; its border at full strength.
void paste(preprocess::Image& on, int x0, int y0, const preprocess::Image& frame, const Mask* mask,
           int mask_width, int mask_height, preprocess::Rgb colour, int scale) {
  const auto in = frame.pixels();
  auto out = on.mutable_pixels();
  const auto set = [&](int x, int y) {
    const int mx = std::clamp(x * mask_width / (frame.width * scale), 0, mask_width - 1);
    const int my = std::clamp(y * mask_height / (frame.height * scale), 0, mask_height - 1);
    return (*mask)[static_cast<std::size_t>(my) * static_cast<std::size_t>(mask_width) +
                   static_cast<std::size_t>(mx)] != 0;
  };
  for (int y = 0; y < frame.height * scale; ++y) {
    for (int x = 0; x < frame.width * scale; ++x) {
      const auto from = static_cast<std::size_t>((y / scale) * frame.width + x / scale) * 3;
      const auto to = static_cast<std::size_t>((y0 + y) * on.width + x0 + x) * 3;
      double share = 0;
      if (mask != nullptr && set(x, y)) {
        const bool border = !set(x - 1, y) || !set(x + 1, y) || !set(x, y - 1) || !set(x, y + 1);
        share = border ? 1 : 0.55;
      }
      out[to] = mix(in[from], colour.r, share);
      out[to + 1] = mix(in[from + 1], colour.g, share);
      out[to + 2] = mix(in[from + 2], colour.b, share);
    }
  }
}

}  // namespace

preprocess::Image panels(const Pen& pen, const preprocess::Image& frame, const Mask& truth,
                         const Mask& prediction, int mask_width, int mask_height,
                         const std::string& sentence, const std::string& note, int scale) {
  const int width = 3 * frame.width * scale + 2 * kGap;
  const int height = kHead + frame.height * scale;
  preprocess::Image out = preprocess::Image::allocate((width + 1) / 2 * 2, (height + 1) / 2 * 2);
  std::ranges::fill(out.mutable_pixels(), std::uint8_t{24});
  const int step = frame.width * scale + kGap;
  paste(out, 0, kHead, frame, nullptr, 1, 1, {}, scale);
  paste(out, step, kHead, frame, &truth, mask_width, mask_height, kTruth, scale);
  paste(out, 2 * step, kHead, frame, &prediction, mask_width, mask_height, kPredicted, scale);
  pen.write(out, 6, 20, pen.fit(sentence, kTitle, width - 12), kTitle);
  pen.write(out, 6, 44, "frame", 13);
  pen.write(out, step, 44, "truth", 13);
  pen.write(out, 2 * step, 44, "prediction  " + note, 13);
  return out;
}

preprocess::Image captioned(const Pen& pen, const preprocess::Image& frame,
                            const std::vector<std::string>& lines) {
  const int scale = std::clamp((kCaptionWidth + frame.width - 1) / frame.width, 1, kMostEnlarged);
  const int top = frame.height * scale;
  preprocess::Image out = preprocess::Image::allocate(
      frame.width * scale, top + kLine * static_cast<int>(lines.size()) + kGap);
  std::ranges::fill(out.mutable_pixels(), std::uint8_t{24});
  paste(out, 0, 0, frame, nullptr, 1, 1, {}, scale);
  for (std::size_t i = 0; i < lines.size(); ++i)
    pen.write(out, kGap, top + kLine * static_cast<int>(i + 1) - kGap,
              pen.fit(lines[i], kTitle - 2, out.width - 2 * kGap), kTitle - 2);
  return out;
}

}  // namespace desa2va::inference
