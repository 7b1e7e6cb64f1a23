#include "common/base/bytes.h"

#include <cstdlib>
#include <cstring>
#include <new>

#include <fmt/format.h>

namespace desa2va {
namespace {
constexpr std::size_t kAlignment = 64;
}

Buffer Buffer::allocate(std::size_t size) {
  Buffer buffer;
  if (size == 0) return buffer;
  const std::size_t rounded = (size + kAlignment - 1) / kAlignment * kAlignment;
  void* memory = std::aligned_alloc(kAlignment, rounded);
  if (memory == nullptr) throw std::bad_alloc();
  buffer.owner_ =
      std::shared_ptr<const void>(memory, [](const void* p) { std::free(const_cast<void*>(p)); });
  buffer.data_ = static_cast<const std::byte*>(memory);
  buffer.size_ = size;
  return buffer;
}

Buffer Buffer::copy_of(ByteSpan bytes) {
  Buffer buffer = allocate(bytes.size());
  if (!bytes.empty()) std::memcpy(buffer.mutable_bytes().data(), bytes.data(), bytes.size());
  return buffer;
}

Buffer Buffer::wrap(ByteSpan bytes, std::shared_ptr<const void> owner) {
  Buffer buffer;
  buffer.data_ = bytes.data();
  buffer.size_ = bytes.size();
  buffer.owner_ = std::move(owner);
  return buffer;
}

Buffer Buffer::slice(std::size_t offset, std::size_t size) const {
  Buffer part;
  part.data_ = data_ + offset;
  part.size_ = size;
  part.owner_ = owner_;
  return part;
}

std::string format_bytes(std::uint64_t size) {
  constexpr const char* kUnits[] = {"B", "KiB", "MiB", "GiB", "TiB"};
  double value = static_cast<double>(size);
  int unit = 0;
  while (value >= 1024 && unit < 4) {
    value /= 1024;
    ++unit;
  }
  return unit == 0 ? fmt::format("{} B", size) : fmt::format("{:.1f} {}", value, kUnits[unit]);
}

}  // namespace desa2va
