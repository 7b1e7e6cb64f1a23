#include "services/inference/overlay.h"

#include <gmock/gmock.h>

namespace desa2va::inference {
namespace {

preprocess::Image grey(int width, int height) {
  auto image = preprocess::Image::allocate(width, height);
  std::ranges::fill(image.mutable_pixels(), std::uint8_t{100});
  return image;
}

std::vector<std::uint8_t> pixel(const preprocess::Image& image, int x, int y) {
  const auto at = static_cast<std::size_t>(y * image.width + x) * 3;
  return {image.pixels()[at], image.pixels()[at + 1], image.pixels()[at + 2]};
}

TEST(Overlay, ObjectsHaveTheirColourAndTheRestIsThePicture) {
  const Overlay overlay(600, 400, {{2, "the dog"}});
  std::vector<std::uint8_t> numbers(600 * 400, 0);
  for (int y = 100; y < 200; ++y)
    for (int x = 100; x < 200; ++x) numbers[static_cast<std::size_t>(y * 600 + x)] = 2;
  const auto drawn = overlay.draw(grey(600, 400), numbers);
  EXPECT_EQ(drawn.width, 600);
  EXPECT_GT(drawn.height, 400);  // the legend
  EXPECT_EQ(pixel(drawn, 10, 10), (std::vector<std::uint8_t>{100, 100, 100}));
  const auto colour = drawing_color(2);
  EXPECT_EQ(pixel(drawn, 100, 150), (std::vector<std::uint8_t>{colour.r, colour.g, colour.b}));
  EXPECT_NE(pixel(drawn, 150, 150), pixel(drawn, 10, 10));
}

TEST(Overlay, AnyPictureGetsAUsableEvenSize) {
  for (const auto& [width, height] :
       {std::pair{1, 1}, {1, 20000}, {20000, 1}, {333, 77}, {4000, 3000}, {1921, 1}}) {
    const Overlay overlay(width, height, {{1, "a"}});
    const std::vector<std::uint8_t> numbers(
        static_cast<std::size_t>(width) * static_cast<std::size_t>(height), 1);
    const auto drawn = overlay.draw(grey(width, height), numbers);
    EXPECT_EQ(drawn.width % 2, 0);
    EXPECT_EQ(drawn.height % 2, 0);
    EXPECT_EQ(drawn.width, overlay.width());
    EXPECT_EQ(drawn.height, overlay.height());
    EXPECT_GE(drawn.width, 480);
    EXPECT_LE(std::max(drawn.width, drawn.height), 2200);
  }
}

TEST(Overlay, AFrameOfAnotherSizeIsFittedToTheFirst) {
  const Overlay overlay(300, 300, {});
  const auto drawn = overlay.draw(grey(150, 301), std::vector<std::uint8_t>(150 * 301, 0));
  EXPECT_EQ(drawn.width, overlay.width());
  EXPECT_EQ(drawn.height, overlay.height());
}

TEST(Overlay, ALongLegendIsCut) {
  std::vector<LegendEntry> legend;
  for (int i = 1; i <= 255; ++i) legend.push_back({i, std::string(200, 'x')});
  const Overlay overlay(500, 500, legend);
  EXPECT_LT(overlay.height(), 500 + 260);
  legend = {{1, std::string(100'000, 'y')}};
  EXPECT_LT(Overlay(500, 500, legend).height(), 600);
}

TEST(Pen, FitsWhatHasRoomAndCutsTheRest) {
  const Pen pen;
  if (pen.width("m", 15) == 0) GTEST_SKIP() << "the system has no DejaVu Sans";
  EXPECT_EQ(pen.fit("short", 15, 400), "short");
  EXPECT_EQ(pen.fit("two\nlines", 15, 400), "two lines");
  const std::string cut = pen.fit(std::string(500, 'w'), 15, 200);
  EXPECT_TRUE(cut.ends_with("..."));
  EXPECT_LE(pen.width(cut, 15), 200);
  EXPECT_GT(pen.width("é", 15), 0);
}

}  // namespace
}  // namespace desa2va::inference
