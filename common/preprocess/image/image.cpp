#include "common/preprocess/image/image.h"

namespace desa2va::preprocess {

Image Image::allocate(int width, int height) {
  return Image{
      width, height,
      Buffer::allocate(static_cast<std::size_t>(width) * static_cast<std::size_t>(height) * 3)};
}

}  // namespace desa2va::preprocess
