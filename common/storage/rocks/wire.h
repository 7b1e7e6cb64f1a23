#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <string>
#include <utility>

#include <capnp/message.h>
#include <capnp/serialize.h>

#include "common/base/bytes.h"
#include "common/base/result.h"

// Cap'n Proto messages as values in a store.
namespace desa2va::rocks {

inline Buffer to_bytes(capnp::MessageBuilder& message) {
  const auto words = capnp::messageToFlatArray(message);
  const auto bytes = words.asBytes();
  return Buffer::copy_of(std::as_bytes(std::span(bytes.begin(), bytes.size())));
}

// Calls `use(root)` and returns what it returns, a Result; Corrupt when `bytes` is no message or
// leads outside itself. The traversal limit follows from the size: a message that points to the
// same bytes many times over is refused.
template <class Root, class Use>
auto with_message(ByteSpan bytes, std::string_view what, Use&& use)
    -> decltype(use(std::declval<typename Root::Reader>())) {
  // FlatArrayMessageReader wants 8-aligned words; a value in a block has any alignment. Most are
  // short, and many are read for each sample.
  alignas(capnp::word) std::array<std::byte, 1024> few;
  Buffer many;
  const std::byte* words = bytes.data();
  if (reinterpret_cast<std::uintptr_t>(words) % alignof(capnp::word) != 0) {
    if (bytes.size() > few.size())
      many = Buffer::copy_of(bytes);
    else
      std::memcpy(few.data(), words, bytes.size());
    words = many.empty() ? few.data() : many.data();
  }
  const std::size_t count = bytes.size() / sizeof(capnp::word);
  capnp::ReaderOptions limits;
  limits.traversalLimitInWords = 4 * count + 1024;
  limits.nestingLimit = 16;
  try {
    capnp::FlatArrayMessageReader reader(
        kj::arrayPtr(reinterpret_cast<const capnp::word*>(words), count), limits);
    return use(reader.getRoot<Root>());
  } catch (const kj::Exception& exception) {
    return fail(Errc::Corrupt, "{} cannot be read: {}", what, exception.getDescription().cStr());
  }
}

inline std::string to_string(capnp::Text::Reader text) {
  return {text.cStr(), text.size()};
}
// With its length: a text from outside may hold zeros, and would end at the first of them.
inline kj::StringPtr to_text(const std::string& text) {
  return {text.c_str(), text.size()};
}
inline ByteSpan to_span(capnp::Data::Reader data) {
  return std::as_bytes(std::span(data.begin(), data.size()));
}
inline capnp::Data::Reader to_data(ByteSpan bytes) {
  return {reinterpret_cast<const kj::byte*>(bytes.data()), bytes.size()};
}

}  // namespace desa2va::rocks
