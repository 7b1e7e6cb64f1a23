#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

// Bytes that travel: made once, then only read, by as many as like.
namespace desa2va {

using ByteSpan = std::span<const std::byte>;
using MutableByteSpan = std::span<std::byte>;

// A block of bytes aligned to 64, shared by its readers. Writable through `mutable_bytes` while
// one thread builds it; never changed after it was handed on. Copies share the block.
class Buffer {
 public:
  Buffer() = default;

  // `size` bytes, not initialised.
  static Buffer allocate(std::size_t size);
  static Buffer copy_of(ByteSpan bytes);
  // Borrows memory that `owner` keeps alive; `bytes` should be aligned to 64.
  static Buffer wrap(ByteSpan bytes, std::shared_ptr<const void> owner);

  ByteSpan bytes() const { return {data_, size_}; }
  MutableByteSpan mutable_bytes() { return {const_cast<std::byte*>(data_), size_}; }
  const std::byte* data() const { return data_; }
  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }

  // Part of this block; keeps the whole block alive.
  Buffer slice(std::size_t offset, std::size_t size) const;

 private:
  const std::byte* data_ = nullptr;
  std::size_t size_ = 0;
  std::shared_ptr<const void> owner_;
};

inline ByteSpan as_bytes(std::string_view text) {
  return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
}
inline std::string_view as_text(ByteSpan bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// "1.5 MiB", "640 B".
std::string format_bytes(std::uint64_t size);

}  // namespace desa2va
