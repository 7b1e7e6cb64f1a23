#include <array>
#include <cmath>
#include <fstream>
#include <iterator>
#include <stdexcept>

#include <fmt/format.h>

#include "common/base/checksum.h"
#include "common/preprocess/image/decode.h"
#include "common/preprocess/image/resize.h"
#include "common/preprocess/image/tiles.h"
#include "common/preprocess/masks/polygon.h"
#include "common/preprocess/masks/rle.h"
#include "common/tensor/bridge.h"
#include "tests/golden/registry.h"

// Pictures, tiles and masks: exact, or wrong.
namespace desa2va::golden {
namespace {

using nlohmann::json;
using preprocess::Image;
using preprocess::Rle;

Image image_of(const HostTensor& pixels) {
  return Image{static_cast<int>(pixels.dim(1)), static_cast<int>(pixels.dim(0)), pixels.data};
}

at::Tensor tensor_of(const Image& image) {
  return tensor::from_host(HostTensor{DType::U8, {image.height, image.width, 3}, image.rgb});
}

Image resized(const Image& image, const json& size) {
  return preprocess::resize_bicubic(image, size.at(0), size.at(1));
}

void check_sum(Case& c, const std::string& what, const Image& image, const json& expected) {
  const std::uint32_t sum = crc32(image.rgb.bytes());
  c.check(sum == expected, fmt::format("{}: CRC-32 {}, expected {}", what, sum, expected.dump()));
}

void resize_photograph(Case& c, const json& photograph) {
  const auto path = c.asset(photograph.at("file"));
  if (!path) return c.skip(photograph.at("file").get<std::string>() + " is not on this machine");
  std::ifstream file(*path, std::ios::binary);
  const std::string bytes((std::istreambuf_iterator<char>(file)), {});
  const auto image = preprocess::decode_image(as_bytes(bytes));
  c.check(image.has_value(), "the photograph decodes");
  if (!image) return;
  check_sum(c, "photograph", *image, photograph.at("crc32_rgb"));
  for (const json& one : photograph.at("resized")) {
    const Image small = resized(*image, one.at("size"));
    check_sum(c, "photograph " + one.at("size").dump(), small, one.at("crc32_rgb"));
    const std::string block = one.at("block").get<std::string>().substr(4);  // without "out/"
    const HostTensor& expected = c.host("out/" + block);
    c.out(block, tensor_of(preprocess::crop(small, 0, 0, static_cast<int>(expected.dim(1)),
                                            static_cast<int>(expected.dim(0)))));
  }
}

void run_resize(Case& c) {
  for (const json& pair : c.config().at("pairs")) {
    const std::string index = pair.at("index").dump();
    c.out(index, tensor_of(resized(image_of(c.host("in/" + index)), pair.at("out_size"))));
  }
  if (c.config().contains("crop")) {
    const json& crop = c.config()["crop"];
    const Image input = image_of(c.host(crop.at("input")));
    check_sum(c, "crop", input, crop.at("crc32_rgb"));
    for (const json& one : crop.at("resized")) {
      const Image output = resized(input, one.at("size"));
      check_sum(c, one.at("key"), output, one.at("crc32_rgb"));
      c.out(one.at("key"), tensor_of(output));
    }
  }
  if (c.config().contains("image")) resize_photograph(c, c.config()["image"]);
}

void run_tiling(Case& c) {
  for (const json& one : c.spec()) {
    preprocess::TilingOptions options;
    options.min_tiles = one.at("min_num");
    options.max_tiles = one.at("max_num");
    options.tile_size = one.at("image_size");
    options.thumbnail = one.at("use_thumbnail");
    const int width = one.at("width");
    const int height = one.at("height");
    const auto grid = preprocess::choose_grid(width, height, options);
    const int tiles = preprocess::tile_count(grid, options);
    const int patches = options.tile_size / 14;
    const bool same = one.at("grid").at(0) == grid.columns && one["grid"].at(1) == grid.rows &&
                      one.at("tiles") == tiles &&
                      one.at("image_tokens") == tiles * (patches * patches / 4);
    c.check(same, fmt::format("{}x{} in up to {} tiles of {}: {}x{}", width, height,
                              options.max_tiles, options.tile_size, grid.columns, grid.rows));
  }
}

Rle rle_of(const json& mask) {
  auto rle = preprocess::rle_from_string(mask.at("size").at(0), mask["size"].at(1),
                                         mask.at("counts").get<std::string>());
  if (!rle) throw std::runtime_error(rle.error().message());
  return std::move(*rle);
}

void run_rle(Case& c) {
  for (const json& mask : c.spec().at("masks")) {
    const std::string what = mask.at("counts").get<std::string>().substr(0, 24);
    const Rle rle = rle_of(mask);
    c.check(json(rle.runs) == mask.at("uncompressed"), what + ": runs");
    const auto from_runs = preprocess::rle_from_runs(
        rle.height, rle.width, mask["uncompressed"].get<std::vector<std::int64_t>>());
    c.check(from_runs && preprocess::rle_to_string(*from_runs) == mask["counts"], what + ": text");
    c.check(preprocess::area(rle) == mask.at("area"), what + ": area");
    c.check(json(preprocess::bounding_box(rle)) == mask.at("bbox"), what + ": box");
    c.check(preprocess::encode_rle(preprocess::decode_rle(rle)) == rle, what + ": pixels");
  }
  for (const json& operation : c.spec().at("operations")) {
    const std::array<Rle, 2> both = {rle_of(operation.at("a")), rle_of(operation.at("b"))};
    const auto same = [](const Result<Rle>& got, const json& expected) {
      return got && preprocess::rle_to_string(*got) == expected.at("counts");
    };
    const auto near = [](const Result<double>& got, const json& expected) {
      return got && std::abs(*got - expected.get<double>()) < 1e-9;
    };
    c.check(same(preprocess::unite(both), operation.at("union")), "union");
    c.check(same(preprocess::intersect(both), operation.at("intersection")), "intersection");
    c.check(near(preprocess::mask_iou(both[0], both[1]), operation.at("iou")), "IoU");
    c.check(near(preprocess::mask_iou(both[0], both[1], true), operation.at("iou_crowd")),
            "IoU with a crowd");
  }
}

void run_polygon(Case& c) {
  for (const json& one : c.spec().at("cases")) {
    const std::string what = one.at("note");
    const int height = one.at("height");
    const int width = one.at("width");
    std::vector<Rle> parts;
    for (std::size_t i = 0; i < one.at("polygons").size(); ++i) {
      auto part = preprocess::rasterize_polygon(one["polygons"][i].get<std::vector<double>>(),
                                                height, width);
      c.check(part && preprocess::rle_to_string(*part) == one.at("parts").at(i),
              fmt::format("{}: polygon {}", what, i));
      if (part) parts.push_back(std::move(*part));
    }
    const auto joined = preprocess::unite(parts);
    c.check(joined && preprocess::rle_to_string(*joined) == one.at("counts"), what + ": union");
    c.check(joined && preprocess::area(*joined) == one.at("area"), what + ": area");
  }
}

}  // namespace

void add_data_cases(Registry& registry) {
  registry.module("resize", run_resize);
  registry.json_file("tiling_cases.json", run_tiling);
  registry.json_file("rle.json", run_rle);
  registry.json_file("polygon.json", run_polygon);
}

}  // namespace desa2va::golden
