#include <cstring>

#include <fmt/format.h>

#include "common/preprocess/image/decode.h"
#include "common/preprocess/image/resize.h"
#include "common/preprocess/image/resize_kernels.h"
#include "tests/interop/preprocess/commands.h"

namespace desa2va::interop {

namespace {

Result<Reply> decode(const Request& request) {
  Reply reply;
  auto image =
      timed(reply.nanoseconds, [&] { return preprocess::decode_image(request.payload.bytes()); });
  if (!image) return std::move(image.error());
  reply.fields = {fmt::to_string(image->width), fmt::to_string(image->height)};
  reply.payload = image->rgb;
  return reply;
}

Result<Reply> resize(const Request& request) {
  preprocess::Image image{request.number(0), request.number(1), request.payload};
  if (image.rgb.size() != std::size_t(image.width) * std::size_t(image.height) * 3)
    return fail(Errc::InvalidArgument, "{} bytes for {}x{} pixels", image.rgb.size(), image.width,
                image.height);
  const int width = request.number(2);
  const int height = request.number(3);
  Reply reply;
  const preprocess::Image out = timed(reply.nanoseconds, [&] {
    return request.arguments.at(4) == "portable"
               ? resize_bicubic_with(preprocess::portable_resize_kernels(), image, width, height)
               : resize_bicubic(image, width, height);
  });
  reply.payload = out.rgb;
  return reply;
}

}  // namespace

void add_image_commands(Commands& commands) {
  commands["image"] = decode;
  commands["resize"] = resize;
}

}  // namespace desa2va::interop
