#include "common/runtime/transport/capnp.h"

#include <cstring>

#include <kj/exception.h>

namespace desa2va::transport {

capnp::ReaderOptions reader_options() {
  capnp::ReaderOptions options;
  options.traversalLimitInWords = std::uint64_t{8} << 20U;
  options.nestingLimit = 32;
  return options;
}

Buffer to_buffer(capnp::MessageBuilder& builder) {
  const kj::Array<capnp::word> words = capnp::messageToFlatArray(builder);
  return Buffer::copy_of(std::as_bytes(std::span(words.begin(), words.size())));
}

Result<void> read_capnp_bytes(ByteSpan bytes, void* context,
                              void (*read)(void* context, capnp::MessageReader& reader)) {
  if (bytes.empty() || bytes.size() % sizeof(capnp::word) != 0) {
    return fail(Errc::Corrupt, "a Cap'n Proto message of {} bytes is no row of 8-byte words",
                bytes.size());
  }
  // Received frames lie at any address, and the reader throws unless words are aligned to 8.
  Buffer aligned;
  if (reinterpret_cast<std::uintptr_t>(bytes.data()) % sizeof(capnp::word) != 0) {
    aligned = Buffer::copy_of(bytes);
    bytes = aligned.bytes();
  }
  const auto* words = reinterpret_cast<const capnp::word*>(bytes.data());
  const auto caught = kj::runCatchingExceptions([&] {
    capnp::FlatArrayMessageReader reader(kj::arrayPtr(words, bytes.size() / sizeof(capnp::word)),
                                         reader_options());
    read(context, reader);
  });
  KJ_IF_MAYBE (exception, caught) {
    return fail(Errc::Corrupt, "Cap'n Proto message of {} bytes: {}", bytes.size(),
                exception->getDescription().cStr());
  }
  return {};
}

}  // namespace desa2va::transport
