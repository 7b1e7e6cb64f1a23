#include <cstdint>
#include <cstdlib>

#include "common/weights/safetensors.h"

// A whole safetensors file. What reads must have as many bytes as its types and shapes ask for, end
// to end over the data, and every byte must be there to read.
namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace desa2va;
  // Not a copy: a Buffer of its own is rounded up, and what reads past the end would go unseen.
  const auto bytes = Buffer::wrap({reinterpret_cast<const std::byte*>(data), size}, nullptr);
  const auto file = weights::parse_safetensors(bytes, "input");
  if (!file) {
    require(!file.error().message().empty());
    return 0;
  }
  std::size_t total = 0;
  unsigned sum = 0;
  for (const auto& [name, tensor] : file->tensors) {
    require(tensor.data.size() == static_cast<std::size_t>(tensor.numel()) * size_of(tensor.dtype));
    for (const std::byte b : tensor.data.bytes()) sum += std::to_integer<unsigned>(b);
    total += tensor.data.size();
  }
  require(total <= size && sum <= 255 * size);
  return 0;
}
